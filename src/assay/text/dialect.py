"""One CSV line in the dialect of a `Format`: where its fields end, and what is doubtful about it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import NamedTuple

from assay.contract.format import Format
from assay.text.record import Problem

_SPACE_BEFORE = Problem("a space before an opening quote", "quotes")
_TEXT_AFTER = Problem("text after a closing quote", "quotes")
_RETURN = Problem("a carriage return outside of quotes")


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
    """A `Format` as bytes of UTF-8.

    Attributes:
        delimiter: Between fields.
        quote: Around a field; empty for none.
        escape: Before a quote inside quotes; empty where nothing is.
    """

    delimiter: bytes
    quote: bytes
    escape: bytes

    def walk(self, line: bytes, *, is_open: bool = False) -> Walk:
        r"""Go through one physical line; `is_open` when it starts inside quotes. A `\r` at its end is a line end."""
        if not is_open and (not self.quote or self.quote not in line):
            return Walk(line.count(self.delimiter), False, None, self._doubt(line, is_last=True))
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
                    return Walk(separators, False, _TEXT_AFTER, doubt)
            else:
                end = line.find(self.delimiter, at)
                doubt = doubt or self._doubt(line[at:] if end < 0 else line[at:end], is_last=end < 0)
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

    def _doubt(self, text: bytes, *, is_last: bool) -> Problem | None:
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
            return _RETURN
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
                yield self._unescaped(raw[at + 1 : end]), is_quoted
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

    def _unescaped(self, text: bytes) -> bytes:
        if not self.escape or self.escape not in text:
            return text
        if self.escape == self.quote:
            return text.replace(self.quote * 2, self.quote)
        return re.sub(re.escape(self.escape) + b"(.)", rb"\1", text, flags=re.DOTALL)


@cache
def _either(one: bytes, other: bytes) -> re.Pattern[bytes]:
    return re.compile(re.escape(one) + b"|" + re.escape(other))


def dialect(form: Format) -> Dialect:
    """The dialect of a CSV format.

    Raises:
        ValueError: The format is no CSV, its quote or escape is not one ASCII character, or its delimiter is empty.
    """
    if form.type != "csv" or not form.delimiter:
        raise ValueError(f"no CSV dialect: type {form.type!r}, delimiter {form.delimiter!r}")
    if not (form.quote + form.escape).isascii() or len(form.quote) > 1 or len(form.escape) > 1:
        raise ValueError(f"quote {form.quote!r} and escape {form.escape!r} must be one ASCII character or empty")
    escape = form.escape if form.quote else ""
    return Dialect(form.delimiter.encode(), form.quote.encode(), escape.encode())


def fields(raw: bytes, format: Format) -> list[str | None]:
    """The values of one CSV record as DuckDB reads them; None for a field that means NULL.

    Raises:
        ValueError: The quotes of the record are broken, or the format is no CSV.
        UnicodeDecodeError: The record is not UTF-8.
    """
    nulls = frozenset(null.encode() for null in format.nulls)
    return [
        None if value in nulls and (format.quoted_nulls or not is_quoted) else value.decode()
        for value, is_quoted in dialect(format).values(raw)
    ]


def simple(rules: Dialect, columns: int) -> re.Pattern[bytes]:
    """A pattern of lines that hold one whole record of so many fields, beyond doubt; not every such line matches."""
    quote, escape, delimiter = (re.escape(part) for part in (rules.quote, rules.escape, rules.delimiter))
    if rules.escape == rules.quote:
        inside = b"[^Q]*(?:QQ[^Q]*)*"
    elif rules.escape:
        inside = b"[^QE]*(?:E[QE][^QE]*)*"
    else:
        inside = b"[^Q]*"
    outside = b"[^DQ\\r]*" if len(rules.delimiter) == 1 else b"(?:(?!D)[^Q\\r])*"
    pairs = b"(?:Q" + outside + b"Q" + outside + b")*" if rules.escape in (b"", rules.quote) else b""
    field = b"(?:Q" + inside + b"Q|(?! *Q)" + outside + pairs + b")"
    parts = {b"Q": quote, b"E": escape, b"D": delimiter}
    pattern = re.sub(b"[QED]", lambda match: parts[match.group()], field + b"(?:D" + field + b"){%d}" % (columns - 1))
    return re.compile(pattern)
