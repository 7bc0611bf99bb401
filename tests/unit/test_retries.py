"""What failed is tried again after pauses that grow, left alone after five failures, and never forgotten."""

from __future__ import annotations

import pytest

from assay.triggers.backoff import COOLING, JITTER, LONGEST_COOLING, PAUSES, Health, Tried, health, in_words
from assay.triggers.error_kinds import is_permanent

NOW = 1_000_000.0


def tried(state: str, seconds_ago: float, *subjects: str, **more: object) -> Tried:
    covers = frozenset(subjects or ("sales",))
    return Tried(f"run of {seconds_ago}", state, NOW - seconds_ago, covers, **more)  # type: ignore[arg-type]


def of(*runs: Tried, subject: str = "sales") -> Health:
    return health([subject], runs)[subject]


def waits(*runs: Tried, subject: str = "sales", now: float = NOW) -> str:
    return of(*runs, subject=subject).waits(now)


def test_what_was_never_tried_is_due() -> None:
    assert waits() == ""
    assert waits(tried("failed", 1, "shops")) == ""


def test_what_is_under_way_waits_for_its_end() -> None:
    assert waits(tried("running", 0)) == "a run is under way"
    assert waits(tried("failed", 1), tried("running", 0)) == "a run is under way"
    assert waits(Tried("all", "running", NOW)) == "a run is under way"  # a run of everything


def test_a_good_run_forgets_the_failures_before_it() -> None:
    assert waits(tried("good", 1), tried("failed", 2), tried("failed", 3)) == ""
    assert waits(Tried("by hand", "good", NOW - 1), tried("failed", 2)) == ""


def test_a_failed_run_that_did_its_part_for_a_source_is_no_failure_of_that_source() -> None:
    run = tried("failed", 1, "sales", "shops", done=frozenset({"shops"}))
    assert "failed once" in waits(run)
    assert waits(run, tried("failed", 2, "shops"), subject="shops") == ""


@pytest.mark.parametrize("failures", range(1, 10))
def test_pauses_grow_and_after_five_failures_the_breaker_opens(failures: int) -> None:
    usual = [*PAUSES, *(min(LONGEST_COOLING, COOLING * 2**n) for n in range(20))][failures - 1]
    breaker = of(*[tried("failed", 1 + n) for n in range(failures)])
    assert breaker.pause == pytest.approx(usual, rel=JITTER)
    assert breaker.is_open == (failures >= 5)
    assert breaker.waits(NOW)
    assert breaker.waits(NOW - 1 + breaker.pause) == ""


def test_an_open_breaker_says_until_when_and_how_to_close_it() -> None:
    reason = waits(*[tried("failed", 1 + n) for n in range(5)])
    assert reason.startswith("failed 5 times in a row; left alone until ")
    assert "`assay retry`" in reason


def test_what_can_not_pass_by_itself_opens_the_breaker_at_once() -> None:
    breaker = of(tried("failed", 1, is_permanent=True))
    assert breaker.is_open
    assert breaker.pause == pytest.approx(COOLING, rel=JITTER)
    again = of(tried("failed", 1, is_permanent=True), tried("failed", 1000, is_permanent=True))
    assert again.pause == pytest.approx(2 * COOLING, rel=JITTER)


def test_a_breaker_that_was_closed_by_hand_starts_anew() -> None:
    reset_for = [tried("failed", 1 + n, reset_for=frozenset({"sales"})) for n in range(5)]
    assert waits(*reset_for) == ""
    assert "failed once" in waits(tried("failed", 0.5), *reset_for)


def test_the_pause_after_a_failure_is_the_same_in_each_look_and_differs_between_failures() -> None:
    pauses = {of(tried("failed", n / 10)).pause for n in range(20)}
    assert len(pauses) == 20
    assert pauses == {of(tried("failed", n / 10)).pause for n in range(20)}


def test_another_source_is_not_held_up() -> None:
    runs = [tried("failed", 1, "sales", "shops"), tried("good", 2, "shops"), tried("failed", 3, "sales")]
    assert "failed 2 times in a row" in waits(*runs)
    assert "failed once" in waits(*runs, subject="shops")
    assert waits(*runs, subject="stock") == ""


def test_a_clock_that_was_put_back_makes_nothing_wait_for_ever() -> None:
    assert waits(tried("failed", -100_000)) == ""


def test_reasons_are_told_in_words() -> None:
    assert in_words({"b": "a run is under way", "a": "failed once", "c": ""}) == "a: failed once; b: a run is under way"


@pytest.mark.parametrize(
    ("error", "permanent"),
    [
        ("gold.days: Binder Error: Referenced column nosuch not found", True),
        ("bronze.sales: its contract or model changed since its rows were stored. Rebuild it", True),
        ("Nothing is built on tables that have not passed their blocking checks: silver.sales", False),
        ("PermissionError: [Errno 13] Permission denied: 'landing/sales'", True),
        ("OSError: [Errno 28] No space left on device", False),
        ("IO Error: Could not set lock on file: Permission denied? held in python (PID 5)", False),
        ("waited 3600 s for run 5 to end (run.lock)", False),
        ("warehouse.duckdb is open in DBeaver", False),
        ("The process of this run is gone; what it had committed is kept.", False),
        ("KeyError: 'x'", False),
        ("", False),
    ],
)
def test_errors_that_may_pass_are_told_from_those_that_can_not(error: str, permanent: bool) -> None:
    assert is_permanent([error]) == permanent
