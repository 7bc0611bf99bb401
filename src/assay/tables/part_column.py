"""The column by which a table is cut into parts for readers, and the position of a row along it.

A position is a whole number that grows with the column: of a date the months since the year 0, of a number the number
itself. A row without one (NULL, infinity, a year outside of 1 to 9999) belongs to `the rest`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import duckdb

from assay.contract.names import quoted
from assay.contract.part_choice import PartChoice

_MOMENTS = {"DATE": "date", "TIMESTAMP": "timestamp", "TIMESTAMP WITH TIME ZONE": "timestamptz"}
_NUMBERS = ("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "UTINYINT", "USMALLINT", "UINTEGER")
_FIRST, _END = 12, 120_000
"""Months since the year 0: January of the year 1, and that after the last month of 9999."""


def columns_of(connection: duckdb.DuckDBPyConnection, relation: str) -> tuple[tuple[str, str], ...]:
    """Names and types of the columns of a table or view, in their order.

    Args:
        connection: Where it is.
        relation: Its name in SQL.
    """
    return tuple(connection.execute(f"select column_name, column_type from (describe {relation})").fetchall())


@dataclass(frozen=True)
class PartColumn:
    """The column that the parts of a table follow.

    Attributes:
        name: As it is called.
        type: As DuckDB writes it.
    """

    name: str
    type: str

    @property
    def is_moment(self) -> bool:
        """Whether it holds dates or timestamps; positions are months then."""
        return self.type in _MOMENTS

    @property
    def position(self) -> str:
        """SQL of the position of a row, a BIGINT; NULL for the rest."""
        name = quoted(self.name)
        if not self.is_moment:
            return f"{name}::bigint"
        # `timezone('UTC', …)` gives the same, ten times as slow
        plain = f"make_timestamp(epoch_us({name}))" if self.type == "TIMESTAMP WITH TIME ZONE" else name
        months = f"year({plain})::bigint * 12 + month({plain}) - 1"
        return f"case when {self.between(None, None)} then {months} end"

    @property
    def rest(self) -> str:
        """SQL for whether a row has no position."""
        name = quoted(self.name)
        return f"({name} is null or not ({self.between(None, None)}))" if self.is_moment else f"({name} is null)"

    def between(self, low: int | None, high: int | None) -> str:
        """SQL for whether a row's position is at least `low` and below `high`; None is no limit.

        It compares the column itself, so that the least and greatest values that DuckDB keeps of its blocks help.
        """
        name = quoted(self.name)
        if self.is_moment:  # what is outside has no position, and is the rest
            low, high = max(low or 0, _FIRST), min(high or _END, _END)
        limits = [f"{name} >= {self._value(low)}"] if low is not None else []
        limits += [f"{name} < {self._value(high)}"] if high is not None else []
        return " and ".join(limits) or f"{name} is not null"

    def _value(self, position: int) -> str:
        if not self.is_moment:
            return f"({position})"
        year, month = divmod(position, 12)
        zone = "00:00:00+00" if self.type == "TIMESTAMP WITH TIME ZONE" else ""
        return f"{_MOMENTS[self.type]} '{f'{year:04}-{month + 1:02}-01 {zone}'.strip()}'"


def part_column(columns: Sequence[tuple[str, str]], choice: PartChoice) -> PartColumn | None:
    """The column that the parts of a table follow; None when no column serves.

    The one that its yml names; else the first date or timestamp, of the key before others; else the first whole number,
    of the key before others. Columns that Assay adds (`_…`) do not serve: a snapshot changes them in every row.

    Args:
        columns: Those of the stored table.
        choice: What the project says.
    """
    types = dict(columns)
    if choice.declared:
        return PartColumn(choice.declared, types[choice.declared]) if choice.declared in types else None
    ordered = [name for name in (*choice.key, *types) if name in types and not name.startswith("_")]
    serving = [name for kinds in (_MOMENTS, _NUMBERS) for name in ordered if types[name] in kinds]
    return PartColumn(serving[0], types[serving[0]]) if serving else None
