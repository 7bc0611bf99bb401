"""The pages of a column chunk by their own headers, which say how much each unpacks to; nothing is unpacked here.

A footer may say anything of its pages. What a header says is binding: readers make room for just that much.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Any

from assay.text import Unreadable

_DATA, _DICTIONARY, _DATA_V2 = 0, 2, 3
_FIRST_READ, _LONGEST = 1 << 10, 1 << 24  # bytes of a header; pyarrow allows as many
_DEEPEST = 16
_TRUE, _FALSE, _BYTE, _DOUBLE, _BINARY, _LIST, _SET, _MAP, _STRUCT = 1, 2, 3, 7, 8, 9, 10, 11, 12  # of Thrift
_MORE, _LONG_LIST = 128, 15
_NUMBERS = (4, 5, 6)  # of 16, 32 and 64 bits
_COUNTS = {5: 2, 7: 2, 8: 4}
"""Parts of a header that say how many values its page has, and the field of each that says how they are encoded."""


@dataclass(frozen=True)
class Page:
    """A page of data.

    Attributes:
        values: Its values, with those that are NULL.
        size: Bytes that it unpacks to.
        encoding: As the format numbers it.
    """

    values: int
    size: int
    encoding: int


@dataclass(frozen=True)
class Chunk:
    """The pages of one column in one row group.

    Attributes:
        dictionary: Bytes that its dictionary unpacks to; 0 where it has none.
        entries: Values of the dictionary.
        pages: Its other pages.
    """

    dictionary: int
    entries: int
    pages: tuple[Page, ...]


def pages_of(descriptor: int, chunk: Any) -> Chunk:
    """Read the headers of a chunk's pages.

    Args:
        descriptor: Of the open file.
        chunk: As pyarrow's `ColumnChunkMetaData`.

    Raises:
        Unreadable: One cannot be read.
    """
    if not chunk.num_values:  # pyarrow writes an empty table as a row group without a page
        return Chunk(0, 0, ())
    at = chunk.data_page_offset
    if chunk.dictionary_page_offset and 0 < chunk.dictionary_page_offset < at:
        at = chunk.dictionary_page_offset
    end, whole = at + chunk.total_compressed_size, os.fstat(descriptor).st_size
    if not 0 < at <= end <= whole:
        raise Unreadable(f"cannot be read as Parquet: its pages stand at the bytes {at:,} to {end:,} of {whole:,}")
    seen = dictionary = entries = 0
    pages = []
    while at < end and seen < chunk.num_values:
        header, length = _header(descriptor, at)
        if header.get(2, -1) < 0 or header.get(3, -1) < 0 or header.get("values", 0) < 0:
            raise Unreadable(f"cannot be read as Parquet: the page at byte {at:,} does not say its size")
        if header.get(1) == _DICTIONARY:
            dictionary, entries = max(dictionary, header[2]), max(entries, header.get("values", 0))
        elif header.get(1) in (_DATA, _DATA_V2):
            pages.append(Page(header.get("values", 0), header[2], header.get("encoding", 0)))
            seen += pages[-1].values
        at += length + header[3]
        if at > whole:
            raise Unreadable("cannot be read as Parquet: a page goes on beyond the end of the file")
    return Chunk(dictionary, entries, tuple(pages))


def _header(descriptor: int, at: int) -> tuple[dict[Any, int], int]:
    """The numbers of a header by their field, and how many bytes it takes."""
    size = _FIRST_READ
    while True:
        text = os.pread(descriptor, size, at)
        try:
            return _Thrift(text).header()
        except IndexError:
            if len(text) < size or size >= _LONGEST:
                raise Unreadable(f"cannot be read as Parquet: the header of the page at byte {at:,} is cut") from None
            size *= 16


class _Thrift:
    """Reads Thrift's compact protocol; an IndexError where the text ends too early."""

    def __init__(self, text: bytes) -> None:
        self._text = text
        self._at = 0

    def header(self) -> tuple[dict[Any, int], int]:
        """A page's header."""
        numbers: dict[Any, int] = {}
        for field, kind in self._fields():
            if kind in _NUMBERS:
                numbers[field] = self._number()
            elif field in _COUNTS and kind == _STRUCT:
                self._counts(numbers, _COUNTS[field])
            else:
                self._skip(kind)
        return numbers, self._at

    def _counts(self, numbers: dict[Any, int], encoding: int) -> None:
        for field, kind in self._fields():
            if kind not in _NUMBERS:
                self._skip(kind)
            elif field == 1:
                numbers["values"] = self._number()
            elif field == encoding:
                numbers["encoding"] = self._number()
            else:
                self._varint()

    def _fields(self) -> Any:
        field = 0
        while byte := self._byte():
            field = field + (byte >> 4) if byte >> 4 else self._number()
            yield field, byte & 15

    def _byte(self) -> int:
        byte = self._text[self._at]
        self._at += 1
        return byte

    def _varint(self) -> int:
        value = shift = 0
        while True:
            byte = self._text[self._at]
            self._at += 1
            value |= (byte & (_MORE - 1)) << shift
            if byte < _MORE:
                return value
            shift += 7

    def _number(self) -> int:
        value = self._varint()
        return (value >> 1) ^ -(value & 1)

    def _skip(self, kind: int, depth: int = 0, *, is_element: bool = False) -> None:
        if kind in (_TRUE, _FALSE):
            self._at += is_element
        elif kind in _NUMBERS:
            self._varint()
        elif kind == _BYTE:
            self._at += 1
        elif kind == _DOUBLE:
            self._at += 8
        elif kind == _BINARY:
            size = self._varint()
            self._at += size
        elif depth < _DEEPEST and kind in (_LIST, _SET, _MAP, _STRUCT):
            self._skip_parts(kind, depth + 1)
        else:
            raise Unreadable("cannot be read as Parquet: the header of a page is not in Thrift's compact protocol")
        if self._at > len(self._text):
            raise IndexError

    def _skip_parts(self, kind: int, depth: int) -> None:
        if kind == _STRUCT:
            for _, inner in self._fields():
                self._skip(inner, depth)
            return
        if kind == _MAP:
            size = self._varint()
            kinds = self._byte() if size else 0
            inners = [kinds >> 4, kinds & 15]
        else:
            byte = self._byte()
            size = byte >> 4 if byte >> 4 != _LONG_LIST else self._varint()
            inners = [byte & 15]
        for _ in range(size):
            for inner in inners:
                self._skip(inner, depth, is_element=True)
