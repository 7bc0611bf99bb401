"""Which of Assay's own columns (`_file_id`, `_duplicates_identical`, …) of its inputs a model's SQL is made from.

DuckDB's planner answers, which leaves out every column that a query does not need: a `select *` whose columns are
picked later does not count, one that is counted or made distinct as a whole does.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import duckdb

from assay.base.warehouse import without_optimizer
from assay.contract.names import relation

_BY_STATISTICS = "statistics_propagation"
"""An optimizer that drops a condition which today's values all meet; tomorrow's may not."""


def own_columns_read(
    connection: duckdb.DuckDBPyConnection, sql: str, tables: Sequence[str]
) -> Mapping[str, frozenset[str]]:
    """The columns `_…` that a query reads, by table.

    Args:
        connection: The warehouse.
        sql: The query.
        tables: Tables that it may read, e.g. `silver.products`.
    """
    with without_optimizer(connection, _BY_STATISTICS):
        explained = connection.execute(f"explain (format json) {sql}").fetchall()
    scans = list(_scans(json.loads(explained[0][1])))
    return {table: frozenset(_read(scans, table, _own_columns(connection, table))) for table in tables}


def _own_columns(connection: duckdb.DuckDBPyConnection, table: str) -> list[str]:
    try:
        described = connection.execute(f"describe {relation(table)}").fetchall()
    except duckdb.CatalogException:  # it was never built
        return []
    return [str(name) for name, *_ in described if name.startswith("_")]


def _scans(nodes: Sequence[Mapping[str, Any]]) -> Iterator[tuple[str, str]]:
    """(table, details as JSON) of each scan in a plan."""
    for node in nodes:
        info = node.get("extra_info") or {}
        if isinstance(info, dict) and "Table" in info:
            yield str(info["Table"]).replace('"', ""), json.dumps(info, ensure_ascii=False)
        yield from _scans(node.get("children") or ())


def _read(scans: Sequence[tuple[str, str]], table: str, own: Sequence[str]) -> Iterator[str]:
    """The columns that the scans of a table name; a name within another one counts too, which only costs work."""
    for name in own:
        if any(scanned.endswith(f".{table}") and name in details for scanned, details in scans):
            yield name
