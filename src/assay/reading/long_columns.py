"""Stacks columns of one type, so that one statement of DuckDB works on all of them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence

import duckdb
import pyarrow as pa

from assay.reading.exact_casts import json_value

LONG = "assay_long"
"""The table of one column, `t`, that `ask` puts up."""


def ask(connection: duckdb.DuckDBPyConnection, sql: str, columns: Sequence[pa.Array]) -> tuple[pa.Array, ...]:
    """Run a statement over `LONG`, which holds columns of one type, and return its result for each in their order."""
    kind = large(columns[0].type)
    long = pa.table({"t": pa.chunked_array([column.cast(kind) for column in columns], kind)})
    connection.register(LONG, long)
    try:
        done = connection.execute(sql).to_arrow_table()
    finally:
        connection.unregister(LONG)
    return tuple(_one(column) for column in done.columns)


def objects(
    connection: duckdb.DuckDBPyConnection, columns: Mapping[str, pa.Array], types: Mapping[str, str]
) -> pa.Array:
    """The JSON text of an object for each row, as `assay.reading.exact_casts.json_object` writes it.

    Args:
        connection: Where the values are written.
        columns: By their names, of the same number of rows; none of them for no object.
        types: DuckDB's types of those that are not text.
    """
    by_type: dict[str, list[str]] = defaultdict(list)
    for name in columns:
        by_type[types.get(name, "VARCHAR")].append(name)
    written: dict[str, list[str]] = {}
    for kind, names in by_type.items():
        texts = _written(connection, kind, [columns[name] for name in names])
        rows = len(texts) // len(names)
        written |= {name: texts[at * rows : (at + 1) * rows] for at, name in enumerate(names)}
    if not columns:
        return pa.array([], pa.large_string())
    keys = [f"{name}:" for name in _written(connection, "VARCHAR", [pa.array(columns, pa.string())])]
    pairs = (map(str.__add__, keys, row) for row in zip(*(written[name] for name in columns), strict=True))
    return pa.array([f"{{{','.join(row)}}}" for row in pairs], pa.large_string())


def large(kind: pa.DataType) -> pa.DataType:
    """The type with room for more than two gigabytes of texts or bytes."""
    if pa.types.is_binary(kind):
        return pa.large_binary()
    return pa.large_string() if pa.types.is_string(kind) else kind


def _written(connection: duckdb.DuckDBPyConnection, kind: str, columns: Sequence[pa.Array]) -> list[str]:
    sql = f"select {json_value('raw', kind)} as written from (select t::{kind} as raw from {LONG})"
    texts: list[str] = ask(connection, sql, columns)[0].to_pylist()
    return texts


def _one(column: pa.ChunkedArray) -> pa.Array:
    """The column in one piece."""
    whole = column.cast(large(column.type)).combine_chunks()
    return pa.concat_arrays(whole.chunks) if isinstance(whole, pa.ChunkedArray) else whole
