"""What became of the last fetch of a feed, for people and incidents: no fetch decides anything by it."""

from __future__ import annotations

import json
import time
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from assay.base import clock
from assay.base.atomic_write import place
from assay.base.settings import Settings
from assay.feeds.errors import Permanent, PositionLost
from assay.ledger.feed_looks import looks_file

if TYPE_CHECKING:
    from assay.feeds.frame import Fetched

ProblemKind = Literal["", "passing", "permanent", "position_lost"]


@dataclass(frozen=True)
class LastFetch:
    """One fetch, and what is known from those before it. Times are in ISO form.

    Attributes:
        at: When it ended.
        problem: Why nothing came; empty when it went well.
        records: Rows that landed.
        size_bytes: Of the files that landed.
        lag_seconds: By how much what landed is behind; of a fetch with a problem as it was before it. None where that
            is not known.
        note: Why no more landed.
        lag_records: By how many records; None where that is not known.
        loss_seconds: When the source begins to forget what was not read, from `good_at`; None where it does not.
        problem_kind: Whether the problem may pass by itself; empty when there is none.
        failing_since: When the first of the fetches in a row ended that did not go well; empty when the last did.
        good_at: When the last fetch ended that went well; empty when none has.
        same_at: When all of the source was read last and was as it was, so that no file came of it.
        paused: Why no fetch begins; empty when one may.
        paused_since: Since when.
        landed_at: When something landed last; empty when nothing has.
        records_per_second: That this fetch read; None when nothing has landed.
        bytes_per_second: That this fetch wrote.
        unit: What `records` counts.
    """

    at: str
    problem: str = ""
    records: int = 0
    size_bytes: int = 0
    lag_seconds: float | None = None
    note: str = ""
    lag_records: int | None = None
    loss_seconds: float | None = None
    problem_kind: ProblemKind = ""
    failing_since: str = ""
    good_at: str = ""
    same_at: str = ""
    paused: str = ""
    paused_since: str = ""
    landed_at: str = ""
    records_per_second: float | None = None
    bytes_per_second: float | None = None
    unit: str = "records"

    @classmethod
    def read(cls, settings: Settings, feed: str) -> LastFetch | None:
        """The last fetch; None where none is noted."""
        try:
            return cls(**json.loads(_file(settings, feed).read_text(encoding="utf-8")))
        except (OSError, ValueError, TypeError):
            return None

    def lag(self, now: datetime) -> float | None:
        """Seconds by which landing is behind the source: what the last good fetch said, and while a feed does not get
        on, what has passed since then. None where that is not known.
        """
        if self.lag_seconds is None or not (self.problem or self.paused):
            return self.lag_seconds
        return self.lag_seconds + self._since_good(now)

    def until_loss(self, now: datetime) -> float | None:
        """Seconds until the source begins to forget what was not read; None where it does not."""
        return None if self.loss_seconds is None else self.loss_seconds - self._since_good(now)

    def _since_good(self, now: datetime) -> float:
        return max(0.0, (now - datetime.fromisoformat(self.good_at)).total_seconds()) if self.good_at else 0.0


def note_fetch(settings: Settings, feed: str, fetched: Fetched, seconds: float) -> None:
    """Note a fetch that went well; a full disk keeps nobody from fetching.

    Args:
        settings: The lake.
        feed: The feed.
        fetched: What it brought.
        seconds: How long it took.
    """
    now, before = _now(), LastFetch.read(settings, feed) or LastFetch("")
    is_idle = not fetched.batches and not fetched.note
    last = LastFetch(
        now,
        records=fetched.records,
        size_bytes=fetched.size_bytes,
        lag_seconds=0.0 if is_idle and fetched.lag_seconds is None else fetched.lag_seconds,
        note=fetched.note,
        lag_records=fetched.lag_records,
        loss_seconds=fetched.loss_seconds if fetched.batches else before.loss_seconds,
        good_at=now,
        same_at=now if fetched.is_same else before.same_at,
        landed_at=before.landed_at,
        records_per_second=before.records_per_second,
        bytes_per_second=before.bytes_per_second,
        unit=fetched.unit,
    )
    if fetched.batches:
        took = max(seconds, 0.001)
        last = replace(
            last,
            landed_at=now,
            records_per_second=round(fetched.records / took, 1),
            bytes_per_second=round(fetched.size_bytes / took, 1),
        )
    note(settings, feed, last)


def note_problem(settings: Settings, feed: str, error: Exception) -> None:
    """Note why a fetch, or the process of a feed, ended without bringing anything."""
    now, before = _now(), LastFetch.read(settings, feed) or LastFetch("")
    kind: ProblemKind = "passing"
    if isinstance(error, Permanent):
        kind = "position_lost" if isinstance(error, PositionLost) else "permanent"
    since = before.failing_since if before.problem else now
    last = replace(before, at=now, problem=str(error), problem_kind=kind, failing_since=since, records=0, size_bytes=0)
    note(settings, feed, replace(last, note="", paused="", paused_since=""))


def note_served(settings: Settings, feed: str) -> None:
    """Note that senders reach a feed: what was in its way is not any more."""
    before = LastFetch.read(settings, feed)
    if before and before.problem:
        note(settings, feed, replace(before, at=_now(), problem="", problem_kind="", failing_since=""))


def note_pause(settings: Settings, feed: str, reason: str) -> None:
    """Note that a feed pauses, and why; empty when it goes on."""
    before = LastFetch.read(settings, feed) or LastFetch("")
    if before.paused != reason:
        since = (before.paused_since or _now()) if reason else ""
        note(settings, feed, replace(before, paused=reason, paused_since=since))


def _now() -> str:
    return clock.now().isoformat(timespec="milliseconds")


def note(settings: Settings, feed: str, last: LastFetch) -> None:
    """Note a fetch, in place of the one before it; a full disk keeps nobody from fetching."""
    with suppress(OSError):
        place(_file(settings, feed), json.dumps(asdict(last)).encode(), mtime=time.time())


def _file(settings: Settings, feed: str) -> Path:
    return looks_file(settings.home, feed)
