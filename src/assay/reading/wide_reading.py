"""A reading (see `assay.reading.read_views`) of more columns than DuckDB plans well: typed a type at a time.

DuckDB plans an expression for each column, and a plan of thousands of guards takes more than linear time. Here the
values of all columns of one type go through the guard of that type as one long column, and are cut up into columns
again; so the rules are those of `assay.reading.exact_casts`, and the number of statements is that of the types.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.compute as pc

from assay.contract.contract import Column, Contract
from assay.contract.names import quoted
from assay.contract.types import ColumnType
from assay.reading.arrow_csv import ArrowCsv, whole_numbers
from assay.reading.exact_casts import from_text
from assay.reading.read_views import SHOWN, around_value, csv_source
from assay.reading.wide_plans import MANY

_CELLS = 1 << 20
"""Values that are typed at a time."""
_LINE = "_line"
_RESCUED = "_rescued"
_REASONS = "_reasons"
_LONG = "assay_long"
_HUGE = "hugeint"
"""Has no Arrow type that holds each of its values; comes as text."""


@dataclass(frozen=True)
class Texts:
    """What a reading is made of: the texts of a file.

    Attributes:
        batches: Opens the file on a connection. Columns `_line` (from 1, where lines are known) and `_rescued` (JSON,
            where the texts do not tell it) come first.
        names: Of the other columns in their order; a struct stands for the columns that are its fields.
        typed: Names of those that have their type already.
        mark: SQL of a text as the file means it, made from SQL of a text.
        decimal: The decimal mark of numbers.
    """

    batches: Callable[[duckdb.DuckDBPyConnection], Iterator[pa.RecordBatch]]
    names: Sequence[str]
    typed: frozenset[str] = frozenset()
    mark: Callable[[str], str] = str
    decimal: str = "."


def is_wide(contract: Contract, header: Sequence[str] | None) -> bool:
    """Whether a file or its contract has too many columns for a plan of each."""
    return max(len(contract.columns), len(header or ())) > MANY


def query(sql: str, width: int) -> Callable[[duckdb.DuckDBPyConnection], Iterator[pa.RecordBatch]]:
    """The batches that a statement gives, whose rows have so many values."""
    return lambda connection: iter(connection.execute(sql).to_arrow_reader(max(1, _CELLS // width)))


def wide_csv(scanned: ArrowCsv, contract: Contract, header: Sequence[str] | None) -> Texts:
    """What `arrow_view` reads; `scanned` is its source."""
    names = contract.names if header is None else header
    return Texts(lambda _: iter(scanned.reader()), names, whole_numbers(contract), decimal=contract.format.decimal)


def wide_csv_copy(name: str, contract: Contract, header: Sequence[str] | None, *, is_parallel: bool) -> Texts:
    """What `csv_view` reads."""
    names = contract.names if header is None else header
    rows = (
        f"select * replace (_line::bigint as _line) from {csv_source(name, contract, header, is_parallel=is_parallel)}"
    )
    return Texts(query(rows, len(names)), names, decimal=contract.format.decimal)


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
        self._by_type: dict[ColumnType, list[Column]] = defaultdict(list)
        for column in contract.columns:
            if column.name in present and column.name not in texts.typed:
                self._by_type[column.type].append(column)
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
        lines = f", {_LINE}, {_REASONS}" if self._has_lines else ""
        return f"select {values}, {_RESCUED}::json as {_RESCUED}{lines} from {name}"

    def __arrow_c_schema__(self) -> Any:
        """The columns v0, v1, … of the contract, `_rescued`, and where lines are known `_line` and `_reasons`."""
        return self._schema.__arrow_c_schema__()

    def __arrow_c_stream__(self, requested_schema: object = None) -> Any:
        """The rows, from the first one.

        Raises:
            ValueError: A value cannot be held, and lines are not known.
        """
        return pa.RecordBatchReader.from_batches(self._schema, self._noting_errors()).__arrow_c_stream__()

    def _arrow_schema(self) -> pa.Schema:
        kinds = list(dict.fromkeys(column.type for column in self._columns))
        nulls = ", ".join(f"null::{_carried(kind)} as k{at}" for at, kind in enumerate(kinds))
        types = [_large(field.type) for field in self._connection.execute(f"select {nulls}").to_arrow_table().schema]
        by_kind = dict(zip(kinds, types, strict=True))
        fields = [pa.field(f"v{at}", by_kind[column.type]) for at, column in enumerate(self._columns)]
        lines = [pa.field(_LINE, pa.int64()), pa.field(_REASONS, pa.list_(pa.large_string()))]
        return pa.schema([*fields, pa.field(_RESCUED, pa.large_string()), *(lines if self._has_lines else [])])

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
        texts = dict(zip(self._texts.names, _flat(batch), strict=True))
        values = {name: texts[name] for name in self._texts.typed if name in texts}
        bad: list[tuple[int, int, str]] = []
        places = {column.name: at for at, column in enumerate(self._columns)}
        for kind, columns in self._by_type.items():
            raw, value = self._convert(connection, kind, [texts[column.name] for column in columns])
            values |= {column.name: value.slice(at * rows, rows) for at, column in enumerate(columns)}
            wrong = pc.indices_nonzero(pc.and_(pc.is_valid(raw), pc.is_null(value))).to_pylist()
            if wrong and not self._has_lines:
                raise ValueError("malformed")
            for at in wrong:
                column = columns[at // rows]
                head, tail = around_value(column.name, kind.sql)
                bad.append((at % rows, places[column.name], f"{head}{raw[at].as_py()[:SHOWN]}{tail}"))
        return self._batch(values, self._rescued(connection, batch, texts), batch, bad)

    def _batch(
        self,
        values: Mapping[str, pa.Array],
        rescued: pa.Array,
        batch: pa.RecordBatch,
        bad: Sequence[tuple[int, int, str]],
    ) -> pa.RecordBatch:
        rows = batch.num_rows
        arrays = [
            values[column.name] if column.name in values else pa.nulls(rows, self._schema.field(at).type)
            for at, column in enumerate(self._columns)
        ]
        arrays.append(rescued)
        if self._has_lines:
            reasons: list[list[str] | None] = [None] * rows
            for row, _, said in sorted(bad):
                reasons[row] = [*(reasons[row] or []), said]
            arrays += [batch.column(_LINE), pa.array(reasons, self._schema.field(_REASONS).type)]
        return pa.record_batch(
            [array.cast(field.type) for array, field in zip(arrays, self._schema, strict=True)], schema=self._schema
        )

    def _convert(
        self, connection: duckdb.DuckDBPyConnection, kind: ColumnType, texts: Sequence[pa.Array]
    ) -> tuple[pa.Array, pa.Array]:
        """The texts of columns of one type as the file means them, and their values, one column after the other."""
        value = from_text("raw", kind, self._texts.decimal)
        if kind.sql == _HUGE:
            value = f"({value})::varchar"
        return _long(
            connection, f"select raw, {value} as value from (select {self._texts.mark('t')} as raw from {_LONG})", texts
        )

    def _rescued(
        self, connection: duckdb.DuckDBPyConnection, batch: pa.RecordBatch, texts: Mapping[str, pa.Array]
    ) -> pa.Array:
        """The JSON text of what the contract does not name, row by row."""
        rows = batch.num_rows
        if _RESCUED in batch.schema.names:
            return batch.column(_RESCUED)
        if not self._extra:
            return pa.nulls(rows, pa.large_string())
        written = f"select coalesce(to_json(t)::varchar, 'null') as written from {_LONG}"
        (names,) = _long(connection, written, [pa.array(self._extra)])
        (values,) = _long(connection, written, [texts[name] for name in self._extra])
        keys, all_values = [f"{name}:" for name in names.to_pylist()], values.to_pylist()
        objects = (map(str.__add__, keys, all_values[row::rows]) for row in range(rows))
        return pa.array([f"{{{','.join(pairs)}}}" for pairs in objects], pa.large_string())


def _long(connection: duckdb.DuckDBPyConnection, sql: str, columns: Sequence[pa.Array]) -> tuple[pa.Array, ...]:
    """What a statement makes of columns that are put one below the other, as `t`, in their order."""
    long = pa.table({"t": pa.chunked_array([column.cast(pa.large_string()) for column in columns])})
    connection.register(_LONG, long)
    try:
        done = connection.execute(sql).to_arrow_table()
    finally:
        connection.unregister(_LONG)
    return tuple(_one(column) for column in done.columns)


def _one(column: pa.ChunkedArray) -> pa.Array:
    """The column in one piece, texts with room for more than two gigabytes."""
    whole = column.cast(_large(column.type)).combine_chunks()
    return pa.concat_arrays(whole.chunks) if isinstance(whole, pa.ChunkedArray) else whole


def _large(kind: pa.DataType) -> pa.DataType:
    return pa.large_string() if pa.types.is_string(kind) else kind


def _carried(kind: ColumnType) -> str:
    """The type in which Arrow carries values to DuckDB."""
    return "varchar" if kind.sql == _HUGE else kind.sql


def _flat(batch: pa.RecordBatch) -> list[pa.Array]:
    """The columns of texts; those of a struct are NULL where it is."""
    arrays: list[pa.Array] = []
    for name, column in zip(batch.schema.names, batch.columns, strict=True):
        if name not in (_LINE, _RESCUED):
            arrays += column.flatten() if pa.types.is_struct(column.type) else [column]
    return arrays
