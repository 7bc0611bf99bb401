"""Checks that a model's SQL gives the columns that its yml declares: names and types, before anything is written.

dbt's own comparison reads names unquoted, and stumbles over `Group By` or `it's`.
"""

from __future__ import annotations

from collections.abc import Sequence

import duckdb

from assay.contract.names import quoted


class ColumnsDiffer(Exception):
    """A model's SQL does not give what its yml declares."""


def stop_unless_as_declared(
    connection: duckdb.DuckDBPyConnection, table: str, sql: str, declared: Sequence[tuple[str, str]]
) -> None:
    """Check the columns of a query against those of a yml; their order does not matter.

    Args:
        connection: The warehouse.
        table: For the message.
        sql: The query.
        declared: Names and types.

    Raises:
        ColumnsDiffer: Names each column that is missing, unexpected or of another type.
    """
    wanted = _types(connection, ", ".join(f"null::{kind} as {quoted(name)}" for name, kind in declared))
    given = dict(_described(connection, f"select * from ({sql}\n)"))
    problems = [
        f"column {name}: expected {wanted.get(name, 'no such column')}, found {given.get(name, 'none')}"
        for name in dict.fromkeys([*wanted, *given])
        if wanted.get(name) != given.get(name)
    ]
    if problems:
        raise ColumnsDiffer(
            f"{table}: its SQL does not give the columns of its yml: {'; '.join(problems)}. Change one of the two; "
            "until then nothing of the table is changed"
        )


def _types(connection: duckdb.DuckDBPyConnection, columns: str) -> dict[str, str]:
    """Types as DuckDB writes them."""
    return dict(_described(connection, f"select {columns}"))


def _described(connection: duckdb.DuckDBPyConnection, query: str) -> list[tuple[str, str]]:
    return connection.execute(f"select column_name, column_type from (describe {query})").fetchall()
