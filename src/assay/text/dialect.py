"""One CSV line: where its fields end, and what is doubtful about it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import ClassVar, NamedTuple

from assay.text.record import Problem

_SPACE_BEFORE = Problem("a space before an opening quote", "quotes")
TEXT_AFTER = Problem("text after a closing quote", "quotes")
RETURN = Problem("a carriage return outside of quotes")


class Walk(NamedTuple):
    """What a line is made of.

    Attributes:
        separators: Delimiters outside of quotes.
        is_open: Whether the line ends inside quotes.
        broken: Why no record can be read here; None when one can.
        doubt: Why programs read this line differently; None when they agree.
    """

    separators: int
    is_open: bool
    broken: Problem | None
    doubt: Problem | None


@dataclass(frozen=True)
class Dialect:
    """Fields with a delimiter between them, as bytes of UTF-8.

    Attributes:
        delimiter: Between fields.
        quote: Around a field; empty for none.
        escape: Before a quote inside quotes; empty where nothing is.
    """

    keeps_empty_lines: ClassVar[bool] = True
    """Whether an empty line is a record, where records have one field."""

    delimiter: bytes
    quote: bytes
    escape: bytes

    def is_blank(self, line: bytes) -> bool:
        """Whether a line without its end holds nothing."""
        return not line

    def count(self, line: bytes) -> int:
        """Separators of a line without quotes, NUL bytes and carriage returns; less than 0 where it is no record."""
        return line.count(self.delimiter)

    def clean(self, raw: bytes) -> bytes:
        """A good record as it stands in a clean copy."""
        return raw

    def walk(self, line: bytes, *, is_open: bool = False) -> Walk:
        r"""Go through one physical line; `is_open` when it starts inside quotes. A `\r` at its end is a line end."""
        if not is_open and (not self.quote or self.quote not in line):
            return Walk(line.count(self.delimiter), False, None, self.doubt(line, is_last=True))
        at, separators, doubt = 0, 0, None
        size = len(line) - line.endswith(b"\r")
        while True:
            if is_open or (self.quote and line.startswith(self.quote, at)):
                closing, problem = self.closing(line, at if is_open else at + 1)
                doubt = doubt or problem
                if closing < 0:
                    return Walk(separators, True, None, doubt)
                at, is_open = closing + 1, False
                if at >= size:
                    return Walk(separators, False, None, doubt)
                if not line.startswith(self.delimiter, at):
                    return Walk(separators, False, TEXT_AFTER, doubt)
            else:
                end = line.find(self.delimiter, at)
                doubt = doubt or self.doubt(line[at:] if end < 0 else line[at:end], is_last=end < 0)
                if end < 0:
                    return Walk(separators, False, None, doubt)
                at = end
            at += len(self.delimiter)
            separators += 1

    def is_inside(self, line: bytes) -> bool:
        """Whether a line that starts inside quotes is inside them as a whole, and there is nothing doubtful in it."""
        return self.quote not in line and (self.escape in (b"", self.quote) or self.escape not in line)

    def closing(self, line: bytes, at: int) -> tuple[int, Problem | None]:
        """Where the quoted text from `at` on is closed, -1 for nowhere in this line; and what is doubtful in it."""
        if self.escape not in (b"", self.quote):
            return self._closing_escaped(line, at)
        while True:
            at = line.find(self.quote, at)
            if at < 0 or not self.escape or not line.startswith(self.quote, at + 1):
                return at, None
            at += 2

    def _closing_escaped(self, line: bytes, at: int) -> tuple[int, Problem | None]:
        doubt = None
        special = _either(self.quote, self.escape)
        while match := special.search(line, at):
            if match.group() == self.quote:
                return match.start(), doubt
            at = match.end() + 1
            if line[match.end() : at] not in (self.quote, self.escape):
                doubt = doubt or self._escaped_ordinary
        return -1, doubt

    @property
    def _escaped_ordinary(self) -> Problem:
        return Problem(f"{self.escape.decode()} before something other than a quote or itself", "quotes")

    @property
    def _stray_quote(self) -> Problem:
        return Problem(
            f"a {self.quote.decode()} inside an unquoted field may hide a delimiter or a line end; where it is an "
            'ordinary character, as in inches, quote: "" in the format of the contract says so',
            "stray quote",
        )

    def doubt(self, text: bytes, *, is_last: bool) -> Problem | None:
        """The doubt about an unquoted field, by quotes, spaces before them and lone carriage returns in it.

        DuckDB drops one space before a quote, keeps two, and others keep all; a lone return ends its record. To
        PostgreSQL and Excel every quote opens or closes, so what follows an odd one is not a field's end to them.
        """
        if self.quote and self.quote in text:
            if text.startswith(b" ") and text.lstrip(b" ").startswith(self.quote):
                return _SPACE_BEFORE
            if text.count(self.quote) % 2 or self._is_escaped_in(text):
                return self._stray_quote
        if b"\r" in (text.removesuffix(b"\r") if is_last else text):
            return RETURN
        return None

    def _is_escaped_in(self, text: bytes) -> bool:
        """Whether a quote of an unquoted field follows an escape, which those readers heed once a quote has opened."""
        return self.escape not in (b"", self.quote) and self.escape + self.quote in text

    def values(self, raw: bytes) -> Iterator[tuple[bytes, bool]]:
        """Each field of a whole record, and whether it was quoted.

        Raises:
            ValueError: The quotes of the record are broken.
        """
        at = 0
        while True:
            if is_quoted := bool(self.quote) and raw.startswith(self.quote, at):
                end, _ = self.closing(raw, at + 1)
                if end < 0:
                    raise ValueError("unclosed quote")
                yield self.unescaped(raw[at + 1 : end]), is_quoted
                at = end + 1
            else:
                end = raw.find(self.delimiter, at)
                end = len(raw) if end < 0 else end
                yield raw[at:end], is_quoted
                at = end
            if at == len(raw):
                return
            if not raw.startswith(self.delimiter, at):
                raise ValueError("text after a closing quote")
            at += len(self.delimiter)

    def simple(self, columns: int) -> re.Pattern[bytes] | None:
        """A pattern of lines that hold one whole record of so many fields, beyond doubt; not every such line matches.

        None where lines without quotes need none.
        """
        if not self.quote:
            return None
        quote, escape, delimiter = (re.escape(part) for part in (self.quote, self.escape, self.delimiter))
        if self.escape == self.quote:
            inside = b"[^Q]*(?:QQ[^Q]*)*"
        elif self.escape:
            inside = b"[^QE]*(?:E[QE][^QE]*)*"
        else:
            inside = b"[^Q]*"
        outside = b"[^DQ\\r]*" if len(self.delimiter) == 1 else b"(?:(?!D)[^Q\\r])*"
        pairs = b"(?:Q" + outside + b"Q" + outside + b")*" if self.escape in (b"", self.quote) else b""
        field = b"(?:Q" + inside + b"Q|(?! *Q)" + outside + pairs + b")"
        parts = {b"Q": quote, b"E": escape, b"D": delimiter}
        pattern = re.sub(
            b"[QED]", lambda match: parts[match.group()], field + b"(?:D" + field + b"){%d}" % (columns - 1)
        )
        return re.compile(pattern)

    def unescaped(self, text: bytes) -> bytes:
        """What stands between two quotes, without escapes."""
        if not self.escape or self.escape not in text:
            return text
        if self.escape == self.quote:
            return text.replace(self.quote * 2, self.quote)
        return re.sub(re.escape(self.escape) + b"(.)", rb"\1", text, flags=re.DOTALL)


@cache
def _either(one: bytes, other: bytes) -> re.Pattern[bytes]:
    return re.compile(re.escape(one) + b"|" + re.escape(other))
