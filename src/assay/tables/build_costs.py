"""How long it took to build and to check tables, so that a plan can say about how long it will take again."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import duckdb

from assay.base import clock

BUILD = "build"
"""What a row of `ops.build_costs` is about that is not about a check."""
RUN, BESIDES = "run", "besides"
"""What is noted of a run itself: all that it does besides building and checking tables."""
_ROOM = 2.0
"""A measurement of fewer rows takes the place of one of more, up to this many times; else it says less."""


def note_cost(connection: duckdb.DuckDBPyConnection, table: str, what: str, rows: int, seconds: float) -> None:
    """Write down what some rows of a table took, unless much more of them were measured.

    Args:
        connection: The warehouse.
        table: e.g. `gold.daily_sales`.
        what: `BUILD`, or the check that looked at them.
        rows: How many.
        seconds: How long it took.
    """
    if not rows:
        return
    known = connection.execute(
        "select row_count from ops.build_costs where table_name = ? and what = ?", [table, what]
    ).fetchall()
    if known and known[0][0] > _ROOM * rows:
        return
    connection.execute("delete from ops.build_costs where table_name = ? and what = ?", [table, what])
    connection.execute("insert into ops.build_costs values (?, ?, ?, ?, ?)", [table, what, rows, seconds, clock.now()])


def note_run(connection: duckdb.DuckDBPyConnection, began: datetime) -> None:
    """Write down what a run takes besides building and checking tables.

    Args:
        connection: The warehouse, at the end of the run.
        began: When the run opened it.
    """
    query = "select coalesce(sum(seconds), 0) from ops.build_costs where measured_at >= ? and table_name <> ?"
    spent = connection.execute(query, [began, RUN]).fetchall()[0][0]
    note_cost(connection, RUN, BESIDES, 1, max((clock.now() - began).total_seconds() - spent, 0.0))


@dataclass(frozen=True)
class Costs:
    """What was measured.

    Attributes:
        rates: (rows, seconds) by table and what was done.
    """

    rates: dict[tuple[str, str], tuple[int, float]]

    @property
    def besides(self) -> float:
        """What a run takes besides building and checking tables, in seconds."""
        return self.rates.get((RUN, BESIDES), (1, 0.0))[1]

    def seconds_of(self, table: str, rows: int) -> float | None:
        """About how long some rows of a table take to be built and checked; None where it was never measured."""
        if (table, BUILD) not in self.rates:
            return None
        measured = [rate for (name, _), rate in self.rates.items() if name == table]
        return sum(seconds * max(rows / counted, 1.0) for counted, seconds in measured)


def read_costs(connection: duckdb.DuckDBPyConnection) -> Costs:
    """All that was measured.

    Args:
        connection: What is published; nothing was measured by a version before.
    """
    is_there = connection.execute(
        "select 1 from duckdb_tables() where schema_name = 'ops' and table_name = 'build_costs'"
    ).fetchall()
    query = "select table_name, what, row_count, seconds from ops.build_costs"
    rows = connection.execute(query).fetchall() if is_there else []
    return Costs({(table, what): (count, seconds) for table, what, count, seconds in rows})
