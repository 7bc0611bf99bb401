"""The day on which a receipt arrives follows from the order of ids and the time of the event."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from random import Random

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from demo.replay.arrivals import NEIGHBOURS, build_arrivals
from demo.replay.source_data import open_source

DOCS = Path(__file__).parents[2] / "docs" / "demo-data.md"

Arrival = tuple[int, date, date, date]


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> duckdb.DuckDBPyConnection:
    """The source's tables and `arrivals`."""
    con = open_source(tmp_path_factory.mktemp("scratch"))
    build_arrivals(con)
    return con


def arrivals_of(baskets: list[tuple[int, datetime]]) -> list[Arrival]:
    """Basket, event day, feed day, arrival day of receipts given as (id, time in UTC), in order of id."""
    con = duckdb.connect()
    con.execute("create table transactions (basket_id bigint, transaction_timestamp timestamp)")
    con.executemany("insert into transactions values (?, ?)", baskets)
    build_arrivals(con)
    return con.execute("select * from arrivals order by basket_id").fetchall()


def days_of_baskets(*days: tuple[int, int]) -> list[tuple[int, datetime]]:
    """Receipts numbered from 0, each at 18:00 UTC, given as (day of January, how many)."""
    times = [datetime(2017, 1, day, 18) for day, count in days for _ in range(count)]
    return list(enumerate(times))


def test_a_day_whose_receipts_are_in_order_arrives_on_that_day() -> None:
    arrivals = arrivals_of(days_of_baskets((1, 100), (2, 100), (3, 100)))

    assert all(event == arrival for _, event, _, arrival in arrivals)


def test_a_receipt_numbered_among_those_of_a_later_day_is_late() -> None:
    arrivals = arrivals_of(days_of_baskets((1, 100), (3, 50), (1, 1), (3, 50)))

    assert [row for row in arrivals if row[1] != row[3]] == [
        (150, date(2017, 1, 1), date(2017, 1, 3), date(2017, 1, 3))
    ]


def test_a_receipt_numbered_before_its_day_arrives_on_its_day_and_pulls_no_other_with_it() -> None:
    """With a running maximum of the event's day, this one receipt would make the 50 after it two days late."""
    arrivals = arrivals_of(days_of_baskets((1, 50), (3, 1), (1, 50), (3, 100)))

    assert arrivals[50] == (50, date(2017, 1, 3), date(2017, 1, 1), date(2017, 1, 3))
    assert all(event == arrival for _, event, _, arrival in arrivals)


def test_a_whole_day_numbered_after_the_next_one_is_late_with_it() -> None:
    arrivals = arrivals_of(days_of_baskets((1, 100), (3, 100), (2, 100), (4, 100)))

    assert {arrival for _, event, _, arrival in arrivals if event == date(2017, 1, 2)} == {date(2017, 1, 3)}


def test_a_receipt_of_two_in_the_morning_utc_belongs_to_the_evening_before_in_new_york() -> None:
    [winter] = arrivals_of([(1, datetime(2017, 1, 2, 4, 59, 59))])
    [summer] = arrivals_of([(1, datetime(2017, 7, 2, 4, 0, 0))])

    assert winter[1] == date(2017, 1, 1)
    assert summer[1] == date(2017, 7, 2)


@settings(max_examples=40, deadline=None)
@given(
    hours=st.lists(st.integers(0, 24 * 20), min_size=1, max_size=4 * NEIGHBOURS), seed=st.randoms(use_true_random=False)
)
def test_whatever_the_receipts_none_is_early_and_the_feed_never_goes_back(hours: list[int], seed: Random) -> None:
    baskets = [(number, datetime(2017, 3, 1) + timedelta(hours=hour)) for number, hour in enumerate(hours)]
    shuffled = list(baskets)
    seed.shuffle(shuffled)

    arrivals = arrivals_of(shuffled)

    assert [row[0] for row in arrivals] == list(range(len(hours)))
    assert all(arrival == max(event, feed) for _, event, feed, arrival in arrivals)
    assert all(earlier[2] <= later[2] for earlier, later in pairwise(arrivals))
    assert arrivals == arrivals_of(baskets)


def test_most_receipts_of_the_demo_are_on_time_and_some_are_late(source: duckdb.DuckDBPyConnection) -> None:
    """A cut by timestamp has no late receipt, a running maximum of the day makes two thirds late; neither is a feed."""
    [(on_time, late, lifted)] = source.execute(
        """
        select
            avg((arrival_day = event_day)::int),
            avg((arrival_day > event_day)::int),
            avg((feed_day < event_day)::int)
        from arrivals
        """
    ).fetchall()

    assert on_time > 0.95
    assert 0.03 < late < 0.05
    assert lifted < 0.01


def test_the_lateness_in_the_docs_is_what_the_code_gives(source: duckdb.DuckDBPyConnection) -> None:
    measured = source.execute(
        """
        select case when late <= 3 then late::varchar when late <= 7 then '4 to 7' else '8 to 101' end as days,
            count(*), sum(rows)
        from (
            select basket_id, any_value(arrival_day - event_day) as late, count(*) as rows
            from arrivals inner join transactions using (basket_id) group by basket_id
        )
        group by days order by min(late)
        """
    ).fetchall()
    total = sum(baskets for _, baskets, _ in measured)

    text = DOCS.read_text()
    for days, baskets, rows in measured:
        line = f"| {days} | {baskets:,} | {100 * baskets / total:.2f} % | {rows:,} |"
        assert line in text, f"{DOCS.name} should have the line {line}"
