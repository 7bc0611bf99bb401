"""The moment in a file's name: what a pattern gives back exactly, and which patterns cannot."""

from __future__ import annotations

import locale
from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.contract.errors import ContractError
from assay.contract.moments import example, pattern

UNITS = {
    "%Y": "year", "%Y-Q%q": "quarter", "%Y%q": "quarter", "%Y-%m": "month", "%B %Y": "month", "%G-W%V": "week",
    "%Y-%m-%d": "day", "%d%b%Y": "day", "%y%m%d": "day", "%Y%j": "day", "%G-W%V-%u": "day", "%Y week %W %a": "day",
    "%Y week %U %w": "day", "%-d.%-m.%Y": "day", "%A %d %B %Y": "day", "%Y%m%d_W%V": "day", "%Y%m%d%p": "half",
    "%Y%m%d%H": "hour", "%d%m%Y_%I%p": "hour", "%Y-%m-%d_%-I %p": "hour", "%Y%m%d%H%M": "minute", "%s": "second",
    "%Y%m%dT%H%M%S%z": "second", "%G-W%V-%uT%H%M%S": "second", "%Y%m%d%H%M%S%f": "microsecond", "%s.%f": "microsecond",
}  # fmt: skip
"""Patterns that a contract may have, and the unit that each says."""


def beginning(at: datetime, unit: str) -> datetime:
    """Of the unit in which a moment is."""
    day = datetime(at.year, at.month, at.day)
    return {
        "year": datetime(at.year, 1, 1),
        "quarter": datetime(at.year, (at.month - 1) // 3 * 3 + 1, 1),
        "month": day.replace(day=1),
        "week": day - timedelta(days=day.weekday()),
        "day": day,
        "half": day.replace(hour=at.hour // 12 * 12),
        "hour": day.replace(hour=at.hour),
        "minute": at.replace(second=0, microsecond=0),
        "second": at.replace(microsecond=0),
        "microsecond": at,
    }[unit]


@given(st.sampled_from(sorted(UNITS)), st.datetimes(datetime(1975, 1, 1), datetime(2068, 12, 31)))
def test_a_name_gives_back_the_moment_that_it_was_written_for(text: str, at: datetime) -> None:
    template = pattern(f"stock_{text}.csv")
    assert template.read(template.write(at)) == beginning(at, UNITS[text])


@given(st.sampled_from(sorted(UNITS)), st.data())
def test_names_of_later_moments_are_later(text: str, data: st.DataObject) -> None:
    moments = st.datetimes(datetime(1975, 1, 1), datetime(2068, 12, 31))
    earlier, later = sorted([data.draw(moments), data.draw(moments)])
    template = pattern(text)
    first, second = template.read(template.write(earlier)), template.read(template.write(later))
    assert first is not None
    assert second is not None
    assert first <= second


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("%Y-W%W", "`%W` and `%U` need a weekday, `%u`; of ISO weeks write `%G-W%V`"),
        ("%Y-W%U", "`%W` and `%U` need a weekday"),
        ("%Y-W%V", "the year of an ISO week is `%G`"),
        ("%Y-%V-%u", "the year of an ISO week is `%G`"),
        ("%G", "`%G` is the year of an ISO week, `%V`"),
        ("%d%m", "add the year, `%Y`"),
        ("%m-%d_%H", "add the year, `%Y`"),
        ("%H", "add the year, `%Y`"),
        ("%d%m%Y_%I", "`%I` needs `%p`; of 24 hours write `%H`"),
        ("%Y%m%d_%M", "name a date, and of its time no part without the one before it"),
        ("%Y%m%d_%H%S", "which reads as 2024-05-17 15:00:05"),
        ("%Y_%H", "which reads as 2024-01-01 15:00:00"),
        ("%Y-%d", "name a date"),
        ("%Y%a", "name a date"),
        ("%s%f", "a number without a fixed width has to be followed by something else than a digit"),
        ("%-d%-m%Y", "a number without a fixed width"),
        ("%s%z", "`%s` counts in UTC"),
        ("%x", "`%x` is not among %Y, %y, %m"),
        ("%c", "`%c` is not among"),
        ("%Y%Z", "`%Z` is not among"),
        ("%Y%", "`%.` is not among"),
        ("%Y_%Y", "it names one thing twice"),
        ("%%Y", "names a file without its folder, with at least a year"),
        ("%m/%Y", "names a file without its folder"),
    ],
)
def test_a_pattern_that_cannot_give_the_moment_back_is_refused_with_what_to_write(text: str, why: str) -> None:
    with pytest.raises(ContractError) as error:
        pattern(f"stock_{text}.csv")
    message = str(error.value)
    assert message.startswith(f"newest_by: file_date 'stock_{text}.csv' ")
    assert why in message


@pytest.mark.parametrize(
    ("text", "name", "moment"),
    [
        ("%d%m%Y_%I%p", "01012024_09AM", datetime(2024, 1, 1, 9)),
        ("%d%m%Y_%I%p", "01012024_12am", datetime(2024, 1, 1)),
        ("%d%m%Y_%I%p", "01012024_12pm", datetime(2024, 1, 1, 12)),
        ("%G-W%V", "2020-W53", datetime(2020, 12, 28)),
        ("%G-W%V", "2025-W01", datetime(2024, 12, 30)),
        ("%Y-Q%q", "2024-Q4", datetime(2024, 10, 1)),
        ("%Y%j", "2024366", datetime(2024, 12, 31)),
        ("%d%b%Y", "31JAN2024", datetime(2024, 1, 31)),
        ("%d%b%Y", "31jan2024", datetime(2024, 1, 31)),
        ("%y%m%d", "690101", datetime(1969, 1, 1)),
        ("%y%m%d", "680101", datetime(2068, 1, 1)),
        ("%s", "1704067200", datetime(2024, 1, 1)),
        ("%s.%f", "1704067200.5", datetime(2024, 1, 1, microsecond=500_000)),
        ("%Y%m%dT%H%M%S%z", "20240101T003000+02:00", datetime(2023, 12, 31, 22, 30)),
        ("%Y%m%dT%H%M%S%z", "20240101T003000-0330", datetime(2024, 1, 1, 4)),
        ("%Y%m%dT%H%M%S%z", "20240101T003000Z", datetime(2024, 1, 1, 0, 30)),
    ],
)
def test_what_names_say(text: str, name: str, moment: datetime) -> None:
    assert pattern(text).read(name) == moment


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("%Y%m%d", "2024111"),
        ("%Y-%m-%d", "2024-1-05"),
        ("%Y-%m-%d", "2023-02-29"),
        ("%Y-%m-%d", "2024-01-05 (1)"),
        ("%Y-%m-%d", "٢٠٢٤-01-05"),
        ("stock_%Y", "STOCK_2024"),
        ("%Y %b", "2024 \u017fep"),
        ("%Y%m%dT%H%z", "20240101T00+0275"),
        ("%Y%j", "2023366"),
        ("%G-W%V", "2024-W53"),
        ("%Y-Q%q", "2024-Q5"),
        ("%d%m%Y_%I%p", "01012024_13PM"),
        ("%d%m%Y_%I%p", "01012024_00AM"),
        ("%Y%m%d %A", "20240101 Tuesday"),
        ("%Y%m%d_W%V", "20240101_W02"),
        ("%Y%m%dT%H%M%S%z", "00010101T003000+02:00"),
        ("%Y-%m-%d\n", "2024-01-05"),
        ("%Y.csv", "2024xcsv"),
    ],
)
def test_a_name_that_says_no_moment_or_contradicts_itself_is_not_read(text: str, name: str) -> None:
    assert pattern(text).read(name) is None


def test_names_of_months_are_english_whatever_the_locale_is() -> None:
    before = locale.setlocale(locale.LC_TIME)
    try:
        for name in ("de_DE.UTF-8", "fr_FR.UTF-8", "C"):
            try:
                locale.setlocale(locale.LC_TIME, name)
            except locale.Error:
                continue
            assert pattern("%d %B %Y").read("05 March 2024") == datetime(2024, 3, 5)
            assert example("%a %d %b %Y") == "Fri 17 May 2024"
    finally:
        locale.setlocale(locale.LC_TIME, before)
