"""Tables in forty dialects, and kinds of damage to a file of them, made by a seed.

A file is a list of pieces: its records and the lines that are none, each with what ends it. Damage changes pieces and
marks those that can no longer be read, so that a test knows which rows have to come back and which lines may not.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date, timedelta
from decimal import Decimal
from itertools import cycle
from typing import Any

from assay.contract.format import BLANKS

Row = tuple[int, Decimal | None, date, str | None]
COLUMNS = {"id": "bigint", "amount": "decimal(12,2)", "day": "date", "note": "varchar"}
WIDTHS = (8, 14, 10, 40)
WORDS = (
    "tea",
    "two words",
    "O'Neill",
    'say "so"',
    "a,b;c|d",
    "x\ty",
    "Müller & Söhne",
    "Łódź",
    "お茶",
    "€ 5",
    "\\",
    "=1+1",
)
LONGER = 2_100_000
"""Characters of a text that no CSV record may have."""


@dataclass(frozen=True)
class Dialect:
    """How a table is written.

    Attributes:
        name: Of the dialect, as an id of a test.
        form: The `format` of a contract.
        row: Writes a record, without what ends it.
        encoding: A codec without a byte-order mark.
        end: What ends a line.
        mark: What the file begins with.
    """

    name: str
    form: Mapping[str, Any]
    row: Callable[[Row], str]
    encoding: str = "utf-8"
    end: str = "\n"
    mark: str = ""

    @property
    def kind(self) -> str:
        return str(self.form["type"])

    @property
    def quote(self) -> str:
        """The character around fields; empty where nothing is."""
        return str(self.form.get("quote", '"')) if self.kind == "csv" else ""

    @property
    def has_header(self) -> bool:
        return self.kind != "jsonl" and self.form.get("header", True) is not False

    def words(self) -> list[str]:
        """The texts that it can hold."""
        ends = {"\n", "\r"} if self.quote and self.end != "\r" else set()
        words = [*WORDS, *(("line\nend",) if ends else ()), "x" * 39]
        return [word for word in words if self._holds(word)]

    def _holds(self, word: str) -> bool:
        try:
            word.encode(self.encoding)
        except UnicodeError:
            return False
        if self.kind == "csv" and not self.quote:
            delimiter = self.form["delimiter"]
            return not {*" \t"} & {*word} if delimiter == BLANKS else delimiter not in word
        return True


@dataclass
class Piece:
    """A part of a file: a record, or a line that is none.

    Attributes:
        text: Without what ends it; `\\udcxx` is a byte that the encoding does not have.
        end: What ends it.
        row: What it says; None of a line that is no record.
        is_broken: Whether it is a record that cannot be read.
    """

    text: str
    end: str
    row: Row | None = None
    is_broken: bool = False


@dataclass
class Damaged:
    """A file that something happened to.

    Attributes:
        pieces: What it holds.
        may_be_refused: Whether a reader may refuse it as a whole, with a reason.
        content: Its bytes, where they are not those of the pieces.
    """

    pieces: list[Piece]
    may_be_refused: bool = False
    content: bytes | None = None

    def rows(self) -> list[Row]:
        """What has to come back, once each."""
        return [piece.row for piece in self.pieces if piece.row is not None and not piece.is_broken]

    def broken_lines(self) -> list[int]:
        """The lines on which records begin that cannot be read."""
        lines, line = [], 1
        for piece in self.pieces:
            if piece.is_broken:
                lines.append(line)
            line += 1 + piece.text.count("\n")
            line -= not piece.end
        return lines


def rows(rng: random.Random, dialect: Dialect, count: int) -> list[Row]:
    """Rows whose texts a dialect can hold."""
    words = dialect.words()
    can_be_empty = dialect.form.get("delimiter") != BLANKS
    return [
        (
            number,
            None if can_be_empty and rng.random() < 0.1 else Decimal(rng.randrange(-(10**6), 10**6)) / 100,
            date(2024, 1, 13) + timedelta(days=rng.randrange(300)),
            rng.choice(words),
        )
        for number in range(1, count + 1)
    ]


def pieces(dialect: Dialect, table: list[Row]) -> list[Piece]:
    """A sound file: lines before the header, the header, records, lines after them."""
    lines = [Piece(text, dialect.end) for text in _before(dialect)]
    lines += [Piece(dialect.row(row), dialect.end, row) for row in table]
    return [*lines, *(Piece("Total 1", dialect.end) for _ in range("footer" in dialect.form))]


def written(dialect: Dialect, parts: list[Piece]) -> bytes:
    """The bytes of a file."""
    text = dialect.mark + "".join(part.text + part.end for part in parts)
    if dialect.encoding.startswith("utf-16"):
        return text.encode(dialect.encoding, "surrogatepass")
    return text.encode(dialect.encoding, "surrogateescape")


def _before(dialect: Dialect) -> Iterator[str]:
    if "preamble" in dialect.form:
        yield from ("Report", "of May")
    if dialect.has_header:
        yield _header(dialect)
    if "comment" in dialect.form:
        yield "# a comment"


def _header(dialect: Dialect) -> str:
    if dialect.kind == "fixed":
        return "".join(name.ljust(width) for name, width in zip(COLUMNS, WIDTHS, strict=True))
    delimiter = str(dialect.form.get("delimiter", ","))
    return ("  " if delimiter == BLANKS else delimiter).join(COLUMNS)


def _delimited(name: str, delimiter: str, quote: str, escape: str, **form: Any) -> Dialect:
    between = "  " if delimiter == BLANKS else delimiter
    mark = form.get("decimal", ".")

    def text(value: str | None) -> str:
        if value is None or not quote:
            return value or ""
        special = {*between, quote, escape, "\n", "\r", " ", "\t", "#"}
        if quote == '"' and not special & {*value}:
            return value
        inside = value.replace(escape, escape * 2) if escape != quote else value
        return f"{quote}{inside.replace(quote, escape + quote)}{quote}"

    def row(values: Row) -> str:
        number, amount, day, note = values
        shown = "" if amount is None else str(amount).replace(".", mark)
        return between.join((str(number), shown, str(day), text(note)))

    return Dialect(name, {"type": "csv", "delimiter": delimiter, "quote": quote, "escape": escape, **form}, row)


def _fixed(name: str, **form: Any) -> Dialect:
    def row(values: Row) -> str:
        cells = ("" if value is None else str(value) for value in values)
        line = "".join(c.ljust(w) if w == WIDTHS[3] else c.rjust(w) for c, w in zip(cells, WIDTHS, strict=True))
        return line.rstrip(" ") if form.get("trimmed") else line

    return Dialect(name, {"type": "fixed", "widths": list(WIDTHS), **form}, row)


def _json(name: str, *, ensure_ascii: bool, indent: str = "") -> Dialect:
    def row(values: Row) -> str:
        number, amount, day, note = values
        shown = "null" if amount is None else str(amount)
        text = json.dumps(note, ensure_ascii=ensure_ascii)
        return f'{{{indent}"id": {number}, "amount": {shown}, "day": "{day}", "note": {text}}}'

    return Dialect(name, {"type": "jsonl"}, row)


_ENCODINGS = ("utf-8", "cp1252", "utf-16-le", "latin-1", "shift_jis", "gb18030", "iso8859-2", "utf-8-sig")
_QUOTINGS = {"double": ('"', '"'), "single": ("'", "\\"), "bare": ("", "")}
_ENDS = ("\n", "\r\n", "\r")
_FRAMES: tuple[dict[str, Any], ...] = (
    {"preamble": 2},
    {"preamble": {"until": "^id"}, "footer": "^Total"},
    {"comment": "#", "footer": "^Total"},
    {"header": False, "comment": "#"},
)


def _encoded(dialect: Dialect, encoding: str, end: str) -> Dialect:
    marked = {"utf-16-le": "utf-16", "utf-8-sig": "utf-8-sig"}
    codec = "utf-8" if encoding == "utf-8-sig" else encoding
    form = {**dialect.form, "encoding": marked.get(encoding, encoding)}
    name = f"{dialect.name} {encoding} {['lf', 'crlf', 'cr'][_ENDS.index(end)]}"
    return replace(dialect, name=name, form=form, encoding=codec, end=end, mark="\ufeff" if encoding in marked else "")


def _dialects() -> Iterator[Dialect]:
    encodings, ends = cycle(_ENCODINGS), cycle(_ENDS)
    names = {
        ",": "comma",
        ";": "semicolon",
        "\t": "tab",
        "|": "pipe",
        "||": "pipes",
        "~|~": "waves",
        BLANKS: BLANKS,
    }
    for at, (delimiter, called) in enumerate({**names, BLANKS: BLANKS}.items()):
        for way, (quoting, (quote, escape)) in enumerate(_QUOTINGS.items()):
            plain = _delimited(f"{called} {quoting}", delimiter, quote, escape, header=(at + way) % 4 != 3)
            yield _encoded(plain, next(encodings), _ENDS[(at + 2 * way) % 3])
    for frame in _FRAMES:
        yield _encoded(_delimited(f"framed {min(frame)}", ";", '"', '"', **frame), next(encodings), next(ends))
    for number, encoding in enumerate(("utf-8", "cp1252", "utf-16-le")):
        german = _delimited(f"german {number}", ";", '"', '"', decimal=",")
        yield _encoded(german, encoding, next(ends))
    for number, encoding in enumerate(("utf-8", "utf-16-le", "shift_jis", "cp1252", "utf-8-sig", "gb18030")):
        options: dict[str, Any] = {"trimmed": True} if number % 3 == 2 else {}
        frame = _FRAMES[number % 4] if number > 3 else {}
        yield _encoded(_fixed(f"fixed {number}", **options, **frame), encoding, next(ends))
    for number, encoding in enumerate(("utf-8", "utf-8-sig", "utf-16-le", "cp1252", "utf-8", "gb18030")):
        lines = _json(f"json {number}", ensure_ascii=number > 3, indent=" " * (number % 2))
        yield _encoded(lines, encoding, ("\n", "\r\n")[number % 2])


DIALECTS = tuple(_dialects())
