"""How things stand with a feed: what `assay feed status` prints and Dagster shows."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from assay.base import clock
from assay.base.settings import Settings
from assay.contract.feed import FeedDeclaration
from assay.feeds.last_fetch import LastFetch
from assay.feeds.pressure import Backlog, backlog_of
from assay.fetching.last_comparison import last_comparison
from assay.fetching.seen import Progress, progress_of
from assay.fetching.supervision import Child


@dataclass(frozen=True)
class Standing:
    """How things stand with a feed.

    Attributes:
        feed: As it is declared.
        progress: What landing and ledger say.
        backlog: What of it waits to be loaded.
        last: The last fetch; None where there was none.
        child: Its process, where the services run it.
        compared_keys: What became of the last comparison of keys; None where there was none.
        now: The time.
    """

    feed: FeedDeclaration
    progress: Progress
    backlog: Backlog
    last: LastFetch | None
    child: Child | None
    now: datetime
    compared_keys: Any = None

    @classmethod
    def of(cls, settings: Settings, feed: FeedDeclaration, child: Child | None) -> Standing:
        """How things stand with a feed now."""
        name = feed.source
        backlog, last = backlog_of(settings, name), LastFetch.read(settings, name)
        compared = last_comparison(settings, name)
        return cls(feed, progress_of(settings, feed), backlog, last, child, clock.now(), compared)

    @property
    def problem(self) -> str:
        """Why nothing comes; empty when it does."""
        return self.progress.problem or (self.last.problem if self.last else "")

    @property
    def state(self) -> str:
        """Of its process, in a word."""
        if self.child is not None and self.child.state in ("stopped", "restarting"):
            return self.child.state
        if not self.progress.is_running:
            return "not running"
        return "paused" if self.last and self.last.paused else "running"

    def values(self) -> dict[str, Any]:
        """What programs are told; docs/feeds.md lists the keys."""
        last = self.last or LastFetch("")
        return {
            "feed": self.feed.source,
            "kind": self.feed.kind,
            "state": self.state,
            "run_by": "services" if self.child is not None and self.child.state != "elsewhere" else "others",
            "pid": self.child.pid if self.child else None,
            "started_again_at": _iso(self.child.again_at if self.child else None),
            "deaths": self.child.deaths if self.child else 0,
            "is_running": self.progress.is_running,
            "epoch": self.progress.position.epoch,
            "position": dict(self.progress.position.ends),
            "batches_not_loaded": self.progress.waiting,
            "bytes_not_loaded": self.backlog.size_bytes,
            "batches_in_landing": self.progress.landed,
            "batches_folded": self.progress.folded,
            "folds": self.progress.folds,
            "lag_seconds": last.lag(self.now),
            "lag_records": last.lag_records,
            "until_loss_seconds": last.until_loss(self.now),
            "records_per_second": last.records_per_second,
            "bytes_per_second": last.bytes_per_second,
            "paused": last.paused,
            "paused_since": last.paused_since or None,
            "problem": self.problem,
            "problem_kind": last.problem_kind or ("position_lost" if self.progress.problem else ""),
            "failing_since": last.failing_since or None,
            "compared_keys": self.compared_keys,
            "last_fetch": {
                "at": last.at,
                "good_at": last.good_at or None,
                "landed_at": last.landed_at or None,
                "same_at": last.same_at or None,
                "records": last.records,
                "unit": last.unit,
                "size_bytes": last.size_bytes,
                "note": last.note,
            }
            if self.last
            else None,
        }

    @property
    def sentence(self) -> str:
        """What became of the last fetch, or what is in the way."""
        if self.problem or self.last is None:
            return self.problem or "never fetched"
        because = f" ({self.last.note})" if self.last.note else ""
        return self.last.paused or f"{self.last.records:,} {self.last.unit} landed{because}"


def _iso(seconds: float | None) -> str | None:
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds")
