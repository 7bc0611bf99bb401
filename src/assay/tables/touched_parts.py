"""Which positions of a table a rebuild of keys touched, so that readers get only the parts anew that hold them.

Each state of a table has a version of its own, drawn by lot: a warehouse that was put back to an older state counts its
seqs again, and must not be taken for the one that readers have. What is not written here, readers get whole.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from uuid import uuid4

import duckdb

from assay.contract.names import literal, relation
from assay.contract.part_choice import PartChoice
from assay.tables.part_column import columns_of, part_column

_MOST = 1000
"""Ranges that are kept of one rebuild; more positions are joined to wider ranges, which only touch more."""


@dataclass(frozen=True)
class Touched:
    """Positions at which rows may differ.

    Attributes:
        column: Along which the positions are.
        ranges: First and last position of each range.
        has_rest: Whether rows without a position are among them.
    """

    column: str
    ranges: tuple[tuple[int, int], ...]
    has_rest: bool


def note_touched(connection: duckdb.DuckDBPyConnection, table: str, seq: int, choice: PartChoice) -> None:
    """Write down where the rows of `temp.keyed_changed` are, in the transaction that swaps them.

    Args:
        connection: The warehouse.
        table: e.g. `gold.daily_sales`.
        seq: Of the state with the new rows.
        choice: How the project wants the table cut.
    """
    column = part_column(columns_of(connection, relation(table)), choice)
    if column is None:
        return
    positions = f"select distinct {column.position} as position from temp.keyed_changed"
    connection.execute(
        f"""
        insert into ops.touched_parts
        with touched as materialized ({positions}),
        numbered as (
            select position, ntile({_MOST}) over (order by position) as number
            from touched where position is not null
        ),
        ranges as (select min(position) as low, max(position) as high from numbered group by number)
        select
            {literal(table)}, {seq}, {literal(uuid4().hex)}, {literal(column.name)},
            (select coalesce(list({{low: low, high: high}} order by low), []) from ranges),
            (select coalesce(bool_or(position is null), false) from touched)
        """
    )


def version_of(connection: duckdb.DuckDBPyConnection, table: str, seq: int) -> str:
    """The version of a table's present state; a state that has none gets one."""
    rows = connection.execute(
        "select version from ops.touched_parts where table_name = ? and seq = ?", [table, seq]
    ).fetchall()
    if rows:
        return str(rows[0][0])
    version = uuid4().hex
    connection.execute("insert into ops.touched_parts values (?, ?, ?, null, null, null)", [table, seq, version])
    return version


def touched_since(
    connection: duckdb.DuckDBPyConnection, table: str, before: tuple[int, str], seq: int
) -> Touched | None:
    """Where a table may differ from an earlier state of it; None when that is not known.

    Args:
        connection: The warehouse.
        table: e.g. `gold.daily_sales`.
        before: Seq and version of that state.
        seq: Of the present state.
    """
    rows = connection.execute(
        "select seq, version, column_name, ranges, has_rest from ops.touched_parts "
        "where table_name = ? and seq between ? and ? order by seq",
        [table, before[0], seq],
    ).fetchall()
    if [row[0] for row in rows] != list(range(before[0], seq + 1)) or rows[0][1] != before[1]:
        return None
    steps = rows[1:]
    columns = {row[2] for row in steps}
    if len(columns) != 1 or None in columns:
        return None
    ranges = sorted({(r["low"], r["high"]) for row in steps for r in row[3]})
    return Touched(columns.pop(), tuple(ranges), any(row[4] for row in steps))


def forget_touched(connection: duckdb.DuckDBPyConnection, shown: Mapping[str, int], gone: Collection[str] = ()) -> None:
    """Forget what readers have.

    Args:
        connection: The warehouse.
        shown: The seq of each table that they have; what led to it is forgotten, what came later is kept.
        gone: Tables that they do not have any more.
    """
    for table, seq in shown.items():
        connection.execute("delete from ops.touched_parts where table_name = ? and seq < ?", [table, seq])
    for table in gone:
        connection.execute("delete from ops.touched_parts where table_name = ?", [table])
