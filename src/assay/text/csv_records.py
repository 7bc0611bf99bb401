"""CSV split into records, each with its line.

A record follows RFC 4180 in the dialect of its format; quotes that do not open a field are ordinary characters where
they are even in number, so that the fields of a record are the same to a reader to whom every quote opens or closes.
When a record turns out broken, or has the wrong number of fields because a quote ran over its line end, only the
physical line it starts on is malformed and the next line starts a new record: an open quote cannot swallow good ones.

Where programs read the same bytes differently (an odd number of quotes in an unquoted field, a space before an opening
quote, a carriage return outside of quotes, an escape before an ordinary character), the record is malformed too:
nobody knows what its sender meant.
"""

from __future__ import annotations

from collections.abc import Iterator

from assay.text.dialect import Dialect, Walk
from assay.text.lines import Lines, beginning
from assay.text.quote_lookahead import Ahead
from assay.text.record import MAX_RECORD, Problem, Record, Run, judged, too_long

_SHORT = 64 * 1024
"""Bytes up to which a line is tried against a pattern, whose memory grows with the quotes in the line."""


def csv_records(lines: Lines, rules: Dialect, columns: int, codec: str) -> Iterator[Run | Record]:
    """The records of the rest of a text, good and malformed, in their order.

    An empty line is a record of one empty field where records have one column and a delimiter, and none where they have
    more. Work is linear in the size of the text, whatever it holds.
    """
    return _Splitter(lines, rules, columns, codec).records()


class _Splitter:
    def __init__(self, lines: Lines, rules: Dialect, columns: int, codec: str) -> None:
        self._source = lines
        self._rules = rules
        self._columns = columns
        self._is_single = columns == 1 and rules.keeps_empty_lines
        self._codec = codec
        self._ahead = Ahead(lines, rules)
        self._simple = rules.simple(columns)

    def records(self) -> Iterator[Run | Record]:
        """Each record; a line without a quote and with the right number of delimiters needs no closer look."""
        source = self._source
        while source.lines or source.advance():
            lines, at = source.lines, 0
            while at < len(lines):
                if source.is_plain and (end := self._end_of_run(lines, at)) > at:
                    yield Run(source.first + at, lines[at:end])
                    at = end
                    continue
                record, taken = self._look(at)
                if record:
                    yield record
                at += taken
                if source.lines is not lines:  # more lines were needed, and those before `at` were dropped
                    lines, at = source.lines, taken
            source.drop(at)

    def _end_of_run(self, lines: list[bytes], start: int) -> int:
        count, separators = self._rules.count, self._columns - 1
        quote = self._rules.quote or b"\0"  # a plain line holds no NUL
        for at in range(start, len(lines)):
            line = lines[at]
            if quote in line or count(line) != separators or not (line or self._is_single):
                return at
        return len(lines)

    def _look(self, at: int) -> tuple[Record | None, int]:
        """The record that starts on the line at this index, None where a blank one is none; and the lines it takes."""
        line, text = self._source.lines[at], self._text(at)
        if self._rules.is_blank(text) and not self._is_single:
            return None, 1
        if len(text) > MAX_RECORD:
            return self._judged(at, beginning(text, MAX_RECORD), too_long(MAX_RECORD)), 1
        if self._simple and len(text) <= _SHORT and self._simple.fullmatch(text):
            return self._judged(at, text, None), 1
        walk = self._rules.walk(line)
        if walk.is_open:
            return self._look_ahead(at, walk)
        return self._judged(at, text, walk.broken or self._miscounted(walk.separators) or walk.doubt), 1

    def _look_ahead(self, at: int, walk: Walk) -> tuple[Record, int]:
        """The record that starts on the line at this index and is open at its end."""
        source, number = self._source, self._source.first + at
        closing = self._ahead.closed(number)
        at = number - source.first
        if isinstance(closing, str):
            return self._unclosed(at, closing), 1
        if problem := self._miscounted(walk.separators + closing.separators):
            return self._unclosed(at, f"{problem.words}, up to line {closing.line}"), 1
        end = closing.line - source.first
        raw = source.end.join([*source.lines[at:end], self._text(end)])
        inside = (self._rules.walk(line, is_open=True).doubt for line in source.lines[at + 1 : end + 1])
        return self._judged(at, raw, walk.doubt or next(filter(None, inside), None)), end + 1 - at

    def _unclosed(self, at: int, why: str) -> Record:
        return self._judged(at, self._text(at), Problem(f"unclosed quote: {why}", "quotes"))

    def _text(self, at: int) -> bytes:
        line = self._source.lines[at]
        return line.removesuffix(b"\r") if self._source.end == b"\n" else line

    def _miscounted(self, separators: int) -> Problem | None:
        if separators == self._columns - 1:
            return None
        words = f"{separators + 1:,} field{'s' if separators else ''}, expected {self._columns:,}"
        return Problem(words, "fields")

    def _judged(self, at: int, raw: bytes, problem: Problem | None) -> Record:
        if problem is None and self._source.is_plain:
            return Record(self._source.first + at, raw, None)
        return judged(self._source.first + at, raw, problem, self._codec)
