"""A reading (see `assay.reading.read_views`) of more columns than DuckDB plans well: typed a type at a time.

DuckDB plans an expression for each column, and a plan of thousands of guards takes more than linear time. Here the
values of all columns of one type go through the guard of that type as one long column, and are cut up into columns
again; so the rules are those of `assay.reading.exact_casts`, and the number of statements is that of the types.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import duckdb
import pyarrow as pa

from assay.contract.contract import Column, Contract
from assay.contract.names import quoted
from assay.contract.types import ColumnType
from assay.reading.arrow_csv import ArrowCsv, whole_numbers
from assay.reading.exact_casts import from_text
from assay.reading.long_columns import LONG, ask, large, objects
from assay.reading.read_views import SHOWN, around_value, csv_source
from assay.reading.wide_plans import MANY

_CELLS = 1 << 20
"""Values that are typed at a time."""
_LINE = "_line"
_RESCUED = "_rescued"
_REASONS = "_reasons"
_RECORD = "_record"
_HUGE = "hugeint"
"""Has no Arrow type that holds each of its values; comes as text."""


@dataclass(frozen=True)
class Texts:
    """The source of a reading: the texts of a file, or the values of a Parquet file.

    Attributes:
        batches: Opens the file on a connection. Columns `_line` (from 1, where lines are known) and `_rescued` (JSON,
            where the texts do not tell it) stand beside those of the file.
        names: Of the other columns in their order; a struct stands for the columns that are its fields.
        typed: Names of those that have their type already.
        mark: SQL of a text as the file means it, made from SQL of a text.
        types: Where columns are no texts: DuckDB's type of each, by name. Malformed records are then told as well.
        guards: SQL of the value of those that have neither their type nor a text of it, made of `raw`.
    """

    batches: Callable[[duckdb.DuckDBPyConnection], Iterator[pa.RecordBatch]]
    names: Sequence[str]
    typed: frozenset[str] = frozenset()
    mark: Callable[[str], str] = str
    types: Mapping[str, str] = field(default_factory=dict)
    guards: Mapping[str, str] = field(default_factory=dict)

    def columns(self, batch: pa.RecordBatch) -> dict[str, pa.Array]:
        """The columns of a batch by their names; those of a struct are NULL where it is."""
        arrays: list[pa.Array] = []
        for name, column in zip(batch.schema.names, batch.columns, strict=True):
            if name not in (_LINE, _RESCUED):
                is_many = pa.types.is_struct(column.type) and not self.types
                arrays += column.flatten() if is_many else [column]
        return dict(zip(self.names, arrays, strict=True))


@dataclass(frozen=True)
class _Guard:
    """The cast of values from one type to another.

    Attributes:
        source_type: The type in the file.
        value: SQL made of `raw`; NULL where it cannot be held.
        wanted: The contract's type.
    """

    source_type: str
    value: str
    wanted: ColumnType


def is_wide(contract: Contract, header: Sequence[str] | None) -> bool:
    """Whether a file or its contract has too many columns for a plan of each; types that hold others are planned."""
    if any(column.type.is_nested for column in contract.columns):
        return False
    return max(len(contract.columns), len(header or ())) > MANY


def query(sql: str, width: int, most: int = _CELLS) -> Callable[[duckdb.DuckDBPyConnection], Iterator[pa.RecordBatch]]:
    """The batches that a statement gives, whose rows have so many values; of not more than `most` rows."""
    return lambda connection: iter(connection.execute(sql).to_arrow_reader(max(1, min(most, _CELLS // width))))


def wide_csv(scanned: ArrowCsv, contract: Contract, header: Sequence[str] | None) -> Texts:
    """What `arrow_view` reads; `scanned` is its source."""
    names = contract.names if header is None else contract.named(header)
    return Texts(lambda _: iter(scanned.reader()), names, whole_numbers(contract))


def wide_csv_copy(name: str, contract: Contract, header: Sequence[str] | None, *, is_parallel: bool) -> Texts:
    """What `csv_view` reads."""
    names = contract.names if header is None else contract.named(header)
    rows = (
        f"select * replace (_line::bigint as _line) from {csv_source(name, contract, header, is_parallel=is_parallel)}"
    )
    return Texts(query(rows, len(names)), names)


class WideReading:
    """The typed rows of a file for DuckDB to scan; each scan reads a large file anew.

    Args:
        connection: Where it is scanned; a second connection to its database does the work.
        contract: The file's contract.
        texts: What the file holds.
        has_lines: Whether what cannot be held is explained; otherwise it ends the reading.
    """

    def __init__(
        self, connection: duckdb.DuckDBPyConnection, contract: Contract, texts: Texts, *, has_lines: bool
    ) -> None:
        self._connection = connection
        self._columns = contract.columns
        self._texts = texts
        self._has_lines = has_lines
        known, present = set(contract.names), set(texts.names)
        self._extra = [name for name in texts.names if name not in known]
        self._by_guard: dict[_Guard, list[Column]] = defaultdict(list)
        for column in contract.columns:
            if column.name in present and column.name not in texts.typed:
                self._by_guard[self._guard(column)].append(column)
        self._schema = self._arrow_schema()
        self._kept: list[pa.RecordBatch] | None = None
        self.error: Exception | None = None
        """What ended the last scan, of which DuckDB keeps the words alone."""

    def view(self, name: str) -> str:
        """SQL of the reading.

        Args:
            name: Under which this is registered.
        """
        huge = {column.name for column in self._columns if column.type.sql == _HUGE}
        values = ", ".join(
            f"v{at}{f'::{_HUGE}' if column.name in huge else ''} as {quoted(column.name)}"
            for at, column in enumerate(self._columns)
        )
        lines = "".join(f", {added.name}" for added in self._lines)
        return f"select {values}, {_RESCUED}::json as {_RESCUED}{lines} from {name}"

    def __arrow_c_schema__(self) -> Any:
        """The columns v0, v1, … of the contract, `_rescued`, and those of `_lines`."""
        return self._schema.__arrow_c_schema__()

    def __arrow_c_stream__(self, requested_schema: object = None) -> Any:
        """The rows, from the first one.

        Raises:
            ValueError: A value cannot be held, and lines are not known.
        """
        return pa.RecordBatchReader.from_batches(self._schema, self._noting_errors()).__arrow_c_stream__()

    @property
    def _lines(self) -> list[pa.Field]:
        """What is known of a record where its line is; the record itself only where it is malformed."""
        if not self._has_lines:
            return []
        record = [pa.field(_RECORD, pa.large_string())] if self._texts.types else []
        return [pa.field(_LINE, pa.int64()), *record, pa.field(_REASONS, pa.list_(pa.large_string()))]

    def _guard(self, column: Column) -> _Guard:
        value = self._texts.guards.get(column.name) or from_text("raw", column.type)
        if column.type.sql == _HUGE:
            value = f"({value})::varchar"
        return _Guard(self._texts.types.get(column.name, "VARCHAR"), value, column.type)

    def _arrow_schema(self) -> pa.Schema:
        kinds = list(dict.fromkeys(column.type for column in self._columns))
        nulls = ", ".join(f"null::{_carried(kind)} as k{at}" for at, kind in enumerate(kinds))
        types = [large(each.type) for each in self._connection.execute(f"select {nulls}").to_arrow_table().schema]
        by_kind = dict(zip(kinds, types, strict=True))
        fields = [pa.field(f"v{at}", by_kind[column.type]) for at, column in enumerate(self._columns)]
        return pa.schema([*fields, pa.field(_RESCUED, pa.large_string()), *self._lines])

    def _noting_errors(self) -> Iterator[pa.RecordBatch]:
        self.error = None
        try:
            yield from self._kept if self._kept is not None else self._batches()
        except (duckdb.Error, pa.ArrowException, MemoryError, OSError, ValueError) as error:
            self.error = error
            raise

    def _batches(self) -> Iterator[pa.RecordBatch]:
        """The file read anew; rows that are all in one batch are kept for the next scan."""
        reading, typing = self._connection.cursor(), self._connection.cursor()
        step = max(1, _CELLS // max(1, len(self._texts.names)))
        last: list[pa.RecordBatch] = []
        count = 0
        try:
            for batch in self._texts.batches(reading):
                for at in range(0, batch.num_rows, step):
                    last = [self._typed(typing, batch.slice(at, step))]
                    count += 1
                    yield last[0]
        finally:
            reading.close()
            typing.close()
        self._kept = last if count <= 1 else None

    def _typed(self, connection: duckdb.DuckDBPyConnection, batch: pa.RecordBatch) -> pa.RecordBatch:
        rows = batch.num_rows
        cells = self._texts.columns(batch)
        values = {name: cells[name] for name in self._texts.typed if name in cells}
        bad: list[tuple[int, int, str]] = []
        places = {column.name: at for at, column in enumerate(self._columns)}
        for guard, columns in self._by_guard.items():
            value, shown = self._convert(connection, guard, [cells[column.name] for column in columns])
            values |= {column.name: value.slice(at * rows, rows) for at, column in enumerate(columns)}
            wrong = shown.is_valid().to_numpy(zero_copy_only=False).nonzero()[0].tolist()
            if wrong and not self._has_lines:
                raise ValueError("malformed")
            for at in wrong:
                column = columns[at // rows]
                head, tail = around_value(column.name, guard.wanted.shown)
                bad.append((at % rows, places[column.name], f"{head}{shown[at].as_py()}{tail}"))
        arrays = [
            values[column.name] if column.name in values else pa.nulls(rows, self._schema.field(at).type)
            for at, column in enumerate(self._columns)
        ]
        arrays += [self._rescued(connection, batch, cells), *self._explained(connection, batch, cells, bad)]
        return pa.record_batch(
            [array.cast(each.type) for array, each in zip(arrays, self._schema, strict=True)], schema=self._schema
        )

    def _convert(
        self, connection: duckdb.DuckDBPyConnection, guard: _Guard, cells: Sequence[pa.Array]
    ) -> tuple[pa.Array, ...]:
        """The values of columns, one column after the other, and what a reason shows of those that cannot be held."""
        shown = f"case when value is null and raw is not null then left(raw::varchar, {SHOWN}) end as shown"
        raw = f"({self._texts.mark('t')})::{guard.source_type} as raw"
        return ask(
            connection,
            f"select value, {shown} from (select raw, {guard.value} as value from (select {raw} from {LONG}))",
            cells,
        )

    def _rescued(
        self, connection: duckdb.DuckDBPyConnection, batch: pa.RecordBatch, cells: Mapping[str, pa.Array]
    ) -> pa.Array:
        """The JSON text of what the contract does not name, row by row."""
        if _RESCUED in batch.schema.names:
            return batch.column(_RESCUED)
        if not self._extra:
            return pa.nulls(batch.num_rows, pa.large_string())
        return objects(connection, {name: cells[name] for name in self._extra}, self._texts.types)

    def _explained(
        self,
        connection: duckdb.DuckDBPyConnection,
        batch: pa.RecordBatch,
        cells: Mapping[str, pa.Array],
        bad: Sequence[tuple[int, int, str]],
    ) -> list[pa.Array]:
        """The columns of `_lines`."""
        if not self._has_lines:
            return []
        reasons: dict[int, list[str]] = defaultdict(list)
        for row, _, reason in sorted(bad):
            reasons[row].append(reason)
        kept: list[pa.Array] = []
        if self._texts.types:
            wrong = {name: cell.take(pa.array(reasons, pa.int64())) for name, cell in cells.items() if reasons}
            records = dict(zip(reasons, objects(connection, wrong, self._texts.types).to_pylist(), strict=True))
            kept = [pa.array([records.get(row) for row in range(batch.num_rows)], pa.large_string())]
        explained = [reasons.get(row) for row in range(batch.num_rows)]
        return [batch.column(_LINE), *kept, pa.array(explained, self._schema.field(_REASONS).type)]


def _carried(kind: ColumnType) -> str:
    """The type in which Arrow carries values to DuckDB."""
    return "varchar" if kind.sql == _HUGE else kind.sql
