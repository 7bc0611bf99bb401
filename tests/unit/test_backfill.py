"""Files of a first load or a backfill are told together; those of an ordinary day each for itself."""

from __future__ import annotations

from datetime import date, timedelta

from assay.checks.anomaly_rules import Verdict
from assay.checks.backfill import FEW, history_of, history_rule
from assay.checks.profiles import Profile
from assay.checks.statistics import Against

FIRST = date(2024, 1, 1)


def file(number: int, day: int | None = None) -> Profile:
    return Profile(number, f"{number}.csv", None if day is None else FIRST + timedelta(days=day), 10, 0, 10)


def test_a_year_at_once_is_history_but_for_its_newest_day() -> None:
    files = [file(2 * day + shop, day) for day in range(365) for shop in (0, 1)]
    assert history_of(files, set(range(730))) == set(range(728))


def test_a_month_is_no_history_however_many_files_a_day_has() -> None:
    files = [file(100 * day + shop, day) for day in range(FEW) for shop in range(100)]
    assert history_of(files, {each.file_id for each in files}) == frozenset()


def test_old_days_that_come_late_are_history_as_a_whole() -> None:
    files = [*(file(day, day) for day in range(100)), file(100, 400)]
    assert history_of(files, set(range(100))) == set(range(100))


def test_files_that_speak_of_no_day_are_history_where_they_outnumber_those_that_were_there() -> None:
    files = [file(number) for number in range(200)]
    assert history_of(files, set(range(200))) == set(range(199))
    assert history_of(files, set(range(90, 200))) == set(range(90, 199))
    assert history_of(files, set(range(100, 200))) == frozenset()  # a hundred shops, each day
    assert history_of(files[:FEW], set(range(FEW))) == frozenset()


def test_one_line_counts_each_file_once() -> None:
    odd = [Verdict(file(n, n), Against(1, 10, 2), is_odd=True) for n in range(40)]
    rule = history_rule(364, {"volume": odd, "completeness": odd[:7], "distribution": []})
    assert rule.passed
    assert rule.observed == (
        "364 files of history, each judged by those before it: 40 were odd (volume 40, completeness 7) and are no "
        "measure for others"
    )
    assert rule.examples[0] == {
        "check": "volume", "file": "0.csv", "day": "2024-01-01, a Monday", "found": "1", "usual": "10",
    }  # fmt: skip
    assert history_rule(40, {"volume": []}).observed.endswith(": none was odd")
