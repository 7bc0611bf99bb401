"""Which keys of a table were written since a check looked at its rows: a log that the rebuild of keys adds to.

The log of a table is `touched.<model>`, written in the transaction that writes the rows. `ops.touched` says from which
seq of the table to which it is complete, so that a lost or foreign change leaves a gap that shows.
"""

from __future__ import annotations

from collections.abc import Sequence

import duckdb

from assay.contract.names import TableName, quoted
from assay.tables.key_ranges import is_among
from assay.tables.versions import seqs

_KEY = "assay_key_"
"""Before the number of a key column, so that no model's column is called the same."""


def log_written(connection: duckdb.DuckDBPyConnection, name: TableName, key: Sequence[str], seq: int) -> None:
    """Log the keys of the rows in `temp.keyed_new`, which are now in a table.

    Args:
        connection: The warehouse, in the transaction that writes the rows.
        name: The table.
        key: Its rebuild key.
        seq: Its seq with these rows.
    """
    if _bounds(connection, name)[1] != seq - 1:  # nothing is logged yet, or something wrote to it without a log
        forget_written(connection, name)
        connection.execute("insert into ops.touched values (?, ?, ?)", [name.table, seq - 1, seq - 1])
    columns = ", ".join(f"{quoted(column)} as {_KEY}{place}" for place, column in enumerate(key))
    connection.execute(
        f"create table if not exists {name.touched_sql} as select {columns}, 0::bigint as _seq from {name.sql} limit 0"
    )
    connection.execute(f"insert into {name.touched_sql} select distinct {columns}, {seq} from temp.keyed_new")
    connection.execute("update ops.touched set to_seq = ? where table_name = ?", [seq, name.table])


def forget_written(connection: duckdb.DuckDBPyConnection, name: TableName) -> None:
    """Drop the log of a table that was rebuilt or dropped, or whose keys are all looked at."""
    connection.execute(f"drop table if exists {name.touched_sql}")
    connection.execute("delete from ops.touched where table_name = ?", [name.table])


def rows_written_since(
    connection: duckdb.DuckDBPyConnection, name: TableName, key: Sequence[str], seq: int
) -> str | None:
    """SQL of the rows of a table that were written since it had some seq; None where the log does not tell.

    What was logged up to that seq is dropped: nobody asks for it any more.

    Args:
        connection: The warehouse.
        name: The table.
        key: Its rebuild key.
        seq: The seq whose rows are known.
    """
    if seqs(connection).get(name.table) == seq:
        return f"select * from {name.sql} where false"
    first, last = _bounds(connection, name)
    if last is None or first is None or first > seq or last != seqs(connection).get(name.table):
        return None
    connection.execute(f"delete from {name.touched_sql} where _seq <= ?", [seq])
    connection.execute("update ops.touched set from_seq = ? where table_name = ?", [seq, name.table])
    asked = [f"written.{quoted(column)}" for column in key]
    columns = [f"{_KEY}{place}" for place in range(len(key))]
    return f"select written.* from {name.sql} as written where {is_among(connection, name.touched_sql, columns, asked)}"


def keys_written(connection: duckdb.DuckDBPyConnection, name: TableName) -> int:
    """How many keys the log of a table has; none where there is no log."""
    if _bounds(connection, name) == (None, None):
        return 0
    return int(connection.execute(f"select count(*) from {name.touched_sql}").fetchall()[0][0])


def _bounds(connection: duckdb.DuckDBPyConnection, name: TableName) -> tuple[int | None, int | None]:
    """After which seq the log of a table begins, and up to which it goes; None where there is none."""
    rows = connection.execute("select from_seq, to_seq from ops.touched where table_name = ?", [name.table]).fetchall()
    return rows[0] if rows else (None, None)
