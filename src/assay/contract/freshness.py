"""How old the data of a table may be, and when a source has to have sent: `config: meta: freshness:`.

```yaml
freshness: {lag: 15 minutes} # what landed is in the table a quarter of an hour later; 0 is in the run that loads it
freshness: {by: "06:00", timezone: America/New_York} # every day, what landed until an hour before
freshness: {lag: 30 hours, because: The file comes every night.} # of a bronze model: the newest file is no older
```
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

WINDOW = timedelta(hours=1)
"""What lands later than this before a daily deadline belongs to the next one."""
SHORTEST = timedelta(minutes=1)
"""Dagster refuses shorter windows, and its daemon looks every few seconds."""
IMMEDIATE = timedelta(minutes=15)
"""The promise of a table with lag 0: the run takes seconds, three retries some minutes."""
UNITS = {"minute": 60, "hour": 3600, "day": 86400}


@dataclass(frozen=True)
class Policy:
    """How old the data of a table may be, or by when its source has to send.

    Attributes:
        lag: Longest time from the arrival of a file; zero where it is rebuilt in the run that loads it.
        by: Time of day of a daily deadline, instead of a lag.
        timezone: Of the deadline, an IANA name.
        because: The reason.
    """

    lag: timedelta = timedelta(0)
    by: time | None = None
    timezone: str = "UTC"
    because: str = ""

    @property
    def is_immediate(self) -> bool:
        """Whether what arrives is taken in by the run that loads it."""
        return self.by is None and not self.lag

    def deadline(self, landed: datetime) -> datetime:
        """When what landed at a time has to be in the table."""
        return landed + (self.lag or IMMEDIATE) if self.by is None else self._first_from(landed + WINDOW)

    def late_from(self, newest: datetime) -> datetime:
        """When a source is late whose newest file came at a time.

        A daily deadline asks for a file since the deadline of the day before.
        """
        if self.by is None:
            return newest + (self.lag or IMMEDIATE)
        return self._first_from(self._first_from(newest) + timedelta(seconds=1))

    def _first_from(self, moment: datetime) -> datetime:
        """The first daily deadline at a time or after it."""
        day = moment.astimezone(ZoneInfo(self.timezone)).date()
        deadline = self._on(day)
        return deadline if deadline >= moment else self._on(day + timedelta(days=1))

    def _on(self, day: date) -> datetime:
        if self.by is None:
            raise ValueError("a lag has no daily deadline")
        return datetime.combine(day, self.by, ZoneInfo(self.timezone)).astimezone(UTC)

    def __str__(self) -> str:
        """In words, as a person would say it."""
        if self.by is not None:
            return f"every day by {self.by:%H:%M} {self.timezone}"
        return in_words(self.lag) if self.lag else "at once"


def in_words(span: timedelta) -> str:
    """A span of time in the largest unit in which it is at least one: `15 minutes`, `30 hours`, `2.5 days`."""
    seconds = span.total_seconds()
    for unit, size in (("day", 172800), ("hour", 3600), ("minute", 60)):
        if seconds >= size:
            number = seconds / UNITS[unit]
            return f"{number:.3g} {unit}{'' if number == 1 else 's'}"
    return f"{seconds:.0f} seconds"
