"""What failed is tried again after pauses that grow, and is never forgotten."""

from __future__ import annotations

import pytest

from sensors.retries import LONGEST_PAUSE, Tried, due, in_words

NOW = 1_000_000.0


def tried(state: str, seconds_ago: float, *subjects: str) -> Tried:
    return Tried(frozenset(subjects or ("sales",)), state, NOW - seconds_ago)


def waits(*runs: Tried, subject: str = "sales", now: float = NOW) -> str:
    return due([subject], runs, now)[subject]


def test_what_was_never_tried_is_due() -> None:
    assert waits() == ""
    assert waits(tried("failed", 1, "shops")) == ""


def test_what_is_under_way_waits_for_its_end() -> None:
    assert waits(tried("running", 0)) == "a run is under way"
    assert waits(tried("failed", 1), tried("running", 0)) == "a run is under way"


def test_a_good_run_forgets_the_failures_before_it() -> None:
    assert waits(tried("good", 1), tried("failed", 2), tried("failed", 3)) == ""


@pytest.mark.parametrize(("failures", "pause"), [(1, 10), (2, 20), (3, 40), (6, 320), (9, 2560), (30, LONGEST_PAUSE)])
def test_the_pause_doubles_up_to_an_hour(failures: int, pause: float) -> None:
    runs = [tried("failed", pause - 1 + n) for n in range(failures)]
    assert "tried again in 1 s" in waits(*runs)
    assert waits(*runs, now=NOW + 1) == ""


def test_another_source_is_not_held_up() -> None:
    runs = [tried("failed", 1, "sales", "shops"), tried("good", 2, "shops"), tried("failed", 3, "sales")]
    assert "failed 2 times in a row" in waits(*runs)
    assert "failed once" in waits(*runs, subject="shops")
    assert waits(*runs, subject="stock") == ""


def test_a_clock_that_was_put_back_makes_nothing_wait_for_ever() -> None:
    assert waits(tried("failed", -100_000)) == ""


def test_reasons_are_told_in_words() -> None:
    assert in_words({"b": "a run is under way", "a": "failed once", "c": ""}) == "a: failed once; b: a run is under way"
