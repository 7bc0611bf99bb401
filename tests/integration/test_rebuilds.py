"""Promise 8 over all models of the demo: which of them redo most of their rows for a day that is new."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from assay.publish.reader import open_published
from assay.tables.rebuilds import SHARE, read_rebuilds
from demo.replay import replay
from tests.lab import WHOLE, Lab

pytestmark = pytest.mark.slow  # three weeks of the demo

WHOLE_FOR_A_REASON = {
    "gold.household_value": "a product that moves to another department changes each week in which it was sold",
    "gold.promotion_lift": "each category has products that are promoted each week, and its lift is made of all weeks",
}
FEW = 100
"""A table of so few rows may be redone as a whole."""


def test_one_more_sunday_redoes_few_rows_of_each_table(tmp_path: Path) -> None:
    lab = Lab(tmp_path / "lake", WHOLE)
    replay(lab.settings.landing, date(2017, 1, 1), date(2017, 1, 21))
    lab.good_run()
    replay(lab.settings.landing, date(2017, 1, 22), date(2017, 1, 22))
    lab.good_run()
    with open_published(lab.settings.published) as connection:
        rebuilds = {last.table: last for last in read_rebuilds(connection)}
    assert set(rebuilds) >= {"silver.transactions", "silver.promotions", "gold.daily_sales", *WHOLE_FOR_A_REASON}
    whole = {table for table, last in rebuilds.items() if last.rows >= SHARE * last.row_count > SHARE * FEW}
    assert whole == set(WHOLE_FOR_A_REASON)
