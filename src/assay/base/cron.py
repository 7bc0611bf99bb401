"""Times that come again, as cron writes them: `0 6 * * 1 Europe/Berlin` is each Monday at six, there.

Minute, hour, day of the month, month and day of the week (0 or 7 is Sunday), then a time zone; UTC where none is named.
As in cron, a day fits when either of its two fields does, where both are given.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta, tzinfo
from zoneinfo import ZoneInfo

_RANGES = {"minute": (0, 59), "hour": (0, 23), "day": (1, 31), "month": (1, 12), "weekday": (0, 7)}
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_WEEKDAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
_NAMES: Mapping[str, Mapping[str, int]] = {
    "month": {name: number for number, name in enumerate(_MONTHS, 1)},
    "weekday": {name: number for number, name in enumerate(_WEEKDAYS)},
}
_EIGHT_YEARS = 8 * 366 + 1
"""Days within which even a 29th of February comes."""
_MOST = 300
"""Characters; more are no schedule."""


@dataclass(frozen=True)
class Cron:
    """Times that come again.

    Attributes:
        fields: The values of each field that fit.
        is_either: Whether a day fits by one of its fields, since both are given.
        zone: Where its times are meant.
    """

    fields: Mapping[str, frozenset[int]]
    is_either: bool
    zone: tzinfo

    def latest(self, now: datetime) -> datetime | None:
        """The last time of it that is not after another, in UTC; None where it never comes."""
        today = now.astimezone(self.zone).date()
        times = [(hour, minute) for hour in self.fields["hour"] for minute in self.fields["minute"]]
        for back in range(_EIGHT_YEARS):
            day = today - timedelta(days=back)
            if self._fits(day.month, day.day, day.isoweekday() % 7):
                for hour, minute in sorted(times, reverse=True):
                    at = datetime.combine(day, time(hour, minute), self.zone).astimezone(UTC)
                    if at <= now:
                        return at
        return None

    def _fits(self, month: int, day: int, weekday: int) -> bool:
        fits = (day in self.fields["day"], weekday in self.fields["weekday"])
        return month in self.fields["month"] and (any(fits) if self.is_either else all(fits))


def parse_cron(text: str) -> Cron:
    """A schedule as it is written.

    Args:
        text: Five fields and, perhaps, a time zone.

    Raises:
        ValueError: It is none, or names a day that never comes.
    """
    words = text[:_MOST].split()
    if len(words) not in (len(_RANGES), len(_RANGES) + 1):
        raise ValueError("not five fields and a time zone")
    fields = {name: _values(name, word.lower()) for name, word in zip(_RANGES, words, strict=False)}
    fields["weekday"] = frozenset(day % 7 for day in fields["weekday"])
    is_either = not (words[2].startswith("*") or words[4].startswith("*"))
    try:
        zone = ZoneInfo(words[5]) if len(words) > len(_RANGES) else UTC
    except (KeyError, OSError) as error:
        raise ValueError("no such time zone") from error
    cron = Cron(fields, is_either, zone)
    if cron.latest(datetime(2032, 12, 31, tzinfo=UTC)) is None:
        raise ValueError("never comes")
    return cron


def _values(name: str, word: str) -> frozenset[int]:
    return frozenset(value for part in word.split(",") for value in _part(name, part))


def _part(name: str, part: str) -> range:
    """The values of `*`, `5`, `1-5`, or of one of these with a step, as in `*/15`."""
    least, most = _RANGES[name]
    span, slash, step = part.partition("/")
    first, dash, last = span.partition("-")
    low = least if span == "*" else _number(name, first)
    high = most if span == "*" or (slash and not dash) else _number(name, last) if dash else low
    if not least <= low <= high <= most:
        raise ValueError(f"{part} is not within {least} to {most}")
    width = _number(name, step) if slash else 1
    if width < 1:
        raise ValueError("a step of nothing")
    return range(low, high + 1, width)


def _number(name: str, word: str) -> int:
    if word in _NAMES.get(name, {}):
        return _NAMES[name][word]
    if not (word.isascii() and word.isdigit()):
        raise ValueError(f"{word} is not a number")
    return int(word)
