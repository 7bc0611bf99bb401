"""Zip archives in the landing zone, whose members are files of their own in the ledger.

Belongs here: which members an archive has, as it was seen last or as it is now, and all SQL on `ops.archives`. What is
within an archive is read by `text/zip_archive.py`.
"""

from __future__ import annotations

import shutil
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory

import duckdb

from assay.base.archive_limits import ArchiveLimits
from assay.contract.contract import Contract
from assay.contract.file_glob import WITHIN, file_glob
from assay.ledger.landing_zone import Arrival, Hint
from assay.ledger.rows import HINT, as_table, batches
from assay.text import Unreadable
from assay.text.room import NoRoom, Room
from assay.text.zip_archive import Member, content_of, members

_COLUMNS = {
    "source": "VARCHAR",
    "path": "VARCHAR",
    **HINT,
    "contract_fingerprint": "VARCHAR",
    "limits": "VARCHAR",
    "members": [{"name": "VARCHAR", "size_bytes": "BIGINT", "problem": "VARCHAR"}],
}
_NO_LIMITS = ArchiveLimits(members=2**40, size=2**80, ratio=2**80)
"""For an archive that was held against the limits when it was seen."""
_TWICE = (
    "two files have this name, a member of an archive and one in a folder whose name ends in `!`, which stands for "
    "an archive; rename the folder"
)


@dataclass(frozen=True)
class Listed:
    """A member as the ledger lists it, with the bytes that it unpacks to and why it cannot be read."""

    name: str
    size_bytes: int
    problem: str


@dataclass(frozen=True)
class Archive:
    """An archive as it was when its members were looked at last.

    Attributes:
        hint: What its path showed.
        members: All of them.
        looked_under: Fingerprint of the contract, and the limits.
    """

    hint: Hint
    members: Sequence[Listed]
    looked_under: tuple[str, str]


class Archives:
    """The archives of one source in one look at the landing zone.

    Args:
        connection: The warehouse.
        contract: The source's contract.
        limits: What an archive may be at most.
    """

    def __init__(self, connection: duckdb.DuckDBPyConnection, contract: Contract, limits: ArchiveLimits) -> None:
        self._connection = connection
        self._contract = contract
        self._limits = limits
        self._known = read_archives(connection, contract.source) if contract.members else {}
        self._seen: dict[str, Archive] = {}
        self._opened: set[str] = set()

    def expand(self, arrivals: Sequence[Arrival]) -> list[Arrival]:
        """The members that the source claims in place of archives; archives that cannot be opened, with the problem.

        An archive that is as it was is not opened.
        """
        if not self._contract.members:
            return list(arrivals)
        return _each_name_once([each for arrival in arrivals for each in self._within(arrival)])

    def _within(self, arrival: Arrival) -> list[Arrival]:
        if arrival.problem or arrival.hint is None:
            return [arrival]
        try:
            archive = self._archive(arrival, arrival.hint)
        except FileNotFoundError:
            return []  # gone again, and so are its members
        except Unreadable as error:
            return [replace(arrival, problem=str(error))]
        self._seen[arrival.name] = archive
        claims = file_glob(self._contract.members).claims
        return [_arrival(arrival, arrival.hint, member) for member in archive.members if claims(member.name)]

    def _archive(self, arrival: Arrival, hint: Hint) -> Archive:
        known, under = self._known.get(arrival.name), (self._contract.fingerprint, str(self._limits))
        if known and known.hint == hint and known.looked_under[1] == under[1]:
            return replace(known, looked_under=under)
        self._opened.add(arrival.name)
        listed = [Listed(m.name, m.size, m.problem) for m in members(arrival.path, self._limits)]
        return Archive(hint, listed, under)

    def is_known(self, path: str) -> bool:
        """Whether there is an archive at a path whose members are known."""
        return path in self._seen

    def was_opened(self, path: str) -> bool:
        """Whether this look opened the archive at a path, because it, or a limit, is not as it was."""
        return path in self._opened

    def write(self, changing: Collection[str]) -> None:
        """Write the archives that are new or differ, but not those of which a member could not be looked at."""
        kept = {path: archive for path, archive in self._seen.items() if path not in changing}
        stale = [path for path, archive in self._known.items() if kept.get(path) != archive]
        if stale:
            self._connection.execute(
                "delete from ops.archives where source = ? and list_contains(?::varchar[], path)",
                [self._contract.source, stale],
            )
        for path, archive in kept.items():
            if self._known.get(path) != archive:
                [row] = batches([self._row(path, archive)])
                self._connection.execute(f"insert into ops.archives by name {as_table(_COLUMNS)}", [row])

    def _row(self, path: str, archive: Archive) -> dict[str, object]:
        fingerprint, limits = archive.looked_under
        return {
            "source": self._contract.source,
            "path": path,
            **vars(archive.hint),
            "contract_fingerprint": fingerprint,
            "limits": limits,
            "members": [vars(member) for member in archive.members],
        }


def _each_name_once(listed: Sequence[Arrival]) -> list[Arrival]:
    """The files, of those that share a name one with the problem: each would be taken for a new version of the other.

    A member of an archive shares its name with a file in a folder that is called like an archive and its mark.
    """
    once: dict[str, Arrival] = {}
    for arrival in listed:
        other = once.get(arrival.name)
        is_twice = other is not None and (other.path, other.member) != (arrival.path, arrival.member)
        once[arrival.name] = replace(arrival, problem=_TWICE) if is_twice else arrival
    return list(once.values())


def _arrival(archive: Arrival, hint: Hint, member: Listed) -> Arrival:
    """A member as a file of its own: its times are those of the archive."""
    return Arrival(
        archive.name + WITHIN + member.name,
        archive.path,
        replace(hint, size_bytes=member.size_bytes),
        member.problem,
        archive.name,
    )


def read_archives(connection: duckdb.DuckDBPyConnection, source: str = "") -> dict[str, Archive]:
    """The archives that a source has opened, by path; of all sources where none is named, the newest look at each."""
    rows = connection.execute(
        "select path, size_bytes, mtime_ns, ctime_ns, inode, contract_fingerprint, limits, "
        "list_transform(members, lambda m: [m.name, m.size_bytes::varchar, m.problem]) from ops.archives "
        "where ? in ('', source) order by ctime_ns",
        [source],
    ).fetchall()
    return {
        path: Archive(Hint(*hint), [Listed(name, int(size), why) for name, size, why in listed], (fingerprint, limits))
        for path, *hint, fingerprint, limits, listed in rows
    }


def known_archives(connection: duckdb.DuckDBPyConnection) -> Iterator[tuple[str, str, str, tuple[int, int, int, int]]]:
    """(source, path, fingerprint of the contract, hint) of the archives that each source has opened."""
    rows = connection.execute(
        "select source, path, contract_fingerprint, size_bytes, mtime_ns, ctime_ns, inode from ops.archives"
    ).fetchall()
    return ((source, path, fingerprint, tuple(hint)) for source, path, fingerprint, *hint in rows)


@contextmanager
def as_file(path: Path, hint: Hint, member: str, scratch: Path) -> Iterator[Path]:
    """A member as a file of its own for the block, under its own name.

    Args:
        path: The archive.
        hint: What its path showed when the member was listed.
        member: Its name.
        scratch: A folder, in which it is unpacked.

    Raises:
        Unreadable: It is not there, damaged, or cannot be unpacked.
        NoRoom: It does not fit on the disk.
        FileNotFoundError: The archive is gone.
    """
    listed = _directory(path, hint.mtime_ns, hint.ctime_ns, hint.inode).get(member)
    if listed is None:
        raise Unreadable("the archive has no such member")
    scratch.mkdir(parents=True, exist_ok=True)
    Room(scratch).take(listed.size)
    if listed.size > shutil.disk_usage(scratch).free:
        raise NoRoom(f"it unpacks to {listed.size:,} bytes, which the disk of scratch/ has not free")
    with TemporaryDirectory(dir=scratch) as folder:
        unpacked = Path(folder) / PurePosixPath(member).name
        with unpacked.open("wb") as file:
            file.writelines(content_of(path, listed))
        yield unpacked


@lru_cache(maxsize=1)
def _directory(path: Path, *_shown: int) -> Mapping[str, Member]:
    """The members of an archive by name; kept, because those of one archive are mostly read one after the other."""
    return {member.name: member for member in members(path, _NO_LIMITS)}
