"""How the values of a column are written in files, where that is not DuckDB's own way: marks of numbers, dates.

Belongs here: what a contract may say of it. Keep out: the SQL that reads such a value (`assay.reading.spelled`).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, Literal

from assay.contract.errors import ContractError
from assay.contract.moments import Pattern

Negative = Literal["sign", "trailing", "parentheses"]

_OF_A_DATE = {"year", "month", "day", "hour", "hour12", "half", "minute", "second", "fraction", "zone"}
_DATES = ("date", "timestamp", "timestamptz")
_NUMBERS = ("integer", "decimal", "double")


@dataclass(frozen=True)
class Spelling:
    """What the values of a column look like in a file. The default is how DuckDB writes them, in ISO form.

    Attributes:
        decimal: The decimal mark of numbers.
        thousands: The mark between groups of three digits; a blank stands for no-break ones too. Empty for none.
        units: Texts of which one may stand before or after a number, such as `€` and `%`; the number is what it is
            without it.
        negative: Besides `-` before a number: `trailing` for `12-`, `parentheses` for `(12)`.
        dates: Patterns as for strptime, of which a value fits one; where it fits two, they mean the same moment.
        locale: The language of names of months in these patterns; English where it is empty.
    """

    decimal: str = "."
    thousands: str = ""
    units: tuple[str, ...] = ()
    negative: Negative = "sign"
    dates: tuple[str, ...] = ()
    locale: str = ""

    @property
    def form(self) -> Mapping[str, Any]:
        """What differs from the default, in terms of JSON."""
        named = {field.name: (getattr(self, field.name), field.default) for field in fields(self)}
        return {
            name: list(value) if isinstance(value, tuple) else value
            for name, (value, default) in named.items()
            if value != default
        }

    def of_kind(self, kind: str) -> Spelling:
        """The part of it that matters to values of a kind of type; a moment with a zone is written with one."""
        if kind in _DATES:
            dates = tuple(text for text in self.dates if ("%z" in text) == (kind == "timestamptz"))
            return Spelling(dates=dates, locale=self.locale if any(map(_has_name, dates)) else "")
        number = Spelling(self.decimal, self.thousands, self.units, self.negative)
        is_bare = number == Spelling(self.decimal)  # of a whole number, which has no decimal mark
        return number if kind in _NUMBERS and not (kind == "integer" and is_bare) else PLAIN


def _has_name(text: str) -> bool:
    """Whether a pattern has the name of a month."""
    return re.search(r"(?<!%)(?:%%)*%[bB]", text) is not None


PLAIN = Spelling()
"""How DuckDB writes values itself."""


def check_spelling(spelling: Spelling, kind: str) -> None:
    """Refuse what cannot be said of values of a kind of type.

    Raises:
        ContractError: A mark is two things, a pattern does not tell the day, or values of the kind have neither.
    """
    if spelling.locale and kind in _DATES and not any(map(_has_name, spelling.dates)):
        raise ContractError("written: locale goes with dates that have the name of a month, %b or %B")
    alien = set(spelling.form) - set(spelling.of_kind(kind).form) - ({"dates"} if kind in _DATES else set())
    if alien:
        raise ContractError(f"written: {min(alien)} says nothing of values of this type")
    if spelling.thousands and spelling.thousands == spelling.decimal:
        raise ContractError(f"written: {spelling.decimal!r} is the mark of decimals and of thousands")
    for text in spelling.dates:
        _check_date(text, kind, spelling.locale)


def _check_date(text: str, kind: str, locale: str) -> None:
    try:
        pattern = Pattern(text, locale)
    except ValueError as error:
        raise ContractError(f"written: dates: {text!r} is not a pattern: {error}") from error
    strange = pattern.fields - _OF_A_DATE
    if strange:
        raise ContractError(f"written: dates: {text!r}: a value may not be written by its {min(strange)}")
    if not {"year", "month", "day"} <= pattern.fields:
        raise ContractError(f"written: dates: {text!r} does not name a day, as '%d.%m.%Y' does")
    if ("zone" in pattern.fields) != (kind == "timestamptz"):
        raise ContractError(f"written: dates: {text!r}: `%z` belongs to a timestamp with time zone, and to no other")
    if lost := pattern.lost():
        raise ContractError(f"written: dates: {text!r} does not give the moment back: {lost}")
