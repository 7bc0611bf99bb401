"""Compares two published states, table by table: columns and types, rows only in one, rows that differ and where.

Parts that both states have in common hold the same rows and are not read: of two states of one lake only what a run
wrote is compared.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import duckdb

from assay.publish.compared_values import LOAD_COLUMNS, Pair, pairs_of
from assay.publish.kept_states import KeptState, Readable, shared_parts
from assay.publish.table_diff import RowComparison, RowDiff

NO_KEY = "it has no key"


@dataclass(frozen=True)
class Wish:
    """What is to be compared, and how.

    Attributes:
        keys: The key of each table that has one.
        tolerance: As of `compared_values.differ`.
        examples: How many examples of each kind to give.
        has_load_columns: Whether to compare columns that say with which load a row came.
    """

    keys: Mapping[str, tuple[str, ...]]
    tolerance: float = 0.0
    examples: int = 3
    has_load_columns: bool = False


@dataclass(frozen=True)
class TableDiff:
    """How a table differs between two states.

    Attributes:
        table: Its name.
        rows_a: Rows in the first; None where it is not there.
        rows_b: Rows in the second.
        columns_only_a: Columns of the first alone, with their types.
        columns_only_b: Columns of the second alone.
        types: Columns that both have, with both types where they differ.
        compared: The columns that were compared, in order.
        left_out: Columns of both that were not.
        key: The key that rows were compared by; empty where they were compared as they are.
        without_key: Why not by a key; empty where they were.
        rows: How the rows differ.
    """

    table: str
    rows_a: int | None
    rows_b: int | None
    columns_only_a: tuple[tuple[str, str], ...] = ()
    columns_only_b: tuple[tuple[str, str], ...] = ()
    types: tuple[Pair, ...] = ()
    compared: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()
    key: tuple[str, ...] = ()
    without_key: str = ""
    rows: RowDiff = field(default_factory=RowDiff)

    @property
    def has_same_shape(self) -> bool:
        """Whether both states have the table, with the same columns and types."""
        is_in_both = None not in (self.rows_a, self.rows_b)
        return is_in_both and not (self.columns_only_a or self.columns_only_b or self.types)

    @property
    def has_same_rows(self) -> bool:
        """Whether no row differs in what was compared."""
        return not (self.rows.only_a or self.rows.only_b or self.rows.differing)

    @property
    def is_same(self) -> bool:
        """Whether nothing differs."""
        return self.has_same_shape and self.has_same_rows

    @property
    def changed_columns(self) -> dict[str, int]:
        """How many rows differ in each column, of those that differ in any."""
        counts = zip(self.compared, self.rows.columns, strict=False)
        return {name: count for name, count in counts if count}


def compare(
    connection: duckdb.DuckDBPyConnection,
    a: KeptState,
    b: KeptState,
    wish: Wish,
    *,
    is_wanted: Callable[[str], bool] = lambda _: True,
    tell: Callable[[str], object] = lambda _: None,
) -> list[TableDiff]:
    """Compare two states.

    Args:
        connection: In memory, with its limits set.
        a: The first.
        b: The second.
        wish: How.
        is_wanted: Whether a table is to be compared.
        tell: Told which table is being compared.

    Returns:
        One for each table of either state, sorted by name.

    Raises:
        NoSuchState: A file of a state is gone.
        duckdb.Error: A file cannot be read, or memory and disk do not suffice.
    """
    connection.execute("set timezone = 'UTC'")
    readable = Readable(connection)
    in_a, in_b = readable.names(a), readable.names(b)
    diffs = []
    for table in sorted({*in_a, *in_b}):
        if not is_wanted(table):
            continue
        tell(f"comparing {table}")
        if table in in_a and table in in_b:
            diffs.append(_Comparison(connection, readable, a, b, wish).of(table))
        else:
            rows_a = readable.count(a, table) if table in in_a else None
            rows_b = readable.count(b, table) if table in in_b else None
            diffs.append(TableDiff(table, rows_a, rows_b))
    return diffs


@dataclass(frozen=True)
class _Comparison:
    connection: duckdb.DuckDBPyConnection
    readable: Readable
    a: KeptState
    b: KeptState
    wish: Wish

    def of(self, table: str) -> TableDiff:
        """Compare a table that both states have."""
        columns_a, columns_b = (self.readable.columns(state, table) for state in (self.a, self.b))
        pairs = pairs_of(columns_a, columns_b, has_load_columns=self.wish.has_load_columns)
        both = {name for name, _ in columns_a} & {name for name, _ in columns_b}
        shape = TableDiff(
            table,
            self.readable.count(self.a, table),
            self.readable.count(self.b, table),
            tuple(column for column in columns_a if column[0] not in both),
            tuple(column for column in columns_b if column[0] not in both),
            tuple(pair for pair in pairs if not pair.has_one_type),
            tuple(pair.name for pair in pairs),
            tuple(name for name, _ in columns_a if name in both & LOAD_COLUMNS and not self.wish.has_load_columns),
        )
        return self._with_rows(shape, pairs)

    def _with_rows(self, shape: TableDiff, pairs: Sequence[Pair]) -> TableDiff:
        table = shape.table
        key = self.wish.keys.get(table, ())
        missing = [name for name in key if name not in shape.compared]
        without = NO_KEY if not key else f"its key {_listed(missing)} is not in both" if missing else ""
        in_a, in_b = shared_parts(self.a, self.b, table)
        if not pairs or (in_a and len(in_a) == len(self.a.parts(table)) and len(in_b) == len(self.b.parts(table))):
            return replace(shape, key=() if without else key, without_key=without)
        rows_a, rows_b = self.readable.rows(self.a, table, in_a), self.readable.rows(self.b, table, in_b)
        comparison = RowComparison(self.connection, rows_a, rows_b, pairs, self.wish.tolerance, self.wish.examples)
        by_key = None if without else comparison.by_key(key)
        if by_key is not None:
            return replace(shape, key=key, rows=by_key)
        without = without or f"its key {_listed(key)} is not unique"
        return replace(shape, without_key=without, rows=comparison.as_they_are())


def _listed(names: Sequence[str]) -> str:
    return f"({', '.join(names)})"
