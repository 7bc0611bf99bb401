"""How things stand with each feed, for incidents."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from assay.base.run_lock import is_locked
from assay.base.settings import Settings
from assay.contract.feed import FeedDeclaration
from assay.feeds.last_fetch import LastFetch
from assay.feeds.places import lock_file
from assay.fetching.supervision import Child, read_children
from assay.incidents.feed_health import FeedHealth


def health_of(
    settings: Settings, feeds: Mapping[str, FeedDeclaration], now: datetime, *, are_missed: bool
) -> dict[str, FeedHealth]:
    """The health of each feed.

    Args:
        settings: The lake.
        feeds: As they are declared.
        now: The time.
        are_missed: Whether the services should run feeds and do not.
    """
    children = read_children(settings) or {} if feeds else {}
    return {
        name: _health(settings, feed, children.get(name), now, is_missed=are_missed) for name, feed in feeds.items()
    }


def _health(
    settings: Settings, feed: FeedDeclaration, child: Child | None, now: datetime, *, is_missed: bool
) -> FeedHealth:
    last = LastFetch.read(settings, feed.source) or LastFetch("")
    process: str = child.state if child else ""
    if child is None and is_missed and not is_locked(lock_file(settings, feed.source)):
        process = "missing"
    return FeedHealth(
        problem=last.problem,
        problem_kind=last.problem_kind,
        failing_since=_moment(last.failing_since),
        process=process,
        deaths=child.deaths if child else 0,
        process_since=_moment(child.since) if child else None,
        paused=last.paused,
        lag_seconds=last.lag(now),
        lag_limit=feed.lag_limit,
        until_loss_seconds=last.until_loss(now),
        loss_limit=feed.loss_limit,
        same_at=_moment(last.same_at),
    )


def _moment(written: str) -> datetime | None:
    return datetime.fromisoformat(written) if written else None
