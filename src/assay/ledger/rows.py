"""Rows of the ledger `ops.files`: what is known of a source, and changes that are written many at a time."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import duckdb

from assay.ledger.landing_zone import Hint

_BATCH = 5_000  # rows that are handed to DuckDB as one JSON text
HINT = {"size_bytes": "BIGINT", "mtime_ns": "BIGINT", "ctime_ns": "BIGINT", "inode": "UBIGINT"}
_SEEN = {
    "sighting_id": "BIGINT",
    "file_id": "BIGINT",
    "archive": "VARCHAR",
    "run_id": "VARCHAR",
    "content_hash": "VARCHAR",
    "status": "VARCHAR",
    "reason": "VARCHAR",
    "file_date": "TIMESTAMP",
    "compression": "VARCHAR",
    "header": ["VARCHAR"],
    "plain_records": "BIGINT",
    "has_quoted_line_ends": "BOOLEAN",
    "lines_left_out": "BIGINT",
    "contract_version": "VARCHAR",
    "contract_fingerprint": "VARCHAR",
    "landed_at": "TIMESTAMPTZ",
    "failures": "BIGINT",
    "failed_limit": "VARCHAR",
    **HINT,
}
_FIRST_SEEN = {
    "source": "VARCHAR",
    "path": "VARCHAR",
    "format": "VARCHAR",
    "first_seen": "TIMESTAMPTZ",
}


@dataclass(frozen=True)
class Sighting:
    """The latest sighting of a path."""

    sighting_id: int
    content_hash: str | None
    status: str
    fingerprint: str
    hint: Hint | None
    failed_limit: str | None = None
    archive: str | None = None


def latest(connection: duckdb.DuckDBPyConnection, source: str) -> dict[str, Sighting]:
    """The latest sighting of each path of a source."""
    rows = connection.execute(
        "select path, sighting_id, content_hash, status, contract_fingerprint, "
        "failed_limit, archive, size_bytes, mtime_ns, ctime_ns, inode from ops.latest_sightings where source = ?",
        [source],
    ).fetchall()
    return {
        path: Sighting(sighting, content, status, contract, Hint(*hint) if None not in hint else None, limit, archive)
        for path, sighting, content, status, contract, limit, archive, *hint in rows
    }


def copies_of_lost(connection: duckdb.DuckDBPyConnection, source: str) -> list[tuple[int, int, str]]:
    """(content, sighting, path) of paths that show a content which is neither loaded nor waits under another name.

    Newest sighting first.
    """
    return connection.execute(
        "select file_id, sighting_id, path from ops.latest_sightings "
        "where source = $source and status = 'duplicate' and file_id not in "
        "(select file_id from ops.files where source = $source and status in ('arrived', 'loaded')) "
        "order by sighting_id desc",
        {"source": source},
    ).fetchall()


class Contents:
    """Which contents of a source are known, and the next free numbers of the ledger."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, source: str) -> None:
        rows = connection.execute(
            "select content_hash, min(file_id), bool_or(status in ('arrived', 'loaded')) from ops.files "
            "where source = ? and content_hash is not null group by content_hash",
            [source],
        ).fetchall()
        last = connection.execute("select coalesce(max(sighting_id), 0) from ops.files")
        self._file_ids = {content: int(file_id) for content, file_id, _ in rows}
        self._taken = {content for content, _, is_taken in rows if is_taken}
        self._sighting_id, self._file_id = last.fetchall()[0][0], last_number(connection)

    def next_sighting(self) -> int:
        """A number that no sighting has."""
        self._sighting_id += 1
        return int(self._sighting_id)

    def file_id(self, content: str | None) -> int | None:
        """The number of a content, a new one for a new content."""
        if content is None:
            return None
        if content not in self._file_ids:
            self._file_id += 1
            self._file_ids[content] = self._file_id
        return self._file_ids[content]

    def take(self, content: str) -> bool:
        """Whether the content is to be loaded: it is neither loaded nor waits under another name."""
        is_new = content not in self._taken
        self._taken.add(content)
        return is_new

    def give_up(self, content: str | None) -> None:
        """Forget a content that waited and is not there any more."""
        self._taken.discard(str(content))


def last_number(connection: duckdb.DuckDBPyConnection) -> int:
    """The highest number that a content has or had: none is given twice, though two contents may have become one."""
    places = ("files", "deliveries", "acceptances")
    every = " union all ".join(f"select max(file_id) as n from ops.{place}" for place in places)
    return int(connection.execute(f"select coalesce(max(n), 0) from ({every})").fetchall()[0][0])


def insert(connection: duckdb.DuckDBPyConnection, rows: Sequence[Mapping[str, object]]) -> None:
    """Write new sightings."""
    for batch in batches(rows):
        connection.execute(f"insert into ops.files by name {as_table({**_SEEN, **_FIRST_SEEN})}", [batch])


def rewrite(connection: duckdb.DuckDBPyConnection, rows: Sequence[Mapping[str, object]]) -> None:
    """Write again what was seen by sightings that are there."""
    _update(connection, _SEEN, rows)


def touch(connection: duckdb.DuckDBPyConnection, hints: Mapping[int, Hint]) -> None:
    """Write new hints of sightings."""
    columns = {"sighting_id": "BIGINT", **HINT}
    _update(connection, columns, [{"sighting_id": sighting, **vars(hint)} for sighting, hint in hints.items()])


def set_status(
    connection: duckdb.DuckDBPyConnection, sightings: Sequence[int], status: str, reason: str | None = None
) -> None:
    """Write what became of sightings."""
    if sightings:
        connection.execute(
            "update ops.files set status = ?, reason = ? where list_contains(?::bigint[], sighting_id)",
            [status, reason, list(sightings)],
        )


def _update(
    connection: duckdb.DuckDBPyConnection, columns: Mapping[str, object], rows: Sequence[Mapping[str, object]]
) -> None:
    assigned = ", ".join(f"{name} = seen.{name}" for name in columns if name != "sighting_id")
    for batch in batches(rows):
        connection.execute(
            f"update ops.files set {assigned} from ({as_table(columns)}) as seen "
            "where ops.files.sighting_id = seen.sighting_id",
            [batch],
        )


def as_table(columns: Mapping[str, object]) -> str:
    """SQL of the rows in one parameter, a JSON list of objects."""
    return f"select unnest(from_json(?, '{json.dumps([columns])}'), max_depth := 2)"


def batches(rows: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """Rows as JSON texts, a few thousand in each."""
    for start in range(0, len(rows), _BATCH):
        yield json.dumps(rows[start : start + _BATCH])


def forget_broken(connection: duckdb.DuckDBPyConnection, source: str, files: Sequence[int]) -> None:
    """Forget how many records of some contents are broken, for rows of them are judged otherwise; checks count anew."""
    connection.execute(
        "update ops.profiles set broken = null where source = ? and list_contains(?::bigint[], file_id)",
        [source, list(files)],
    )


def forget_profiles(connection: duckdb.DuckDBPyConnection, source: str) -> None:
    """Forget the profiles of a source whose files are read again."""
    connection.execute("delete from ops.profiles where source = ?", [source])
