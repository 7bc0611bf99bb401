"""Lines whose fields any number of spaces and tabs parts."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from assay.text.dialect import TEXT_AFTER, Dialect, Walk
from assay.text.record import Problem

_BLANKS = re.compile(rb"[ \t]*")
_WORD = re.compile(rb"[^ \t]+")


@dataclass(frozen=True)
class BlankRuns(Dialect):
    """Fields with blanks between them, which mean nothing before the first field and after the last.

    A field that is empty or holds blanks stands in quotes.
    """

    keeps_empty_lines: ClassVar[bool] = False

    def is_blank(self, line: bytes) -> bool:
        """Whether a line holds blanks at most."""
        return not line.strip(b" \t")

    def count(self, line: bytes) -> int:
        """Runs of blanks between fields."""
        return len(_words(line)) - 1

    def simple(self, columns: int) -> None:
        """There is none: where blanks are inside quotes is seen by walking through them."""

    def walk(self, line: bytes, *, is_open: bool = False) -> Walk:
        """Go through one physical line, as a delimiter that can be of any length makes of it."""
        separators = 0 if is_open else -1
        at, size = 0, len(line) - line.endswith(b"\r")
        doubt: Problem | None = None
        while True:
            if is_open:
                closing, problem = self.closing(line, at)
                doubt = doubt or problem
                if closing < 0:
                    return Walk(separators, True, None, doubt)
                at, is_open = closing + 1, False
                if at < size and not _is_blank(line, at):
                    return Walk(separators, False, TEXT_AFTER, doubt)
            at = _after_blanks(line, at)
            if at >= size:
                return Walk(separators, False, None, doubt)
            separators += 1
            if is_open := bool(self.quote) and line.startswith(self.quote, at):
                at += 1
            else:
                end = _end_of_word(line, at)
                doubt = doubt or self.doubt(line[at:end], is_last=end == len(line))
                at = end

    def values(self, raw: bytes) -> Iterator[tuple[bytes, bool]]:
        """Each field of a whole record, and whether it was quoted; raises as of `Dialect`."""
        for field in self._fields(raw):
            is_quoted = bool(self.quote) and field.startswith(self.quote)
            yield (self.unescaped(field[1:-1]) if is_quoted else field), is_quoted

    def clean(self, raw: bytes) -> bytes:
        """The fields as they are, quotes and all, with a tab between them."""
        return b"\t".join(self._fields(raw) if self.quote and self.quote in raw else _words(raw))

    def _fields(self, raw: bytes) -> Iterator[bytes]:
        at = _after_blanks(raw, 0)
        while at < len(raw):
            if self.quote and raw.startswith(self.quote, at):
                end = self.closing(raw, at + 1)[0] + 1
                if not end:
                    raise ValueError("unclosed quote")
                if end < len(raw) and not _is_blank(raw, end):
                    raise ValueError("text after a closing quote")
            else:
                end = _end_of_word(raw, at)
            yield raw[at:end]
            at = _after_blanks(raw, end)


def _words(line: bytes) -> list[bytes]:
    """What stands between blanks in a text without line ends; `split` would part it at two other characters as well."""
    return _WORD.findall(line) if b"\v" in line or b"\f" in line else line.split()


def _is_blank(line: bytes, at: int) -> bool:
    return line[at : at + 1] in (b" ", b"\t")


def _after_blanks(line: bytes, at: int) -> int:
    match = _BLANKS.match(line, at)
    return match.end() if match else at


def _end_of_word(line: bytes, at: int) -> int:
    match = _WORD.match(line, at)
    return match.end() if match else at
