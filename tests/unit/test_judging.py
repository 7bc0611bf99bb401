"""Files that are judged together are judged in their order, and an odd one is not a measure for the others."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from random import Random

import pytest

from assay.checks.anomaly_rules import Loads, judge, needed
from assay.checks.profiles import ColumnProfile, Profile
from assay.checks.statistics import MOST
from assay.contract.declared_checks import LoadChecks

SUNDAY = date(2017, 1, 1)


def file(number: int, records: int = 1000, *, day: date | None = None, broken: int = 0, nulls: int = 0) -> Profile:
    columns = {"note": ColumnProfile(nulls), "price": ColumnProfile(0, 2.5 * records, {"+3": records})}
    return Profile(number, f"{number}.csv", day, records, broken, records, columns=columns)


def weekly(*records: int) -> list[Profile]:
    return [file(number, n, day=SUNDAY + timedelta(weeks=number)) for number, n in enumerate(records)]


def loads(
    files: Sequence[Profile], targets: Sequence[int] | None = None, measures: Sequence[int] | None = None
) -> Loads:
    every = [each.file_id for each in files]
    wanted, known = (every if ids is None else ids for ids in (targets, measures))
    return Loads(LoadChecks(columns=("price",)), files, set(wanted), set(known), is_daily=False)


def odd(judged: Loads) -> list[int]:
    verdicts = [verdict for _, verdicts in judge(judged) for verdict in verdicts]
    return sorted({verdict.file.file_id for verdict in verdicts if verdict.is_odd})


def expected(judged: Loads, number: int) -> float | None:
    """What was usual before a file."""
    [volume] = [verdicts for figure, verdicts in judge(judged) if figure.check == "volume"]
    [deviation] = [verdict.deviation for verdict in volume if verdict.file.file_id == number]
    return deviation and deviation.expected


def test_odd_files_of_a_batch_are_no_measure_for_their_mates() -> None:
    files = weekly(*[1000] * 8, *[100] * 20, 1000)
    assert odd(loads(files)) == list(range(8, 28))


@pytest.mark.parametrize("seed", range(5))
def test_a_batch_is_judged_as_its_files_one_by_one_in_whatever_order_they_are_given(seed: int) -> None:
    draw = Random(seed)  # noqa: S311 - data, no secret
    files = weekly(*(draw.choice((1000, 1005, 1010, 1015, 1020, 1025, 100, 3000)) for _ in range(60)))
    kept: list[int] = []
    for each in files:
        if not odd(loads(files, [each.file_id], kept)):
            kept.append(each.file_id)
    assert 30 < len(kept) < 60
    draw.shuffle(files)
    assert odd(loads(files)) == sorted(set(range(60)) - set(kept))


def test_a_file_over_the_limit_of_broken_records_is_odd_and_no_measure() -> None:
    """By all else it is as ever: without the limit, it would be a measure."""
    files = [*weekly(*[1000] * 6), file(6, 1000, day=SUNDAY + timedelta(weeks=6), broken=20, nulls=500)]
    files += [file(7, 1000, day=SUNDAY + timedelta(weeks=7))]
    judged = loads(files, [6, 7])
    assert odd(judged) == [6]
    assert {each.file_id for each in needed(judged)} == set(range(8))
    [validity] = [verdicts for figure, verdicts in judge(judged) if figure.check == "validity"]
    assert [verdict.deviation and verdict.deviation.value for verdict in validity] == [2.0, 0.0]


def test_a_file_without_records_breaks_no_limit() -> None:
    assert odd(loads([file(1, 0, day=SUNDAY)])) == []


def test_a_file_without_a_day_is_held_against_all_that_arrived_before_it_and_measures_no_day() -> None:
    """What arrived after it speaks of earlier days, which says nothing about it."""
    first = [file(number, 1000, day=SUNDAY + timedelta(weeks=100 + number)) for number in range(6)]
    later = [file(number, 5000, day=SUNDAY + timedelta(weeks=number)) for number in range(7, 13)]
    assert expected(loads([*later, file(6, 3000), *first], [6]), 6) == 1000
    assert odd(loads([file(6, 1000), *first], [6])) == []
    assert expected(loads([file(6, 3000), *first, file(20, 9000, day=SUNDAY + timedelta(weeks=200))]), 20) == 1000


def test_files_that_never_have_a_day_come_in_order_of_arrival() -> None:
    files = [file(number, 100 if number in (7, 8, 9) else 1000) for number in range(15)]
    assert odd(loads(files[::-1])) == [7, 8, 9]


def test_no_more_is_needed_of_history_than_is_looked_at() -> None:
    """A new file of a source with thousands of them costs as much as one of a source with twenty."""
    files = weekly(*[1000] * 2000)
    assert len(needed(loads(files, [1999]))) == MOST + 1
    daily = [file(number, 1000, day=SUNDAY + timedelta(days=number)) for number in range(700)]
    few = Loads(LoadChecks(), daily, {699}, set(range(700)), is_daily=True)
    assert {each.day and each.day.weekday() for each in needed(few)} == {daily[699].day and daily[699].day.weekday()}
    assert len(needed(few)) == MOST + 1
