"""Tables that a seed makes: files as programs write them, undamaged but mean, and the truth about each of them.

Belongs here: values, columns and keys. How they are written into files stands in `generated_files`.
"""

from __future__ import annotations

import string
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from random import Random
from typing import Any

Cell = Callable[[Random, int], tuple[str, Any]]
"""A value of the record of some number: as files write it, and what it means."""

DATES = (
    "%Y-%m-%d", "%d.%m.%Y", "%m/%d/%Y", "%d/%m/%Y", "%d-%b-%Y", "%Y%m%d", "%d %B %Y", "%Y/%m/%d", "%d.%m.%y",
    "%d-%m-%Y",
)  # fmt: skip
MOMENTS = (
    "%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M:%S", "%d.%m.%Y %H:%M", "%m/%d/%Y %H:%M:%S", "%d/%m/%Y %H:%M",
    "%d-%b-%Y %H:%M:%S",
)  # fmt: skip
WORDS = (
    "tea",
    "Müller & Söhne",
    'say "so"',
    "a,b;c",
    "it's",
    "x|y",
    "0",
    "München",
    "Total Wine",
    "#1",
    "- none -",
    "a\tb",
)
PLAIN_WORDS = ("tea", "milk", "green apples", "n 1", "Total Wine", "May", "x-y")
CYRILLIC = ("Москва", "чай зелёный", "молоко", "Санкт-Петербург")
JAPANESE = ("東京", "お茶", "牛乳パック", "カメラ", "大阪府")
CENTRAL = ("Łódź", "čaj", "mléko", "Śląsk", "Győr")
NULLS = ("NA", "N/A", "NULL", "-", "")
FIRST = date(2023, 1, 13)


@dataclass(frozen=True)
class Marks:
    """How numbers are written, and which words there are."""

    decimal: str = "."
    thousands: str = ""
    words: Sequence[str] = WORDS
    has_signs: bool = True

    def number(self, value: Decimal | int) -> str:
        """A number with its marks."""
        text = f"{value:,}" if self.thousands else str(value)
        return text.replace(",", "#").replace(".", self.decimal).replace("#", self.thousands)


@dataclass(frozen=True)
class Column:
    """A column with the truth about it: its kind of type, where any will do empty."""

    name: str
    kind: str
    cell: Cell


def _plain(make: Callable[[Random, int], object]) -> Cell:
    def cell(rng: Random, number: int) -> tuple[str, Any]:
        value = make(rng, number)
        return (str(value).lower() if isinstance(value, bool) else str(value)), value

    return cell


def _dated(rng: Random) -> Column:
    patterns = rng.sample(DATES, rng.choice([1, 1, 1, 2, 3]))
    if {"%m/%d/%Y", "%d/%m/%Y"} <= set(patterns):
        patterns.remove("%m/%d/%Y")  # both in one column mean nothing

    def cell(rng: Random, _: int) -> tuple[str, Any]:
        value = FIRST + timedelta(days=rng.randrange(700))
        return value.strftime(rng.choice(patterns)), value

    return Column("booked date", "date", cell)


def _moment(rng: Random) -> Column:
    pattern = rng.choice(MOMENTS)

    def cell(rng: Random, _: int) -> tuple[str, Any]:
        value = datetime(2024, 1, 1) + timedelta(seconds=rng.randrange(10**7))
        text = value.strftime(pattern)
        return text, datetime.strptime(text, pattern)

    return Column("changed at", "timestamp", cell)


def _zoned(rng: Random) -> Column:
    zone = timezone(timedelta(hours=rng.choice([0, 1, -5])))

    def cell(rng: Random, _: int) -> tuple[str, Any]:
        value = datetime(2024, 1, 1, tzinfo=UTC) + timedelta(seconds=rng.randrange(10**7))
        return value.astimezone(zone).isoformat(), value

    return Column("sent_at", "timestamptz", cell)


def _money(rng: Random, marks: Marks) -> Column:
    unit = rng.choice(["{} €", "€{}", "$ {}", "{} EUR", "{} %"] if marks.has_signs else ["{} EUR", "{} %", "USD {}"])

    def cell(rng: Random, _: int) -> tuple[str, Any]:
        value = Decimal(rng.randrange(10**6)) / 100
        return unit.format(marks.number(value)), value

    return Column("fee", "decimal", cell)


def _ledger(rng: Random, marks: Marks) -> Column:
    negative = rng.choice(["({})", "{}-"])

    def cell(rng: Random, _: int) -> tuple[str, Any]:
        value = Decimal(rng.randrange(-(10**6), 10**6)) / 100
        return (negative.format(marks.number(-value)) if value < 0 else marks.number(value)), value

    return Column("balance", "decimal", cell)


def _decimal(name: str, most: int, scale: int, marks: Marks, null: str | None = None) -> Column:
    def cell(rng: Random, _: int) -> tuple[str, Any]:
        if null is not None and rng.random() < 0.15:
            return null, None
        value = Decimal(rng.randrange(-most, most)).scaleb(-scale)
        return marks.number(value), value

    return Column(name, "decimal", cell)


def _pieces(marks: Marks) -> Column:
    def cell(rng: Random, _: int) -> tuple[str, Any]:
        value = rng.randrange(10**6)
        return marks.number(value), value

    return Column("pieces", "integer", cell)


def _count(rng: Random) -> Column:
    null = rng.choice(NULLS)

    def cell(rng: Random, _: int) -> tuple[str, Any]:
        value = None if rng.random() < 0.2 else rng.randrange(500)
        return (null, None) if value is None else (f"{value:>5}" if null == "NA" else str(value), value)

    return Column("count", "integer", cell)


def _text(name: str, make: Callable[[Random, int], str]) -> Column:
    return Column(name, "text", _plain(make))


def columns_of(rng: Random, marks: Marks) -> list[Column]:
    """All columns that a table may have besides its key, some in a way of its own."""
    digits = string.digits
    return [
        _dated(rng), _moment(rng), _zoned(rng), _money(rng, marks), _ledger(rng, marks), _pieces(marks), _count(rng),
        _decimal("amount", 10**7, 2, marks), _decimal("ratio", 1000, 3, marks, rng.choice(NULLS)),
        _decimal("factor", 10**28, 12, marks),
        Column("is_paid", "boolean", _plain(lambda r, _: r.random() < 0.5)),
        Column("year", "integer", _plain(lambda r, _: r.randrange(1990, 2025))),
        Column("flag", "integer", _plain(lambda r, _: r.randrange(2))),
        Column("article", "integer", _plain(lambda r, _: r.randrange(10**7, 10**8))),
        Column("total_bytes", "integer", _plain(lambda r, _: r.randrange(10**19, 10**20))),
        Column("energy", "double", lambda r, _: (text := f"{r.random():.6f}e{r.randrange(-12, 12)}", float(text))),
        _text("note", lambda r, _: r.choice(marks.words)),
        _text("postcode", lambda r, _: f"{r.randrange(10**5):05}"),
        _text("phone", lambda r, _: f"+49 {r.randrange(100, 999)} {r.randrange(10**6)}"),
        _text("version", lambda r, _: ".".join(str(r.randrange(20)) for _ in range(3))),
        _text("opens", lambda r, _: f"{r.randrange(24):02}:{r.randrange(60):02}"),
        _text("weight", lambda r, _: "about 5" if r.random() < 0.1 else str(r.randrange(90))),
        _text("colour", lambda r, _: "".join(r.choices("0123456789abcdef", k=3))),
        _text("answer", lambda r, _: r.choice(["yes", "no"])),
        _text("host", lambda r, _: ".".join(str(r.randrange(256)) for _ in range(4))),
        _text("place", lambda r, _: f"{r.choice(marks.words)} {r.choice(digits)}"),
        Column("spare", "", lambda _r, _n: ("", None)),
    ]  # fmt: skip


@dataclass(frozen=True)
class Identified:
    """Columns of a key with what becomes of it.

    Attributes:
        columns: The key's, which come before the others.
        load: As a contract says it.
        repeats: Share of records that are there twice.
        overlap: Share of the numbers of a file that the next one has too.
    """

    columns: Sequence[Column]
    load: str = "events"
    repeats: float = 0.0
    overlap: float = 0.0


def identity_of(rng: Random) -> Identified:
    """A key of some kind."""
    start, step = rng.randrange(1, 10**6), rng.randrange(1, 4)
    name = rng.choice(["id", "Order-ID", "order_no", "customerId", "Beleg-Nr", "item_code"])
    single = rng.choice(
        [
            Column(name, "integer", _plain(lambda _, n: start + step * n)),
            Column(name, "text", _plain(lambda _, n: f"A{start + n:07}")),
            Column(name, "text", _plain(lambda _, n: str(uuid.UUID(int=(start + n) * 2**70 + n)))),
        ]
    )
    order = Column("order_no", "integer", _plain(lambda _, n: start + n // 3))
    line = Column("line_no", "integer", _plain(lambda _, n: n % 3 + 1))
    kinds = [
        Identified((single,)),
        Identified((order, line)),
        Identified((), repeats=0.1),
        Identified((single,), "snapshot", overlap=0.9),
    ]
    return rng.choices(kinds, (10, 4, 3, 2))[0]
