"""The ledger `ops.files`: one row per sighting of a content at a path. It alone decides what is new."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path

import duckdb

from assay.base import clock
from assay.base.archive_limits import USUAL_LIMITS, ArchiveLimits
from assay.base.memory import NotEnoughMemory, limit_in_bytes, limit_of, load_share, reason
from assay.contract.contract import Contract
from assay.ledger.archives import Archives, as_file
from assay.ledger.content_identity import bytes_of
from assay.ledger.contents import has_loaded
from assay.ledger.fold_lookup import located
from assay.ledger.folded_files import unfolded
from assay.ledger.folds import is_fold
from assay.ledger.inspect_file import Examined, examine, identity_at
from assay.ledger.landing_zone import Arrival, Hint, scratch_for_members
from assay.ledger.rows import Contents, Sighting, copies_of_lost, insert, latest, rewrite, set_status, touch
from assay.text import NoRoom, Unreadable

OUTCOMES = ("arrived", "duplicate", "refused")
_REPLACED = "was replaced before it was loaded"
_GONE = "was gone before it was loaded"
_OPENED = "is an archive that can be opened now"
_FOLD = "is a fold that can be read now, or is gone"
_LEFT_OUT = "is not among the members of its archive that the source claims any more"
_OTHER_LIMIT = "room on the disk"
"""Stands for the limit under which a member could not be unpacked: it is tried in each look."""


@dataclass
class Looked:
    """The result of one look at the landing zone for a source.

    Attributes:
        known: Paths that hold what the ledger says they hold.
        arrived: Names of files with a content that is to be loaded.
        duplicate: Names of files whose content is known under another name or from before.
        refused: (name, reason) of files that cannot be loaded.
        missing: Names of files that went away before they were loaded.
        changing: Names of files that were written to while they were looked at; the next look takes them.
        size_bytes: Bytes that had to be hashed.
    """

    known: int = 0
    arrived: list[str] = field(default_factory=list)
    duplicate: list[str] = field(default_factory=list)
    refused: list[tuple[str, str]] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    changing: list[str] = field(default_factory=list)
    size_bytes: int = 0


class Ledger:
    """Reads and writes the ledger of one source on an open connection.

    Args:
        connection: The warehouse.
        contract: The source's contract.
        run_id: Of the run that looks.
        limits: What a zip archive may be at most.
    """

    def __init__(
        self,
        connection: duckdb.DuckDBPyConnection,
        contract: Contract,
        run_id: str,
        limits: ArchiveLimits = USUAL_LIMITS,
    ) -> None:
        self._connection = connection
        self._contract = contract
        self._run_id = run_id
        self._limits = limits

    def look(self, arrivals: Iterable[Arrival], on_file: Callable[[str], None] = lambda _: None) -> Looked:
        """Write one sighting for each path that shows something new, and say what was found.

        A path whose hint is as it was is not opened. A file that is refused or waits is examined again when its
        contract changed. Members of archives are files of their own.
        """
        look = _Look(self._connection, self._contract, self._run_id, self._limits)
        return look.at(list(arrivals), on_file)


class _Look:
    """One look: what was known before it, what it found, and the rows that are to be written."""

    def __init__(
        self, connection: duckdb.DuckDBPyConnection, contract: Contract, run_id: str, limits: ArchiveLimits
    ) -> None:
        self._connection = connection
        self._contract = contract
        self._run_id = run_id
        self._archives = Archives(connection, contract, limits)
        self._changing: set[str] = set()
        self._limit = limit_of(connection)
        self._memory = load_share(limit_in_bytes(connection))
        self._last = latest(connection, contract.source)
        self._has_loaded = has_loaded(connection, contract.source)
        self._contents = Contents(connection, contract.source)
        self._looked = Looked()
        self._new: list[dict[str, object]] = []
        self._again: list[dict[str, object]] = []
        self._touched: dict[int, Hint] = {}
        self._lost: dict[str, list[int]] = {why: [] for why in (_GONE, _REPLACED, _OPENED, _LEFT_OUT, _FOLD)}

    def at(self, arrivals: list[Arrival], on_file: Callable[[str], None]) -> Looked:
        arrivals = self._archives.expand(arrivals)
        seen = {arrival.name for arrival in arrivals}
        for name, last in self._last.items():
            if name not in seen:
                self._note_gone(name, last)
        for arrival in arrivals:
            before = self._last.get(arrival.name)
            if before and self._is_as_it_was(arrival, before):
                self._looked.known += 1
            else:
                on_file(arrival.name)
                self._look_into(arrival, before)
        self._write()
        self._adopt_copies(seen)
        return self._looked

    def _is_as_it_was(self, arrival: Arrival, before: Sighting) -> bool:
        if before.status in ("missing", "retired") or arrival.hint != before.hint:
            return False
        if before.status == "refused" and before.failed_limit not in (None, self._limit):
            return False  # it was refused for want of memory, and there is more now
        if before.status == "duplicate" and not self._has_loaded and not self._is_same_content(arrival.name, before):
            return False  # its path says something else by this contract, so it may be a content of its own
        if before.status == "refused" and self._archives.was_opened(arrival.archive):
            return False  # as it was, but for the limits
        return before.status not in ("refused", "arrived") or before.fingerprint == self._contract.fingerprint

    def _is_same_content(self, name: str, before: Sighting) -> bool:
        """Whether a path says by this contract what it said when it was seen; of a loaded one a full refresh asks."""
        return (
            before.content_hash is None or identity_at(name, self._contract, before.content_hash) == before.content_hash
        )

    def _note_gone(self, name: str, before: Sighting | None) -> None:
        if before and before.status == "refused":
            if self._archives.is_known(name):
                self._lost[_OPENED].append(before.sighting_id)
            elif is_fold(name):
                self._lost[_FOLD].append(before.sighting_id)
            elif before.archive and self._archives.is_known(before.archive):
                self._lost[_LEFT_OUT].append(before.sighting_id)
        if before and before.status == "arrived":
            self._lost[_GONE].append(before.sighting_id)
            self._contents.give_up(before.content_hash)
            self._looked.missing.append(name)

    def _look_into(self, arrival: Arrival, before: Sighting | None) -> None:
        try:
            examined = self._examined(arrival)
        except FileNotFoundError:
            self._changing.add(arrival.archive)
            if located(arrival.landing, arrival.name):  # it was folded meanwhile
                self._looked.changing.append(arrival.name)
            else:
                self._note_gone(arrival.name, before)
            return
        if examined is None:
            self._changing.add(arrival.archive)
            self._looked.changing.append(arrival.name)
        else:
            self._sight(arrival, before, examined)

    def _examined(self, arrival: Arrival) -> Examined | None:
        """What the path holds; None when it was written to meanwhile, so that nothing of it can be relied on."""
        if arrival.problem:
            return Examined(None, problem=arrival.problem)
        if arrival.is_folded:
            examined = self._within_fold(arrival)
        elif arrival.archive and arrival.hint:
            examined = self._within_archive(arrival, arrival.hint)
        else:
            examined = self._of_file(arrival.path, arrival.name)
        if not arrival.is_as_it_was():
            return None
        self._looked.size_bytes += arrival.hint.size_bytes if arrival.hint else 0
        return examined

    def _of_file(self, path: Path, name: str) -> Examined:
        return examine(path, self._contract, self._memory, name)

    def _within_fold(self, arrival: Arrival) -> Examined:
        try:
            with unfolded(arrival.landing, arrival.name, scratch_for_members(arrival.landing)) as path:
                if path is None:
                    raise FileNotFoundError(arrival.path)
                return self._of_file(path, arrival.name)
        except Unreadable as error:
            return Examined(None, problem=str(error))
        except NoRoom as error:
            return Examined(None, problem=str(error), is_for_now=True)

    def _within_archive(self, arrival: Arrival, hint: Hint) -> Examined:
        try:
            with as_file(arrival.path, hint, arrival.member, scratch_for_members(arrival.landing)) as path:
                return self._of_file(path, arrival.name)
        except Unreadable as error:
            return Examined(None, problem=str(error))
        except NoRoom as error:
            return Examined(None, problem=str(error), is_for_now=True)

    def _sight(self, arrival: Arrival, before: Sighting | None, examined: Examined) -> None:
        content_hash = examined.content_hash
        is_same = before is not None and _has_bytes_of(before, content_hash)
        is_known = before and (before.status == "loaded" or before.content_hash == content_hash)
        if before and is_same and is_known and before.status in ("loaded", "duplicate"):
            self._know(arrival, before)
            return
        if before and before.status == "arrived":
            if is_same and before.fingerprint == self._contract.fingerprint:
                self._know(arrival, before)
                return
            self._contents.give_up(before.content_hash)
            if not is_same:
                self._lost[_REPLACED].append(before.sighting_id)
        status = self._status(examined)
        if before and before.status != "loaded" and (is_same or self._was_unread(before)):
            self._again.append({"sighting_id": before.sighting_id, **self._values(arrival, examined, status)})
        else:
            self._new.append(self._first_values(arrival, examined, status))
        if status == "refused":
            self._looked.refused.append((arrival.name, examined.problem))
        else:
            getattr(self._looked, status).append(arrival.name)

    def _know(self, arrival: Arrival, before: Sighting) -> None:
        self._looked.known += 1
        if arrival.hint:
            self._touched[before.sighting_id] = arrival.hint

    @staticmethod
    def _was_unread(before: Sighting) -> bool:
        return before.status == "refused" and before.content_hash is None

    def _status(self, examined: Examined) -> str:
        if examined.problem or examined.content_hash is None:
            return "refused"
        return "arrived" if self._contents.take(examined.content_hash) else "duplicate"

    def _first_values(self, arrival: Arrival, examined: Examined, status: str) -> dict[str, object]:
        return {
            "sighting_id": self._contents.next_sighting(),
            "source": self._contract.source,
            "path": arrival.name,
            "format": self._contract.format.type,
            "first_seen": clock.now().isoformat(),
            **self._values(arrival, examined, status),
        }

    def _values(self, arrival: Arrival, examined: Examined, status: str) -> dict[str, object]:
        return {
            "file_id": self._contents.file_id(examined.content_hash),
            "archive": arrival.archive or None,
            "run_id": self._run_id,
            "content_hash": examined.content_hash,
            "status": status,
            "reason": examined.problem or self._why_it_waits(examined),
            "failures": 1 if examined.not_enough else None,
            "failed_limit": self._limit if examined.not_enough else _OTHER_LIMIT if examined.is_for_now else None,
            "file_date": examined.file_date.isoformat() if examined.file_date else None,
            "compression": examined.compression,
            "header": list(examined.header) if examined.header is not None else None,
            "plain_records": examined.plain_records,
            "has_quoted_line_ends": examined.has_quoted_line_ends,
            "lines_left_out": examined.left_out,
            "contract_version": self._contract.version,
            "contract_fingerprint": self._contract.fingerprint,
            "landed_at": min(clock.now(), clock.of_file(arrival.hint.ctime_ns if arrival.hint else 0)).isoformat(),
            **(vars(arrival.hint) if arrival.hint else dict.fromkeys(("size_bytes", "mtime_ns", "ctime_ns", "inode"))),
        }

    def _why_it_waits(self, examined: Examined) -> str | None:
        return reason(NotEnoughMemory(examined.not_enough), self._limit, attempt=1) if examined.not_enough else None

    def _write(self) -> None:
        for why, sightings in self._lost.items():
            set_status(self._connection, sightings, "missing", why)
        touch(self._connection, self._touched)
        rewrite(self._connection, self._again)
        insert(self._connection, self._new)
        self._archives.write(self._changing)

    def _adopt_copies(self, seen: set[str]) -> None:
        """Put a copy in the place of each file that went away before its content was loaded."""
        adopted: dict[int, int] = {}
        for file_id, sighting_id, path in copies_of_lost(self._connection, self._contract.source):
            if path in seen and file_id not in adopted:
                adopted[file_id] = sighting_id
                self._looked.arrived.append(path)
        set_status(self._connection, list(adopted.values()), "arrived")


def landing_path(landing: Path, name: str) -> Path:
    """The path on disk of a name in the ledger."""
    return landing / os.fsdecode(name.encode("utf-8"))


def _has_bytes_of(before: Sighting, content_hash: str | None) -> bool:
    """Whether a path showed the bytes of a content, whatever its contract took from the path."""
    if before.content_hash is None or content_hash is None:
        return False
    return bytes_of(before.content_hash) == bytes_of(content_hash)
