"""Pages that go on from the key of the last record: what came already, and the order without which records are lost."""

from __future__ import annotations

from decimal import Decimal
from itertools import pairwise
from typing import Any

from assay.connectors.rest.document import Number, Page
from assay.connectors.rest.page import text_at
from assay.connectors.rest.times import parsed
from assay.contract.feed_kinds.rest import Paging
from assay.feeds.errors import Permanent

_EARLIEST = 100_000_000
"""Seconds since 1970 that a number has at least to be taken for a time: 1973."""


class Keyset:
    """How far pages of keys are.

    Args:
        paging: What is declared; its key stands last among the values of a page.
        bound: The end of a window whose records come in the order of their time, in ISO form; None for none.

    Attributes:
        key: Of the last record.
    """

    def __init__(self, paging: Paging, bound: str | None) -> None:
        self._paging = paging
        self._bound = None if bound is None else order_of(bound)
        self._place: tuple[int, Any] | None = None
        self._ties: set[bytes] = set()
        self._before: list[bytes] = []
        self.key = ""

    @property
    def is_past_bound(self) -> bool:
        """Whether the last record is past the end of the window, and so are all that follow."""
        return self._place is not None and self._bound is not None and self._place >= self._bound

    def fresh(self, page: Page) -> tuple[list[bytes], int]:
        """The records of a page without those that came already, and how many of these are of the window.

        Raises:
            Permanent: They do not come in the order of the key, or no key leads on.
        """
        keys = [text_at(values[-1], self._paging.key) for values in page.values]
        if not self._paging.is_inclusive:
            if not {*self._before}.isdisjoint(page.lines):
                raise Permanent(
                    f"records after {self._paging.key} of the last one are those of the page before: ask for the order "
                    f"in which {self._paging.param} leads on"
                )
            self._before, self.key = page.lines, keys[-1] if keys else self.key
            return page.lines, len(page.lines)
        places = [order_of(values[-1]) for values in page.values]
        self._check_order(places)
        if set(keys) == {self.key} and len(keys) == self._paging.size:
            raise Permanent(
                f"a page is full of records whose {self._paging.key} is the same, and none leads beyond them; "
                "raise `size`, or go by a key that differs"
            )
        fresh = [number for number, line in enumerate(page.lines) if line not in self._ties]
        if keys:
            kept = self._ties if keys[-1] == self.key else set()
            self._ties = {*kept, *(line for line, key in zip(page.lines, keys, strict=True) if key == keys[-1])}
            self.key, self._place = keys[-1], places[-1]
        inside = [number for number in fresh if self._bound is None or places[number] < self._bound]
        return [page.lines[number] for number in fresh], len(inside)

    def _check_order(self, places: list[tuple[int, Any]]) -> None:
        """Refuse records in another order than that of their keys, in which the last one does not lead to the rest."""
        every = places if self._place is None else [self._place, *places]
        if any(early > late for early, late in pairwise(every)):
            raise Permanent(
                f"records do not come in the order of {self._paging.key}, from the smallest on; ask for that order"
            )


def order_of(value: Any) -> tuple[int, Any]:
    """By what keys of records come in order: as moments where they are some, else as numbers or texts."""
    moment = parsed(value)
    if moment is not None and not (isinstance(value, Number) and Decimal(value) < _EARLIEST):
        return 0, moment
    return (1, Decimal(value)) if isinstance(value, Number) else (2, value)
