"""A schedule is read as cron reads it, and its last time is the one that a person would name."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from assay.base.cron import parse_cron

NOW = datetime(2026, 3, 31, 12, 7, tzinfo=UTC)  # a Tuesday, two days after the clocks went forward in Berlin


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("0 6 * * 1", "2026-03-30 06:00"),
        ("0 6 * * mon Europe/Berlin", "2026-03-30 04:00"),
        ("7 12 * * *", "2026-03-31 12:07"),
        ("8 12 * * *", "2026-03-30 12:08"),
        ("*/15 * * * *", "2026-03-31 12:00"),
        ("5/20 9-11 * * *", "2026-03-31 11:45"),
        ("0 6 * * 7", "2026-03-29 06:00"),
        ("0 6 * * 0", "2026-03-29 06:00"),
        ("0 6 * * 5-7", "2026-03-29 06:00"),
        ("0 6 1 * *", "2026-03-01 06:00"),
        ("0 6 1 * fri", "2026-03-27 06:00"),
        ("0 6 1 jan,jul *", "2026-01-01 06:00"),
        ("0 6 29 2 *", "2024-02-29 06:00"),
        ("30 2 29 3 * Europe/Berlin", "2026-03-29 01:30"),
        ("0 22 * * * America/New_York", "2026-03-31 02:00"),
    ],
)
def test_the_last_time_of_a_schedule(text: str, expected: str) -> None:
    assert parse_cron(text).latest(NOW) == datetime.fromisoformat(f"{expected}+00:00")


@pytest.mark.parametrize(
    "text",
    [
        *("", "0 6 * *", "0 6 * * 1 UTC x", "60 6 * * 1", "0 24 * * 1", "0 6 0 * *", "0 6 * 13 *", "0 6 * * 8"),
        *("0 6 30 2 *", "0 6 * * 1 Europe/Nowhere", "0 6 * * 1 ../etc", "*/0 * * * *", "5-1 * * * *", "-1 * * * *"),
        *("a * * * *", "1, * * * *", "@weekly", "1- * * * *", "² * * * *"),
    ],
)
def test_what_is_no_schedule_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        parse_cron(text)
