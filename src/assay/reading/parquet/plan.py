"""How a Parquet file is read within a number of bytes: how many records at a time, and what is left as a dictionary.

pyarrow takes memory that DuckDB's limit does not count, so what a reading takes is worked out before anything is
unpacked: from the schema and from the headers of the pages, never from what a footer says of them.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from assay.base.memory import NotEnoughMemory
from assay.reading.parquet.pages import Chunk, Page, pages_of

_ROWS = 1 << 16
_CELLS = 1 << 22
"""Values of a batch: a file of many columns is read in batches of fewer rows."""
_VALUE = 32
"""Bytes of a value of a fixed width, with its level and what is worked out of it."""
_ENTRY = 24
"""Bytes that a value of a dictionary, or of a page of differences, takes beside its text."""
_LEVELS = 8
"""Bytes of the two levels of a nested value, and what growing room for them takes."""
_RAW = 8
"""A row group whose packed bytes take more than this part of the memory is read through a buffer."""
_BUFFER = 1 << 20
_LEAST_BUFFER = 1 << 12
_SHORT = 1 << 12
"""A dictionary of so many bytes is not looked into: it may be one value."""
_DIRECT = ("STRING", "NONE")
"""Logical types whose dictionaries pyarrow hands over and DuckDB takes."""
VECTOR = 2048
"""Values that DuckDB works on at a time."""
_BY_DICTIONARY = {2, 8}  # encodings, as the format numbers them
_DIFFERENCES, _LENGTHS = 7, 6


@dataclass(frozen=True)
class Plan:
    """How a file is read.

    Attributes:
        rows: Of a batch.
        dictionaries: Columns of text or bytes whose values come as a dictionary, by their path in the schema. The
            values themselves may take a thousand times the room.
        buffer: Bytes that are read of a column at a time; 0 for all of a row group.
        is_by_group: Whether no batch may go over the end of a row group: pyarrow cannot join nested dictionaries.
    """

    rows: int
    dictionaries: tuple[str, ...]
    buffer: int
    is_by_group: bool

    @property
    def options(self) -> dict[str, Any]:
        """The options with which pyarrow opens the file."""
        return {"read_dictionary": list(self.dictionaries), "buffer_size": self.buffer}


@dataclass(frozen=True)
class _Need:
    """Bytes that one leaf of a row group takes: in any case, for each row, and twice the pages that a batch touches."""

    fixed: int
    per_row: int
    pages: tuple[Page, ...] = ()

    def of(self, rows: int) -> int:
        return self.fixed + rows * self.per_row + 2 * _most(self.pages, rows)


def make_plan(file: pq.ParquetFile, path: Path, memory: int) -> Plan:
    """Find a way to read all of a file.

    Args:
        file: The file, open.
        path: Where it is.
        memory: Bytes that the reading may take.

    Raises:
        NotEnoughMemory: There is none.
        Unreadable: The header of a page cannot be read.
    """
    planner = _Planner(file, path, memory)
    dictionaries = tuple(planner.column(leaf).path for leaf in planner.dictionaries)
    return Plan(planner.rows(), dictionaries, planner.buffer(), any("." in path for path in dictionaries))


class _Planner:
    def __init__(self, file: pq.ParquetFile, path: Path, memory: int) -> None:
        self._file = file
        self._path = path
        self._memory = memory
        self._groups = list(self._chunks())
        self._leaves = range(len(file.schema))
        self.dictionaries = [leaf for leaf in self._leaves if self._is_by_dictionary(leaf)]

    def column(self, leaf: int) -> Any:
        """The schema of a leaf."""
        return self._file.schema.column(leaf)

    def rows(self) -> int:
        """The number of rows of a batch that stays within the memory, whichever they are."""
        rows = max(256, min(_ROWS, _CELLS // max(1, len(self._leaves))))
        for group, chunks in enumerate(self._groups):
            self._within([_Need(_fixed(chunk), 0) for chunk in chunks], 1)  # before a dictionary is looked into
            self._within([_Need(self._vector(group, leaf), 0) for leaf in self._leaves], 1)
            rows = self._within([self._need(group, leaf, chunk) for leaf, chunk in enumerate(chunks)], rows)
        return rows

    def buffer(self) -> int:
        """Bytes to be read of a column at a time."""
        groups = [self._file.metadata.row_group(group) for group in range(len(self._groups))]
        packed = [sum(group.column(leaf).total_compressed_size for leaf in self._leaves) for group in groups]
        part = self._memory // _RAW
        return 0 if max(packed, default=0) <= part else max(_LEAST_BUFFER, min(_BUFFER, part // len(self._leaves)))

    def _chunks(self) -> Iterator[list[Chunk]]:
        descriptor = os.open(self._path, os.O_RDONLY)
        try:
            for group in range(self._file.num_row_groups):
                columns = self._file.metadata.row_group(group)
                yield [pages_of(descriptor, columns.column(leaf)) for leaf in range(columns.num_columns)]
        finally:
            os.close(descriptor)

    def _within(self, needs: Sequence[_Need], rows: int) -> int:
        while sum(need.of(rows) for need in needs) > self._memory:
            if rows == 1:
                least = sum(need.of(1) for need in needs)
                raise NotEnoughMemory(f"at least {least:,} bytes at once, of {self._memory:,}")
            rows = max(1, rows // 4)
        return rows

    def _is_by_dictionary(self, leaf: int) -> bool:
        """Whether all its pages refer to dictionaries; where some do not, making one of them all takes thirty times."""
        column = self.column(leaf)
        if column.physical_type != "BYTE_ARRAY" or column.logical_type.type not in _DIRECT:
            return False
        is_nested = "." in column.path
        if is_nested and not all(chunks[leaf].entries for chunks in self._groups):
            return False  # DuckDB 1.5.5 stumbles over a dictionary without entries inside of another value
        encodings = {page.encoding for chunks in self._groups for page in chunks[leaf].pages}
        return bool(encodings) and encodings <= _BY_DICTIONARY

    def _need(self, group: int, leaf: int, chunk: Chunk) -> _Need:
        column, fixed = self.column(leaf), _fixed(chunk)
        is_text = column.physical_type == "BYTE_ARRAY"
        width = _VALUE if is_text else max(_VALUE, 2 * (column.length or 0))
        longest = self._longest(group, leaf, chunk) if is_text and leaf not in self.dictionaries else 0
        if not column.max_repetition_level:
            return _Need(fixed, width + 2 * longest, chunk.pages if is_text else ())
        values, size = (sum(part) for part in zip((0, 0), *((p.values, p.size) for p in chunk.pages), strict=True))
        return _Need(fixed + values * (width + _LEVELS + 2 * longest) + 2 * size, 0)  # all may be of one record

    def _vector(self, group: int, leaf: int) -> int:
        """Bytes of the values of a fixed length that DuckDB takes at a time, which its limit does not count."""
        return min(VECTOR, int(self._file.metadata.row_group(group).num_rows)) * int(self.column(leaf).length or 0)

    def _longest(self, group: int, leaf: int, chunk: Chunk) -> int:
        """Bytes of the longest value for which little stands in a page; 0 where values stand there whole."""
        longest = 0
        if any(page.encoding == _DIFFERENCES for page in chunk.pages):
            longest = max(page.size for page in chunk.pages)
        if any(page.encoding in _BY_DICTIONARY for page in chunk.pages):
            longest = max(longest, self._longest_entry(group, leaf, chunk))
        return longest

    def _longest_entry(self, group: int, leaf: int, chunk: Chunk) -> int:
        if chunk.dictionary <= _SHORT or self.column(leaf).logical_type.type not in _DIRECT:
            return chunk.dictionary
        name = self.column(leaf).path
        with pa.OSFile(os.fsencode(self._path)) as source:
            file = pq.ParquetFile(source, read_dictionary=[name], buffer_size=_BUFFER, pre_buffer=False)
            array = next(file.iter_batches(batch_size=1, row_groups=[group], columns=[name])).column(0)
        if not pa.types.is_dictionary(array.type):
            return chunk.dictionary  # within a list or a struct
        return int(pc.max(pc.binary_length(array.dictionary)).as_py() or 0)


def _fixed(chunk: Chunk) -> int:
    """Bytes that reading a chunk takes, however few of its values are read at a time."""
    fixed = 3 * chunk.dictionary + _ENTRY * chunk.entries + 2 * max((page.size for page in chunk.pages), default=0)
    if any(page.encoding in (_DIFFERENCES, _LENGTHS) for page in chunk.pages):
        fixed += _ENTRY * max(page.values for page in chunk.pages)
    return fixed


def _most(pages: Sequence[Page], rows: int) -> int:
    """The most bytes of pages that so many records in a row touch."""
    most = size = values = first = 0
    for last, page in enumerate(pages):
        size, values = size + page.size, values + page.values
        while first < last and values - pages[first].values - page.values > rows - 2:
            size, values = size - pages[first].size, values - pages[first].values
            first += 1
        most = max(most, size)
    return most
