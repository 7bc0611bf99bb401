"""Files of generated tables, in the dialects, encodings and types in which programs write them."""

from __future__ import annotations

import bz2
import gzip
import io
import json
import lzma
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from decimal import Decimal
from random import Random
from typing import Any

import openpyxl
import pyarrow as pa
from pyarrow import parquet

from tests.generated_tables import (
    CENTRAL,
    CYRILLIC,
    JAPANESE,
    PLAIN_WORDS,
    WORDS,
    Column,
    Identified,
    Marks,
    columns_of,
    identity_of,
)

SHOWN = 4
"""Of six files, those from which a contract is made."""
_CHANGED = 0.1
"""Share of the values of a record that the next snapshot has otherwise."""
_DELIMITERS = (",", ";", "\t", "|", "^", "~", ":", "||", "|~|")
_MARKS = ((".", ""), (",", "."), (".", ","), (",", " "), (".", "'"))
_TITLES = (
    ["Report of May"],
    ["Sales, May 2024", "", "printed by: J. Smith"],
    ["Stock", "as of 2024-05-31"],
    ["ACME Ltd.;;", ""],
)
_TOTALS = ("Total{0}123{0}", "end of file", "--- 1234 records ---", "Summe{0}1.234,50")
_NOT_IN_WORKBOOKS = ("total_bytes", "factor", "energy", "fee", "balance", "sent_at", "spare", "count", "ratio")
_NOT_IN_PARQUET = ("total_bytes", "spare")


@dataclass(frozen=True)
class Writing:
    """How the files of a table are written."""

    type: str = "csv"
    delimiter: str = ","
    quote: str = '"'
    escape: str = '"'
    is_all_quoted: bool = False
    encoding: str = "utf-8"
    header: bool = True
    end: str = "\n"
    titles: Sequence[str] = ()
    total: str = ""
    comment: str = ""
    packed: str = ""


@dataclass(frozen=True)
class Table:
    """A table in files.

    Attributes:
        writing: How they are written.
        columns: In their order.
        identity: What tells records apart.
        files: Their bytes.
        texts: What they say, where they are text.
        records: The values of each file's records.
    """

    writing: Writing
    columns: Sequence[Column]
    identity: Identified
    files: dict[str, bytes]
    texts: dict[str, str]
    records: dict[str, list[list[Any]]]

    @property
    def shown(self) -> list[str]:
        """The files from which a contract is made."""
        return list(self.files)[:SHOWN]


def table_of(seed: int) -> Table:
    """The table of a seed; the same in every run."""
    rng = Random(seed)  # noqa: S311 - data, no secret
    writing = _writing(rng)
    columns, identity = _columns(rng, writing)
    names = _names(rng, identity)
    numbers = _numbers(rng, identity)
    known: dict[int, list[tuple[str, Any]]] = {}
    rows = {name: [_row(rng, columns, n, known) for n in each] for name, each in zip(names, numbers, strict=True)}
    if identity.repeats:
        for each in rows.values():
            each.extend(rng.sample(each, max(2, int(len(each) * identity.repeats))))
    columns = columns if writing.header else [replace(c, name=f"column_{at}") for at, c in enumerate(columns, 1)]
    texts = {name: _text(writing, columns, each) for name, each in rows.items()}
    files = {name: _bytes(writing, columns, each, texts[name]) for name, each in rows.items()}
    records = {name: [[value for _, value in row] for row in each] for name, each in rows.items()}
    return Table(writing, columns, identity, files, texts, records)


def _writing(rng: Random) -> Writing:
    kind = rng.choices(["csv", "jsonl", "json", "excel", "parquet"], (80, 8, 5, 4, 3))[0]
    encodings = {"utf-8": 8, "utf-8-sig": 2, "utf-16": 1, "cp1252": 3, "cp1251": 0.5, "cp1250": 0.5, "cp932": 0.5}
    packed = rng.choices(["", ".gz", ".bz2", ".xz"], (12, 2, 1, 1))[0]
    if kind != "csv":
        return Writing(kind, packed=packed if kind in ("jsonl", "json") else "")
    quote, escape = rng.choices([('"', '"'), ('"', "\\"), ("'", "'"), ("", "")], (12, 1, 1, 2))[0]
    framed = rng.random()
    return Writing(
        delimiter=rng.choices(_DELIMITERS, (8, 8, 4, 4, 1, 1, 1, 1, 1))[0],
        quote=quote,
        escape=escape,
        is_all_quoted=bool(quote) and rng.random() < 0.3,
        encoding=rng.choices(list(encodings), list(encodings.values()))[0],
        header=framed < 0.3 or rng.random() < 0.9,
        end=rng.choice(["\n", "\r\n"]),
        titles=rng.choice(_TITLES) if framed < 0.1 else (),
        total=rng.choice(_TOTALS) if 0.07 < framed < 0.17 else "",
        comment="# made by export 1.2" if 0.2 < framed < 0.25 else "",
        packed=packed,
    )


def _columns(rng: Random, writing: Writing) -> tuple[list[Column], Identified]:
    others = {"cp1251": CYRILLIC, "cp932": JAPANESE, "cp1250": CENTRAL}.get(writing.encoding)
    words = [*PLAIN_WORDS, *others] if others else list(WORDS)
    if not writing.quote or writing.type == "excel":
        words = [word for word in words if not set(word) & {*writing.delimiter, '"', "'", "\t"}] or ["tea"]
    elif writing.type == "csv":
        words.append("line\nend")
    decimal, thousands = rng.choice(_MARKS) if writing.type == "csv" else (".", "")
    if not writing.quote and writing.delimiter in (decimal, thousands):
        decimal, thousands = ".", ""
    marks = Marks(decimal, thousands, words, has_signs=not others)
    left_out = {"excel": _NOT_IN_WORKBOOKS, "parquet": _NOT_IN_PARQUET}.get(writing.type, ())
    others_of = [column for column in columns_of(rng, marks) if column.name not in left_out]
    if not writing.quote and writing.delimiter == ":":
        others_of = [column for column in others_of if column.kind not in ("timestamp", "timestamptz", "text")]
    identity = identity_of(rng)
    chosen = rng.sample(others_of, min(len(others_of), rng.randrange(3, 11)))
    return [*identity.columns, *(_renamed(rng, column) for column in chosen)], identity


def _renamed(rng: Random, column: Column) -> Column:
    names = [column.name] * 3 + [column.name.upper(), column.name.title().replace("_", " "), f"{column.name} (old)"]
    return replace(column, name=rng.choice(names))


def _row(
    rng: Random, columns: Sequence[Column], number: int, known: dict[int, list[tuple[str, Any]]]
) -> list[tuple[str, Any]]:
    """The record of a number; of one that an earlier file has, most values stay."""
    fresh = [column.cell(rng, number) for column in columns]
    before = known.get(number, fresh)
    known[number] = [new if rng.random() < _CHANGED else old for old, new in zip(before, fresh, strict=True)]
    return known[number]


def _names(rng: Random, identity: Identified) -> list[str]:
    first = date(2024, 2, rng.randrange(1, 28))
    is_dated = identity.load == "snapshot" or rng.random() < 0.5
    return [f"stock_{first + timedelta(days=n)}" if is_dated else f"part-{n}" for n in range(6)]


def _numbers(rng: Random, identity: Identified) -> list[range]:
    if identity.overlap:
        size = rng.choice([60, 120])
        return [
            range(int(n * size * (1 - identity.overlap)), int(n * size * (1 - identity.overlap)) + size)
            for n in range(6)
        ]
    sizes = [3 * rng.randrange(10, 80) for _ in range(6)]
    return [range(sum(sizes[:n]), sum(sizes[: n + 1])) for n in range(6)]


def _text(writing: Writing, columns: Sequence[Column], rows: list[list[tuple[str, Any]]]) -> str:
    if writing.type in ("jsonl", "json"):
        objects = [_object(columns, row) for row in rows]
        if writing.type == "jsonl":
            return "".join(each + "\n" for each in objects)
        return f'{{"meta": {{"count": {len(rows)}}},\n "items": [{", ".join(objects)}]}}'
    if writing.type != "csv":
        return ""
    lines = [writing.comment] if writing.comment else []
    lines += writing.titles
    if writing.header:
        lines.append(writing.delimiter.join(_field(column.name, writing) for column in columns))
    lines += [writing.delimiter.join(_field(text, writing) for text, _ in row) for row in rows]
    lines += [writing.total.format(writing.delimiter)] if writing.total else []
    return "".join(line + writing.end for line in lines)


def _field(text: str, writing: Writing) -> str:
    quote = writing.quote
    special = {writing.delimiter, quote, "\n", "\r"} - {""}
    if quote and (writing.is_all_quoted or any(mark in text for mark in special)):
        return quote + text.replace(quote, writing.escape + quote) + quote
    return text


def _object(columns: Sequence[Column], row: list[tuple[str, Any]]) -> str:
    entries = []
    for column, (text, value) in zip(columns, row, strict=True):
        is_bare = column.kind in ("integer", "decimal", "double", "boolean") and text.strip("-")[:1] not in (
            "(",
            "$",
            "€",
        )
        is_number = is_bare and _is_json(text)
        written = "null" if value is None else text if is_number else json.dumps(text)
        entries.append(f"{json.dumps(column.name)}: {written}")
    return "{" + ", ".join(entries) + "}"


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except ValueError:
        return False
    return True


def _bytes(writing: Writing, columns: Sequence[Column], rows: list[list[tuple[str, Any]]], text: str) -> bytes:
    if writing.type == "excel":
        return _workbook(columns, rows)
    if writing.type == "parquet":
        return _parquet(columns, rows)
    pack = {"": bytes, ".gz": lambda b: gzip.compress(b, mtime=0), ".bz2": bz2.compress, ".xz": lzma.compress}
    return pack[writing.packed](text.encode(writing.encoding))


def _workbook(columns: Sequence[Column], rows: list[list[tuple[str, Any]]]) -> bytes:
    book = openpyxl.Workbook()
    sheet = book.active
    sheet.append([column.name for column in columns])
    for row in rows:
        sheet.append([float(value) if isinstance(value, Decimal) else value for _, value in row])
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def _parquet(columns: Sequence[Column], rows: list[list[tuple[str, Any]]]) -> bytes:
    values = {column.name: [row[at][1] for row in rows] for at, column in enumerate(columns)}
    kinds = {"decimal": pa.decimal128(38, 12), "integer": pa.int64(), "timestamp": pa.timestamp("us")}
    arrays = {
        name: pa.array(values[name], kinds.get(column.kind)) for name, column in zip(values, columns, strict=True)
    }
    out = io.BytesIO()
    parquet.write_table(pa.table(arrays), out)
    return out.getvalue()
