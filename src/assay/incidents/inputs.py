"""The inputs from which the causes of incidents are derived."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from assay.contract.catalog import Catalog
from assay.incidents.feed_health import FeedHealth
from assay.incidents.lineage import affects
from assay.incidents.published_problems import Facts
from assay.ledger.unclaimed import Unclaimed
from assay.triggers.backoff import Health, Tried


@dataclass(frozen=True)
class Disk:
    """Sizes in bytes."""

    total: int
    free: int
    warehouse: int


@dataclass(frozen=True)
class Inputs:
    """Everything from which the causes of incidents are derived.

    Attributes:
        catalog: The project.
        facts: What is published.
        runs: The last runs, newest first.
        disk: Of the lake.
        now: The time.
        present: Kind and subject of the open incidents.
        lies_there: Whether a path of a source is still in landing.
        health: How things stand with each source and table that runs may fail for.
        unclaimed: Files that no source has claimed for too long.
        unclaimed_since: When the oldest of them came.
        feeds: How things stand with each feed, by source.
    """

    catalog: Catalog
    facts: Facts
    runs: tuple[Tried, ...]
    disk: Disk
    now: datetime
    present: Collection[tuple[str, str]] = ()
    lies_there: Callable[[str, str], bool] = lambda _source, _path: True
    health: Mapping[str, Health] = field(default_factory=dict)
    unclaimed: Unclaimed = field(default_factory=Unclaimed)
    unclaimed_since: datetime | None = None
    feeds: Mapping[str, FeedHealth] = field(default_factory=dict)

    def affects(self, *models: str) -> str:
        """The line of a message that names the tables downstream."""
        return affects(self.catalog, set(models), self.facts.shown, self.now)
