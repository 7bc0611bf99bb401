"""Kinds of damage to a generated file (see `tests.corpus`), each with what has to become of it."""

from __future__ import annotations

import gzip
import random
from collections.abc import Callable

from tests.corpus import LONGER, Damaged, Dialect, Piece, pieces, rows, written

Kind = Callable[[random.Random, Dialect], Damaged | None]
COUNT = 30
"""Records of a file; more than twenty, from which on a file of broken ones alone is refused."""
_FOREIGN = {"utf-8": 0xFF, "cp1252": 0x81, "shift_jis": 0xFF, "gb18030": 0xFF, "utf-16-le": 0x00}
"""A byte that no text of an encoding has; of UTF-16 it stands for half a character."""


def sound(rng: random.Random, dialect: Dialect, count: int = COUNT) -> list[Piece]:
    """A file to which nothing has happened."""
    return pieces(dialect, rows(rng, dialect, count))


def _one(rng: random.Random, parts: list[Piece]) -> Piece:
    """A record in one line, not the first."""
    records = [part for part in parts if part.row is not None and "\n" not in part.text]
    return rng.choice(records[1:])


def _changed(change: Callable[[str, Dialect], str]) -> Kind:
    """Some records are written in another way, in which they cannot be read."""

    def kind(rng: random.Random, dialect: Dialect) -> Damaged:
        parts = sound(rng, dialect)
        for part in {id(part): part for part in (_one(rng, parts) for _ in range(3))}.values():
            part.text, part.is_broken = change(part.text, dialect), True
        return Damaged(parts)

    return kind


def nothing(rng: random.Random, dialect: Dialect) -> Damaged:
    """The file is sound."""
    return Damaged(sound(rng, dialect))


def no_last_end(rng: random.Random, dialect: Dialect) -> Damaged:
    """The last line has no end, as many writers leave it."""
    parts = sound(rng, dialect)
    parts[-1].end = ""
    return Damaged(parts)


def cut_off(rng: random.Random, dialect: Dialect) -> Damaged | None:
    """The file ends in the middle of a record, before its last field."""
    parts = [part for part in sound(rng, dialect) if not part.text.startswith("Total")]
    last = parts[-1]
    if "\n" in last.text or dialect.form.get("trimmed"):
        return None
    last.text, last.end, last.is_broken = last.text[: rng.randrange(1, 12)], "", True
    return Damaged(parts)


def cut_packed(rng: random.Random, dialect: Dialect) -> Damaged:
    """The file is packed by gzip, and cut off."""
    parts = sound(rng, dialect)
    packed = gzip.compress(written(dialect, parts), mtime=0)
    for part in parts:
        part.is_broken = part.row is not None
    return Damaged(parts, True, packed[: len(packed) * 2 // 3])


def open_quote(rng: random.Random, dialect: Dialect) -> Damaged | None:
    """A quote opens before the first field of a record."""
    return _changed(lambda text, d: d.quote + text)(rng, dialect) if dialect.quote else None


def mixed_ends(rng: random.Random, dialect: Dialect) -> Damaged | None:
    """Some lines end otherwise than others."""
    if dialect.end == "\r":
        return None
    parts = sound(rng, dialect)
    for part in parts:
        if part.row and rng.random() < 0.5:
            part.end = "\r\n" if dialect.end == "\n" else "\n"
    return Damaged(parts)


def empty_lines(rng: random.Random, dialect: Dialect) -> Damaged:
    """There are empty lines between records."""
    parts = sound(rng, dialect)
    blanks = ([Piece("", dialect.end)] * (rng.randrange(3) if part.row else 0) for part in parts)
    return Damaged([piece for part, after in zip(parts, blanks, strict=True) for piece in (part, *after)])


def lost_end(rng: random.Random, dialect: Dialect) -> Damaged | None:
    """What ends a line is lost, so that two records are one; two short ones of fixed width may look like one."""
    if dialect.form.get("trimmed"):
        return None
    parts = sound(rng, dialect)
    at = next(
        n for n, part in enumerate(parts) if part.row and part.row[0] > 5 and "\n" not in part.text + parts[n + 1].text
    )
    one, other = parts[at], parts.pop(at + 1)
    one.text, one.is_broken = one.text + other.text, True
    return Damaged(parts)


def another_header(rng: random.Random, dialect: Dialect) -> Damaged | None:
    """Two files were put together: the header stands between records once more."""
    if not dialect.has_header:
        return None
    parts = sound(rng, dialect)
    header = next(part for part in parts if part.text.startswith("id"))
    at = parts.index(_one(rng, parts))
    return Damaged([*parts[:at], Piece(header.text, dialect.end, is_broken=True), *parts[at:]])


def order_mark(rng: random.Random, dialect: Dialect) -> Damaged:
    """Two files were put together: a byte-order mark stands before a record."""
    mark = "\ufeff" if dialect.encoding in ("utf-8", "utf-16-le", "gb18030") else None
    return _changed(lambda text, _: (mark or "\udcef\udcbb\udcbf") + text)(rng, dialect)


def foreign_byte(rng: random.Random, dialect: Dialect) -> Damaged | None:
    """A record has a byte that no text of the encoding has."""
    byte = _FOREIGN.get(dialect.encoding)
    if byte is None:
        return None
    return _changed(lambda text, _: text[:1] + chr(0xDC00 + byte) + text[1:])(rng, dialect)


def nul(rng: random.Random, dialect: Dialect) -> Damaged:
    """A record near the beginning has a NUL character: no such file is text."""
    damaged = _changed(lambda text, _: text[:1] + "\0" + text[1:])(rng, dialect)
    assert damaged is not None
    damaged.may_be_refused = not dialect.encoding.startswith("utf-16")
    return damaged


def late_nul(rng: random.Random, dialect: Dialect) -> Damaged:
    """A record far behind has a NUL character."""
    parts = sound(rng, dialect, 3000)
    last = next(part for part in reversed(parts) if part.row and "\n" not in part.text)
    last.text, last.is_broken = last.text[:1] + "\0" + last.text[1:], True
    return Damaged(parts)


def long_line(rng: random.Random, dialect: Dialect) -> Damaged:
    """A record is longer than any may be; of JSON, longer than those of CSV may be."""
    parts = sound(rng, dialect)
    one = _one(rng, parts)
    if dialect.kind == "jsonl" and one.row is not None:
        one.row = (*one.row[:3], "x" * LONGER)
        one.text = dialect.row(one.row)
    else:
        one.text, one.is_broken = one.text + "x" * LONGER, True
    return Damaged(parts)


def _fewer(text: str, dialect: Dialect) -> str:
    """A record without its first field, its first character or its last one."""
    if dialect.kind == "jsonl":
        return text[:-1]
    delimiter = str(dialect.form.get("delimiter", ""))
    return text.partition("  " if delimiter == "blanks" else delimiter)[2] if delimiter else text[1:] + "x" * 41


def _more(text: str, dialect: Dialect) -> str:
    if dialect.kind == "jsonl":
        return text + "}"
    delimiter = str(dialect.form.get("delimiter", ""))
    return f"1{'  ' if delimiter == 'blanks' else delimiter}{text}" if delimiter else " " * 41 + text


def _stray_quote(text: str, dialect: Dialect) -> str:
    return text[:1] + (dialect.quote or '"') + text[1:]


def _no_date(text: str, _: Dialect) -> str:
    return text.replace("2024-", "2O24-", 1)


def _no_such_day(text: str, _: Dialect) -> str:
    at = text.index("2024-")
    return text[:at] + "2024-02-30" + text[at + 10 :]


KINDS: dict[str, Kind] = {
    "nothing": nothing,
    "no last end": no_last_end,
    "cut off": cut_off,
    "cut off when packed": cut_packed,
    "fewer fields": _changed(_fewer),
    "more fields": _changed(_more),
    "a stray quote": _changed(_stray_quote),
    "an open quote": open_quote,
    "no date": _changed(_no_date),
    "no such day": _changed(_no_such_day),
    "mixed ends": mixed_ends,
    "empty lines": empty_lines,
    "a lost end": lost_end,
    "another header": another_header,
    "a byte-order mark": order_mark,
    "a foreign byte": foreign_byte,
    "a nul": nul,
    "a late nul": late_nul,
    "a long line": long_line,
}
"""By their names."""
