"""How much of each table its last rebuild by key redid, so that a table that costs more than what is new shows."""

from __future__ import annotations

from dataclasses import dataclass

import duckdb

from assay.contract.names import relation
from assay.tables.build_costs import BUILD, note_cost

SHARE, SECONDS = 0.5, 1.0
"""A rebuild that redoes that share of a table and takes as long costs more and more as the table grows."""


@dataclass(frozen=True)
class Rebuild:
    """The last rebuild of a table by key.

    Attributes:
        table: e.g. `gold.daily_sales`.
        keys: Keys that an input had changed.
        rows: Rows that were worked out for them.
        row_count: Rows of the whole table.
        seconds: How long it took to work them out and to compare them with those that stood there.
    """

    table: str
    keys: int
    rows: int
    row_count: int
    seconds: float

    @property
    def is_costly(self) -> bool:
        """Whether it redid most of a table, and took long."""
        return self.rows >= SHARE * self.row_count and self.seconds >= SECONDS


def note_rebuild(connection: duckdb.DuckDBPyConnection, table: str, keys: str, seconds: float) -> None:
    """Write down a rebuild by key, in its transaction, once `temp.keyed_new` took the place of the rows of its keys.

    Args:
        connection: The warehouse.
        table: e.g. `gold.daily_sales`.
        keys: The table of its keys, as it is written in SQL.
        seconds: How long it took.
    """
    forget_rebuild(connection, table)
    counted = [f"select count(*) from {name}" for name in (keys, "temp.keyed_new", relation(table))]
    counts = [connection.execute(statement).fetchall()[0][0] for statement in counted]
    connection.execute("insert into ops.rebuilds values (?, ?, ?, ?, ?)", [table, *counts, seconds])
    note_cost(connection, table, BUILD, counts[1], seconds)


def forget_rebuild(connection: duckdb.DuckDBPyConnection, table: str) -> None:
    """A table that was built as a whole, or dropped, has no rebuild by key.

    Args:
        connection: The warehouse.
        table: e.g. `gold.daily_sales`.
    """
    connection.execute("delete from ops.rebuilds where table_name = ?", [table])


def read_rebuilds(connection: duckdb.DuckDBPyConnection) -> list[Rebuild]:
    """The last rebuild by key of each table that had one, the longest first; not of snapshots, which come whole.

    Args:
        connection: What is published.
    """
    rows = connection.execute(
        "from ops.rebuilds "
        "where table_name not in (select 'silver.' || source from ops.sources where load = 'snapshot') "
        "order by seconds desc, table_name"
    ).fetchall()
    return [Rebuild(*row) for row in rows]
