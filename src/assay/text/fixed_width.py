"""Lines whose fields have their places: so many characters each, padded with blanks."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from operator import itemgetter
from typing import ClassVar

from assay.text.dialect import RETURN, Dialect, Walk
from assay.text.record import Problem


@dataclass(frozen=True)
class FixedWidths(Dialect):
    """Fields by their places in a line; a blank line is no record.

    Attributes:
        widths: Characters of each field; a negative number is a gap, in which nothing may stand.
        is_trimmed: Whether blanks at the end of a line may be left out.
    """

    keeps_empty_lines: ClassVar[bool] = False

    widths: tuple[int, ...] = ()
    is_trimmed: bool = False

    def walk(self, line: bytes, *, is_open: bool = False) -> Walk:
        """Hold a line against the widths; it is never inside quotes."""
        text = line.removesuffix(b"\r")
        return Walk(self._separators, is_open, self._problem(text), RETURN if b"\r" in text else None)

    def count(self, line: bytes) -> int:
        """As many as there are between the fields where the line has its length; else -1."""
        if len(line) == self._length and not self._gaps and line.isascii():
            return self._separators
        return -1 if self._problem(line) else self._separators

    def values(self, raw: bytes) -> Iterator[tuple[bytes, bool]]:
        """Each field without the blanks around it; none is quoted."""
        return ((value.encode(), False) for value in self._texts(raw.decode()))

    def clean(self, raw: bytes) -> bytes:
        """The fields with tabs between them, in quotes where they hold one of the two."""
        texts = self._texts(raw.decode())
        if b"\t" in raw or b'"' in raw:
            texts = list(map(_quoted, texts))
        return "\t".join(texts).encode()

    def _texts(self, text: str) -> list[str]:
        return [value.strip(" ") for value in self._cut(text)]

    @cached_property
    def _cut(self) -> Callable[[str], Sequence[str]]:
        """Cuts a line into its fields."""
        cuts = [slice(start, end) for start, end in self._places]
        return itemgetter(*cuts) if len(cuts) > 1 else lambda text: [text[cuts[0]]]

    @cached_property
    def _separators(self) -> int:
        return len(self._places) - 1

    @cached_property
    def _places(self) -> tuple[tuple[int, int], ...]:
        return tuple(place for place, width in self._all if width > 0)

    @cached_property
    def _gaps(self) -> tuple[tuple[int, int], ...]:
        return tuple(place for place, width in self._all if width < 0)

    @property
    def _all(self) -> Iterator[tuple[tuple[int, int], int]]:
        at = 0
        for width in self.widths:
            yield (at, at + abs(width)), width
            at += abs(width)

    @cached_property
    def _length(self) -> int:
        return sum(map(abs, self.widths))

    def _problem(self, line: bytes) -> Problem | None:
        """What is wrong with the length of a line, or with its gaps; bytes of no character are told elsewhere."""
        text: bytes | str = line
        if not line.isascii():
            try:
                text = line.decode()
            except UnicodeDecodeError:
                return None
        length = len(text)
        if length > self._length or (length < self._length and not self.is_trimmed):
            hint = "" if length > self._length else "; `trimmed: true` if the writer leaves out blanks at ends of lines"
            return Problem(f"{length:,} characters, expected {self._length:,}{hint}", "length")
        for start, end in self._gaps:
            gap = text[start:end]
            if gap.strip(" " if isinstance(gap, str) else b" "):  # type: ignore[arg-type]
                words = f"characters {start + 1:,} to {end:,} are between fields and not blank"
                return Problem(words, "length")
        return None


def _quoted(value: str) -> str:
    return f'"{value.replace(chr(34), chr(34) * 2)}"' if "\t" in value or '"' in value else value
