"""What happens in the simulated quarter: ordinary days, and faults at times that a seed has drawn."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from random import Random

DAYS = 90
FIRST = datetime(2026, 1, 1, tzinfo=UTC)
CRASHES, CORRUPT, FULL_HOURS, SILENCES = 30, 20, 5, (1, 1, 2, 3, 3)
AWAY_DAYS = (40, 41)
"""Days on which the receiver of messages is down."""


@dataclass(frozen=True, order=True)
class Event:
    """Something that happens.

    Attributes:
        at: When.
        what: `receipts`, `products`, `corrupt`, `repair`, `crash`, `fill`, `full`, `clear`, `away` or `back`.
        day: Which day's file it is about.
        name: A word for the file's name, or the way in which a file is corrupt.
    """

    at: datetime
    what: str
    day: date
    name: str = ""


@dataclass
class Plan:
    """The quarter.

    Attributes:
        events: In order of time.
        silent: First and last day of each silence of the source of receipts.
    """

    events: list[Event] = field(default_factory=list)
    silent: list[tuple[date, date]] = field(default_factory=list)


def draw(seed: int) -> Plan:
    """A quarter; the same for the same seed."""
    random = Random(seed)
    days = [FIRST + timedelta(days=n) for n in range(DAYS)]
    plan = Plan()
    quiet: set[datetime] = set()
    for length, week in zip(SILENCES, random.sample(range(1, 11), len(SILENCES)), strict=True):
        begin = FIRST + timedelta(days=7 * week + random.randrange(3))
        quiet |= {begin + timedelta(days=n) for n in range(length)}
        plan.silent.append((begin.date(), (begin + timedelta(days=length - 1)).date()))
    loud = [day for day in days if day not in quiet and day > FIRST]
    for day in days:
        if day not in quiet:
            plan.events += _ordinary(day, random)
        if day.weekday() == 0 or day == FIRST:
            plan.events.append(Event(day + timedelta(hours=9), "products", day.date()))
    plan.events += [
        Event(day + timedelta(hours=9, minutes=30), "crash", day.date()) for day in random.sample(loud, CRASHES)
    ]
    ways = ("header", "gzip", "empty", "page")
    for number, day in enumerate(random.sample(loud[:-1], CORRUPT)):
        way = ways[number % len(ways)]
        plan.events.append(Event(day + timedelta(hours=13), "corrupt", day.date(), way))
        plan.events.append(Event(day + timedelta(hours=16), "repair", day.date(), way))
    for day in random.sample(loud, FULL_HOURS):
        plan.events.append(Event(day + timedelta(hours=18), "fill", day.date()))
        plan.events.append(Event(day + timedelta(hours=18, minutes=30), "full", day.date()))
        plan.events.append(Event(day + timedelta(hours=19, minutes=30), "clear", day.date()))
    plan.events.append(Event(FIRST + timedelta(days=AWAY_DAYS[0]), "away", FIRST.date()))
    plan.events.append(Event(FIRST + timedelta(days=AWAY_DAYS[-1] + 1), "back", FIRST.date()))
    plan.events.sort()
    return plan


def _ordinary(day: datetime, random: Random) -> Iterator[Event]:
    """Receipts of the night, which are due at 06:00 in New York, and of the evening."""
    yield Event(day + timedelta(hours=9, minutes=random.randrange(31, 50)), "receipts", day.date(), "night")
    yield Event(day + timedelta(hours=20, minutes=random.randrange(60)), "receipts", day.date(), "evening")
