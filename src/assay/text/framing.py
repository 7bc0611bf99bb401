"""Lines of a CSV file that are no records: before the header, after the last record, comments, headers repeated.

They become blank lines, which are no records of two columns or more, so that every other line keeps its number. What
looks like one of them inside quotes is text. Both counts of a file's records go by what is left here.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from assay.contract.format import Format
from assay.text.dialect import Dialect
from assay.text.dialects import dialect
from assay.text.json_documents import json_lines
from assay.text.lines import line_end
from assay.text.record import MAX_RECORD
from assay.text.stream import PIECE, Unreadable

_LONGEST = 8 * MAX_RECORD
_ORDER_MARK = b"\xef\xbb\xbf"
_MOST_HELD = 10_000
"""Lines that may follow the last record; if more look like it, they are records."""
_SURE = 1 << 20
"""Bytes without a line feed after which lines are taken to end in carriage returns."""


@dataclass
class LeftOut:
    """How many lines with something in them are no records by their format; those of the header are not counted."""

    lines: int = 0


def framed(
    text: Iterable[bytes], form: Format, left_out: LeftOut | None = None, *, keeps_lines: bool = True
) -> Iterator[bytes]:
    """The text without the lines that its format says are no records; as it is where the format says nothing of it.

    Args:
        text: UTF-8, in pieces.
        form: Its format.
        left_out: Counts the lines that are left out, once all of the text is taken.
        keeps_lines: Whether a blank line stands where one was; else nothing does.
    """
    if form.records is not None:
        yield from json_lines(text, form.records)
        return
    if not form.is_framed:
        yield from text
        return
    frame = _Frame(form, left_out or LeftOut(), keeps_lines=keeps_lines)
    taken: list[bytes] = []
    size = 0
    for line in _lines(text, frame):
        taken += line
        size += sum(map(len, line))
        if size >= PIECE:
            yield b"".join(taken)
            taken, size = [], 0
    yield b"".join([*taken, *frame.rest()])


def _lines(text: Iterable[bytes], frame: _Frame) -> Iterator[list[bytes]]:
    """What becomes of each line, with its end."""
    kept: list[bytes] = []
    size, end = 0, b""
    for piece in text:
        kept.append(piece)
        size += len(piece)
        if size > _LONGEST:
            raise Unreadable(f"a line goes on for more than {_LONGEST:,} bytes")
        if not end:
            if b"\n" not in piece and size < _SURE:
                continue
            kept = [b"".join(kept).removeprefix(_ORDER_MARK)]
            end = line_end(kept)
        if end in kept[-1]:
            *lines, last = b"".join(kept).split(end)
            kept, size = [last], len(last)
            for line in lines:
                yield frame.take(line, end)
    left = b"".join(kept)
    left = left if end else left.removeprefix(_ORDER_MARK)
    end = end or line_end([left])
    *lines, last = left.split(end)
    for line in lines:
        yield frame.take(line, end)
    if last:
        yield frame.take(last, b"")


class _Frame:
    """Tells line by line what is a record, and holds back what may be the last lines."""

    def __init__(self, form: Format, left_out: LeftOut, *, keeps_lines: bool) -> None:
        self._left_out = left_out
        self._rules: Dialect = dialect(form)
        self._comment = form.comment.encode()
        self._footer = re.compile(form.footer.encode()) if form.footer else None
        self._until = re.compile(form.preamble.encode()) if isinstance(form.preamble, str) else None
        self._skipped = form.preamble if isinstance(form.preamble, int) else 0
        self._header_lines = form.header_lines
        self._repeats = form.repeated_header
        self._keeps_lines = keeps_lines
        self._header: list[bytes] = []
        self._is_open = False
        self._held: list[tuple[bytes, bytes]] = []

    def take(self, line: bytes, end: bytes) -> list[bytes]:
        """What stands for a line; nothing yet where it depends on those after it."""
        bare = line.removesuffix(b"\r")
        if self._is_before(bare):
            return self._leave_out(bare, end)
        if len(self._header) < self._header_lines and not self._is_open:
            if not bare.strip() or self._is_comment(bare):
                return self._leave_out(bare, end)
            return self._take_header(bare, end)
        if not self._is_open:
            if self._is_comment(bare) or (self._repeats and [bare] == self._header[:1]):
                return self._leave_out(bare, end)
            if (
                self._footer
                and len(self._held) < _MOST_HELD
                and (self._footer.search(bare) or (self._held and not bare.strip()))
            ):
                self._held.append((line, end))
                return []
        released = [part for held in self._held for part in held]
        for held, _ in self._held:
            self._is_open = self._rules.walk(held, is_open=self._is_open).is_open
        self._held = []
        self._is_open = self._rules.walk(line, is_open=self._is_open).is_open
        return [*released, line, end]

    def rest(self) -> list[bytes]:
        """What stands for the lines that were held back, when the text is over.

        Raises:
            Unreadable: The lines before the header never ended.
        """
        if self._until or self._skipped:
            raise Unreadable("all of the file is before the header, by the `preamble` of its contract")
        return [part for line, end in self._held for part in self._leave_out(line, end)]

    def _is_before(self, line: bytes) -> bool:
        if self._skipped:
            self._skipped -= 1
            return True
        if self._until and not self._until.search(line):
            return True
        self._until = None
        return False

    def _is_comment(self, line: bytes) -> bool:
        return bool(self._comment) and line.startswith(self._comment)

    def _leave_out(self, line: bytes, end: bytes) -> list[bytes]:
        self._left_out.lines += bool(line.strip())
        return self._blank(end)

    def _blank(self, end: bytes) -> list[bytes]:
        return [end] if self._keeps_lines else []

    def _take_header(self, line: bytes, end: bytes) -> list[bytes]:
        """The names in several lines as those in one; what stands below a name is behind it, after a blank."""
        self._header.append(line)
        if self._header_lines == 1:
            return [line, end]
        if len(self._header) < self._header_lines:
            return self._blank(end)
        rows = [[value.decode("utf-8", "replace").strip() for value, _ in self._values(row)] for row in self._header]
        width = max(map(len, rows))
        names = [" ".join(filter(None, (row[at] if at < len(row) else "" for row in rows))) for at in range(width)]
        return [self._rules.delimiter.join(map(self._quoted, names)), end]

    def _values(self, row: bytes) -> list[tuple[bytes, bool]]:
        try:
            return list(self._rules.values(row))
        except ValueError:
            return [(value, False) for value in row.split(self._rules.delimiter)]

    def _quoted(self, name: str) -> bytes:
        text, quote = name.encode(), self._rules.quote
        if quote and (self._rules.delimiter in text or quote in text):
            return quote + text.replace(quote, (self._rules.escape or quote) + quote) + quote
        return text
