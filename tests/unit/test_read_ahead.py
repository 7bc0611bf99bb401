"""Work in a thread while the next item is fetched."""

import threading
from collections.abc import Iterator

import pytest

from assay.base.read_ahead import one_ahead


def test_results_come_in_order() -> None:
    assert list(one_ahead(lambda item: item * 2, range(50))) == [item * 2 for item in range(50)]
    assert list(one_ahead(str, [])) == []


def test_an_item_is_fetched_while_the_one_before_it_is_worked_on() -> None:
    is_second_fetched = threading.Event()

    def items() -> Iterator[int]:
        yield 1
        is_second_fetched.set()
        yield 2

    assert list(one_ahead(lambda item: (item, is_second_fetched.wait(5)), items())) == [(1, True), (2, True)]


def test_no_more_than_two_items_are_fetched_before_a_result_is_taken() -> None:
    fetched: list[int] = []
    results = one_ahead(str, (fetched.append(item) or item for item in range(9)))  # type: ignore[func-returns-value]
    assert next(results) == "0"
    assert fetched == [0, 1]


def test_what_the_work_raises_is_raised_and_ends_it() -> None:
    worked: list[int] = []

    def work(item: int) -> int:
        worked.append(item)
        return 1 // (item - 2)

    results = one_ahead(work, range(9))
    assert [next(results), next(results)] == [-1, -1]
    with pytest.raises(ZeroDivisionError):
        next(results)
    assert max(worked) <= 3


def test_what_the_items_raise_is_raised_after_the_work_has_ended() -> None:
    worked: list[int] = []

    def items() -> Iterator[int]:
        yield 1
        raise OSError("gone")

    with pytest.raises(OSError, match="gone"):
        list(one_ahead(worked.append, items()))
    assert worked == [1]
