"""CSV split into records, each with its line.

A record follows RFC 4180 in the dialect of its format; a quote that does not open a field is an ordinary character.
When a record turns out broken, or has the wrong number of fields because a quote ran over its line end, only the
physical line it starts on is malformed and the next line starts a new record: an open quote cannot swallow good ones.

Where programs read the same bytes differently (a space before an opening quote, a carriage return outside of quotes,
an escape before an ordinary character), the record is malformed too: nobody knows what its sender meant.
"""

from __future__ import annotations

from collections.abc import Iterator

from resources.text.dialect import Dialect, Walk, simple
from resources.text.lines import Lines, beginning
from resources.text.record import MAX_RECORD, Record, judged, too_long

_SHORT = 64 * 1024
"""Bytes up to which a line is tried against a pattern, whose memory grows with the quotes in the line."""


def csv_records(lines: Lines, rules: Dialect, columns: int, codec: str) -> Iterator[Record]:
    """The records of the rest of a text, good and malformed, in their order; blank lines are none.

    Work is linear in the size of the text: a line is looked at again only by records that are still open there, and
    no more than `columns` of those can be, because each quote that opens one adds a field to all before it.
    """
    return _Splitter(lines, rules, columns, codec).records()


class _Splitter:
    def __init__(self, lines: Lines, rules: Dialect, columns: int, codec: str) -> None:
        self._source = lines
        self._rules = rules
        self._columns = columns
        self._codec = codec
        self._simple = simple(rules, columns) if rules.quote else None

    def records(self) -> Iterator[Record]:
        """Each record; a line without a quote and with the right number of delimiters needs no closer look."""
        source, delimiter, separators = self._source, self._rules.delimiter, self._columns - 1
        quote = self._rules.quote or b"\0"  # a plain line holds no NUL
        while source.lines or source.advance():
            lines, first, is_plain, at = source.lines, source.first, source.is_plain, 0
            while at < len(lines):
                line = lines[at]
                if is_plain and quote not in line and line.count(delimiter) == separators:
                    if line:
                        yield Record(first + at, line, None)
                    at += 1
                    continue
                record, taken = self._look(at)
                if record:
                    yield record
                at += taken
                if source.lines is not lines:  # more lines were needed, and those before `at` were dropped
                    lines, first, is_plain, at = source.lines, source.first, source.is_plain, taken
            source.drop(at)

    def _look(self, at: int) -> tuple[Record | None, int]:
        """The record that starts on the line at this index, None on a blank one; and the lines it takes."""
        line, text = self._source.lines[at], self._text(at)
        if not text:
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
        source, end = self._source, at
        separators, doubt, size = walk.separators, walk.doubt, len(source.lines[at])
        while walk.is_open:
            if separators >= self._columns:
                return self._unclosed(at, f"more than {self._columns} fields"), 1
            end += 1
            if end == len(source.lines):
                has_more, end, at = source.extend(at), end - at, 0
                if not has_more:
                    return self._unclosed(at, "no other closes it before the end of the file"), 1
            line = source.lines[end]
            size += 1 + len(line)
            if size > MAX_RECORD:
                return self._unclosed(at, f"no other closes it within {MAX_RECORD:,} bytes"), 1
            if self._is_inside(line):
                continue
            walk = self._rules.walk(line, is_open=True)
            separators, doubt = separators + walk.separators, doubt or walk.doubt
            if walk.broken:
                return self._unclosed(at, f"the next one is on line {source.first + end}, and no field ends there"), 1
        if problem := self._miscounted(separators):
            return self._unclosed(at, f"{problem}, up to line {source.first + end}"), 1
        raw = source.end.join([*source.lines[at:end], self._text(end)])
        return self._judged(at, raw, doubt), end + 1 - at

    def _is_inside(self, line: bytes) -> bool:
        """Whether nothing in the line can close a quote or be doubtful."""
        rules = self._rules
        return rules.quote not in line and (rules.escape in (b"", rules.quote) or rules.escape not in line)

    def _text(self, at: int) -> bytes:
        line = self._source.lines[at]
        return line.removesuffix(b"\r") if self._source.end == b"\n" else line

    def _miscounted(self, separators: int) -> str | None:
        if separators == self._columns - 1:
            return None
        return f"{separators + 1:,} field{'s' if separators else ''}, expected {self._columns:,}"

    def _unclosed(self, at: int, why: str) -> Record:
        return self._judged(at, self._text(at), f"unclosed quote: {why}")

    def _judged(self, at: int, raw: bytes, problem: str | None) -> Record:
        if problem is None and self._source.is_plain:
            return Record(self._source.first + at, raw, None)
        return judged(self._source.first + at, raw, problem, self._codec)
