"""Events that were taken and have not landed: files aside, in the folder of the feed, whose names begin with a dot.

Many requests share one fsync, and none is answered before it. A group that cannot be written whole is cut off again, so
the file always ends with an event that was answered, or with what a crash left half, which `recovered` cuts off.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from assay.base.atomic_write import ASIDE_PREFIX, sync
from assay.connectors.webhook.event import Event, digest_of
from assay.connectors.webhook.memory import Remembered

SUFFIX = ".events"
_sync_data: Callable[[int], None] = getattr(os, "fdatasync", os.fsync)


@dataclass(frozen=True)
class Sealed:
    """A file to which nothing is written any more.

    Attributes:
        path: Where it is.
        records: Events in it.
        size_bytes: Its size.
    """

    path: Path
    records: int
    size_bytes: int


class EventLog:
    """The events of a feed that have not landed. Any thread may append and any may seal, one at a time each.

    Args:
        folder: The feed's, in the landing zone.
        memory: Knows what came before.
        sync_data: Makes what was written to a descriptor survive a power cut.
    """

    def __init__(self, folder: Path, memory: Remembered, sync_data: Callable[[int], None] = _sync_data) -> None:
        self._folder, self._memory, self._sync_data = folder, memory, sync_data
        self._lock = threading.Lock()
        self._path = folder
        self._file: int | None = None
        self._size = self._records = 0
        self._digests: set[bytes] = set()
        self._ids: set[str] = set()
        self._is_torn = False
        self.sealed: list[Sealed] = []

    @property
    def size_bytes(self) -> int:
        """Of all events that have not landed."""
        return self._size + sum(file.size_bytes for file in self.sealed)

    @property
    def records(self) -> int:
        """The number of events that have not landed."""
        return self._records + sum(file.records for file in self.sealed)

    def append(self, groups: Sequence[Sequence[Event]]) -> list[int]:
        """Store the events of some requests; durable when this returns.

        Returns:
            Of each request how many of its events were new.

        Raises:
            OSError: The disk is full or failed; which of them are there is not known, and none is half.
        """
        with self._lock:
            new = {event.digest: event for events in groups for event in events if event.digest not in self._digests}
            for digest in self._memory.known(new):
                del new[digest]
            counts = [_taken(events, new) for events in groups]
            self._store(new.values())
            return counts

    def seal(self) -> None:
        """Let what is written be landed; what comes next is written to another file.

        Raises:
            OSError: What a write left half cannot be cut off.
        """
        with self._lock:
            self._seal()

    def recover(self) -> None:
        """Take over what a process that died left, before anything is appended; half an event was never answered.

        Raises:
            OSError: It cannot be read or cut.
        """
        known = {file.path for file in self.sealed}
        for path in sorted(self._folder.glob(f"{ASIDE_PREFIX}*{SUFFIX}")):
            if path not in known and path != self._path and (file := recovered(path, self._memory)):
                self.sealed.append(file)

    def drop(self, names: Collection[str]) -> None:
        """Take files out that have landed."""
        with self._lock:
            self.sealed = [file for file in self.sealed if file.path.name not in names]

    def close(self) -> None:
        """Seal what is open, and close the memory."""
        with suppress(OSError):
            self.seal()
        self._memory.close()

    def _store(self, events: Iterable[Event]) -> None:
        """Write events; one whose id another one of the file has goes into the next file, which is the newer one.

        Of two rows of one file nobody knows which one counts, and a check would hold the whole source back.
        """
        run: list[Event] = []
        for event in events:
            if event.delivery in self._ids:
                self._write(run)
                self._seal()
                run = []
            self._ids.add(event.delivery)
            run.append(event)
        self._write(run)

    def _write(self, events: Sequence[Event]) -> None:
        if events:
            self._write_bytes(b"".join(event.line for event in events))
            self._digests |= {event.digest for event in events}
            self._records += len(events)

    def _write_bytes(self, data: bytes) -> None:
        if self._file is None:
            self._open()
        if self._is_torn:
            self._cut()
        assert self._file is not None  # noqa: S101 - it was opened
        try:
            left = memoryview(data)
            while left:
                left = left[os.write(self._file, left) :]
            self._sync_data(self._file)
        except OSError:
            self._is_torn = True
            with suppress(OSError):  # a disk that failed to sync may have dropped what it had: go on in another file
                self._seal()
            raise
        self._size += len(data)

    def _open(self) -> None:
        made = [folder for folder in (self._folder, *self._folder.parents) if not folder.exists()]
        self._folder.mkdir(parents=True, exist_ok=True)
        for folder in made:
            sync(folder.parent)
        path = self._folder / f"{ASIDE_PREFIX}{time.time_ns():020d}{SUFFIX}"
        file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND, 0o644)
        try:
            sync(self._folder)
        except OSError:
            os.close(file)
            path.unlink(missing_ok=True)
            raise
        self._path, self._file, self._size, self._records = path, file, 0, 0

    def _cut(self) -> None:
        assert self._file is not None  # noqa: S101 - what is torn is open
        os.ftruncate(self._file, self._size)
        self._is_torn = False

    def _seal(self) -> None:
        if self._file is None:
            return
        if self._is_torn:
            self._cut()
        os.close(self._file)
        if self._records:
            self.sealed.append(Sealed(self._path, self._records, self._size))
        else:
            self._path.unlink(missing_ok=True)
        self._memory.add(self._digests, time.time())
        self._file, self._size, self._records, self._path = None, 0, 0, self._folder
        self._digests, self._ids = set(), set()


def recovered(path: Path, memory: Remembered) -> Sealed | None:
    """What a process that died left in a file, without half an event at its end; None, and no file, for nothing.

    A line that is damaged further up was answered, and so stays: bronze counts it as malformed.

    Raises:
        OSError: It cannot be read or cut.
    """
    whole = records = at = 0
    digests: set[bytes] = set()
    with path.open("rb") as file:
        for number, line in enumerate(file, 1):
            at += len(line)
            digest = digest_of(line[:-1]) if line.endswith(b"\n") else None
            if digest is not None:
                digests.add(digest)
                whole, records = at, number
    if not whole:
        path.unlink()
        return None
    os.truncate(path, whole)
    sync(path)
    memory.add(digests, time.time())
    return Sealed(path, records, whole)


def _taken(events: Sequence[Event], new: Mapping[bytes, Event]) -> int:
    """How many events of a request are those that are stored; of two that are alike one is."""
    return sum(new.get(event.digest) is event for event in events)
