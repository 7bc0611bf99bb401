"""The log of a table's changed rows, from which the tables that read it find the keys that they redo."""

from __future__ import annotations

from collections.abc import Sequence

import duckdb

from assay.contract.names import TableName, quoted
from assay.tables.swapped_rows import TIMES


def has_consumers(connection: duckdb.DuckDBPyConnection, table: str) -> bool:
    """Whether a table was read by another one that is built by changes."""
    rows = connection.execute("select count(*) from ops.seen where input = ?", [table]).fetchall()
    return bool(rows[0][0])


def log_changes(
    connection: duckdb.DuckDBPyConnection, name: TableName, columns: Sequence[tuple[str, str]], seq: int
) -> None:
    """Keep old and new values of the rows in `temp.keyed_changed` that differ in what they say.

    Columns of our own (`_…`) count where a table that reads this one is made from them: a snapshot changes the
    `_file_id` of every row, and that alone is not a reason to redo what does not read it.

    Args:
        connection: The warehouse, in the transaction that writes the rows.
        name: The table.
        columns: Names and types of all its columns.
        seq: Its seq with the new rows.
    """
    logged = _logged(connection, name, columns)
    names = ", ".join(quoted(column) for column, _ in logged)
    changed = f"select {names} from temp.keyed_changed"
    if len(logged) < len(columns):
        changed += f" group by {names} having sum({TIMES}) <> 0"
    connection.execute(
        f"create table if not exists {name.changes_sql} as select {names}, 0::bigint as _seq from {name.sql} limit 0"
    )
    for column, kind in logged:
        connection.execute(f"alter table {name.changes_sql} add column if not exists {quoted(column)} {kind}")
    connection.execute(f"insert into {name.changes_sql} by name select *, {seq} as _seq from ({changed})")


def log_wider(
    connection: duckdb.DuckDBPyConnection, name: TableName, columns: Sequence[tuple[str, str]], seq: int
) -> None:
    """Let the log have the columns of a table that grew wider, of which no row changed.

    Args:
        connection: The warehouse, in the transaction that widens it.
        name: The table.
        columns: Names and types of all its columns.
        seq: Its seq since.
    """
    connection.execute(
        f"create or replace temp view keyed_changed as select *, 0 as {TIMES} from {name.sql} where false"
    )
    log_changes(connection, name, columns, seq)
    connection.execute("drop view temp.keyed_changed")


def _logged(
    connection: duckdb.DuckDBPyConnection, name: TableName, columns: Sequence[tuple[str, str]]
) -> list[tuple[str, str]]:
    """The columns that are logged; of those of our own all where a table of before has not said what it reads."""
    own = {column for column, _ in columns if column.startswith("_")}
    rows = connection.execute("select reads from ops.seen where input = ?", [name.table]).fetchall()
    read = own & set().union(*(own if reads is None else set(reads) for (reads,) in rows))
    return [(column, kind) for column, kind in columns if column not in own or column in read]
