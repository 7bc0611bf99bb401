"""Which deliveries came lately: digests in a file of SQLite, so that neither a restart nor their number matters.

It saves landing from repetitions and decides nothing: silver has each delivery once without it. So it is not synced to
the disk, and one that is damaged is begun anew.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Collection
from contextlib import suppress
from pathlib import Path

from assay.base import log

_AT_ONCE = 5_000
"""Digests that are forgotten at a time, so that nobody waits for it."""
_MOST_ASKED = 500
_SCHEMA = """
    create table if not exists deliveries (digest blob primary key, at integer not null) without rowid;
    create index if not exists by_time on deliveries (at);
"""


class Remembered:
    """The digests of a feed. One thread at a time.

    Args:
        path: The file.
        seconds: For how long a digest is known, at least.
    """

    def __init__(self, path: Path, seconds: float) -> None:
        self._path, self._seconds = path, seconds
        self._connection = self._opened()

    def known(self, digests: Collection[bytes]) -> set[bytes]:
        """Those of some deliveries that came lately.

        One query for many: each hands Python's lock over, and a server that is busy gives it back late.
        """
        try:
            asked = list(digests)
            pieces = [asked[at : at + _MOST_ASKED] for at in range(0, len(asked), _MOST_ASKED)]
            return {row[0] for piece in pieces for row in self._connection.execute(_query(len(piece)), piece)}
        except sqlite3.Error as error:
            self._begin_anew(error)
            return set()

    def add(self, digests: Collection[bytes], now: float) -> None:
        """Remember deliveries that are stored, and forget some that are too old."""
        try:
            with self._connection:
                rows = [(digest, int(now)) for digest in sorted(digests)]
                self._connection.executemany("insert or replace into deliveries values (?, ?)", rows)
                self._connection.execute(
                    "delete from deliveries where digest in (select digest from deliveries where at < ? limit ?)",
                    [int(now - self._seconds), _AT_ONCE],
                )
        except sqlite3.Error as error:
            self._begin_anew(error)

    def close(self) -> None:
        """Close the file."""
        self._connection.close()

    def _opened(self) -> sqlite3.Connection:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        try:
            return self._connected(str(self._path))
        except sqlite3.Error:
            self._remove()
        try:
            return self._connected(str(self._path))
        except sqlite3.Error:
            return self._connected(":memory:")  # the disk is full: better than to take nothing

    @staticmethod
    def _connected(place: str) -> sqlite3.Connection:
        connection = sqlite3.connect(place, check_same_thread=False, timeout=1)
        try:
            connection.execute("pragma journal_mode = wal")
            connection.execute("pragma synchronous = off")
            connection.executescript(_SCHEMA)
        except BaseException:
            connection.close()
            raise
        return connection

    def _begin_anew(self, error: sqlite3.Error) -> None:
        """Go on without what was remembered where the file is damaged; a full disk only loses what is added now."""
        log.warning(f"{self._path.name}: {type(error).__name__}; repetitions may land again, and silver has them once")
        if isinstance(error, sqlite3.OperationalError):
            return
        with suppress(sqlite3.Error):
            self._connection.close()
        self._remove()
        self._connection = self._opened()

    def _remove(self) -> None:
        for suffix in ("", "-wal", "-shm"):
            Path(f"{self._path}{suffix}").unlink(missing_ok=True)


def _query(count: int) -> str:
    return f"select digest from deliveries where digest in ({','.join('?' * count)})"
