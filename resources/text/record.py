"""What a record is, and how long one may be."""

from __future__ import annotations

from typing import NamedTuple

from resources.text.encoding import foreign_byte, is_valid, printable

MAX_RECORD = 2_000_000 - 50
"""Bytes of the longest CSV record: DuckDB's default `max_line_size`, less room for a line number before it."""

MAX_JSON_LINE = 16 * 1024 * 1024
"""Bytes of the longest JSON line: DuckDB's own limit for one JSON object."""


class Record(NamedTuple):
    """One record of a file.

    Attributes:
        line: The physical line it starts on, from 1; a header counts.
        raw: Its text in UTF-8 without the line end. In a malformed record, a byte that is not of the file's encoding is
            written as in `\\xff`, and of an overlong line only the beginning is kept.
        problem: Why it is malformed, in words; None when it is good.
    """

    line: int
    raw: bytes
    problem: str | None


class Run(NamedTuple):
    """Good records of one line each, on consecutive lines: thousands of them are passed on at once.

    Attributes:
        line: The physical line of the first.
        raws: Their texts.
    """

    line: int
    raws: list[bytes]


def too_long(limit: int) -> str:
    """The problem of a line that goes on beyond the limit, in bytes."""
    return f"longer than {limit:,} bytes; only its beginning is kept here"


def judged(line: int, raw: bytes, problem: str | None, codec: str) -> Record:
    """The record; malformed where it has a problem, or bytes that no text of its encoding holds."""
    if problem is None and b"\0" in raw:
        problem = f"a NUL byte at column {len(raw[: raw.index(0)].decode('utf-8', 'replace')) + 1}"
    if problem is None and not is_valid(raw, codec):
        problem = foreign_byte(raw, codec)
    return Record(line, raw if problem is None else printable(raw, codec), problem)
