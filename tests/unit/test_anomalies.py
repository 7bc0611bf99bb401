"""Odd is what history does not explain and what is large enough to matter; the figures are worked out by hand."""

from __future__ import annotations

import math
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.checks.statistics import ENOUGH, Z, against, is_odd, pooled, pooled_but_one, stability


def test_a_short_history_says_nothing() -> None:
    assert against(5, [1.0] * (ENOUGH - 1), noise=1) is None
    assert against(5, [1.0] * ENOUGH, noise=1) is not None


def test_what_history_allows_is_the_modified_z_score() -> None:
    """Of 90, 95, 100, 105, 110, 100, 100 the median is 100; that of the deviations 10, 5, 0, 5, 10, 0, 0 is 5."""
    deviation = against(120, [90, 95, 100, 105, 110, 100, 100], noise=1)
    assert deviation is not None
    assert (deviation.expected, deviation.change) == (100, 20)
    assert deviation.allowed == pytest.approx(Z * 5 * 1.4826 * 1.140)


def test_a_history_that_never_moved_allows_what_chance_gives() -> None:
    deviation = against(140, [100.0] * 8, noise=10)
    assert deviation is not None
    assert deviation.allowed == 35
    assert is_odd(deviation, worth_a_word=20)
    assert not is_odd(deviation, worth_a_word=50)


def test_one_bad_figure_in_the_history_hides_no_other() -> None:
    """A mean and a standard deviation would be moved so far that the next bad file looks ordinary."""
    history = [1000.0, 1010, 990, 1005, 995, 1000, 0, 1002]
    deviation = against(10, history, noise=30)
    assert deviation is not None
    assert is_odd(deviation, worth_a_word=200)


def test_the_stability_index_by_hand() -> None:
    """Shares 0.5 and 0.5 against 0.8 and 0.2: (-0.3) ln(0.625) + 0.3 ln(2.5) = 0.416."""
    n = 1_000_000
    index = stability({"a": n, "b": n}, {"a": int(1.6 * n), "b": int(0.4 * n)})
    assert index == pytest.approx(-0.3 * math.log(0.625) + 0.3 * math.log(2.5), abs=1e-4)


@pytest.mark.parametrize("size", [200, 2000, 20000])
def test_samples_of_one_spread_are_stable_however_small(size: int) -> None:
    random = Random(size)  # noqa: S311 - no secret
    buckets = [str(n) for n in range(20)]
    weights = [2.0**-n for n in range(20)]
    history = [pooled([{b: 1} for b in random.choices(buckets, weights, k=size)]) for _ in range(8)]
    new = pooled([{b: 1} for b in random.choices(buckets, weights, k=size)])
    assert stability(new, pooled(history)) < 0.1


def test_a_value_that_is_new_or_gone_shifts() -> None:
    assert stability({"a": 500, "new": 500}, {"a": 1000}) > 0.25
    assert stability({"a": 1000}, {"a": 500, "gone": 500}) > 0.25
    assert stability({}, {"a": 5}) == 0


@given(st.dictionaries(st.sampled_from("abcdef"), st.integers(1, 10_000), min_size=1), st.integers(1, 50))
def test_the_same_shares_are_no_shift_whatever_their_number(counts: dict[str, int], times: int) -> None:
    assert stability(counts, {name: n * times for name, n in counts.items()}) < 0.05


@given(st.lists(st.dictionaries(st.sampled_from("abc"), st.integers(0, 3)), max_size=5))
def test_the_others_of_each_file_are_pooled_as_if_each_were_left_out(history: list[dict[str, int]]) -> None:
    left_out = [pooled(history[:at] + history[at + 1 :]) for at in range(len(history))]
    assert list(pooled_but_one(history)) == left_out
