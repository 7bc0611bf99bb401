"""Cuts a table into Parquet parts, and rewrites those that hold what changed.

Parts follow a column: months, quarters, years or more of a date, or ranges of a whole number. A table has at most
`MOST` of them, because each costs a reader its footer (364 daily parts are two to three times slower to read than 12
monthly ones), and they are not cut smaller than `ROWS` on average.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import duckdb

from assay.base.atomic_write import sync
from assay.contract.names import literal, quoted
from assay.publish.states import Part
from assay.publish.switched_file import READ_ONLY
from assay.tables.part_column import PartColumn
from assay.tables.touched_parts import Touched

MOST = 50
"""Parts of a table."""
ROWS = 50_000
"""Rows of a part on average, when a table is cut anew: a file of 50,000 rows is written in 20 to 50 ms."""
_MONTHS = (1, 3, 12, 120, 1_200, 12_000, 120_000)
"""Months of a part, of which the first is taken that gives few enough parts; the last holds all dates."""
_COMPRESSION = "compression zstd, compression_level 1"
"""A quarter smaller than snappy on the demo's tables and as fast to write; level 3 takes up to a quarter longer and
makes them three to five hundredths smaller. Reads do not differ beyond noise."""


@dataclass(frozen=True)
class Cut:
    """How a table is cut.

    Attributes:
        step: Months of a part, or rows that one is cut at; 0 for one part.
        parts: All of them.
        written: Names of the files that were written for it; the others are those of before.
    """

    step: int
    parts: tuple[Part, ...]
    written: frozenset[str]


@dataclass(frozen=True)
class PartFiles:
    """Writes the parts of one table.

    Attributes:
        connection: The warehouse.
        relation: SQL of the table that is read.
        select: The columns as Parquet holds them.
        column: The column that the parts follow, where there is one.
        folder: Where the files are written.
    """

    connection: duckdb.DuckDBPyConnection
    relation: str
    select: str
    column: PartColumn | None
    folder: Path

    def whole(self, rows: int, *, is_cut: bool) -> Cut:
        """Write all parts anew.

        Args:
            rows: Of the table.
            is_cut: Whether the table is to have several parts at all.
        """
        if self.column is None or not is_cut:
            return _cut(0, [], [self._write("all", "true", Part("", 0))])
        allowed = max(1, min(MOST, rows // ROWS))
        if self.column.is_moment:
            step, wanted = self._months(allowed)
        else:
            step = max(ROWS, -(-rows // (MOST // 2)))
            wanted = self._split(None, None, max(1, min(MOST // 2, rows // ROWS)))
        parts = [*(self._range(*limits) for limits in wanted), self._rest()]
        return _cut(step, [], [part for part in parts if part.rows])

    def touched(self, step: int, parts: Sequence[Part], touched: Touched) -> Cut | None:
        """Write anew the parts that hold what was touched; None where the table has to be cut anew.

        Args:
            step: As `Cut.step`.
            parts: Those of before.
            touched: Where rows differ from those of before.
        """
        if self.column is None or touched.column != self.column.name or not step:
            return None
        affected = self._buckets(step, touched) if self.column.is_moment else self._overlapping(parts, touched)
        kept = [
            part for part in parts if (not touched.has_rest if part.is_rest else (part.low, part.high) not in affected)
        ]
        limits = list(affected) if self.column.is_moment else list(self._divided(affected, step))
        if len(kept) + len(limits) > MOST:
            return None
        new = [*(self._range(*pair) for pair in limits), *([self._rest()] if touched.has_rest else [])]
        return _cut(step, kept, [part for part in new if part.rows])

    def _months(self, allowed: int) -> tuple[int, list[tuple[int | None, int | None]]]:
        """The shortest span of months of which there are few enough, and the spans that hold rows."""
        assert self.column is not None  # noqa: S101 - asked only then
        query = f"select distinct {self.column.position} as position from {self.relation}"
        months = sorted(row[0] for row in self.connection.execute(query).fetchall() if row[0] is not None)
        for step in _MONTHS:
            starts = sorted({month // step * step for month in months})
            if len(starts) <= allowed:
                break
        return step, [(start, start + step) for start in starts]

    @staticmethod
    def _buckets(step: int, touched: Touched) -> dict[tuple[int | None, int | None], None]:
        starts = {p // step * step for low, high in touched.ranges for p in (*range(low, high, step), high)}
        return {(start, start + step): None for start in sorted(starts)}

    @staticmethod
    def _overlapping(parts: Sequence[Part], touched: Touched) -> dict[tuple[int | None, int | None], None]:
        """The ranges of numbers that hold a touched position; together, ranges hold all numbers."""
        ranges = [(part.low, part.high) for part in parts if not part.is_rest]
        edges = sorted({edge for pair in ranges for edge in pair if edge is not None})
        every = list(pairwise([None, *edges, None]))
        return {
            (low, high): None
            for low, high in every
            if any((high is None or a < high) and (low is None or b >= low) for a, b in touched.ranges)
        }

    def _divided(
        self, affected: dict[tuple[int | None, int | None], None], step: int
    ) -> Iterator[tuple[int | None, int | None]]:
        """The ranges, of which one that has grown to twice its size is cut."""
        for low, high in affected:
            [(rows,)] = self.connection.execute(
                f"select count(*) from {self.relation} where {self._in(low, high)}"
            ).fetchall()
            yield from self._split(low, high, rows // step if rows > 2 * step else 1)

    def _split(self, low: int | None, high: int | None, count: int) -> list[tuple[int | None, int | None]]:
        """Cut a range of numbers into ranges with about as many rows each."""
        assert self.column is not None  # noqa: S101 - asked only then
        edges: list[int] = []
        if count > 1:
            shares = ", ".join(str(number / count) for number in range(1, count))
            [(values,)] = self.connection.execute(
                f"select quantile_disc({self.column.position}, [{shares}]) from {self.relation} "
                f"where {self._in(low, high)}"
            ).fetchall()
            edges = sorted({value for value in values or () if low is None or value > low})
        return list(pairwise([low, *edges, high]))

    def _in(self, low: int | None, high: int | None) -> str:
        assert self.column is not None  # noqa: S101 - asked only then
        return self.column.between(low, high)

    def _range(self, low: int | None, high: int | None) -> Part:
        assert self.column is not None  # noqa: S101 - asked only then
        if low is None:
            name = "all" if high is None else f"below_{high}"
        else:
            name = f"{low // 12:04}-{low % 12 + 1:02}" if self.column.is_moment else f"from_{low}"
        return self._write(name, self._in(low, high), Part("", 0, low, high))

    def _rest(self) -> Part:
        assert self.column is not None  # noqa: S101 - asked only then
        return self._write("rest", self.column.rest, Part("", 0, is_rest=True))

    def _write(self, name: str, where: str, part: Part) -> Part:
        """Write a file under a name that no file had before, and make its bytes survive a power cut."""
        path = self.folder / f"{name}_{secrets.token_hex(8)}.parquet"
        [(rows,)] = self.connection.execute(
            f"copy (select {self.select} from {self.relation} where {where}) to {literal(str(path))} "
            f"(format parquet, {_COMPRESSION})"
        ).fetchall()
        if not rows and where != "true":
            path.unlink()
            return part
        path.chmod(READ_ONLY)
        sync(path)
        return Part(path.name, rows, part.low, part.high, part.is_rest)


def _cut(step: int, kept: Sequence[Part], new: Sequence[Part]) -> Cut:
    parts = sorted([*kept, *new], key=lambda part: (part.is_rest, part.low is not None, part.low or 0))
    return Cut(step, tuple(parts), frozenset(part.file for part in new))


def casts(columns: Sequence[tuple[str, str]]) -> str:
    """SQL that gives each column under its name as a type.

    Args:
        columns: Names and types.
    """
    return ", ".join(f"{quoted(name)}::{kind} as {quoted(name)}" for name, kind in columns)


def reading(paths: Sequence[Path], columns: Sequence[tuple[str, str]]) -> str:
    """SQL that reads a table's parts by an explicit list: nothing else that lies in a folder is read.

    Args:
        paths: The parts, absolute.
        columns: Names and types of the table.
    """
    listed = ", ".join(literal(_no_glob(str(path))) for path in paths)
    return f"select {casts(columns)} from read_parquet([{listed}], hive_partitioning = false)"


def _no_glob(path: str) -> str:
    """A path whose marks stand for themselves: DuckDB takes each path of a list for a pattern."""
    return re.sub(r"([*?\[])", r"[\1]", path)
