"""What is declared of every feed, whatever it fetches from.

Belongs here: what all kinds share. Keep out: what a kind has of its own (`feed_kinds/`), and everything that fetches
(`assay.feeds`).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Self

from assay.contract.change_columns import EPOCH

FOLDER = "feeds"
"""The folder of the landing zone in which feeds write, one folder each."""
MOMENT = "%Y-%m-%dT%H-%M-%S.%f"
"""How the name of a landed file says when it was read, in UTC."""

LAG_LIMIT = 3600.0
"""An hour: a feed that looks each minute has then failed to catch up sixty times."""
LOSS_LIMIT = 86400.0
"""A day: whoever has to do something may be asleep, and then has to find out what."""

FOLD_FROM = 200
"""Few enough that a listing of landing stays short, many enough that folding is seldom."""
FOLD_BELOW = 8_000_000
"""Bytes: a file of that size is no burden for a listing, and packing it again would be one for the disk."""


@dataclass(frozen=True, kw_only=True)
class FeedDeclaration(ABC):
    """From where a source is fetched, and how.

    Attributes:
        source: The source, by whose name the feed goes.
        kind: What is fetched from, e.g. `postgres`.
        every: Seconds between two fetches.
        lag_limit: Seconds by which landing may be behind the source before its owner is told.
        loss_limit: Seconds before the source begins to forget what was not read at which its owner is told.
        fold_from: How many small batches that are loaded are folded into one archive; 0 for none.
        fold_below: Bytes below which a batch is small.
    """

    is_fetched: ClassVar[bool] = True
    """Whether a process of its own fetches it; false for what senders bring, which one process serves for all."""
    unchanged: ClassVar[str] = "the table is as it was"
    """What is said where all was read and is as it was."""

    source: str
    kind: str
    every: float = 60.0
    lag_limit: float = LAG_LIMIT
    loss_limit: float = LOSS_LIMIT
    fold_from: int = FOLD_FROM
    fold_below: int = FOLD_BELOW

    @property
    @abstractmethod
    def where(self) -> str:
        """Where it fetches from, for people: secrets as the references that the yml has."""

    @property
    @abstractmethod
    def what(self) -> str:
        """What it reads there and how, for people."""

    def keyed(self, key: Sequence[str]) -> Self:  # noqa: ARG002 - of kinds that have to know it
        """The feed, knowing the columns that the contract tells rows apart by."""
        return self

    @abstractmethod
    def completed(self, block: Any) -> dict[str, Any]:
        """The block `contract` of its source, with what the feed says of its files.

        Args:
            block: As the yml has it.

        Raises:
            ContractError: It says what the feed says, or contradicts it.
        """


def batches_of(source: str, suffix: str) -> Mapping[str, Any]:
    """What a contract says of files that are batches: where they are, and that the one read last is the newest.

    Args:
        source: The feed.
        suffix: With which all of its files end, e.g. `.parquet`.
    """
    return {"files": f"{FOLDER}/{source}/*/*/*/*{suffix}", "newest_by": {"file_date": f"{MOMENT}{suffix}"}}


def changes_of(source: str, *, has_history: bool) -> Mapping[str, Any]:
    """What a contract says of files that hold the changes of a table, one batch each.

    Args:
        source: The feed.
        has_history: Whether each version of a row is kept.
    """
    files = f"{FOLDER}/{source}/{{{EPOCH}}}/*/*/*.parquet"
    return {"files": files, "format": {"type": "parquet"}, "load": "changes", "history": has_history}
