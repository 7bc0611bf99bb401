"""A promise about time is understood or refused, and its deadlines are those of the calendar that it names."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from typing import Any

import pytest

from assay.contract.checks import parse_freshness
from assay.contract.errors import ContractError
from assay.contract.freshness import IMMEDIATE, Policy, in_words

MORNING = Policy(by=time(6), timezone="America/New_York")


def node(freshness: object) -> dict[str, Any]:
    return {
        "name": "gold_days",
        "patch_path": "assay://models/gold/gold_days.yml",
        "config": {"meta": {"freshness": freshness}},
    }


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("freshness", "policy", "words"),
    [
        ({"lag": 0}, Policy(), "at once"),
        ({"lag": "15 minutes"}, Policy(timedelta(minutes=15)), "15 minutes"),
        ({"lag": "1 day", "because": "Weekly."}, Policy(timedelta(days=1), because="Weekly."), "24 hours"),
        ({"by": "06:00", "timezone": "America/New_York"}, MORNING, "every day by 06:00 America/New_York"),
    ],
)
def test_a_policy_is_read_and_said_in_words(freshness: object, policy: Policy, words: str) -> None:
    result = parse_freshness(node(freshness))
    assert result == policy
    assert str(result) == words


def test_no_policy_is_none() -> None:
    assert parse_freshness(node(None)) is None


@pytest.mark.parametrize(
    ("freshness", "reason"),
    [
        ("15 minutes", "expected {lag: …}"),
        ({}, "expected {lag: …}, or {by: …, timezone: …}"),
        ({"lag": "1 hour", "by": "06:00", "timezone": "UTC"}, "not both"),
        ({"by": "06:00"}, "expected {lag: …}, or {by: …, timezone: …}"),
        ({"lag": "1 hour", "timezone": "UTC"}, "expected {lag: …}, or {by: …, timezone: …}"),
        ({"lag": "soon"}, "'soon' is neither 0 nor"),
        ({"lag": "0 minutes"}, "shorter than a minute"),
        ({"lag": True}, "True is neither 0"),
        ({"by": 360, "timezone": "UTC"}, 'in quotes, such as "06:00"'),  # what YAML makes of 06:00 without quotes
        ({"by": "24:00", "timezone": "UTC"}, "'24:00' is not a time of day"),
        ({"by": "06:00", "timezone": "New York"}, "'New York' is none"),
        ({"lags": 0}, "unknown key 'lags'"),
    ],
)
def test_what_is_not_understood_is_refused_with_the_yml(freshness: object, reason: str) -> None:
    with pytest.raises(ContractError) as error:
        parse_freshness(node(freshness))
    assert reason in str(error.value)
    assert str(error.value).startswith("models/gold/gold_days.yml: freshness")


def test_a_lag_counts_from_the_arrival() -> None:
    landed = utc("2017-03-01 10:00")
    assert Policy(timedelta(hours=6)).deadline(landed) == utc("2017-03-01 16:00")
    assert Policy().deadline(landed) == landed + IMMEDIATE


@pytest.mark.parametrize(
    ("landed", "due"),
    [
        ("2017-03-11 09:59", "2017-03-11 11:00"),  # 04:59 at New York in winter: today's deadline
        ("2017-03-11 10:01", "2017-03-12 10:00"),  # less than an hour before it: the next, which is in summer time
        ("2017-03-12 09:00", "2017-03-12 10:00"),
        ("2017-11-05 09:30", "2017-11-05 11:00"),  # back in winter time
    ],
)
def test_a_daily_deadline_takes_what_landed_an_hour_before(landed: str, due: str) -> None:
    assert MORNING.deadline(utc(landed)) == utc(due)


def test_a_source_with_a_daily_deadline_is_late_after_a_day_without_a_file() -> None:
    assert MORNING.late_from(utc("2017-03-11 09:00")) == utc("2017-03-12 10:00")
    assert MORNING.late_from(utc("2017-03-11 12:00")) == utc("2017-03-13 10:00")  # it was on time for the 12th
    assert Policy(timedelta(hours=30)).late_from(utc("2017-03-11 09:00")) == utc("2017-03-12 15:00")


def test_spans_are_said_in_a_unit_that_fits() -> None:
    assert [in_words(timedelta(seconds=n)) for n in (40, 60, 5400, 7200, 108000, 216000)] == [
        "40 seconds", "1 minute", "1.5 hours", "2 hours", "30 hours", "2.5 days",
    ]  # fmt: skip
