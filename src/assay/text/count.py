"""Count the records of a file in its bytes, fast, and only where the count is beyond doubt.

This is evidence against DuckDB's reading and shares no code with the careful splitting. Of each piece only delimiters,
quotes and line ends are kept; what is left must be one and the same row of delimiters for every record. So each
counted record also has the right number of fields, of which DuckDB by itself is not sure: it ignores delimiters
at the end of a record.
"""

from __future__ import annotations

from assay.text.dialect import Dialect
from assay.text.encoding import is_valid
from assay.text.record import MAX_RECORD

_MAX_CARRIED = 1024 * 1024
"""Bytes carried over to the next piece; a record near the limit of `MAX_RECORD` is left to the careful splitting."""


def _all_but(kept: bytes) -> bytes:
    return bytes(set(range(256)) - set(kept))


class _Counter:
    """Counts pieces that are cut where a record may end.

    Attributes:
        records: Records up to now; None once there is a doubt.
        has_quoted_line_ends: Whether a record goes over several lines.
    """

    _odd: tuple[bytes, ...] = (b"\0",)
    """Bytes that a reader may take for more than a character."""

    def __init__(self, codec: str, line_end: bytes) -> None:
        self.records: int | None = 0
        self.has_quoted_line_ends = False
        self._codec = codec
        self._end = line_end
        self._carried = b""

    def add(self, piece: bytes) -> None:
        """Count the records of the next piece of the file."""
        if self.records is None:
            return
        data = self._carried + piece
        cut = self._cut(data)
        self._carried = data[cut:]
        if len(self._carried) > _MAX_CARRIED or len(data) > MAX_RECORD:  # in which a whole line may be too long
            self.records = None
        elif cut:
            self._add_whole(data[:cut])

    def finish(self) -> int | None:
        """The number of records, once every piece was added; the last line may lack its end."""
        if self._carried and self.records is not None:
            rest = self._carried.removesuffix(b"\r") if self._end == b"\r\n" else self._carried
            self._add_whole(rest + self._end)
        self._carried = b""
        return self.records

    def _add_whole(self, data: bytes) -> None:
        is_odd = any(byte in data for byte in self._odd) or (self._end == b"\r" and b"\n" in data)
        is_doubtful = is_odd or not is_valid(data, self._codec)
        count = None if is_doubtful else self._count(data)
        self.records = None if count is None or self.records is None else self.records + count

    def _cut(self, data: bytes) -> int:
        return data.rfind(self._end[-1:]) + 1

    def _count(self, data: bytes) -> int | None:
        raise NotImplementedError


class CsvCounter(_Counter):
    """Counts CSV records, the header among them, that all have the same number of fields; no blank line precedes it.

    Args:
        rules: The dialect; with an escape that is not the quote, only records without quotes can be counted.
        columns: Fields of each record.
        codec: The encoding, `utf-8` or `ascii`.
        line_end: What ends each record.
    """

    def __init__(self, rules: Dialect, columns: int, codec: str, line_end: bytes) -> None:
        super().__init__(codec, line_end)
        self._rules = rules
        self._record = rules.delimiter * (columns - 1) + line_end
        self._other = _all_but(rules.delimiter + b"\r\n")
        if len(rules.delimiter) > 1:
            self.records = None

    def _cut(self, data: bytes) -> int:
        """The place behind the last line end that is not inside quotes."""
        cut = super()._cut(data)
        if not self._rules.quote or self._rules.quote not in data or data.count(self._rules.quote, 0, cut) % 2 == 0:
            return cut
        while cut:
            before = data.rfind(self._end[-1:], 0, cut - 1) + 1
            is_even = data.count(self._rules.quote, before, cut) % 2
            cut = before
            if is_even:
                break
        return cut

    def _count(self, data: bytes) -> int | None:
        if self._rules.quote and self._rules.quote in data:
            outside = self._outside_quotes(data)
            if outside is None:
                return None
            data = outside
        records = self._equal_records(data)
        if records is not None or self._record == self._end:  # of one column, where an empty line is a record
            return records
        lines = data.split(self._end)
        lines = list(filter(None, lines))
        return self._equal_records(self._end.join([*lines, b""])) if lines else 0

    def _equal_records(self, data: bytes) -> int | None:
        marks = data.translate(None, self._other)
        count = len(marks) // len(self._record)
        return count if marks == self._record * count else None

    def _outside_quotes(self, data: bytes) -> bytes | None:
        """What is left without quoted text, of which each pair leaves one quote; None where one is not a field's."""
        if self._rules.escape != self._rules.quote:
            return None
        parts = data.split(self._rules.quote)
        outside, inside = parts[::2], parts[1::2]
        if len(outside) == len(inside) or not self._is_between_fields(outside):
            return None
        quoted = b"".join(inside)
        self.has_quoted_line_ends = self.has_quoted_line_ends or b"\n" in quoted or b"\r" in quoted
        return self._rules.quote.join(outside)

    def _is_between_fields(self, outside: list[bytes]) -> bool:
        """Whether what is between two quotes begins and ends as between two fields; `""` leaves nothing between."""
        delimiter, end = self._rules.delimiter[0], self._end
        between = set(outside[1:-1])
        between.discard(b"")
        begins = {part[0] for part in (*between, outside[-1])}
        ends = {part[-1] for part in (*between, *filter(None, outside[:1]))}
        return begins <= {delimiter, end[0]} and ends <= {delimiter, end[-1]}


class JsonCounter(_Counter):
    """Counts lines that hold more than white space."""

    _odd = (b"\0", b"\1")  # DuckDB reads lines as CSV whose fields 0x01 parts, and forgets it at the end of a line

    def __init__(self, codec: str, line_end: bytes) -> None:
        super().__init__(codec, line_end)
        self._other = _all_but(b"{" + line_end)

    def _count(self, data: bytes) -> int | None:
        marks = data.translate(None, self._other)
        if not marks.startswith(self._end) and self._end * 2 not in marks:
            return marks.count(self._end)
        return sum(1 for line in data.split(self._end) if line.strip(b" \t\r"))
