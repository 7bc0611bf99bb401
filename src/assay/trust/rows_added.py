"""How many rows came last into a table, and whether that is usual."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from statistics import median

import duckdb

from assay.contract.names import quoted, relation
from assay.trust.asking import ask
from assay.trust.through import Through

WEEKS = 8
"""Weekdays of before that a day is held against: stores sell otherwise on a Saturday than on a Monday."""
RUNS = 20
"""Runs of before that a change is held against."""
LEAST = 3
"""Days or runs without which nothing can be called usual."""
SPREAD = 0.5
"""Of the median: so far from it a number of rows is called unusual, if it also lies outside of all that were seen."""


@dataclass(frozen=True)
class Added:
    """Rows that came last.

    Attributes:
        rows: How many.
        words: Which they are.
        before: What they are held against, the oldest first; few where there was nothing to hold them against.
        day: Their date; None where they are those of a run.
        is_begun: Whether more of them may come: they are of a week that has begun.
    """

    rows: int
    words: str
    before: Sequence[int]
    day: date | None = None
    is_begun: bool = False

    @property
    def usual(self) -> int | None:
        """The median of before; None where there were too few."""
        return round(median(self.before)) if len(self.before) >= LEAST else None

    @property
    def is_unusual(self) -> bool:
        """Whether those of a whole day are far from the median and outside of all numbers of before."""
        usual = self.usual
        if usual is None or self.day is None or self.is_begun or min(self.before) <= self.rows <= max(self.before):
            return False
        return abs(self.rows - usual) > SPREAD * usual


def rows_added(connection: duckdb.DuckDBPyConnection, table: str, through: Through | None) -> Added | None:
    """The rows of the last date of a table; of a table without one, those that its last run changed.

    Args:
        connection: A connection to what is published.
        table: A table that readers see.
        through: As `data_through` gives it.
    """
    return _of_day(connection, table, through) if through else _of_run(connection, table)


def _of_day(connection: duckdb.DuckDBPyConnection, table: str, through: Through) -> Added:
    column, last = quoted(through.column), through.day.toordinal()
    wanted = [*range(last - 7 * WEEKS, last, 7), *range(last - 6, last + 1)]
    days = [date.fromordinal(number) for number in wanted if number >= 1]
    rows = dict(
        ask(
            connection,
            f"select {column}::date, count(*) from {relation(table)} where {column} >= $first "
            f"and {column}::date in (select unnest($days)) group by 1",
            {"days": days, "first": days[0]},
        )
    )
    counts = [rows.get(day, 0) for day in days if day.weekday() == through.day.weekday()]
    before = counts[next((place for place, count in enumerate(counts) if count), 0) : -1]
    is_weekly = len(before) > 1 and all(day.weekday() == through.day.weekday() for day in rows)
    words = f"of the week of {through.day}, so far" if is_weekly else f"of {through.day:%A}, {through.day}"
    return Added(counts[-1], words, before, through.day, is_weekly)


def _of_run(connection: duckdb.DuckDBPyConnection, table: str) -> Added | None:
    """What the contract check looked at, run by run: the rows that changed since the one before."""
    rows = connection.execute(
        "select rows_checked from ops.checks where table_name = $table and check_name = 'contract' "
        "and not is_whole and rows_checked > 0 order by check_id desc limit $runs",
        {"table": table, "runs": RUNS + 1},
    ).fetchall()
    if not rows:
        return None
    counts = [count for (count,) in rows][::-1]
    return Added(counts[-1], "changed by the last run that changed any", counts[:-1])
