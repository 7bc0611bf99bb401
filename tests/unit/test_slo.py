"""Service levels are worked out by hand here, and the code has to agree."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from assay.publish.slo import Arrival, Outcome, by_day, level

START = datetime(2026, 3, 1, tzinfo=UTC)


def at(hours: float) -> datetime:
    return START + timedelta(hours=hours)


def arrival(landed: float, due: float, seen: float | None) -> Arrival:
    return Arrival(at(landed), at(due), None if seen is None else at(seen))


def test_time_within_the_promise_and_what_is_left_of_the_budget() -> None:
    files = [arrival(0, 1, 0.5), arrival(2, 3, 3.6), arrival(2.5, 3.5, 3.6)]
    service_level = level(files, [], at(0), at(100))
    assert service_level.broken_seconds == pytest.approx(0.6 * 3600)  # from 3 to 3.6; both files count once
    assert service_level.fresh_share == pytest.approx(0.994)
    assert service_level.budget_left == pytest.approx(0.4)  # of one hour


def test_a_file_that_readers_do_not_see_yet_breaks_the_promise_until_now() -> None:
    assert level([arrival(0, 1, None)], [], at(0), at(5)).broken_seconds == 4 * 3600
    assert level([arrival(0, 10, None)], [], at(0), at(5)).broken_seconds == 0
    assert level([arrival(0, 1, None)], [], at(0), at(200)).budget_left < 0


def test_a_table_counts_from_its_first_file_and_nothing_new_keeps_every_promise() -> None:
    service_level = level([arrival(90, 91, 90.5)], [], at(0), at(100))
    assert (service_level.seconds, service_level.fresh_share) == (10 * 3600, 1)
    empty = level([], [], at(0), at(100))
    assert (empty.seconds, empty.fresh_share, empty.budget_left, empty.p50_seconds) == (0, 1, 1, None)


def test_times_from_landing_to_readers_and_runs() -> None:
    files = [arrival(n, 99, n + n / 3600) for n in range(1, 22)]
    outcomes = [Outcome(at(2), True), Outcome(at(3), False), Outcome(at(500), False)]
    service_level = level(files, outcomes, at(0), at(100))
    assert (service_level.files, service_level.p50_seconds, service_level.p95_seconds) == (21, 11, 20)
    assert (service_level.runs, service_level.runs_good) == (2, 1)


def test_days_are_told_apart_and_a_late_file_counts_on_each_of_them() -> None:
    files = {"gold.days": [arrival(1, 20, 30)]}
    broken_hours = [(table, day, of.broken_seconds / 3600) for table, day, of in by_day(files, {}, at(36), 30)]
    assert broken_hours == [("gold.days", at(0), 4), ("gold.days", at(24), 6)]


def test_a_clock_that_was_put_back_makes_no_negative_times() -> None:
    service_level = level([arrival(50, 51, 50)], [], at(0), at(10))
    assert (service_level.seconds, service_level.broken_seconds) == (0, 0)
