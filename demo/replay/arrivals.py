"""The day on which each receipt arrives.

The basket id is the order of arrival, the timestamp the time of the event. Belongs here: what follows from the two.
Keep out: files.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import duckdb

from assay.base.errors import UserError

NEIGHBOURS = 25
"""Baskets before and after in order of id that say which day the feed is at: 51 together, of about 428 a day.

Nothing hangs on the number: from 10 to 200 the share of baskets that arrive on their own day is 95.5 to 95.4 %, and
with fewer neighbours fewer baskets come before their day: 0.9 % with 25, 1.5 % with 200 (docs/demo-data.md).
"""

_ARRIVALS = f"""
create table arrivals as
with baskets as (
    select basket_id, min(transaction_timestamp) as happened_at
    from transactions
    group by basket_id
),

events as (
    select basket_id, timezone('America/New_York', timezone('UTC', happened_at))::date as event_day
    from baskets
),

surroundings as (
    select
        basket_id,
        event_day,
        quantile_disc(event_day, 0.5) over (
            order by basket_id rows between {NEIGHBOURS} preceding and {NEIGHBOURS} following
        ) as usual_day
    from events
),

feed as (
    select
        basket_id,
        event_day,
        max(usual_day) over (order by basket_id rows unbounded preceding) as feed_day
    from surroundings
)

select basket_id, event_day, feed_day, greatest(event_day, feed_day) as arrival_day
from feed
"""


class PeriodError(UserError, ValueError):
    """The days asked for are in the wrong order or not in the data. The message names both and the next step."""


@dataclass(frozen=True)
class ArrivingFile:
    """One file that arrives, and the SQL that makes it.

    Attributes:
        source: The folder below landing.
        name: The file's name.
        day: The day of arrival.
        query: The rows, in the order in which they are written.
        options: What DuckDB's `copy … to` is told about the format.
    """

    source: str
    name: str
    day: date
    query: str
    options: str


def build_arrivals(con: duckdb.DuckDBPyConnection) -> None:
    """Make the table `arrivals` from `transactions`: one row per basket.

    `event_day` is the local day of the receipt. `feed_day` is the day that the feed is at when it comes to this basket:
    the median event day of the basket and its neighbours in order of id, never going back. `arrival_day` is the later
    of the two, since no receipt arrives before it happened.
    """
    con.execute(_ARRIVALS)


def check_order(first: date, last: date) -> None:
    """Refuse a period that ends before it starts.

    Raises:
        PeriodError: `first` is after `last`.
    """
    if first > last:
        raise PeriodError(f"period: expected the first day on or before the last, found {first} to {last}. Swap them.")


def check_range(con: duckdb.DuckDBPyConnection, first: date, last: date) -> None:
    """Refuse days outside of the data; needs `arrivals`.

    Raises:
        PeriodError: A day is before the first arrival or after the last one.
    """
    begin, end = con.execute("select min(arrival_day), max(arrival_day) from arrivals").fetchall()[0]
    if first < begin or last > end:
        raise PeriodError(
            f"period: expected days from {begin} to {end}, which is what the demo's data covers, "
            f"found {first} to {last}. Ask for days within it."
        )
