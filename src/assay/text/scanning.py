"""One pass over a file's bytes: its hash, whether it can be read, its header, and how many records it holds."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import NamedTuple

from assay.contract.format import Format
from assay.text.as_text import but_archives, count_converted, text_in
from assay.text.compression import MARK, OF_DUCKDB, Compression, compression, plain
from assay.text.count import CsvCounter, JsonCounter
from assay.text.dialect import Dialect
from assay.text.dialects import dialect
from assay.text.encoding import as_utf8, checked, codec_name, is_direct
from assay.text.framing import LeftOut, framed
from assay.text.header import First, column_names, first_record
from assay.text.lines import line_end
from assay.text.record import MAX_RECORD
from assay.text.stream import PIECE, open_regular, pieces


@dataclass(frozen=True)
class Scan:
    r"""The result of one pass over a file.

    Attributes:
        sha256: Of the bytes as received, in hex.
        size: Bytes as received.
        compression: What wraps them.
        header: The names of the columns; None in JSON lines and XML, and where the format has no header.
        records: Records, without the header, where that is certain; else None.
        line_end: What ends the first line: `\n`, `\r\n` or `\r`; None where it is too long to tell.
        has_quoted_line_ends: Whether a record was seen to go over several lines; only told with `records`.
        left_out: Lines with something in them that are no records by the format; None where it says nothing of lines.
    """

    sha256: str
    size: int
    compression: Compression
    header: tuple[str, ...] | None
    records: int | None
    line_end: str | None
    has_quoted_line_ends: bool
    left_out: int | None = None


class _Head(NamedTuple):
    """The beginning of a text, decompressed, and what it shows; `is_sure` when nothing later can change that."""

    content: bytes
    line_end: bytes
    first: First | None
    is_sure: bool


def scan(path: Path, format: Format, columns: int | None = None) -> Scan:
    """Hash, verify and count a CSV or JSON lines file.

    `records`, when it is told, is the number of records that `split` gives for as many columns, and all are good CSV.

    Args:
        path: The file.
        format: Its dialect.
        columns: Fields of a CSV record where there is no header; None for as many as the first one has.

    Raises:
        Unreadable: The file as a whole cannot be read.
        FileNotFoundError: It is gone.
        ValueError: The format is neither CSV nor JSON lines.
        LookupError: Python does not know the encoding.
    """
    if format.is_converted:
        return _converted(path, format)
    codec = codec_name(format.encoding)
    rules = None if format.type == "jsonl" else dialect(format)
    left_out = LeftOut()
    with open_regular(path) as file:
        received = _Received(pieces(file))
        content = checked(_plain(path, received, format), codec)
        # Of others, nothing but the code that splits them knows the lines that are read.
        is_counted = is_direct(codec) and format.records is None and not format.is_rearranged and format.has_delimiter
        if format.is_framed:
            content, codec = framed(as_utf8(content, codec), format, left_out), "utf-8"
        head = _head(content, rules, codec)
        header = column_names(head.first, rules) if rules and format.header else None
        width = columns if header is None else len(header)
        counter = _counter(head, rules, codec, width) if is_counted else None
        begin = head.content.lstrip(b"\r\n") if header else head.content  # blank lines before a header are nothing
        for piece in chain([begin], content):
            if counter:
                counter.add(piece)
    counted = counter.finish() if counter else None
    if format.type == "jsonl" and compression(received.head) not in OF_DUCKDB:
        counted = None  # DuckDB itself reads the files of which this is known
    return Scan(
        sha256=received.hash.hexdigest(),
        size=received.size,
        compression=compression(received.head),
        header=header,
        records=counted if counted is None or header is None else counted - 1,
        line_end=head.line_end.decode() if head.is_sure else None,
        has_quoted_line_ends=counter.has_quoted_line_ends if counter else False,
        left_out=left_out.lines if rules and format.is_framed else None,
    )


def _converted(path: Path, form: Format) -> Scan:
    """Hash a file of Avro or XML, and count its records as the file itself says them."""
    with open_regular(path) as file:
        received = _Received(pieces(file))
        counted = count_converted(but_archives(plain(iter(received))), form)
        for _ in received:  # all of it is hashed
            pass
    return Scan(
        received.hash.hexdigest(),
        received.size,
        compression(received.head),
        counted.names,
        counted.records,
        None,
        False,
    )


def _plain(path: Path, received: _Received, form: Format) -> Iterator[bytes]:
    """The text in the bytes that are received; of a spreadsheet its rows, once all bytes have been hashed."""
    if form.sheet is None:
        return but_archives(plain(iter(received)))
    for _ in received:
        pass
    return text_in(path, form)


class _Received:
    """Pieces of a file, hashed and counted as they pass."""

    def __init__(self, received: Iterator[bytes]) -> None:
        self.hash = hashlib.sha256()
        self.size = 0
        self.head = b""
        self._received = received

    def __iter__(self) -> Iterator[bytes]:
        for piece in self._received:
            if len(self.head) < MARK:
                self.head += piece[:MARK]
            self.hash.update(piece)
            self.size += len(piece)
            yield piece


def _head(content: Iterator[bytes], rules: Dialect | None, codec: str) -> _Head:
    """Take as much of the content as it needs to know the first record and what ends its lines."""
    taken, wanted = b"", PIECE
    while True:
        is_whole = False
        while len(taken) < wanted and not is_whole:
            piece = next(content, b"")
            taken, is_whole = taken + piece, not piece
        wanted *= 2
        text = taken if is_direct(codec) else b"".join(as_utf8(iter([taken]), codec))
        is_last = is_whole or len(text) > MAX_RECORD  # of UTF-8: a line of another encoding may be half as long in it
        end = line_end([text])
        is_sure = is_whole or b"\n" in text  # until then, a later line feed makes returns ordinary
        if not is_sure and not is_last:
            continue
        first = first_record(_lines(text, end, is_whole=is_last), rules, end, codec) if rules else None
        if first or is_last or not rules:
            return _Head(taken, b"\r\n" if first and first.has_return else end, first, is_sure)


def _lines(text: bytes, end: bytes, *, is_whole: bool) -> Iterator[bytes]:
    """The lines of the beginning of a text; the last one only if the text is whole."""
    at = 0
    while (stop := text.find(end, at)) >= 0:
        yield text[at:stop]
        at = stop + 1
    if is_whole and at < len(text):
        yield text[at:]


def _counter(head: _Head, rules: Dialect | None, codec: str, columns: int | None) -> CsvCounter | JsonCounter | None:
    if not head.is_sure:
        return None
    if rules is None:
        return JsonCounter(codec, head.line_end)
    if head.first is None or head.first.problem is not None:
        return None
    return CsvCounter(rules, columns or head.first.fields, codec, head.line_end)
