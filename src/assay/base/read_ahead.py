"""Work on the items of an iterator in a thread, while the next item is fetched: for work that lets go of the GIL."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


def one_ahead(work: Callable[[Item], Result], items: Iterable[Item]) -> Iterator[Result]:
    """The results of `work`, one for each item, in their order; two items are in memory at once.

    Args:
        work: Is called in another thread, of one item at a time.
        items: Are taken in the thread that takes the results.

    Raises:
        Exception: What `work` or `items` raised; no call of `work` goes on after that.
    """
    with ThreadPoolExecutor(1) as pool:
        before: Future[Result] | None = None
        for item in items:
            following = pool.submit(work, item)
            if before is not None:
                yield before.result()
            before = following
        if before is not None:
            yield before.result()
