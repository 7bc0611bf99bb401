"""The first record of a CSV file, and the column names in it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from assay.text.dialect import Dialect
from assay.text.lines import Lines
from assay.text.record import MAX_RECORD, Problem, judged
from assay.text.stream import Unreadable

_SHOWN = 5  # positions that a reason names


class First(NamedTuple):
    r"""The first record.

    Attributes:
        lines: Physical lines up to its end, with the blank ones before it.
        raw: Its text in UTF-8 without the line end.
        fields: Number of its fields, as far as they can be told.
        problem: Why it is malformed; None when it is good.
        has_return: Whether its line ends with `\r` before the `\n`.
    """

    lines: int
    raw: bytes
    fields: int
    problem: str | None
    has_return: bool


def first_record(lines: Iterable[bytes], rules: Dialect, end: bytes, codec: str) -> First | None:
    """The first record, which must end within `MAX_RECORD` bytes; None when the lines end before it does."""
    taken: list[bytes] = []
    blank, size, separators, is_open = 0, 0, 0, False
    problem: Problem | None = None
    for line in lines:
        size += len(line) + 1
        if size > MAX_RECORD:
            return First(blank + len(taken), b"", separators + 1, f"no end within {MAX_RECORD:,} bytes", False)
        if not taken and rules.is_blank(_text(line, end)):
            blank += 1
            continue
        taken.append(line)
        walk = rules.walk(line, is_open=is_open)
        separators, problem, is_open = separators + walk.separators, problem or walk.broken or walk.doubt, walk.is_open
        if walk.broken or not is_open:
            raw = end.join([*taken[:-1], _text(line, end)])
            words = judged(1, raw, problem, codec).problem
            return First(blank + len(taken), raw, separators + 1, words, _text(line, end) != line)
    return None


def _text(line: bytes, end: bytes) -> bytes:
    return line.removesuffix(b"\r") if end == b"\n" else line


def column_names(first: First | None, rules: Dialect) -> tuple[str, ...]:
    """The names in a header.

    Raises:
        Unreadable: There is no header, it is malformed, leaves a column without a name, or names two alike.
    """
    if first is None:
        raise Unreadable("the header is missing, or a quote in it is never closed")
    if first.problem is not None:
        raise Unreadable(f"the header is malformed: {first.problem}")
    names = tuple(value.decode() for value, _ in rules.values(first.raw))
    _refuse_unnamed(names)
    seen: dict[str, str] = {}
    for name in names:
        if name.casefold() in seen:
            raise Unreadable(f"the header names two columns alike: {seen[name.casefold()][:100]!r} and {name[:100]!r}")
        seen[name.casefold()] = name
    return names


def _refuse_unnamed(names: tuple[str, ...]) -> None:
    unnamed = [f"{at:,}" for at, name in enumerate(names, 1) if not name.strip()]
    if unnamed:
        more = f" and {len(unnamed) - _SHOWN:,} more" if len(unnamed) > _SHOWN else ""
        raise Unreadable(
            f"the header leaves {len(unnamed):,} of {len(names):,} columns without a name, at position "
            f"{', '.join(unnamed[:_SHOWN])}{more}: have the file sent with a name for each column, or without the "
            "delimiter that is one too many"
        )


def skip_header(lines: Lines, rules: Dialect, codec: str) -> None:
    """Move on to the line after the header.

    Raises:
        Unreadable: As of `column_names`.
    """
    first = first_record(_looked_at(lines), rules, lines.end, codec)
    column_names(first, rules)
    lines.drop(first.lines if first else 0)


def _looked_at(source: Lines) -> Iterator[bytes]:
    at = 0
    while at < len(source.lines) or source.extend(0):
        yield source.lines[at]
        at += 1
