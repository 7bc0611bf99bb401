"""CSV as Arrow reads it: the fast way into a table, for files of which every record was counted.

Arrow converts whole numbers exactly or fails, several times as fast as a guard in SQL; one thing that it takes for a
number and a contract does not, `0x1F`, is looked for in the bytes. Whole numbers that are written as `17850.0` come as
texts, and lose their zeros before Arrow converts them. All other columns come as text. Nothing here
decides what is malformed: whatever Arrow stumbles over sends the file the careful way.
"""

from __future__ import annotations

import io
import re
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv

from assay.contract.contract import Contract
from assay.contract.format import Format
from assay.text import Unreadable
from assay.text.as_text import text_in
from assay.text.framing import framed

_BLOCK = 8 << 20
"""Bytes that Arrow parses at a time; a longer record is left to the careful way."""
_LEAST = 4096  # bytes
_INTEGERS = {"tinyint": pa.int8(), "smallint": pa.int16(), "integer": pa.int32(), "bigint": pa.int64()}
_HEX = re.compile(rb"0[xX]")


class ArrowCsv:
    """A CSV file for DuckDB to scan; each scan reads the file anew.

    Args:
        path: The file; compressed or not.
        contract: The file's contract.
        header: The file's columns in its order; None when it has no header.
        has_quoted_line_ends: Whether a record goes over several lines.
    """

    def __init__(
        self, path: Path, contract: Contract, header: Sequence[str] | None, *, has_quoted_line_ends: bool
    ) -> None:
        form = contract.format
        columns = contract.names if header is None else contract.named(header)
        kinds = {name: _INTEGERS[kind] for name, kind in _whole_numbers(contract).items()}
        self._path = path
        self._schema = pa.schema([(f"c{at}", kinds.get(name, pa.string())) for at, name in enumerate(columns)])
        self._skipped = 0 if header is None else 1
        self._parse = pyarrow.csv.ParseOptions(
            delimiter=form.delimiter,
            quote_char=form.quote or False,
            double_quote=bool(form.quote),
            newlines_in_values=has_quoted_line_ends,
            ignore_empty_lines=len(columns) > 1,  # of one column, an empty line is a record
        )
        self._form = form
        self._nulls = list(form.nulls)
        self._quoted_nulls = form.quoted_nulls

    def __arrow_c_schema__(self) -> Any:
        """The columns, by their place: c0, c1, …."""
        return self._schema.__arrow_c_schema__()

    def __arrow_c_stream__(self, requested_schema: object = None) -> Any:
        """The records, from the first one; raises as `reader` does."""
        return self.reader().__arrow_c_stream__()

    @property
    def schema(self) -> pa.Schema:
        """The columns, by their place: c0, c1, …."""
        return self._schema

    def whole(self) -> pa.Table:
        """All records of a small file, read by the calling thread alone; raises as `reader` does."""
        stream = _Decimals(self._path, self._form)
        received = b"".join(iter(lambda: stream.read(_BLOCK), b""))
        try:
            return self._table(received, frozenset())
        except pa.ArrowInvalid:
            return self._table(received, self._numbers)

    def reader(self) -> pa.RecordBatchReader:
        """The records, from the first one.

        Raises:
            pyarrow.ArrowInvalid: A value is not a number of its type, or a record has too many fields or too few.
        """
        texts = self._texts()
        source = pa.PythonFile(_Decimals(self._path, self._form), mode="r")
        scanned = pyarrow.csv.open_csv(source, self._read(_BLOCK, True), self._parse, self._convert(texts))
        if not texts:
            return scanned
        return pa.RecordBatchReader.from_batches(self._schema, (self._numbered(batch, texts) for batch in scanned))

    @property
    def _numbers(self) -> frozenset[str]:
        return frozenset(field.name for field in self._schema if field.type != pa.string())

    def _texts(self) -> frozenset[str]:
        """Columns of whole numbers that the beginning of the file writes as `17850.0`, or leaves open."""
        with closing(_content(self._path, self._form)) as pieces:
            head = next(pieces, b"")
        if b".0" not in head:
            return frozenset()
        try:
            sample = self._sample(head[: head.rfind(b"\n") + 1])
        except pa.ArrowInvalid:
            return frozenset()
        return frozenset(name for name in self._numbers if not _is_plain(sample[name]))

    def _sample(self, head: bytes) -> pa.Table:
        read = self._read(max(_LEAST, len(head)), False)
        return pyarrow.csv.read_csv(pa.BufferReader(head), read, self._parse, self._convert(self._numbers))

    def _table(self, received: bytes, texts: frozenset[str]) -> pa.Table:
        """The records of a file; columns of whole numbers that come as texts are made numbers."""
        read = self._read(max(_LEAST, len(received)), False)
        table = pyarrow.csv.read_csv(pa.BufferReader(received), read, self._parse, self._convert(texts))
        return pa.Table.from_batches([self._numbered(batch, texts) for batch in table.to_batches()], self._schema)

    def _numbered(self, batch: pa.RecordBatch, texts: frozenset[str]) -> pa.RecordBatch:
        columns = [
            _whole(column, field.type) if field.name in texts else column
            for column, field in zip(batch.columns, self._schema, strict=True)
        ]
        return pa.RecordBatch.from_arrays(columns, schema=self._schema)

    def _read(self, block: int, use_threads: bool) -> pyarrow.csv.ReadOptions:
        return pyarrow.csv.ReadOptions(
            use_threads=use_threads, block_size=block, column_names=self._schema.names, skip_rows=self._skipped
        )

    def _convert(self, texts: frozenset[str]) -> pyarrow.csv.ConvertOptions:
        return pyarrow.csv.ConvertOptions(
            column_types={field.name: pa.string() if field.name in texts else field.type for field in self._schema},
            null_values=self._nulls,
            strings_can_be_null=True,
            quoted_strings_can_be_null=self._quoted_nulls,
        )


def _is_plain(texts: pa.ChunkedArray) -> bool:
    """Whether there are values, and none has a decimal point."""
    has_point = pc.any(pc.match_substring(texts, "."))
    return has_point.as_py() is False


def _whole(texts: pa.Array, kind: pa.DataType) -> pa.Array:
    """Whole numbers of their texts, of which some or all are written as `17850.0`.

    Raises:
        pyarrow.ArrowInvalid: A text is anything else; most often it is not a number.
    """
    without = pc.if_else(pc.ends_with(texts, ".0"), pc.utf8_slice_codeunits(texts, 0, -2), texts)
    try:
        return without.cast(kind)
    except pa.ArrowInvalid:
        return pc.replace_substring_regex(texts, r"^([0-9+-]+)\.0*$", r"\1").cast(kind)


def is_readable(form: Format) -> bool:
    """Whether Arrow knows the dialect: it wants single bytes."""
    if not form.has_delimiter:
        return False
    return len(form.delimiter.encode()) == 1 == max(1, len(form.quote.encode())) and not form.delimiter.isalnum()


def whole_numbers(contract: Contract) -> frozenset[str]:
    """The columns that Arrow gives as numbers, exact; all others are text."""
    return frozenset(_whole_numbers(contract))


def _whole_numbers(contract: Contract) -> dict[str, str]:
    kinds = {column.name: column.type.sql for column in contract.columns if not column.type.is_spelled}
    return {name: kind for name, kind in kinds.items() if kind in _INTEGERS}


class ManyCsv:
    """Small CSV files of one header for DuckDB to scan as one table, whose `_file_id` says which file a record is of.

    A file that cannot be read gives fewer records than it has, or none, and holds up no other.

    Args:
        files: The files, by their `_file_id`.
    """

    def __init__(self, files: Mapping[int, ArrowCsv]) -> None:
        self._files = files
        first = next(iter(files.values()))
        self._schema = first.schema.append(pa.field("_file_id", pa.int64()))

    def __arrow_c_schema__(self) -> Any:
        """The columns, by their place, and `_file_id`."""
        return self._schema.__arrow_c_schema__()

    def __arrow_c_stream__(self, requested_schema: object = None) -> Any:
        """The records, file by file."""
        return pa.RecordBatchReader.from_batches(self._schema, self._batches()).__arrow_c_stream__()

    def _batches(self) -> Iterator[pa.RecordBatch]:
        for file_id, file in self._files.items():
            try:
                batches = file.whole().to_batches()
            except (pa.ArrowException, MemoryError, OSError, ValueError, Unreadable):
                continue  # it is short of its records, and what is wrong with it shows when it is read alone
            for batch in batches:
                number = pa.repeat(pa.scalar(file_id, pa.int64()), batch.num_rows)
                yield pa.RecordBatch.from_arrays([*batch.columns, number], schema=self._schema)


def _content(path: Path, form: Format) -> Generator[bytes, None, None]:
    """The records of a file with one line of names."""
    yield from framed(text_in(path, form), form, keeps_lines=False)


class _Decimals(io.RawIOBase):
    """A file's content as a stream that ends with an error where a field may begin as a hexadecimal number does.

    The last record gets its line end where it has none: without it, Arrow takes an empty last field for a quoted one.
    """

    def __init__(self, path: Path, form: Format) -> None:
        self._content = _content(path, form)
        self._last = b"\n\n"

    def readable(self) -> bool:
        """Whether the stream can be read, which it always can."""
        return True

    def read(self, size: int = -1) -> bytes:
        """About as many bytes as asked for; none at the end."""
        taken, length = [], 0
        while length < size and (piece := next(self._content, b"")):
            self._refuse_hexadecimal(piece)
            taken.append(piece)
            length += len(piece)
        if not taken and self._last[-1:] not in b"\r\n":
            taken.append(b"\n")
            self._last = b"\n\n"
        return b"".join(taken)

    def close(self) -> None:
        """Close the file."""
        with closing(self._content):
            super().close()

    def _refuse_hexadecimal(self, piece: bytes) -> None:
        if b"x" in piece or b"X" in piece:
            seen = self._last + piece
            if any(not seen[at.start() - 1 : at.start()].isalnum() for at in _HEX.finditer(seen, 1)):
                raise ValueError("0x")
        self._last = (self._last + piece[-2:])[-2:]
