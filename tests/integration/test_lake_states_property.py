"""Drawn changes: after each publication readers see the warehouse, cell for cell, and old states as they were."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory
from unittest.mock import patch

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assay.publish import lake_state, part_files
from assay.publish.publishing import clean_up
from tests.keyed import Row
from tests.readers import Shop

DAYS = st.one_of(
    st.sampled_from([None, "infinity", "-infinity", "0001-01-01", "0044-03-15 (BC)", "9999-12-31", "5881580-07-10"]),
    st.dates(min_value=date(2023, 1, 1), max_value=date(2024, 6, 30)).map(str),
)
NUMBERS = st.one_of(st.none(), st.integers(-5, 5), st.sampled_from([-(2**63), 2**63 - 1]))


def _row(number: int, day: str | None, big: int | None, amount: int | None) -> Row:
    is_plain = day is not None and day[:2] in ("20", "00") and "BC" not in day
    return (number, day, f"{day} 23:30:00+00" if is_plain else None, big, amount)


ROWS = st.lists(st.builds(_row, st.integers(1, 30), DAYS, NUMBERS, NUMBERS), max_size=12)


@dataclass(frozen=True)
class Step:
    """A file that comes under a path; whether all keys are rebuilt, and what is published then."""

    path: str
    rows: list[Row]
    is_full: bool
    is_published: bool
    is_held: bool


STEPS = st.lists(
    st.builds(
        Step, st.sampled_from("pqr"), ROWS, st.sampled_from([False] * 5 + [True]), st.booleans(),
        st.sampled_from([False] * 4 + [True]),
    ),
    min_size=2, max_size=6,
)  # fmt: skip


def follow(shop: Shop, steps: Sequence[Step]) -> None:
    """Load and publish step by step; hold what readers see against the warehouse as it was at each publication."""
    shown = None
    shop.bring("first", [_row(n, f"2024-0{n % 6 + 1}-01", n, n) for n in range(1, 20)])
    for step in [*steps, Step("p", [], is_full=False, is_published=True, is_held=False)]:
        shop.bring(step.path, step.rows, is_full=step.is_full)
        clean_up(shop.published) if shop.published.exists() else None
        if step.is_published:
            shop.publish(held=["silver.x"] if step.is_held else [], keep_seconds=0)
            shown = shown if step.is_held else shop.stored()
        if shown is not None:
            assert shop.seen() == shown


@pytest.mark.slow  # many published states
@pytest.mark.parametrize("column", ["day", None, "moment", "id", "amount"])
@settings(max_examples=6, deadline=None)
@given(steps=STEPS)
def test_readers_see_the_warehouse_after_whatever_changed(column: str | None, steps: list[Step]) -> None:
    with (
        TemporaryDirectory() as folder,
        patch.object(lake_state, "NATIVE_ROWS", 3),
        patch.object(part_files, "ROWS", 1),
        patch.object(part_files, "MOST", 6),
    ):
        follow(Shop(Path(folder) / "published", column), steps)
