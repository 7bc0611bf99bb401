"""A Parquet file opened by pyarrow and read in batches; memory follows a batch and one row group, never the file."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from assay.base.duckdb_errors import first_line
from assay.base.memory import NotEnoughMemory
from assay.reading.parquet.exact import as_interval, as_text
from assay.reading.parquet.plan import Plan, make_plan
from assay.reading.parquet.schema import EXACT_TEXT, FileColumn, columns_of
from assay.text import Unreadable

LINE = "_line"
"""The column that counts a stream's records, from 1."""


@contextmanager
def open_parquet(path: Path, **options: Any) -> Iterator[pq.ParquetFile]:
    """The file, open; every page that is read is held against its checksum where it has one.

    Raises:
        Unreadable: pyarrow refuses it, when it is opened or while it is read.
        FileNotFoundError: It is gone.
    """
    with refusing():
        source = pa.OSFile(os.fsencode(path))
        try:
            # A buffer made beforehand would hold the whole file.
            yield pq.ParquetFile(source, page_checksum_verification=True, pre_buffer=False, **options)
        finally:
            source.close()


@contextmanager
def refusing() -> Iterator[None]:
    """Raise what pyarrow says of a file's content as `Unreadable`.

    Raises:
        Unreadable: It is about the content.
        NotEnoughMemory: The content takes more memory than there is.
        OSError: It is about the machine.
    """
    try:
        yield
    except NotEnoughMemory:
        raise
    except MemoryError as error:
        raise NotEnoughMemory(first_line(error)) from error
    except (pa.ArrowException, UnicodeDecodeError) as error:
        raise Unreadable(f"cannot be read as Parquet: {first_line(error)}") from error
    except OSError as error:
        if error.errno is not None:
            raise
        raise Unreadable(f"cannot be read as Parquet: {first_line(error)}") from error


def plan_reading(path: Path, memory: int) -> Plan:
    """How a file is read within so many bytes.

    Raises:
        NotEnoughMemory: It cannot be.
        Unreadable: Its footer or the header of a page cannot be read.
        FileNotFoundError: It is gone.
    """
    with open_parquet(path) as file:
        return make_plan(file, path, memory)


def batches(path: Path, plan: Plan, names: Sequence[str] | None = None, **options: Any) -> Iterator[pa.RecordBatch]:
    """The records in their order.

    Args:
        path: The file.
        plan: As `plan_reading` gives it.
        names: Top-level columns; None for all.
        options: As of `pyarrow.parquet.ParquetFile`.

    Raises:
        NotEnoughMemory: There is less memory than was planned with.
        Unreadable: pyarrow refuses the file.
        FileNotFoundError: It is gone.
    """
    with open_parquet(path, **plan.options, **options) as file:
        groups = range(file.num_row_groups)
        for part in [[group] for group in groups] if plan.is_by_group else [list(groups)]:
            yield from file.iter_batches(batch_size=plan.rows, columns=names, row_groups=part)


class ExactParquet:
    """Columns of a Parquet file for DuckDB to scan as Arrow reads them; each scan reads the file anew.

    The columns are called by their place in the file, `c0`, `c1`, …, and `_line` counts the records.

    Args:
        path: The file.
        columns: All its columns.
        wanted: Names of those that are scanned.
        as_texts: Names of those that come as exact text.
        plan: How the file is read.
    """

    def __init__(
        self, path: Path, columns: Sequence[FileColumn], wanted: Sequence[str], as_texts: Sequence[str], plan: Plan
    ) -> None:
        self._path = path
        self._plan = plan
        self._columns = {f"c{at}": column for at, column in enumerate(columns) if column.name in wanted}
        self._texts = frozenset(as_texts)
        fields = [(place, self._type(column)) for place, column in self._columns.items()]
        self._schema = pa.schema([*fields, (LINE, pa.int64())])

    def __arrow_c_schema__(self) -> Any:
        """The columns."""
        return self._schema.__arrow_c_schema__()

    def __arrow_c_stream__(self, requested_schema: object = None) -> Any:
        """The records, from the first one.

        Raises:
            Unreadable: pyarrow refuses the file.
        """
        return pa.RecordBatchReader.from_batches(self._schema, self._batches()).__arrow_c_stream__()

    def _type(self, column: FileColumn) -> pa.DataType:
        return pa.string() if column.name in self._texts else column.target

    def _batches(self) -> Iterator[pa.RecordBatch]:
        names = [column.name for column in self._columns.values()]
        line = 1
        seconds = _whole_seconds(self._path, self._plan, self._columns.values())
        with refusing():
            for batch in batches(self._path, self._plan, names):
                rest = seconds.take(batch.num_rows)
                arrays = [self._array(batch.column(c.name), c, rest.get(c.name)) for c in self._columns.values()]
                lines = pa.array(np.arange(line, line + batch.num_rows))
                line += batch.num_rows
                yield pa.record_batch([*arrays, lines], schema=self._schema)

    def _array(self, array: pa.Array, column: FileColumn, seconds: pa.Array | None) -> pa.Array:
        if column.name in self._texts:
            return as_text(array, column, seconds)
        return as_interval(array) if column.shape == "interval" else array.cast(column.target)


class _Seconds:
    """Columns of INT96 in whole seconds, beside another reading of the file, whose batches may end elsewhere."""

    def __init__(self, parts: Iterator[pa.RecordBatch], names: Sequence[str]) -> None:
        self._parts = parts
        self._names = names
        self._ahead: pa.Table | None = None

    def take(self, rows: int) -> dict[str, pa.Array]:
        """The next rows, by column."""
        if not self._names:
            return {}
        while self._ahead is None or self._ahead.num_rows < rows:
            part = pa.Table.from_batches([next(self._parts)])
            self._ahead = part if self._ahead is None else pa.concat_tables([self._ahead, part])
        taken, self._ahead = self._ahead.slice(0, rows), self._ahead.slice(rows)
        return {name: taken.column(name).combine_chunks() for name in self._names}


def _whole_seconds(path: Path, plan: Plan, columns: Iterable[FileColumn]) -> _Seconds:
    names = [column.name for column in columns if column.is_int96]
    return _Seconds(batches(path, plan, names, coerce_int96_timestamp_unit="s") if names else iter(()), names)


def columns_in(path: Path, plan: Plan | None = None) -> tuple[FileColumn, ...]:
    """The columns of a file, as it comes when it is read by a plan.

    Raises:
        Unreadable: Its footer cannot be read.
        FileNotFoundError: It is gone.
    """
    with open_parquet(path, **(plan.options if plan else {})) as file:
        return columns_of(file)


def text_columns(columns: Sequence[FileColumn]) -> list[str]:
    """Names of columns that DuckDB would change, whatever they hold."""
    return [column.name for column in columns if column.shape in EXACT_TEXT]
