"""Compares the rows of two tables: by key, or as they are where there is none.

DuckDB does it in one pass within its memory limit, and puts on the disk what does not fit; where that is not enough,
one share of the rows after the other. Columns are called by their number, so that no name can be in the way.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import duckdb

from assay.contract.names import quoted
from assay.publish.compared_values import Pair, differ

ONLY_A, ONLY_B, DIFFERING = "only_a", "only_b", "differing"
SHARES = (1, 8, 64)
"""Into how many shares rows are cut by the hash of what they are compared by, one number after the other."""


@dataclass(frozen=True)
class Example:
    """A row that is not the same, as text.

    Attributes:
        kind: `ONLY_A`, `ONLY_B` or `DIFFERING`.
        a: The values of the compared columns in the first table; empty where the row is only in the second.
        b: Those in the second.
    """

    kind: str
    a: tuple[str | None, ...] = ()
    b: tuple[str | None, ...] = ()


@dataclass(frozen=True)
class RowDiff:
    """How the rows of two tables differ.

    Attributes:
        only_a: Rows whose key, or which themselves, are only in the first.
        only_b: Rows of the second alone.
        differing: Rows with one key and other values.
        columns: How many of those differ in a column, for each column that is compared.
        examples: The first of each kind in the order of their keys.
    """

    only_a: int = 0
    only_b: int = 0
    differing: int = 0
    columns: tuple[int, ...] = ()
    examples: tuple[Example, ...] = field(default=())


@dataclass(frozen=True)
class RowComparison:
    """A comparison of the rows of two tables.

    Attributes:
        connection: In memory.
        a: SQL of the first relation.
        b: SQL of the second.
        pairs: The columns that are compared, keys included.
        tolerance: As of `differ`.
        examples: How many examples of each kind to give.
    """

    connection: duckdb.DuckDBPyConnection
    a: str
    b: str
    pairs: Sequence[Pair]
    tolerance: float
    examples: int

    def by_key(self, key: Sequence[str]) -> RowDiff | None:
        """Compare rows of the same key; None where a key that both have is not unique in one of them.

        Args:
            key: Columns of both tables.

        Raises:
            duckdb.OutOfMemoryException: Memory and disk do not suffice even for a share of the rows.
        """
        places = [place for place, pair in enumerate(self.pairs) if pair.name in key]
        self._keep(self._joined(places), places)
        sums = ", ".join(f"sum(d{n})::bigint" for n in self._every)
        [(rows_a, rows_b, joined, only_a, only_b, differing, *counts)] = self.connection.execute(
            f"select (select count(*) from {self.a}), (select count(*) from {self.b}), sum(joined)::bigint, "
            f"sum(only_a)::bigint, sum(only_b)::bigint, sum(differing)::bigint, {sums} from outcome"
        ).fetchall()
        if joined - only_b != rows_a or joined - only_a != rows_b:
            return None
        columns = tuple(count or 0 for count in counts)
        return RowDiff(only_a, only_b, differing, columns, tuple(self._examples_by_key(places)))

    def as_they_are(self) -> RowDiff:
        """Compare the tables as multisets of rows.

        Raises:
            duckdb.OutOfMemoryException: As of `by_key`.
        """
        columns = ", ".join(f"c{n}" for n in self._every)
        self._keep(
            f"""
            select {columns}, sum(surplus)::bigint as surplus
            from (
                select {columns}, 1 as surplus from side_a
                union all select {columns}, -1 as surplus from side_b
            )
            group by {columns}
            having sum(surplus) <> 0
            """,
            self._every,
            is_whole=True,
        )
        [(only_a, only_b)] = self.connection.execute(
            "select coalesce(sum(surplus) filter (surplus > 0), 0)::bigint, "
            "coalesce(-sum(surplus) filter (surplus < 0), 0)::bigint from outcome"
        ).fetchall()
        return RowDiff(only_a, only_b, 0, tuple(0 for _ in self.pairs), tuple(self._examples_as_they_are()))

    @property
    def _every(self) -> Sequence[int]:
        return range(len(self.pairs))

    def _keep(self, query: str, by: Sequence[int], *, is_whole: bool = False) -> None:
        """Keep the outcome of a query on both sides in `outcome`, cut into as many shares as memory asks for."""
        for shares in SHARES:
            try:
                for share in range(shares):
                    sides = [self._side(is_a, by, shares, share, is_whole=is_whole) for is_a in (True, False)]
                    statement = f"with side_a as ({sides[0]}), side_b as ({sides[1]}) {query}"
                    begin = "insert into outcome" if share else "create or replace temp table outcome as"
                    self.connection.execute(f"{begin} {statement}")
                return
            except duckdb.OutOfMemoryException:
                if shares == SHARES[-1]:
                    raise

    def _side(self, is_a: bool, by: Sequence[int], shares: int, share: int, *, is_whole: bool) -> str:
        """SQL of a table with its columns by number.

        `c` is the value itself, and `v` that which is compared, where it is another; of whole rows `c` is that one.
        """
        columns = []
        for n, pair in enumerate(self.pairs):
            name, compared = quoted(pair.name), pair.side(quoted(pair.name), is_a=is_a)
            columns.append(f"{compared if is_whole else name} as c{n}")
            if not (is_whole or pair.is_as_it_is):
                columns.append(f"{compared} as v{n}")
        rows = f"select {', '.join(columns)}, true as here from {self.a if is_a else self.b}"
        if shares == 1:
            return rows
        hashed = ", ".join(f"c{n}" if is_whole else self._compared(n) for n in by)
        return f"select * from ({rows}) where hash({hashed}) % {shares} = {share}"

    def _compared(self, place: int) -> str:
        return f"c{place}" if self.pairs[place].is_as_it_is else f"v{place}"

    def _joined(self, places: Sequence[int]) -> str:
        """SQL of one row: the counts, and the first rows of each kind."""
        compared = [self._compared(n) for n in self._every]
        keys = " and ".join(f"(a.{compared[n]} is not distinct from b.{compared[n]})" for n in places)
        differs = [
            "false" if n in places else differ(pair, f"a.{compared[n]}", f"b.{compared[n]}", self.tolerance)
            for n, pair in enumerate(self.pairs)
        ]
        flags = ", ".join(f"(a.here and b.here and {condition}) as d{n}" for n, condition in enumerate(differs))
        values = ", ".join(f"a.c{n} as a{n}, b.c{n} as b{n}" for n in self._every)
        is_differing = " or ".join(f"d{n}" for n in self._every)
        # By count_if: with a count for each column that has a filter, DuckDB plans for seconds from 300 columns on.
        counts = ", ".join(f"count_if(d{n}) as d{n}" for n in self._every)
        rest = [*places, *(n for n in self._every if n not in places)]
        return f"""
            select
                count(*) as joined,
                count(*) filter (is_only_a) as only_a,
                count(*) filter (is_only_b) as only_b,
                count(*) filter ({is_differing}) as differing,
                {counts},
                {self._first("a", rest)} filter (is_only_a) as first_{ONLY_A},
                {self._first("b", rest)} filter (is_only_b) as first_{ONLY_B},
                {self._first("ab", places)} filter ({is_differing}) as first_{DIFFERING}
            from (
                select a.here is null as is_only_b, b.here is null as is_only_a, {flags}, {values}
                from side_a as a full join side_b as b on {keys}
            )
        """

    def _first(self, sides: str, order: Sequence[int]) -> str:
        """SQL of a list with the first rows in an order, of which each has the columns of these sides."""
        if not self.examples:
            return "count(*)"
        row = ", ".join(f"{side}{n} := {side}{n}" for side in sides for n in self._every)
        by = ", ".join(f"k{i} := {sides[0]}{n}" for i, n in enumerate(order))
        return f"arg_min(struct_pack({row}), struct_pack({by}), {self.examples})"

    def _examples_by_key(self, places: Sequence[int]) -> list[Example]:
        if not self.examples:
            return []
        examples = []
        width = len(self.pairs)
        rest = [*places, *(n for n in self._every if n not in places)]
        for kind, sides in ((ONLY_A, "a"), (ONLY_B, "b"), (DIFFERING, "ab")):
            texts = ", ".join(f"example.{side}{n}::varchar" for side in sides for n in self._every)
            order = ", ".join(f"example.{sides[0]}{n}" for n in (places if kind == DIFFERING else rest))
            rows = self.connection.execute(
                f"select {texts} from (select unnest(first_{kind}) as example from outcome) "
                f"order by {order} limit {self.examples}"
            ).fetchall()
            examples += [
                Example(kind, row[:width], row[width:]) if kind == DIFFERING else _one(kind, row) for row in rows
            ]
        return examples

    def _examples_as_they_are(self) -> list[Example]:
        columns = [f"c{n}" for n in self._every]
        texts = ", ".join(f"{column}::varchar" for column in columns)
        examples = []
        for kind, sign in ((ONLY_A, ">"), (ONLY_B, "<")):
            rows = self.connection.execute(
                f"select {texts} from (select * from outcome where surplus {sign} 0 "
                f"order by {', '.join(columns)} limit {self.examples})"
            ).fetchall()
            examples += [_one(kind, row) for row in rows]
        return examples


def _one(kind: str, row: tuple[str | None, ...]) -> Example:
    return Example(kind, row) if kind == ONLY_A else Example(kind, (), row)
