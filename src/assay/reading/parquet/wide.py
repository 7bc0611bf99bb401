"""A Parquet file of many columns for `assay.reading.wide_reading`.

DuckDB's own reader takes more than linear time as well, for each thread, so it is asked for some columns at a time.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing

import duckdb
import pyarrow as pa

from assay.contract.contract import Contract
from assay.reading.parquet.batches import LINE
from assay.reading.parquet.view import ARROW, ParquetRows
from assay.reading.wide_reading import Texts, query

_PART = 1_000
"""Columns that DuckDB reads at a time."""


def wide_parquet(rows: ParquetRows, contract: Contract) -> Texts:
    """What `assay.reading.parquet.view.parquet_view` reads."""
    places = rows.places
    names = dict(zip(contract.named(places), places, strict=True))
    guards = {c.name: rows.value(c, names[c.name], "raw") for c in contract.columns if c.name in names}
    typed = frozenset(name for name, value in guards.items() if value == "raw")
    types = {name: rows.types[places[there]] for name, there in names.items()}
    return Texts(lambda connection: _batches(connection, rows), list(names), typed, types=types, guards=guards)


def _batches(connection: duckdb.DuckDBPyConnection, rows: ParquetRows) -> Iterator[pa.RecordBatch]:
    """The columns in their order, and `_line`.

    Raises:
        ValueError: Parts of a record are not read in one order.
    """
    places = list(rows.places.values())
    if rows.exact:
        connection.register(ARROW, rows.exact)
        yield from query(f"from {rows.sql(places, has_lines=True)}", len(places), rows.most)(connection)
        return
    with ExitStack() as opened:
        parts = [
            query(f"from {rows.sql(places[at : at + _PART], has_lines=True)}", len(places), rows.most)(
                opened.enter_context(closing(connection.cursor()))
            )
            for at in range(0, len(places), _PART)
        ]
        yield from map(_joined, zip(*parts, strict=True))


def _joined(parts: Sequence[pa.RecordBatch]) -> pa.RecordBatch:
    """Some columns of the same records beside others; the last of each part is `_line`."""
    lines = parts[0].column(LINE)
    if not all(part.column(LINE).equals(lines) for part in parts):
        raise ValueError("parts of its records are not read in one order")
    columns = {name: part.column(name) for part in parts for name in part.schema.names}
    return pa.RecordBatch.from_pydict({**columns, LINE: lines})
