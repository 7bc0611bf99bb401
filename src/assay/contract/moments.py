"""The moment that a file's name says: the patterns a contract may use, and how a name is read.

A pattern is written as for strptime. Python's own is not used to read names: it has no quarters and no weeks without a
weekday, takes `1` for `01`, and reads `%W` without a weekday as 1 January. Belongs here: names to moments. Keep out:
what the moments decide.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache

from assay.contract.directives import DIRECTIVES, FIELDS, Directive, localized, re2
from assay.contract.errors import ContractError

_UNITS: Mapping[str, tuple[str, ...]] = {
    "microsecond": ("fraction",),
    "second": ("second", "epoch"),
    "minute": ("minute",),
    "hour": ("hour", "hour12"),
    "half": ("half",),
    "day": ("day", "yearday", "weekday"),
    "week": ("isoweek", "mondays", "sundays"),
    "month": ("month",),
    "quarter": ("quarter",),
    "year": ("year", "isoyear"),
}
"""Units from the finest, and the fields that say them."""

_MONTHS_OF = {"month": 1, "quarter": 3, "year": 12}

_SAMPLES = (
    datetime(2024, 5, 17, 15, 4, 5, 678901),
    datetime(2024, 2, 29, 0, 30, 59, 1),
    datetime(2024, 12, 30, 12, 45, 1, 999999),  # in the first ISO week of 2025
    datetime(2021, 1, 3, 23, 59, 58, 120000),  # in the last ISO week of 2020
    datetime(1999, 10, 10, 10, 10, 10, 10),
)

_HINTS = (
    ({"mondays", "sundays"}, {"weekday"}, "`%W` and `%U` need a weekday, `%u`; of ISO weeks write `%G-W%V`"),
    ({"isoweek"}, {"isoyear"}, "the year of an ISO week is `%G`"),
    ({"isoyear"}, {"isoweek"}, "`%G` is the year of an ISO week, `%V`; the year of a date is `%Y`"),
    ({"hour12"}, {"half"}, "`%I` needs `%p`; of 24 hours write `%H`"),
    (set(FIELDS), {"year", "isoyear", "epoch"}, "add the year, `%Y`"),
)
"""Fields, those of which one has to stand beside them, and what to write."""


class Pattern:
    """A pattern of file names.

    Args:
        text: Without a folder, e.g. `stock_%Y-%m-%d.csv`.
        locale: The language of names of months; English where it is empty.

    Raises:
        ValueError: A directive is unknown, stands there twice, or runs into the digits after it; or the language is.
    """

    def __init__(self, text: str, locale: str = "") -> None:
        self._parts = [localized(part, locale) for part in _parts(text)]
        named = [part for part in self._parts if isinstance(part, Directive)]
        self.fields = {part.says for part in named}
        if any(named.count(part) > 1 for part in named):
            raise ValueError("it names one thing twice")
        if {"epoch", "zone"} <= self.fields:
            raise ValueError("`%s` counts in UTC and goes without a zone, `%z`")
        for part, following in zip(self._parts, self._parts[1:], strict=False):
            if isinstance(part, Directive) and _is_open_to_digits(part) and _begins_with_digit(following):
                raise ValueError("a number without a fixed width has to be followed by something else than a digit")
        self._regex = re.compile("".join(re.escape(p) if isinstance(p, str) else p.regex for p in self._parts))
        self._named = named

    @property
    def re2(self) -> str:
        """A regular expression of the texts that it fits, for DuckDB."""
        return "".join(map(re2, self._parts))

    @property
    def month_names(self) -> Mapping[str, int]:
        """The names of months that it fits; none where it has none or numbers."""
        return next((part.texts for part in self._named if part.says == "month"), {})

    @property
    def around_month(self) -> tuple[str, int]:
        """`re2` with groups of what is before the month, itself, and what is after it; and the number of the second."""
        at = next(at for at, part in enumerate(self._parts) if isinstance(part, Directive) and part.says == "month")
        before, month, after = ("".join(map(re2, parts)) for parts in self._cut(at))
        return f"^({before}){month}({after})$", 2 + sum(isinstance(part, Directive) for part in self._parts[:at])

    def _cut(self, at: int) -> tuple[list[str | Directive], ...]:
        return self._parts[:at], self._parts[at : at + 1], self._parts[at + 1 :]

    def write(self, at: datetime) -> str:
        """The name of a file of that moment."""
        return "".join(part if isinstance(part, str) else part.write(at) for part in self._parts)

    def read(self, name: str) -> datetime | None:
        """The moment that a name says, in UTC where it names a zone; None when it says none or contradicts itself."""
        match = self._regex.fullmatch(name)
        if match is None:
            return None
        fields = [(part.says, part.read(text)) for part, text in zip(self._named, match.groups(), strict=True)]
        values = dict(fields)
        offset = values.pop("zone", 0)
        try:
            at = _moment(values)
            if any(FIELDS[name](at) != value for name, value in fields if name != "zone"):
                return None
            return at - timedelta(minutes=offset)
        except (KeyError, ValueError, OverflowError):
            return None

    def lost(self) -> str:
        """What a name of this pattern does not give back of the moment that it was written for; empty when nothing."""
        unit = next((unit for unit, fields in _UNITS.items() if self.fields & set(fields)), None)
        if unit is None:
            return "it names no date"
        for sample in _SAMPLES:
            expected, name = _floor(sample, unit), self.write(sample)
            read = self.read(name)
            if read != expected:
                shown = f"reads as {read}" if read else "says no date"
                return f"{expected} is written {name!r}, which {shown}"
        return ""


@lru_cache
def pattern(text: str) -> Pattern:
    """The pattern that a text spells.

    Raises:
        ContractError: A name written by it cannot give its moment back; says what to write instead.
    """
    try:
        compiled = Pattern(text)
    except ValueError as error:
        raise ContractError(f"newest_by: file_date {text!r} is not a pattern of names: {error}") from error
    if "/" in text or not compiled.fields:
        raise ContractError(
            f"newest_by: file_date {text!r} names a file without its folder, with at least a year, such as "
            "'stock_%Y-%m-%d.csv'"
        )
    lost = compiled.lost()
    if lost:
        hints = [hint for these, needed, hint in _HINTS if compiled.fields & these and not compiled.fields & needed]
        hint = hints[0] if hints else "name a date, and of its time no part without the one before it (%H, %M, %S, %f)"
        raise ContractError(f"newest_by: file_date {text!r} does not give the moment back: {lost}; {hint}")
    return compiled


def example(text: str) -> str:
    """A name that a pattern fits."""
    return pattern(text).write(_SAMPLES[0])


def _parts(text: str) -> Iterator[str | Directive]:
    """Literal characters and directives, in order."""
    for literal, directive in re.findall(r"([^%]|%%)|%(-?.?)", text, re.DOTALL):
        if literal:
            yield literal[0]
        elif directive in DIRECTIVES:
            yield DIRECTIVES[directive]
        else:
            known = ", ".join(f"%{name}" for name in DIRECTIVES)
            raise ValueError(f"`%{directive}` is not among {known}")


def _is_open_to_digits(part: Directive) -> bool:
    """Whether digits after it may be its own: it has no fixed width, or is a name such as `tháng 1`."""
    return part.least < part.most or (
        len(set(map(len, part.texts))) > 1 and any(text[-1:].isdigit() for text in part.texts)
    )


def _begins_with_digit(part: str | Directive) -> bool:
    if isinstance(part, str):
        return part.isdigit()
    return part.says != "zone" and (not part.texts or any(text[:1].isdigit() for text in part.texts))


def _moment(values: Mapping[str, int]) -> datetime:
    fraction = values.get("fraction", 0)
    if "epoch" in values:
        return datetime.fromtimestamp(values["epoch"], UTC).replace(tzinfo=None, microsecond=fraction)
    hour = values.get("hour", values.get("hour12", 0) % 12 + 12 * values.get("half", 0))
    day = _date(values)
    return datetime(day.year, day.month, day.day, hour, values.get("minute", 0), values.get("second", 0), fraction)


def _date(values: Mapping[str, int]) -> date:
    """The first day of what is named; what else is named is held against it by the caller."""
    if "isoweek" in values and "isoyear" in values:
        return date.fromisocalendar(values["isoyear"], values["isoweek"], values.get("weekday", 1))
    year = values["year"]
    if "yearday" in values:
        return date(year, 1, 1) + timedelta(days=values["yearday"] - 1)
    if "weekday" in values and "month" not in values:
        for weeks, directive in (("mondays", "%W"), ("sundays", "%U")):
            if weeks in values:
                text = f"{year:04} {values[weeks]} {values['weekday'] % 7}"
                return datetime.strptime(text, f"%Y {directive} %w").date()
    return date(year, values.get("month", 3 * values.get("quarter", 1) - 2), values.get("day", 1))


def _floor(at: datetime, unit: str) -> datetime:
    """The beginning of the unit in which a moment is."""
    day = datetime(at.year, at.month, at.day)
    if unit == "week":
        return day - timedelta(days=at.weekday())
    if unit in _MONTHS_OF:
        return day.replace(month=at.month - (at.month - 1) % _MONTHS_OF[unit], day=1)
    if unit == "half":
        return day.replace(hour=at.hour // 12 * 12)
    clock = {"hours": at.hour, "minutes": at.minute, "seconds": at.second, "microseconds": at.microsecond}
    kept = ("day", "hour", "minute", "second", "microsecond").index(unit)
    return day + timedelta(**dict(list(clock.items())[:kept]))
