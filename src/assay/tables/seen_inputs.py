"""What of its inputs a keyed table has taken in, and what of their changes nobody needs any more."""

from __future__ import annotations

from collections.abc import Mapping

import duckdb

from assay.contract.names import TableName, table_of
from assay.contract.rebuild_key import RebuildKey
from assay.tables.own_columns import own_columns_read


def is_stored(connection: duckdb.DuckDBPyConnection, schema: str, name: str) -> bool:
    """Whether the warehouse has a table.

    Args:
        connection: The warehouse.
        schema: Where it would be.
        name: How it would be called there.
    """
    result = connection.execute(
        "select count(*) from duckdb_tables() "
        "where schema_name = ? and table_name = ? and database_name = current_database()",
        [schema, name],
    )
    return bool(result.fetchall()[0][0])


def seen_seq(connection: duckdb.DuckDBPyConnection, table: str, source: str) -> int:
    """The seq of an input up to which a table has taken in its changes; -1 where it has taken in none."""
    rows = connection.execute("select seq from ops.seen where consumer = ? and input = ?", [table, source]).fetchall()
    return int(rows[0][0]) if rows else -1


def note_seen(
    connection: duckdb.DuckDBPyConnection, table: str, sql: str, rebuild_key: RebuildKey, seqs: Mapping[str, int]
) -> None:
    """Write down what of each input is in a table now.

    Args:
        connection: The warehouse, in the transaction that writes the table.
        table: The table.
        sql: Of its model.
        rebuild_key: Its key and inputs.
        seqs: Of all tables, when it was begun.
    """
    connection.execute("delete from ops.seen where consumer = ?", [table])
    connection.execute("delete from ops.seen_files where consumer = ?", [table])
    reads = own_columns_read(connection, sql, [table_of(item.model) for item in rebuild_key.inputs])
    for item in rebuild_key.inputs:
        name = TableName.of_model(item.model)
        read = sorted({*reads[name.table], *rebuild_key.own_columns(item)})
        connection.execute(
            "insert into ops.seen (consumer, input, seq, reads) values (?, ?, ?, ?)",
            [table, name.table, seqs.get(name.table, 0), read],
        )
        if name.is_bronze:
            connection.execute(
                "insert into ops.seen_files (consumer, input, file_id, file_date) "
                "select ?, ?, file_id, file_date from ops.current_files where source = ?",
                [table, name.table, name.entity],
            )


def prune_inputs(connection: duckdb.DuckDBPyConnection, rebuild_key: RebuildKey) -> None:
    """Drop changes that every table that reads them has seen.

    Args:
        connection: The warehouse, in the transaction that writes the table.
        rebuild_key: The key and inputs of the table that has just seen them.
    """
    for item in rebuild_key.inputs:
        name = TableName.of_model(item.model)
        if is_stored(connection, "changes", name.model):
            connection.execute(
                f"delete from {name.changes_sql} where _seq <= (select min(seq) from ops.seen where input = ?)",
                [name.table],
            )
