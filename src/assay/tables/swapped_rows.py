"""The rows in which what a rebuild of keys gives differs from what was there, found once for all who ask.

`temp.keyed_old` and `temp.keyed_new` hold the rows of the keys that are redone, before and after. `temp.keyed_changed`
holds each row that one of them has more often than the other, and how many times more in the column `TIMES`: above 0
what came, below 0 what is gone. Rows are the same where all their columns are, NULL and NULL too.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import duckdb

from assay.contract.names import quoted

TIMES = "assay_times"
"""How many times more the new rows have a row than the old ones; no model's column is called so."""
_ONCE = "assay_once"


@dataclass(frozen=True)
class Swap:
    """How many rows give way to how many.

    Attributes:
        gone: Rows of the keys before.
        come: Rows of the keys after.
        differs: Whether they are not the same.
    """

    gone: int
    come: int
    differs: bool


def find_changed(connection: duckdb.DuckDBPyConnection, columns: Sequence[str]) -> Swap:
    """Make `temp.keyed_changed` of `temp.keyed_old` and `temp.keyed_new`.

    Args:
        connection: The warehouse, where both are.
        columns: The names of all their columns.
    """
    gone, come = (_count(connection, f"temp.{table}") for table in ("keyed_old", "keyed_new"))
    names = ", ".join(map(quoted, columns))
    if gone and come:
        sides = [
            f"select {names}, {once} as {_ONCE} from temp.{t}" for t, once in (("keyed_new", 1), ("keyed_old", -1))
        ]
        connection.execute(
            f"create or replace temp table keyed_changed as select {names}, sum({_ONCE}) as {TIMES} "
            f"from ({' union all '.join(sides)}) group by {names} having sum({_ONCE}) <> 0"
        )
    else:  # all rows are new, or all are gone
        table, times = ("keyed_old", -1) if gone else ("keyed_new", 1)
        connection.execute(
            f"create or replace temp view keyed_changed as select {names}, {times} as {TIMES} from temp.{table}"
        )
    return Swap(gone, come, _count(connection, "temp.keyed_changed") > 0)


def forget_swapped(connection: duckdb.DuckDBPyConnection, swap: Swap) -> None:
    """Drop the temporary tables.

    Args:
        connection: The warehouse.
        swap: As `find_changed` gave it.
    """
    connection.execute(f"drop {'table' if swap.gone and swap.come else 'view'} temp.keyed_changed")
    connection.execute("drop table temp.keyed_old; drop table temp.keyed_new")


def _count(connection: duckdb.DuckDBPyConnection, table: str) -> int:
    return int(connection.execute(f"select count(*) from {table}").fetchall()[0][0])
