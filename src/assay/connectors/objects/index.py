"""What is known of a place with objects: which version of each key has landed, under which hash.

A cache of what landing and the ledger say. Losing it costs downloads and doubles nothing: a content is loaded once. A
row is written after its file is durable; the last of them may be lost with the power.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from assay.connectors.objects.source import Seen
from assay.feeds.errors import Permanent
from assay.feeds.journal import Landed

_SCHEMA = """
create table if not exists objects (
    key text primary key, version text not null, size integer not null, modified real not null,
    path text not null, sha256 text not null, mtime_ns integer not null, is_loaded integer not null default 0
) without rowid;
create index if not exists not_loaded on objects (is_loaded) where is_loaded = 0;
create table if not exists epochs (epoch integer not null);
"""
_AT_ONCE = 500
"""Keys in a query, and rows in a transaction."""


@dataclass(frozen=True)
class Known:
    """How much is known.

    Attributes:
        objects: Keys of which a version has landed.
        loaded: Those of which it is loaded, as far as was published.
        newest: The greatest time of a version; None for none.
        epoch: How often everything was read anew, and one.
    """

    objects: int
    loaded: int
    newest: float | None
    epoch: int


class ObjectIndex:
    """The index of a feed; see `opened`."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._waiting: list[tuple[object, ...]] = []

    @classmethod
    @contextmanager
    def opened(cls, file: Path) -> Iterator[ObjectIndex]:
        """Open it for a block, after which all that was noted is durable.

        Raises:
            Permanent: The file is not an index.
        """
        file.parent.mkdir(parents=True, exist_ok=True)
        try:
            with closing(sqlite3.connect(file, timeout=30)) as connection:
                connection.executescript(_SCHEMA)
                index = cls(connection)
                try:
                    yield index
                finally:
                    index.flush()
        except sqlite3.DatabaseError as error:
            if "disk is full" in str(error) or "disk I/O" in str(error):
                raise OSError(28, str(error), str(file)) from error
            raise Permanent(
                f"{file}: is damaged ({error}); remove it: objects are read again then, and none is doubled"
            ) from error

    def versions(self, keys: Sequence[str]) -> dict[str, str]:
        """The versions that are known of some keys."""
        known: dict[str, str] = {}
        for start in range(0, len(keys), _AT_ONCE):
            some = keys[start : start + _AT_ONCE]
            marks = ",".join("?" * len(some))
            query = f"select key, version from objects where key in ({marks})"
            known.update(self._connection.execute(query, some))
        return known

    def landed(self, key: str) -> Landed | None:
        """What landed of a key last."""
        row = self._connection.execute(
            "select path, sha256, size, mtime_ns from objects where key = ?", [key]
        ).fetchone()
        return Landed(*row) if row else None

    def not_loaded(self) -> Iterator[list[tuple[str, Landed]]]:
        """Keys whose version is not known to be loaded, with what landed, some at a time."""
        last = ""
        while rows := self._connection.execute(
            "select key, path, sha256, size, mtime_ns from objects where is_loaded = 0 and key > ? "
            "order by key limit ?",
            [last, _AT_ONCE],
        ).fetchall():
            yield [(key, Landed(*landed)) for key, *landed in rows]
            last = rows[-1][0]

    def note(self, seen: Seen, landed: Landed) -> None:
        """Note what landed of a key."""
        self._waiting.append(
            (seen.key, seen.version, landed.size_bytes, seen.modified, landed.path, landed.sha256, landed.mtime_ns)
        )
        if len(self._waiting) >= _AT_ONCE:
            self.flush()

    def flush(self) -> None:
        """Make durable what was noted."""
        with self._connection:
            self._connection.executemany(
                "insert or replace into objects values (?, ?, ?, ?, ?, ?, ?, 0)", self._waiting
            )
        self._waiting.clear()

    def mark_loaded(self, keys: Iterable[str]) -> None:
        """Note that the versions of some keys are loaded, so that their files may be gone."""
        with self._connection:
            self._connection.executemany("update objects set is_loaded = 1 where key = ?", [(key,) for key in keys])

    def forget(self, keys: Iterable[str]) -> None:
        """Know nothing of some keys, so that they are read again."""
        with self._connection:
            self._connection.executemany("delete from objects where key = ?", [(key,) for key in keys])

    def doubt(self) -> None:
        """Take no version for loaded any more."""
        with self._connection:
            self._connection.execute("update objects set is_loaded = 0")

    def begin_epoch(self) -> int:
        """Know nothing of any key, so that all are read again; gives the number of the epoch."""
        epoch = self.known().epoch + 1
        with self._connection:
            self._connection.execute("delete from objects")
            self._connection.execute("delete from epochs")
            self._connection.execute("insert into epochs values (?)", [epoch])
        return epoch

    def known(self) -> Known:
        """How much is known."""
        row = self._connection.execute(
            "select count(*), coalesce(sum(is_loaded), 0), max(modified), "
            "coalesce((select max(epoch) from epochs), 1) from objects"
        ).fetchone()
        return Known(*row)
