"""Takes columns, and types that hold more, into a silver table that Assay writes the SQL of; nothing is built anew.

Only where all other rows and values are what the new SQL would give: the column is NULL in each row whose file does not
have it, and the keys of all others are redone as those of changed files are. SQL of one's own may do anything with a
new type or column, so a change of it is one of its table.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import duckdb

from assay.contract.names import TableName, quoted
from assay.contract.parse import origin_of
from assay.contract.types import column_type, is_wider
from assay.tables.generated_models import is_written_here
from assay.tables.table_definition import Definition, Form
from assay.tables.versions import note_built, stored_form
from assay.tables.written_keys import forget_written

Node = Mapping[str, Any]


def widen_table(connection: duckdb.DuckDBPyConnection, node: Node, definition: Definition, run_id: str) -> int | None:
    """Alter a stored table to its model where that is all that it takes; else leave it.

    Args:
        connection: The warehouse, in a transaction.
        node: The model, of a table that is stored with rows.
        definition: What it is made with now.
        run_id: The run that writes.

    Returns:
        The seq of the altered table; None where it is as it was.
    """
    name = TableName.of_model(str(node["name"]))
    stored = stored_form(connection, name.table)
    if stored is None or not is_widened_alone(node, definition.form, stored):
        return None
    before, now = (dict(form["columns"]) for form in (stored, definition.form))
    added = [column for column in now if column not in before]
    for schema, table in ((name.layer, name.entity), ("changes", name.model)):
        _alter(connection, schema, table, before, now)
    _take_files_in_again(connection, name, [origin_of(node["columns"][column]) for column in added])
    forget_written(connection, name)
    return note_built(connection, name.table, definition, run_id, is_changed=True)


def is_widened_alone(node: Node, now: Form, stored: Form) -> bool:
    """Whether a silver table that Assay writes the SQL of differs in no more than columns, and types that hold more.

    Args:
        node: The model.
        now: The form that it is made with now.
        stored: The form that its rows were made with.
    """
    types, before = dict(now["columns"]), dict(stored["columns"])
    added = [column for column in types if column not in before]
    if types == before or not is_written_here(node):
        return False
    if stored["redo"] != now["redo"] or not set(added) <= set(node["columns"]):
        return False
    for column, kind in stored["columns"]:
        if column not in types or not (types[column] == kind or _holds_more(types[column], kind)):
            return False
    sql = str(now["sql"])
    for column in added:
        declared = node["columns"][column]
        origin, kind = quoted(origin_of(declared)), declared["data_type"]
        for value in (origin, f"cast({origin} as {kind})"):
            sql = sql.replace(f"{value} as {quoted(column)}, ", "", 1)
    return sql == str(stored["sql"])


def _holds_more(wide: str, narrow: str) -> bool:
    return is_wider(column_type(wide).sql, column_type(narrow).sql)


def _alter(
    connection: duckdb.DuckDBPyConnection, schema: str, table: str, before: Mapping[str, str], now: Mapping[str, str]
) -> None:
    """Give a relation the types of now, and the columns that it lacks; the log of changes may not be there."""
    there = connection.execute(
        "select column_name from duckdb_columns() "
        "where schema_name = ? and table_name = ? and database_name = current_database()",
        [schema, table],
    ).fetchall()
    names = {name for (name,) in there}
    relation = f"{quoted(schema)}.{quoted(table)}"
    for column, kind in now.items() if names else ():
        if column not in names and column not in before:
            connection.execute(f"alter table {relation} add column {quoted(column)} {kind}")
        elif column in names and before.get(column, kind) != kind:
            connection.execute(f"alter table {relation} alter column {quoted(column)} type {kind}")


def _take_files_in_again(connection: duckdb.DuckDBPyConnection, name: TableName, origins: Sequence[str]) -> None:
    """Have the keys redone of each file that has a value for one of some columns of its source."""
    if not origins:
        return
    bronze = name.in_layer("bronze")
    holds = " or ".join(f"{quoted(origin)} is not null" for origin in origins)
    connection.execute(
        "delete from ops.seen_files where consumer = ? and input = ? "
        f"and file_id in (select distinct _file_id from {bronze.sql} where {holds})",
        [name.table, bronze.table],
    )
