"""Records whose fields are whole but whose values are not of their type: found in SQL, kept as raw text."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import duckdb

from assay.contract.format import Format
from assay.loading.bronze_table import READING
from assay.reading.read_views import once
from assay.text import Room, raws_at

_FETCH = 10_000
_LEAST = 1 << 20  # bytes


def spooled(spool: Path) -> str:
    """How DuckDB reads a spool of malformed records: JSON lines of `line`, `raw` and `problems`.

    Each of its threads takes twice the longest line at once, so it is told how long that is.
    """
    with spool.open("rb") as lines:
        longest = max(_LEAST, max(map(len, lines), default=0))
    return (
        f"format = 'newline_delimited', maximum_object_size = {longest}, hive_partitioning = false, "
        "columns = {line: 'BIGINT', raw: 'VARCHAR', problems: 'VARCHAR[]'}"
    )


def write_bad_values(
    connection: duckdb.DuckDBPyConnection, path: Path, form: Format, columns: int, spool: Path
) -> None:
    """Spool the records of the present reading that have reasons.

    The raw text is taken from a second walk through the file, in step with the lines that the view names, so memory
    stays bounded however many there are.
    """
    reasons: dict[int, list[str]] = {}

    def lines() -> Iterator[int]:
        for line, why in _reasons_by_line(connection):
            reasons[line] = why
            yield line

    room = Room(spool.parent)
    with spool.open("w", encoding="utf-8") as out:
        for line, raw in raws_at(path, form, columns, lines()):
            entry = {"line": line, "raw": raw.decode("utf-8"), "problems": reasons.pop(line)}
            room.take(out.write(json.dumps(entry) + "\n"))


def _reasons_by_line(connection: duckdb.DuckDBPyConnection) -> Iterator[tuple[int, list[str]]]:
    """(line, reasons) in the order of the lines."""
    connection.execute(
        "create or replace temp table assay_bad as "
        f"select _line, _reasons from {READING} where {once('_reasons is not null')}"
    )
    last = -1
    while True:
        rows = connection.execute(
            f"select _line, _reasons from temp.assay_bad where _line > ? order by _line limit {_FETCH}", [last]
        ).fetchall()
        yield from rows
        if len(rows) < _FETCH:
            return
        last = rows[-1][0]
