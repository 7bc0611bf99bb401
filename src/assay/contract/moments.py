"""The moment that a file's name says: the patterns a contract may use, and how a name is read.

A pattern is written as for strptime. Python's own is not used to read names: it has no quarters and no weeks without a
weekday, takes `1` for `01`, and reads `%W` without a weekday as 1 January. Belongs here: names to moments. Keep out:
what the moments decide.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache

from assay.contract.errors import ContractError

_MONTHS = (
    "January", "February", "March", "April", "May", "June",
    "July", "August", "September", "October", "November", "December",
)  # fmt: skip
_DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_OLDEST_SHORT_YEAR = 69
"""Two digits of a year are 1969 to 2068, as POSIX reads them."""

_OF: Mapping[str, Callable[[datetime], int]] = {
    "year": lambda at: at.year,
    "month": lambda at: at.month,
    "day": lambda at: at.day,
    "yearday": lambda at: at.timetuple().tm_yday,
    "isoyear": lambda at: at.isocalendar().year,
    "isoweek": lambda at: at.isocalendar().week,
    "weekday": lambda at: at.isoweekday(),
    "mondays": lambda at: int(at.strftime("%W")),
    "sundays": lambda at: int(at.strftime("%U")),
    "quarter": lambda at: (at.month + 2) // 3,
    "hour": lambda at: at.hour,
    "hour12": lambda at: at.hour % 12 or 12,
    "half": lambda at: at.hour // 12,
    "minute": lambda at: at.minute,
    "second": lambda at: at.second,
    "fraction": lambda at: at.microsecond,
    "epoch": lambda at: int(at.replace(tzinfo=UTC, microsecond=0).timestamp()),
    "zone": lambda _: 0,
}
"""What each field of a name is for a moment."""


@dataclass(frozen=True)
class _Directive:
    """A field as a name writes it: so many digits, or one of some texts, whose case does not count."""

    says: str
    least: int = 0
    most: int = 0
    texts: Mapping[str, int] = field(default_factory=dict)

    @property
    def regex(self) -> str:
        if self.says == "zone":
            return "(Z|[+-](?:0[0-9]|1[0-5]):?[0-5][0-9])"
        if self.texts:
            return f"((?ai:{'|'.join(map(re.escape, self.texts))}))"
        return f"([0-9]{{{self.least},{self.most}}})"

    def read(self, text: str) -> int:
        if self.says == "zone":
            return 0 if text == "Z" else int(text[0] + "1") * (60 * int(text[1:3]) + int(text[-2:]))
        if self.texts:
            return next(value for name, value in self.texts.items() if name.lower() == text.lower())
        if self.says == "fraction":
            return int(text.ljust(6, "0"))
        if self.says == "year" and self.most == 2:  # noqa: PLR2004 - two digits
            return int(text) + (1900 if int(text) >= _OLDEST_SHORT_YEAR else 2000)
        return int(text)

    def write(self, at: datetime) -> str:
        value = _OF[self.says](at)
        if self.says == "zone":
            return "+0000"
        if self.texts:
            return next(name for name, of in self.texts.items() if of == value)
        if self.says == "fraction":
            return f"{value:06}"
        return f"{value % 10**self.most:0{self.least}}"


def _numbered(names: tuple[str, ...], length: int | None = None) -> dict[str, int]:
    return {name[:length]: number for number, name in enumerate(names, start=1)}


_DIRECTIVES: Mapping[str, _Directive] = {
    "Y": _Directive("year", 4, 4),
    "y": _Directive("year", 2, 2),
    "m": _Directive("month", 2, 2),
    "-m": _Directive("month", 1, 2),
    "b": _Directive("month", texts=_numbered(_MONTHS, 3)),
    "B": _Directive("month", texts=_numbered(_MONTHS)),
    "d": _Directive("day", 2, 2),
    "-d": _Directive("day", 1, 2),
    "j": _Directive("yearday", 3, 3),
    "G": _Directive("isoyear", 4, 4),
    "V": _Directive("isoweek", 2, 2),
    "u": _Directive("weekday", 1, 1),
    "w": _Directive("weekday", texts={"0": 7, **{str(day): day for day in range(1, 7)}}),
    "a": _Directive("weekday", texts=_numbered(_DAYS, 3)),
    "A": _Directive("weekday", texts=_numbered(_DAYS)),
    "W": _Directive("mondays", 2, 2),
    "U": _Directive("sundays", 2, 2),
    "q": _Directive("quarter", 1, 1),
    "H": _Directive("hour", 2, 2),
    "-H": _Directive("hour", 1, 2),
    "I": _Directive("hour12", 2, 2),
    "-I": _Directive("hour12", 1, 2),
    "p": _Directive("half", texts={"AM": 0, "PM": 1}),
    "M": _Directive("minute", 2, 2),
    "S": _Directive("second", 2, 2),
    "f": _Directive("fraction", 1, 6),
    "s": _Directive("epoch", 9, 11),
    "z": _Directive("zone"),
}

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
    (set(_OF), {"year", "isoyear", "epoch"}, "add the year, `%Y`"),
)
"""Fields, those of which one has to stand beside them, and what to write."""


class Pattern:
    """A pattern of file names.

    Args:
        text: Without a folder, e.g. `stock_%Y-%m-%d.csv`.

    Raises:
        ValueError: A directive is unknown, stands there twice, or runs into the digits after it.
    """

    def __init__(self, text: str) -> None:
        self._parts = list(_parts(text))
        named = [part for part in self._parts if isinstance(part, _Directive)]
        self.fields = {part.says for part in named}
        if any(named.count(part) > 1 for part in named):
            raise ValueError("it names one thing twice")
        if {"epoch", "zone"} <= self.fields:
            raise ValueError("`%s` counts in UTC and goes without a zone, `%z`")
        for part, following in zip(self._parts, self._parts[1:], strict=False):
            if isinstance(part, _Directive) and part.least < part.most and _begins_with_digit(following):
                raise ValueError("a number without a fixed width has to be followed by something else than a digit")
        self._regex = re.compile("".join(re.escape(p) if isinstance(p, str) else p.regex for p in self._parts))
        self._named = named

    @property
    def re2(self) -> str:
        """A regular expression of the texts that it fits, for DuckDB."""
        parts = (re.escape(p) if isinstance(p, str) else p.regex.replace("(?ai:", "(?i:") for p in self._parts)
        return "".join(parts)

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
            if any(_OF[name](at) != value for name, value in fields if name != "zone"):
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


def _parts(text: str) -> Iterator[str | _Directive]:
    """Literal characters and directives, in order."""
    for literal, directive in re.findall(r"([^%]|%%)|%(-?.?)", text, re.DOTALL):
        if literal:
            yield literal[0]
        elif directive in _DIRECTIVES:
            yield _DIRECTIVES[directive]
        else:
            known = ", ".join(f"%{name}" for name in _DIRECTIVES)
            raise ValueError(f"`%{directive}` is not among {known}")


def _begins_with_digit(part: str | _Directive) -> bool:
    if isinstance(part, str):
        return part.isdigit()
    return part.says != "zone" and (not part.texts or "1" in part.texts)


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
