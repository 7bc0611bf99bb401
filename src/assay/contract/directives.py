"""What the letters after `%` stand for in a pattern of moments, and what each of them is in a text."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

from assay.contract.month_names import month_names

_MONTHS = (
    "January", "February", "March", "April", "May", "June",
    "July", "August", "September", "October", "November", "December",
)  # fmt: skip
_DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_OLDEST_SHORT_YEAR = 69
"""Two digits of a year are 1969 to 2068, as POSIX reads them."""

FIELDS: Mapping[str, Callable[[datetime], int]] = {
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
class Directive:
    """A field as a text writes it: so many digits, or one of some names, whose case does not count."""

    says: str
    least: int = 0
    most: int = 0
    texts: Mapping[str, int] = field(default_factory=dict)

    @property
    def regex(self) -> str:
        """A regular expression of it, with one group."""
        if self.says == "zone":
            return "(Z|[+-](?:0[0-9]|1[0-5]):?[0-5][0-9])"
        if self.texts:
            flags = "ai" if all(map(str.isascii, self.texts)) else "i"
            return f"((?{flags}:{'|'.join(map(re.escape, self.texts))}))"
        return f"([0-9]{{{self.least},{self.most}}})"

    def read(self, text: str) -> int:
        """What a text that fits it says."""
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
        """The text of a moment."""
        value = FIELDS[self.says](at)
        if self.says == "zone":
            return "+0000"
        if self.texts:
            return next(name for name, of in self.texts.items() if of == value)
        if self.says == "fraction":
            return f"{value:06}"
        return f"{value % 10**self.most:0{self.least}}"


def _numbered(names: tuple[str, ...], length: int | None = None) -> dict[str, int]:
    return {name[:length]: number for number, name in enumerate(names, start=1)}


DIRECTIVES: Mapping[str, Directive] = {
    "Y": Directive("year", 4, 4),
    "y": Directive("year", 2, 2),
    "m": Directive("month", 2, 2),
    "-m": Directive("month", 1, 2),
    "b": Directive("month", texts=_numbered(_MONTHS, 3)),
    "B": Directive("month", texts=_numbered(_MONTHS)),
    "d": Directive("day", 2, 2),
    "-d": Directive("day", 1, 2),
    "j": Directive("yearday", 3, 3),
    "G": Directive("isoyear", 4, 4),
    "V": Directive("isoweek", 2, 2),
    "u": Directive("weekday", 1, 1),
    "w": Directive("weekday", texts={"0": 7, **{str(day): day for day in range(1, 7)}}),
    "a": Directive("weekday", texts=_numbered(_DAYS, 3)),
    "A": Directive("weekday", texts=_numbered(_DAYS)),
    "W": Directive("mondays", 2, 2),
    "U": Directive("sundays", 2, 2),
    "q": Directive("quarter", 1, 1),
    "H": Directive("hour", 2, 2),
    "-H": Directive("hour", 1, 2),
    "I": Directive("hour12", 2, 2),
    "-I": Directive("hour12", 1, 2),
    "p": Directive("half", texts={"AM": 0, "PM": 1}),
    "M": Directive("minute", 2, 2),
    "S": Directive("second", 2, 2),
    "f": Directive("fraction", 1, 6),
    "s": Directive("epoch", 9, 11),
    "z": Directive("zone"),
}


def localized(part: str | Directive, locale: str) -> str | Directive:
    """A part of a pattern; names of months in a language."""
    if not locale or isinstance(part, str) or part.says != "month" or not part.texts:
        return part
    return Directive("month", texts=month_names(locale, is_short=part == DIRECTIVES["b"]))


def re2(part: str | Directive) -> str:
    """A regular expression of a part of a pattern, for DuckDB."""
    return re.escape(part) if isinstance(part, str) else part.regex.replace("(?ai:", "(?i:")
