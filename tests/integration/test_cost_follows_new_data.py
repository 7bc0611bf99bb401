"""Promise 8, independent of the machine: the same new day reads and writes as many rows on a lake ten times as old."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from bench.counted import PUBLISHED, Cost, counting
from tests.lab import Lab, product, receipt

pytestmark = pytest.mark.slow  # two lakes, one of them with many rows

YOUNG, OLD = 30, 300
"""Days of receipts; with `RECEIPTS` lines a day the older lake has several row groups of DuckDB."""
RECEIPTS = 1500
SLACK = 5_000
"""Rows that a model may scan more on the older lake; its tables are 420,000 rows longer."""
ROW_GROUP = 122_880
"""Rows of a block of DuckDB, which a scan reads as a whole or not at all; a day may lie in two."""
BY_BLOCK = "gold_product_performance"
"""A model that reads the blocks in which a week lies; the younger lake does not fill one."""
FIRST = date(2016, 1, 1)

Costs = Mapping[str, Cost]


def day_of(age: int) -> list[dict[str, object]]:
    """The receipts of one day; baskets are numbered as time goes by, as tills do."""
    at = FIRST + timedelta(days=age)
    return [
        receipt(basket_id=age * 10_000 + n, product_id=10 + n % 50, transaction_timestamp=f"{at} 15:00:00")
        for n in range(RECEIPTS)
    ]


def costs_of(folder: Path, days: int) -> tuple[Costs, Costs, Sequence[tuple[Any, ...]]]:
    """What the parts of the run of one more day cost, those of a run of a day that comes again, and what gold says."""
    lab = Lab(folder)
    lab.products("2016-01-01", [product(product_id=10 + n) for n in range(50)])
    lab.receipts("past", [row for age in range(OLD - days, OLD) for row in day_of(age)])
    lab.good_run()
    lab.receipts("new", day_of(OLD))
    with counting() as new:
        lab.good_run()
    lab.receipts("again", [{**row, "quantity": 7} for row in day_of(OLD - 10)])
    with counting() as again:
        lab.good_run()
    dates = ", ".join(f"date '{FIRST + timedelta(days=age)}'" for age in (OLD, OLD - 10))
    return new, again, lab.rows(f"select * from gold.daily_sales where sales_date in ({dates}) order by all")


def test_a_day_costs_as_many_rows_on_a_lake_ten_times_as_old(tmp_path: Path) -> None:
    *young, young_gold = costs_of(tmp_path / "young", YOUNG)
    *old, old_gold = costs_of(tmp_path / "old", OLD)
    assert len(young_gold) == 2
    assert young_gold == old_gold
    assert set(old[0]) >= {"bronze_transactions", "silver_transactions", "gold_daily_sales", PUBLISHED}
    assert set(old[0]) >= {f"silver.transactions: {check}" for check in ("contract", "conservation")}
    for which, slack in enumerate((SLACK, 2 * ROW_GROUP)):
        assert set(old[which]) == set(young[which])
        for part, cost in old[which].items():
            before = young[which][part]
            message = f"{part}: {before} when young, {cost}"
            assert cost.statements == before.statements, message
            assert cost.rows_written <= before.rows_written + SLACK, message
            more = {PUBLISHED: ROW_GROUP, BY_BLOCK: max(slack, ROW_GROUP)}.get(part, slack)
            assert cost.rows_read <= before.rows_read + more, message
