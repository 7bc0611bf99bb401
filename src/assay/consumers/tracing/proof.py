"""A traced row worked out again from the traced rows alone, in a database of its own.

No rule about SQL says which rows a value is made of. So the table's own SQL is run on the rows that were traced: the
columns that come out the same need no other row.
"""

from __future__ import annotations

from collections.abc import Sequence

import duckdb

from assay.base.duckdb_errors import first_line
from assay.consumers.tracing.inputs import TRACED, InputRows
from assay.consumers.tracing.result import Proof
from assay.contract.names import TableName, quoted

_DATABASE = "warehouse"
"""What compiled SQL calls the database, as a project's profiles.yml does."""


def prove(
    connection: duckdb.DuckDBPyConnection, model: str, sql: str, key: Sequence[str], inputs: Sequence[InputRows]
) -> Proof:
    """Work the traced row out again.

    Args:
        connection: What is published, with the traced row and the rows of its inputs.
        model: Of the row.
        sql: Its compiled SQL; empty for a model in Python.
        key: The key of its table.
        inputs: All its inputs.
    """
    if cut := [item.model for item in inputs if item.is_cut]:
        return Proof(why_not=f"more rows of {TableName.of_model(cut[0])} are part of it than are looked at")
    if not sql:
        return Proof(why_not="its SQL is not known")
    database = _database(sql, inputs)
    connection.execute(f"attach ':memory:' as {quoted(database)}")
    try:
        for item in inputs:
            name = TableName.of_model(item.model)
            connection.execute(f"create schema if not exists {quoted(database)}.{quoted(name.layer)}")
            connection.execute(f"create table {quoted(database)}.{name.sql} as from {item.relation}")
        return _compared(connection, model, sql, key)
    except duckdb.Error as error:
        return Proof(why_not=f"its SQL did not run on these rows alone: {first_line(error)}")
    finally:
        connection.execute(f"detach {quoted(database)}")


def _database(sql: str, inputs: Sequence[InputRows]) -> str:
    """The name by which compiled SQL calls the database of its inputs."""
    for item in inputs:
        head, relation, _ = sql.partition(f".{TableName.of_model(item.model).sql}")
        if relation and head.endswith('"'):
            return head[:-1].rpartition('"')[2]
    return _DATABASE


def _compared(connection: duckdb.DuckDBPyConnection, model: str, sql: str, key: Sequence[str]) -> Proof:
    width = max(len(key), 1)
    arguments = [", ".join(f"a{place}" for place in range(count)) for count in range(1, width + 8)]
    overloads = ", ".join(f"({names}) as true" for names in arguments)
    connection.execute(f"create or replace temp macro {quoted(f'is_affected_{model}')} {overloads}")
    columns = [row[0] for row in connection.execute(f"describe {TRACED}").fetchall()]
    same = " and ".join(f"again.{quoted(name)} is not distinct from traced.{quoted(name)}" for name in key)
    checks = ", ".join(f"again.{quoted(name)} is not distinct from traced.{quoted(name)}" for name in columns)
    rows = connection.execute(
        f"select {checks} from {TRACED} as traced inner join ({sql}\n) as again on {same or 'true'}"
    ).fetchall()
    if len(rows) != 1:
        return Proof(other=tuple(columns))
    agreed = dict(zip(columns, rows[0], strict=True))
    return Proof(tuple(n for n in columns if agreed[n]), tuple(n for n in columns if not agreed[n]))
