"""What all feeds share: one writer, the position, durable batches, and what is noted of each fetch.

A feed reads from a position and yields batches; the frame lands each before it asks for the next, so a feed that has to
acknowledge something to its source may do so when it is asked to go on. Keep out: what a server is and how it is asked.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Generator, Iterator, Mapping
from contextlib import AbstractContextManager, closing, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Protocol

from assay.base import clock, log
from assay.base.settings import Settings
from assay.contract.feed import FeedDeclaration
from assay.feeds.content import Content
from assay.feeds.errors import PositionLost, Transient
from assay.feeds.folded import Folds
from assay.feeds.folding import Folding
from assay.feeds.journal import Journal, Landed
from assay.feeds.landing import BatchStore, digest
from assay.feeds.names import WHOLE, BatchName
from assay.feeds.places import alone, journal_file, ledger_of
from assay.feeds.position import Position, position_of
from assay.feeds.pressure import Gate
from assay.ledger.feed_batches import LedgerBatch

_LEAST_STEP = timedelta(microseconds=1)


@dataclass(frozen=True)
class Batch:
    """What a source holds between two positions.

    Attributes:
        partition: The part of the source that the positions are of.
        start: From where it was read; None for the beginning.
        end: Where the reader goes on.
        content: Writes it.
        lag_seconds: By how much what was read is behind the source; None where that is not known.
        note: What held the end back; empty for nothing.
        lag_records: How many records of the source are still to come; None where that is not known.
        loss_seconds: When the source begins to forget what was not read, from now; None where it does not.
    """

    partition: str
    start: str | None
    end: str
    content: Content
    lag_seconds: float | None = None
    note: str = ""
    lag_records: int | None = None
    loss_seconds: float | None = None


class Feed(Protocol):
    """A kind of source."""

    def read(self, position: Position, read_at: str) -> Generator[Batch | str]:
        """What is new since a position: batches, and sentences about what holds others back.

        Args:
            position: What has landed.
            read_at: The moment of this fetch, in ISO form, UTC; greater than that of any before.

        Raises:
            Permanent: It cannot be read until somebody does something.
            Transient: It cannot be read now.
        """
        ...


@dataclass
class Fetched:
    """What one fetch brought.

    Attributes:
        records: Rows that were read into batches that landed.
        size_bytes: Of these files.
        batches: Their paths below the landing zone.
        lag_seconds: By how much the last one was behind; None where that is not known.
        note: Why nothing more came, where there is something to say.
        lag_records: How many records the last one was behind; None where that is not known.
        loss_seconds: When the source begins to forget what was not read; None where it does not.
        unit: What `records` counts; of a source whose files land as they are, its files.
        is_same: Whether all of the source was read and is as it was.
    """

    records: int = 0
    size_bytes: int = 0
    batches: list[str] = field(default_factory=list)
    lag_seconds: float | None = None
    note: str = ""
    lag_records: int | None = None
    loss_seconds: float | None = None
    unit: str = "records"
    is_same: bool = False


class Fetching(Protocol):
    """What lands a feed's files; `Fetcher` of all sources that have positions."""

    def alone(self) -> AbstractContextManager[None]:
        """Hold the feed's lock within the block.

        Raises:
            Permanent: Another process fetches this feed.
        """
        ...

    def fetch(self) -> Fetched:
        """Land what is new; within `alone`.

        Raises:
            Permanent: Somebody has to do something first.
            Transient: It cannot be fetched now.
            OSError: A file cannot be written; nothing of it is there then.
        """
        ...

    def fold(self) -> int:
        """Fold small batches that are loaded, within `alone`; gives how many. A disk that is full is not in the way.

        Raises:
            Permanent: Somebody has to do something first.
        """
        ...

    def begin_epoch(self) -> int:
        """Begin anew, within `alone`; gives the number of the epoch."""
        ...


class Fetcher:
    """Lands what a feed reads. Only who holds its lock may fetch.

    Args:
        settings: The lake.
        declaration: The feed, as the yml declares it.
        feed: Reads it.
    """

    def __init__(self, settings: Settings, declaration: FeedDeclaration, feed: Feed) -> None:
        self._settings = settings
        self._name = declaration.source
        self._unchanged = declaration.unchanged
        self._feed = feed
        self._store = BatchStore(settings.landing, self._name, settings.settle_seconds)
        self._folding = Folding(settings, declaration, self._store)

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Hold the feed's lock within the block, which the death of this process releases.

        Raises:
            Permanent: Another process fetches this feed.
        """
        with alone(self._settings, self._name):
            self._store.clean()
            yield

    def fetch(self) -> Fetched:
        """Land what is new; within `alone`.

        Raises:
            Permanent: A batch is lost or another one, or the source cannot be read until somebody does something.
            Transient: The source cannot be read now, or it is not known yet whether a batch was loaded.
            OSError: A file cannot be written; nothing of the batch is there then.
        """
        ledger = ledger_of(self._settings, self._name)
        journal, position = self._positions(ledger)
        before, fetched, gate = time.monotonic(), Fetched(), Gate(self._settings, self._name)
        read_at = max(clock.now().astimezone(UTC).replace(tzinfo=None), _after(position))
        with closing(self._feed.read(position, read_at.isoformat())) as batches:
            for batch in batches:
                if isinstance(batch, str):
                    fetched.note = batch
                    continue
                span = (batch.partition, batch.start, batch.end)
                moment = read_at + len(fetched.batches) * _LEAST_STEP  # a later one is the newer for rows of both
                name = BatchName(self._name, position.epoch, *span, moment, batch.content.suffix)
                before_it = _hashes(position, journal, ledger) if batch.partition == WHOLE else frozenset()
                self._land(batch, name, before_it, journal, fetched)
                fetched.lag_seconds, fetched.note = batch.lag_seconds, batch.note or fetched.note
                fetched.lag_records, fetched.loss_seconds = batch.lag_records, batch.loss_seconds
                if full := gate.after(len(fetched.batches), fetched.size_bytes):
                    fetched.note = full
                    break  # what comes after is read when there is room again
        log.info(
            "feed",
            feed=self._name,
            epoch=position.epoch,
            batches=len(fetched.batches),
            records=fetched.records,
            size_bytes=fetched.size_bytes,
            lag_seconds=fetched.lag_seconds,
            lag_records=fetched.lag_records,
            loss_seconds=fetched.loss_seconds,
            seconds=round(time.monotonic() - before, 3),
            note=fetched.note or None,
        )
        return fetched

    def fold(self) -> int:
        """Fold small batches that are loaded; within `alone`.

        Returns:
            How many.

        Raises:
            Permanent: A file and its copy in a fold differ, or one is damaged.
        """
        try:
            return self._folding.fold()
        except OSError as error:
            place = error.filename or self._settings.landing
            log.warning(f"feed {self._name}: {place}: {error.strerror or error}; nothing folded", feed=self._name)
            return 0

    def begin_epoch(self) -> int:
        """Begin anew: the next fetch reads from the beginning; within `alone`.

        Returns:
            The number of the epoch.
        """
        journal = Journal.read(journal_file(self._settings, self._name))
        paths = {*self._store.names(), *ledger_of(self._settings, self._name), *journal.landed}
        folded = Folds.of(self._settings.landing, self._name).batches
        epochs = [batch.epoch for batch in (*map(BatchName.parse, paths), *folded)]
        journal.begin(max([journal.epoch, *epochs]) + 1)
        return journal.epoch

    def _positions(self, ledger: Mapping[str, LedgerBatch]) -> tuple[Journal, Position]:
        """The position that landing, ledger and journal say together; what the ledger knows leaves the journal."""
        journal = Journal.read(journal_file(self._settings, self._name))
        folded = Folds.of(self._settings.landing, self._name)
        names = self._store.names(folded)
        elsewhere = {path for path in {*journal.landed, *ledger} if not folded.cover(path)}
        batches = {**names, **{path: BatchName.parse(path) for path in elsewhere}}
        every = [*batches.values(), *folded.batches]
        epoch = max([journal.epoch, *(batch.epoch for batch in every)])
        unnoted = []
        for path in sorted(path for path, batch in batches.items() if batch.epoch == epoch):
            if path in names:
                known = ledger.get(path)
                if path in journal.landed or (known is not None and known.sha256):
                    self._check_bytes(path, known, journal.landed.get(path))
                else:
                    unnoted.append(path)  # its writer died before it noted it
            else:
                _check_gone(self._name, path, ledger.get(path), journal)
        position = position_of(every, epoch)
        for path in unnoted:
            journal.note(self._store.landed(path))
        needed = {
            path
            for path in journal.landed
            if path in batches and batches[path].epoch == epoch and not (path in ledger and ledger[path].is_loaded)
        }
        if needed != journal.landed.keys():
            journal.keep(sorted(needed))
        return journal, position

    def _check_bytes(self, path: str, known: LedgerBatch | None, noted: Landed | None) -> None:
        """Refuse a file that holds other bytes than it landed with.

        Raises:
            PositionLost: It does.
        """
        if noted is not None:
            hashes, size, mtime = {noted.sha256, *(known.sha256 if known else ())}, noted.size_bytes, noted.mtime_ns
        else:
            assert known is not None  # noqa: S101 - one of the two is there
            hashes, size, mtime = set(known.sha256), known.size_bytes, known.mtime_ns
        if len(hashes) > 1 or not self._store.is_same(path, size, mtime, next(iter(hashes))):
            raise PositionLost(
                f"feed {self._name}: {path} holds other bytes than it landed with; put the file back as it was, or "
                f"`assay feed reset {self._name} --epoch` to read everything anew"
            )

    def _land(
        self, batch: Batch, name: BatchName, before_it: Collection[str], journal: Journal, fetched: Fetched
    ) -> None:
        with self._store.aside() as aside:
            records = batch.content.write(aside)
            if before_it and digest(aside) in before_it:
                fetched.note, fetched.is_same = f"{self._unchanged}: no new snapshot", True
                return
            landed = self._store.land(aside, name)
        journal.note(landed)
        fetched.records += records
        fetched.size_bytes += landed.size_bytes
        fetched.batches.append(landed.path)


def _hashes(position: Position, journal: Journal, ledger: Mapping[str, LedgerBatch]) -> frozenset[str]:
    """What the bytes of the snapshot before this one, of the same epoch, are known by."""
    last = position.last
    if last is None or (last.epoch, last.partition) != (position.epoch, WHOLE):
        return frozenset()
    if last.path in journal.landed:
        return frozenset({journal.landed[last.path].sha256})
    return frozenset(ledger[last.path].sha256 if last.path in ledger else ())


def _check_gone(feed: str, path: str, known: LedgerBatch | None, journal: Journal) -> None:
    """Refuse to go on past a batch whose file is gone and whose rows are not stored, as far as is known.

    Raises:
        PositionLost: They are not.
        Transient: The ledger that is published does not know the batch.
    """
    if known is not None and known.is_loaded:
        return
    if known is None and path in journal.landed:
        raise Transient(
            f"feed {feed}: {path} landed and its file is gone, and the published ledger does not know yet whether "
            "it was loaded; nothing is fetched until it does: wait for the run that is under way, or `assay run`; "
            f"if the file was removed before a run, put it back or `assay feed reset {feed} --epoch`"
        )
    status = known.status if known else "unknown"
    raise PositionLost(
        f"feed {feed}: {path} is gone and was never loaded (the ledger says {status}), so its rows are missing; put "
        f"the file back, or `assay feed reset {feed} --epoch` to read everything anew"
    )


def _after(position: Position) -> datetime:
    """The earliest moment of a fetch that comes after all before it, should the clock have been put back."""
    return position.last_read_at + _LEAST_STEP if position.last_read_at else datetime.min
