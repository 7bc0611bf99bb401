"""By which patterns the dates of a column are written: few of them, of which every value fits one and means one day."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache
from itertools import product

import duckdb

from assay.contract.month_names import month_names
from assay.contract.spelling import Spelling
from assay.reading.spelled import moment

_DAYS = (
    "%d.%m.%Y", "%-d.%-m.%Y", "%d.%m.%y", "%Y-%m-%d", "%Y/%m/%d", "%Y.%m.%d", "%d/%m/%Y", "%m/%d/%Y", "%-d/%-m/%Y",
    "%-m/%-d/%Y", "%d/%m/%y", "%m/%d/%y", "%d-%m-%Y", "%m-%d-%Y", "%d-%b-%Y", "%d-%b-%y", "%d %b %Y", "%-d %b %Y",
    "%d %B %Y", "%-d %B %Y", "%b %-d, %Y", "%B %-d, %Y", "%b %d, %Y", "%B %d, %Y", "%Y%m%d",
)  # fmt: skip
_TIMES = (
    "", " %H:%M:%S", " %H:%M", "T%H:%M:%S", "T%H:%M", " %H:%M:%S.%f", "T%H:%M:%S.%f", " %-I:%M:%S %p", " %-I:%M %p",
    "T%H:%M:%S%z", "T%H:%M:%S.%f%z", " %H:%M:%S %z", " %H:%M:%S%z", "T%H%M%S", "%H%M%S",
)  # fmt: skip
_NAMED = (
    "%-d. %B %Y", "%d. %B %Y", "%-d %B %Y", "%d %B %Y", "%-d. %b %Y", "%d. %b %Y", "%-d %b %Y", "%d %b %Y", "%d-%b-%Y",
    "%d-%b-%y", "%d.%b.%Y", "%-d de %B de %Y", "%B %-d, %Y", "%b %-d, %Y", "%Y %b %d",
)  # fmt: skip
"""How days are written with the name of a month in other languages than English."""
_NAMED_TIMES = ("", " %H:%M:%S", " %H:%M")
_LANGUAGES = (
    "de", "fr", "es", "it", "pt", "nl", "pl", "cs", "sv", "da", "nb", "fi", "hu", "ro", "tr", "ru", "uk", "el",
)  # fmt: skip
_BETWEEN = {"de"}
"""Words of a date that are no month: `5 de marzo de 2024`."""
_MOST = 4
"""Ways of writing that one column may have."""
_TEMPORAL = re.compile(
    r"(^|_|[a-z])(date|day|datum|dt|time|at|on|ts|timestamp|tag|jour|fecha)($|_|\d|[A-Z])", re.IGNORECASE
)


@dataclass(frozen=True)
class DatePatterns:
    """How the dates of a column are written.

    Attributes:
        patterns: Of which each value fits one.
        kind: The type that holds them.
        unsure: Where day and month may be the other way round, or the language another.
        locale: The language of names of months, where it is not English.
    """

    patterns: tuple[str, ...]
    kind: str
    unsure: list[str] = field(default_factory=list)
    locale: str = ""


def patterns_of(connection: duckdb.DuckDBPyConnection, name: str) -> DatePatterns | None:
    """The patterns of the values in the temporary table `seen`, a sample of which is `sampled`; None for no dates.

    Args:
        connection: With these tables, of texts `t`.
        name: The column, for messages; digits alone are dates where it is called like one.
    """
    locale, likely = "", _on_sample(connection, _PATTERNS)
    others: list[str] = []
    if not likely and (languages := _languages(connection)):
        locale, *others = languages
        likely = _on_sample(connection, _NAMED_PATTERNS, locale)
    if not likely:
        return None
    groups = _fits(connection, likely, locale)
    if any(not fits for fits, _, _ in groups):
        return None
    chosen = _cover(likely, [fits for fits, _, _ in groups])
    if not chosen or (all(map(_is_digits, chosen)) and not _TEMPORAL.search(name)):
        return None
    if any(len(set(fits) & set(chosen)) > 1 for fits, _, _ in groups):
        return None
    doubts = _doubts(name, chosen, groups)
    if others:
        doubts.append(
            f"{name}: its months have names that {locale} has, which was taken, and {', '.join(others)} as well"
        )
    return DatePatterns(tuple(chosen), _kind(chosen), doubts, locale)


def _languages(connection: duckdb.DuckDBPyConnection) -> list[str]:
    """The languages in which each word of the sample is the name of a month."""
    rows = connection.execute(
        r"select distinct lower(unnest(regexp_extract_all(t, '\pL[\pL\pM]*'))) as word from sampled limit 100"
    ).fetchall()
    words = {word for (word,) in rows} - _BETWEEN
    return [locale for locale in _LANGUAGES if words and words <= _names(locale)]


@cache
def _names(locale: str) -> frozenset[str]:
    return frozenset(
        name.lower().rstrip(".") for is_short in (True, False) for name in month_names(locale, is_short=is_short)
    )


def _is_digits(pattern: str) -> bool:
    """Whether a value of a pattern is a whole number too."""
    return not re.sub("%[YmdHMS]", "", pattern)


_PATTERNS = tuple("".join(parts) for parts in product(_DAYS, _TIMES))
_NAMED_PATTERNS = tuple("".join(parts) for parts in product(_NAMED, _NAMED_TIMES))


def _on_sample(connection: duckdb.DuckDBPyConnection, patterns: Sequence[str], locale: str = "") -> list[str]:
    """The patterns that some value of the sample fits, those of most values first."""
    counts = ", ".join(f"count({moment('t', Spelling(dates=(pattern,), locale=locale))})" for pattern in patterns)
    [row] = connection.execute(f"select {counts} from sampled").fetchall()
    ranked = sorted(zip(row, range(len(patterns)), patterns, strict=True), key=lambda item: (-item[0], item[1]))
    return [pattern for count, _, pattern in ranked if count]


def _fits(
    connection: duckdb.DuckDBPyConnection, patterns: list[str], locale: str
) -> list[tuple[tuple[str, ...], int, str]]:
    """Which patterns values fit: for each set of them, how many values and one of these."""
    flags = ", ".join(f"({moment('t', Spelling(dates=(pattern,), locale=locale))}) is not null" for pattern in patterns)
    rows = connection.execute(
        f"select fits, count(*), min(t) from (select t, [{flags}] as fits from seen) group by fits"
    ).fetchall()
    return [
        (tuple(pattern for pattern, fit in zip(patterns, fits, strict=True) if fit), int(count), str(example))
        for fits, count, example in rows
    ]


def _cover(ranked: list[str], groups: list[tuple[str, ...]]) -> list[str]:
    """The fewest patterns, greedily, of which each group has one; none where that takes too many."""
    chosen: list[str] = []
    left = groups
    while left and len(chosen) < _MOST:
        best = max(ranked, key=lambda pattern: (sum(pattern in fits for fits in left), -ranked.index(pattern)))
        chosen.append(best)
        left = [fits for fits in left if best not in fits]
    return [] if left else chosen


def _kind(patterns: list[str]) -> str:
    if any("%z" in pattern for pattern in patterns):
        return "timestamp with time zone"
    return "timestamp" if any("%H" in pattern or "%-I" in pattern for pattern in patterns) else "date"


def other_order(pattern: str) -> str:
    """A pattern with day and month the other way round."""
    return re.sub("%(-?)([md])", _swapped, pattern)


def _swapped(directive: re.Match[str]) -> str:
    return f"%{directive[1]}{'d' if directive[2] == 'm' else 'm'}"


def _doubts(name: str, chosen: list[str], groups: list[tuple[tuple[str, ...], int, str]]) -> list[str]:
    doubts = []
    for pattern in chosen:
        swapped = other_order(pattern)
        own = [(fits, count, example) for fits, count, example in groups if pattern in fits]
        if swapped != pattern and all(swapped in fits for fits, _, _ in own):
            values = sum(count for _, count, _ in own)
            doubts.append(
                f"{name}: day and month cannot be told apart in any of {values:,} values, such as {own[0][2]!r}; "
                f"{pattern} was taken, and {swapped} fits as well"
            )
    return doubts
