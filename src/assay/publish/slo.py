"""Service levels: how much of the time each table met its freshness SLO, and how much may still go wrong.

A table breaks its promise from the moment at which a file that landed has to be in it, by its policy, to the moment at
which readers see the file in it. Files that break it at the same time count once. The rest of the time it keeps the
promise, also while nothing lands. The error budget is what the objective leaves: of 30 days at 99 % it is 7.2 hours.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from statistics import quantiles

import duckdb

from assay.contract.catalog import Catalog
from assay.contract.names import table_of
from assay.publish.delivery import fed
from assay.publish.reader import is_of_this_version

OBJECTIVE = 0.99
"""Share of the time for which a table is to keep its promise: three and a half days of a year are left for the rest."""
DAY = timedelta(days=1)


@dataclass(frozen=True)
class Arrival:
    """A file and a table: when it landed, when it had to be there, and when readers saw it (None: not yet)."""

    landed: datetime
    due: datetime
    seen: datetime | None


@dataclass(frozen=True)
class Outcome:
    """A run that was to build a table: when it ended, and whether it did."""

    ended: datetime
    is_good: bool


@dataclass(frozen=True)
class Level:
    """How a table did in a span of time.

    Attributes:
        seconds: Length of the span, as far as the table was there.
        broken_seconds: For so long it broke its promise.
        files: Files of which readers saw the content first in this span.
        p50_seconds: Median time from landing to readers; None without files.
        p95_seconds: Time that 19 of 20 files took at most.
        runs: Runs that were to build it.
        runs_good: Runs that did.
    """

    seconds: float
    broken_seconds: float
    files: int
    p50_seconds: float | None
    p95_seconds: float | None
    runs: int
    runs_good: int

    @property
    def fresh_share(self) -> float:
        """Share of the time within the promise, from 0 to 1."""
        return 1 - self.broken_seconds / self.seconds if self.seconds else 1.0

    @property
    def budget_left(self) -> float:
        """Share of the error budget that is left; below 0 when more went wrong than the objective allows."""
        budget = (1 - OBJECTIVE) * self.seconds
        return 1 - self.broken_seconds / budget if budget else 1.0


def level(
    arrivals: Sequence[Arrival],
    outcomes: Iterable[Outcome],
    start: datetime,
    end: datetime,
    *,
    is_there: bool = False,
) -> Level:
    """How a table did from one moment to another.

    Args:
        arrivals: All files of its sources.
        outcomes: All runs that were to build it.
        start: Begin of the span; the table counts from its first file on.
        end: End of the span, now at the latest.
        is_there: Whether the table was there at the start, so that only files of the span need be given.
    """
    first = start if is_there else min((arrival.landed for arrival in arrivals), default=end)
    start = min(max(start, first), end)
    taken = sorted(
        (arrival.seen - arrival.landed).total_seconds()
        for arrival in arrivals
        if arrival.seen is not None and start <= arrival.seen < end
    )
    runs = [outcome.is_good for outcome in outcomes if start <= outcome.ended < end]
    return Level(
        seconds=(end - start).total_seconds(),
        broken_seconds=_broken(arrivals, start, end),
        files=len(taken),
        p50_seconds=_quantile(taken, 50),
        p95_seconds=_quantile(taken, 95),
        runs=len(runs),
        runs_good=sum(runs),
    )


def _broken(arrivals: Iterable[Arrival], start: datetime, end: datetime) -> float:
    """Seconds of a span in which at least one file was late."""
    late = sorted((max(a.due, start), min(a.seen or end, end)) for a in arrivals)
    total, reached = 0.0, start
    for begin, until in late:
        if until > max(begin, reached):
            total += (until - max(begin, reached)).total_seconds()
            reached = until
    return total


def _quantile(values: Sequence[float], percent: int) -> float | None:
    """A percentile, by linear interpolation between the values (R-7, as NumPy and DuckDB have it)."""
    if not values:
        return None
    return values[0] if len(values) == 1 else quantiles(values, n=100, method="inclusive")[percent - 1]


def read_arrivals(connection: duckdb.DuckDBPyConnection, catalog: Catalog, since: datetime) -> dict[str, list[Arrival]]:
    """What landed for each silver and gold table, as the last run published it.

    Args:
        connection: A connection to what is published.
        catalog: The project.
        since: Files that readers had before are left out.
    """
    models = {table_of(model): model for model in catalog.of_layer("silver", "gold")}
    if not is_of_this_version(connection):
        return {table: [] for table in models}
    rows = connection.execute(
        """
        with fed as (select unnest($fed::struct(table_name varchar, source varchar)[], max_depth := 2))
        select fed.table_name, files.landed_at, there.published_at
        from fed inner join ops.landed_contents as files on fed.source = files.source
        left join ops.deliveries as there
            on fed.table_name = there.table_name and files.source = there.source and files.file_id = there.file_id
        where there.published_at is null or there.published_at >= $since
        """,
        {"fed": fed(catalog, set(models.values())), "since": since},
    ).fetchall()
    arrivals: dict[str, list[Arrival]] = {table: [] for table in models}
    for table, landed, seen in rows:
        arrivals[table].append(Arrival(landed, catalog.policies[models[table]].deadline(landed), seen))
    return arrivals


def by_day(
    arrivals: Mapping[str, Sequence[Arrival]], outcomes: Mapping[str, Sequence[Outcome]], now: datetime, days: int
) -> Iterator[tuple[str, datetime, Level]]:
    """(table, day, level) for each of the last days, by UTC, on which a table was there.

    Args:
        arrivals: By table.
        outcomes: By table.
        now: The time.
        days: How many.
    """
    today = now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    starts = [today - back * DAY for back in range(days - 1, -1, -1)]
    for table in sorted(arrivals):
        touching: dict[datetime, list[Arrival]] = {day: [] for day in starts}
        for arrival in arrivals[table]:
            for day in _days(arrival, starts[0], now):
                touching[day].append(arrival)
        first = min((arrival.landed for arrival in arrivals[table]), default=now)
        for day in starts:
            end = min(now, day + DAY)
            if end > first:
                yield table, day, level(touching[day], outcomes.get(table, ()), max(day, first), end, is_there=True)


def _days(arrival: Arrival, first: datetime, now: datetime) -> Iterator[datetime]:
    """The days on which a file counts: that on which readers saw it, and those on which it was late."""
    end = arrival.seen or now
    day = max(min(arrival.due, end), first).astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    while day <= min(end, now):
        yield day
        day += DAY
