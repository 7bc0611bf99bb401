"""Records of text files, and the limit of their length."""

from __future__ import annotations

from typing import Literal, NamedTuple

from assay.text.encoding import foreign_byte, is_valid, printable

Fault = Literal["fields", "length", "quotes", "stray quote", "object", "nested"]
"""What is broken about a record's structure: its number of fields, its length, its quoting, a quote inside an unquoted
field whose meaning nobody knows, in JSON lines, that it is one complete object, or that a column's place in it is
inside an object.
"""

MAX_RECORD = 2_000_000 - 50
"""Bytes of the longest CSV record: DuckDB's default `max_line_size`, less room for a line number before it."""

MAX_JSON_LINE = 16 * 1024 * 1024
"""Bytes of the longest JSON line: DuckDB's own limit for one JSON object."""


MAX_DEPTH = 500
"""Levels of objects and arrays in a line of JSON; Python and DuckDB can read twice as many."""


class Problem(NamedTuple):
    """Why a record is malformed, in words; and its `fault`, where what is wrong is its structure."""

    words: str
    fault: Fault | None = None


class Record(NamedTuple):
    """One record of a file.

    Attributes:
        line: The physical line it starts on, from 1; a header counts.
        raw: Its text in UTF-8 without the line end. In a malformed record, a byte that is not of the file's encoding is
            written as in `\\xff`, and of an overlong line only the beginning is kept.
        problem: Why it is malformed, in words; None when it is good.
        fault: What is broken about its structure; None where nothing is.
        clean: What is read of it in place of its text; None for the text itself.
        aliases: (column, other name) of the columns that it calls otherwise; `clean` has their own names.
    """

    line: int
    raw: bytes
    problem: str | None
    fault: Fault | None = None
    clean: bytes | None = None
    aliases: tuple[tuple[str, str], ...] = ()


class Run(NamedTuple):
    """Good records of one line each, on consecutive lines: thousands of them are passed on at once.

    Attributes:
        line: The physical line of the first.
        raws: Their texts.
    """

    line: int
    raws: list[bytes]


def too_long(limit: int) -> Problem:
    """The problem of a line that goes on beyond the limit, in bytes."""
    return Problem(f"longer than {limit:,} bytes; only its beginning is kept here")


def judged(line: int, raw: bytes, problem: Problem | None, codec: str) -> Record:
    """The record; malformed where it has a problem, or bytes that no text of its encoding holds."""
    if problem is None and b"\0" in raw:
        problem = Problem(f"a NUL byte at column {len(raw[: raw.index(0)].decode('utf-8', 'replace')) + 1}")
    if problem is None and not is_valid(raw, codec):
        problem = Problem(foreign_byte(raw, codec))
    return Record(line, raw, None) if problem is None else Record(line, printable(raw, codec), *problem)
