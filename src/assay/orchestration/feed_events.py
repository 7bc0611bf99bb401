"""Observations of feeds: how far each is, as events of its asset.

Dagster keeps each event for ever, so few are made: none of a feed that only looks, one when its state changes, a minute
after the last at the earliest, and one every five minutes of one that gets on. Those of long ago are dropped
(`orchestration/patches/old_observations.py`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import dagster as dg

from assay.base.settings import Settings
from assay.contract.feed import FeedDeclaration
from assay.feeds.last_fetch import LastFetch
from assay.fetching.last_comparison import last_comparison
from assay.fetching.standing import Standing
from assay.fetching.supervision import Child, read_children
from assay.orchestration.keys import feed_key

CHANGED = timedelta(minutes=1)
"""Between two observations, at the least."""
GOT_ON = timedelta(minutes=5)
"""Between two of a feed whose state is as it was."""


@dataclass(frozen=True)
class Seen:
    """What was observed last of a feed.

    Attributes:
        at: When.
        state: What is told soon: whether it runs, pauses or stopped, and why.
        landed_at: When something landed last, and what came of comparing keys, which is told later.
    """

    at: datetime
    state: tuple[object, ...]
    landed_at: str


def is_due(before: Seen | None, now: Seen) -> bool:
    """Whether a feed is to be observed; a clock that was put back keeps none from being."""
    if before is None:
        return True
    since = abs(now.at - before.at)
    return (now.state != before.state and since >= CHANGED) or (now.landed_at != before.landed_at and since >= GOT_ON)


class FeedObserver:
    """Reports the feeds of one lake again and again.

    Args:
        settings: The lake.
        feeds: As they are declared.
    """

    def __init__(self, settings: Settings, feeds: Mapping[str, FeedDeclaration]) -> None:
        self._settings, self._feeds = settings, feeds
        self._seen: dict[str, Seen] = {}

    def observe(self, instance: dg.DagsterInstance, now: datetime) -> list[str]:
        """Report what has changed; gives the names of these feeds."""
        if not self._feeds:
            return []
        children, due = read_children(self._settings) or {}, []
        for name, feed in self._feeds.items():
            child, last = children.get(name), LastFetch.read(self._settings, name)
            seen = _seen(child, last, last_comparison(self._settings, name), now)
            if (child is None and last is None) or not is_due(self._seen.get(name), seen):
                continue
            instance.report_runless_asset_event(observation(Standing.of(self._settings, feed, child)))
            self._seen[name] = seen
            due.append(name)
        return due


def observation(standing: Standing) -> dg.AssetObservation:
    """How things stand with a feed, as an event of its asset."""
    return dg.AssetObservation(feed_key(standing.feed.source), description=standing.sentence, metadata=shown(standing))


def shown(standing: Standing) -> dict[str, Any]:
    """The metadata of an observation; what is not known is left out."""
    values = standing.values()
    last = values["last_fetch"] or {}
    good_at, compared = last.get("good_at"), values["compared_keys"] or {}
    entries = {
        **{key: values[key] for key in ("state", "epoch", "lag_seconds", "lag_records", "until_loss_seconds")},
        **{key: values[key] for key in ("records_per_second", "bytes_per_second", "batches_not_loaded")},
        "bytes_not_loaded": values["bytes_not_loaded"],
        "position": dg.MetadataValue.json(values["position"]),
        "records": last.get("records"),
        "keys_gone": compared.get("gone"),
        "keys_compared": compared.get("keys"),
        "last_good_fetch": dg.MetadataValue.timestamp(datetime.fromisoformat(good_at)) if good_at else None,
        "paused": values["paused"] or None,
        "problem": values["problem"] or None,
    }
    return {key: value for key, value in entries.items() if value is not None}


def _seen(child: Child | None, last: LastFetch | None, compared: Mapping[str, Any] | None, now: datetime) -> Seen:
    process = (child.state, child.deaths) if child else ()
    if last is None:
        return Seen(now, process, "")
    progress = f"{last.landed_at} {(compared or {}).get('gone', '')}".strip()
    return Seen(now, (*process, last.problem_kind, bool(last.paused)), progress)
