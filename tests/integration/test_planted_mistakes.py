"""Mistakes that people make in SQL: each is caught by a check of its own before a reader sees it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.lab import Lab, copy_project, edit, everything, product, receipt

pytestmark = pytest.mark.slow  # real runs of a project with a mistake

MISTAKES = {
    "a join that fans out": (
        "silver/silver_transactions.sql",
        ("from in_store_time\n", "from in_store_time cross join (values (1), (2)) as twice (n)\n"),
        "contract of silver.transactions: unique(basket_id, product_id): expected no key twice",
    ),
    "a filter that drops rows": (
        "silver/silver_transactions.sql",
        ("from in_store_time\n", "from in_store_time where store_id <> 7\n"),
        "conservation of silver.transactions: ",
    ),
    "a wrong unit": (
        "gold/gold_daily_sales.sql",
        ("sum(sales_usd)::decimal(18, 2) as sales_usd", "(sum(sales_usd) * 100)::decimal(18, 2) as sales_usd"),
        "consistency of gold.daily_sales: sales_equal_receipts: expected Each day's money is the money of its receipts",
    ),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_planted_mistake_is_caught_and_readers_keep_the_last_good_state(tmp_path: Path, mistake: str) -> None:
    path, change, message = MISTAKES[mistake]
    project = copy_project(tmp_path)
    lab = Lab(tmp_path / "lake", dbt_project=project)
    lab.products("2017-01-01", [product()])
    lab.receipts("day1", [receipt(), receipt(basket_id=101, store_id=8)])
    lab.good_run()
    before = everything(lab)
    edit(project / "models" / path, change)

    lab = Lab(tmp_path / "lake", dbt_project=project)
    outcome = lab.run(full_refresh=[path.split("/")[1].removesuffix(".sql").replace("_", ".", 1)])

    assert not outcome.success
    assert any(message in failure for failure in outcome.failures), outcome.failures
    assert everything(lab) == before
    assert lab.status()["held_back"] is not None
