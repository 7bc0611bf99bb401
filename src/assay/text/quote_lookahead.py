"""Looks ahead for the line on which an open quote is closed."""

from __future__ import annotations

from array import array
from typing import NamedTuple

from assay.text.dialect import Dialect
from assay.text.lines import Lines
from assay.text.record import MAX_RECORD, Problem


class Closed(NamedTuple):
    """The end of a record of several lines: its last physical line, and the delimiters on all lines but the first."""

    line: int
    separators: int


class Ahead:
    """Looks ahead in lines as they read from inside quotes.

    How a line reads from inside quotes is the same for every record that is open there, so it is found out once, and
    the time for a file of nothing but open quotes is linear. Kept is one *run*: lines that leave the quote open, up to
    the one that ends it.
    """

    def __init__(self, source: Lines, rules: Dialect) -> None:
        self._source = source
        self._rules = rules
        self._begin(0)

    def _begin(self, line: int) -> None:
        self._first = line
        self._separators = array("q", [0])  # sums over the run, one more than it has lines
        self._bytes = array("q", [0])
        self._is_ended = False
        self._broken: Problem | None = None

    def closed(self, opener: int) -> Closed | str:
        """Where the record that the physical line `opener` leaves open is closed; or why it is not, in words."""
        if not self._first <= opener + 1 < self._next + (not self._is_ended):
            self._begin(opener + 1)
        start = opener + 1 - self._first
        size = len(self._source.lines[opener - self._source.first])
        while not self._is_ended:
            is_beyond = self._next - self._source.first == len(self._source.lines)
            if is_beyond and not self._source.extend(opener - self._source.first):
                return "no other closes it before the end of the file"
            self._go_on()
            if size + self._bytes[-1] - self._bytes[start] > MAX_RECORD:
                break
        if size + self._bytes[-1] - self._bytes[start] > MAX_RECORD:
            return f"no other closes it within {MAX_RECORD:,} bytes"
        if self._broken:
            return f"the next one is on line {self._next - 1}, and no field ends there"
        return Closed(self._next - 1, self._separators[-1] - self._separators[start])

    @property
    def _next(self) -> int:
        return self._first + len(self._bytes) - 1

    def _go_on(self) -> None:
        line = self._source.lines[self._next - self._source.first]
        separators = 0
        if not self._rules.is_inside(line):
            walk = self._rules.walk(line, is_open=True)
            separators, self._is_ended, self._broken = walk.separators, not walk.is_open, walk.broken
        self._separators.append(self._separators[-1] + separators)
        self._bytes.append(self._bytes[-1] + 1 + len(line))
