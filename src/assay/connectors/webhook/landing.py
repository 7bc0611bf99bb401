"""Events become batches: a file of events that was written aside is linked to the name of its range.

Positions are counters of events. Where a feed is, another process looks up (`Look`), because the ledger's libraries
take 50 MB that a server does not need for good.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from assay.base import clock
from assay.base.atomic_write import ASIDE_PREFIX, sync
from assay.base.settings import Settings
from assay.connectors.webhook.log import SUFFIX, EventLog, Sealed
from assay.contract.feed import FOLDER
from assay.feeds.errors import Permanent
from assay.feeds.journal import Journal
from assay.feeds.landing import BatchStore
from assay.feeds.last_fetch import LastFetch, note
from assay.feeds.names import BatchName
from assay.feeds.places import journal_file

PARTITION = "events"
_LEAST_STEP = timedelta(microseconds=1)


@dataclass
class Look:
    """Where a feed is.

    Attributes:
        epoch: The epoch.
        end: How many events of it have landed.
        last_read_at: The moment in the name of the last batch, in ISO form, UTC without a zone.
        waiting_bytes: Of batches that are not loaded, as far as is published.
        landed: Names of files of events that are batches already, as a crash between two steps leaves them.
        problem: Why nothing can land; empty where it can.
    """

    epoch: int = 1
    end: int = 0
    last_read_at: str = datetime.min.isoformat()
    waiting_bytes: int = 0
    landed: list[str] = field(default_factory=list)
    problem: str = ""


def feed_folder(settings: Settings, feed: str) -> Path:
    """Where the files of a feed are."""
    return settings.landing / FOLDER / feed


def unlanded(settings: Settings, feed: str) -> list[Path]:
    """Files of events that are aside."""
    return sorted(feed_folder(settings, feed).glob(f"{ASIDE_PREFIX}*{SUFFIX}"))


class Lander:
    """Lands the events of a feed; for who holds its lock.

    Args:
        settings: The lake.
        feed: The feed's name.
        events: What was taken.
        look: Says where the feed is; called before the first batch, and after each that failed.
    """

    def __init__(self, settings: Settings, feed: str, events: EventLog, look: Callable[[], Look]) -> None:
        self._settings, self._feed, self._events, self._look = settings, feed, events, look
        self._store = BatchStore(settings.landing, feed, settings.settle_seconds)
        self._journal = Journal(journal_file(settings, feed))
        self._at: Look | None = None
        self.waiting_bytes = 0

    def forget(self) -> None:
        """Look where the feed is before the next batch."""
        self._at = None

    def land(self) -> int:
        """Land what was taken; gives the number of events.

        Raises:
            Permanent: A batch is lost or another one, so that nothing can land.
            OSError: The disk is full or failed.
        """
        self._events.seal()
        try:
            at = self._at or self._looked_up()
            count = sum(self._landed(file, at) for file in list(self._events.sealed))
        except BaseException:
            self._at = None
            raise
        return count

    def _looked_up(self) -> Look:
        """Where the feed is, without files aside that are batches already.

        Raises:
            Permanent: Something stops the feed.
        """
        at = self._look()
        if at.problem:
            raise Permanent(at.problem)
        for name in at.landed:
            (feed_folder(self._settings, self._feed) / name).unlink(missing_ok=True)
        self._events.drop(at.landed)
        self._journal = Journal.read(journal_file(self._settings, self._feed))
        self._at, self.waiting_bytes = at, at.waiting_bytes
        return at

    def _landed(self, file: Sealed, at: Look) -> int:
        now = clock.now().astimezone(UTC).replace(tzinfo=None)
        read_at = max(now, datetime.fromisoformat(at.last_read_at) + _LEAST_STEP)
        start, end = (None if at.end == 0 else str(at.end)), at.end + file.records
        batch = self._store.land(
            file.path, BatchName(self._feed, at.epoch, PARTITION, start, str(end), read_at, ".jsonl")
        )
        self._journal.note(batch)
        file.path.unlink()
        self._events.drop([file.path.name])
        at.end, at.last_read_at = end, read_at.isoformat()
        self.waiting_bytes += file.size_bytes
        sync(file.path.parent)
        moment = clock.now().isoformat(timespec="seconds")
        told = f"{end:,} events of epoch {at.epoch}, the last at {moment}"
        last = LastFetch(moment, "", file.records, file.size_bytes, note=told, good_at=moment, landed_at=moment)
        note(self._settings, self._feed, last)
        return file.records
