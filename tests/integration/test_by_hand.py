"""What people do to a lake and its project by hand: tables and models go away and come back."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.lab import Lab, copy_project, core_project, everything, product, receipt

pytestmark = pytest.mark.slow  # real runs

GOLD = ("gold.daily_sales", "gold.product_performance")


@pytest.fixture
def filled(lab: Lab) -> Lab:
    lab.products("2017-01-01", [product(), product(product_id=11, department="DELI")])
    lab.receipts("day1", [receipt(), receipt(product_id=11)])
    lab.good_run()
    return lab


def test_a_table_that_was_dropped_is_built_again_and_so_is_what_hangs_on_it(filled: Lab) -> None:
    """What is new is asked of the book-keeping, and that would say that a missing table has seen everything."""
    before = everything(filled)
    filled.spoil("drop table silver.transactions; drop table gold.daily_sales")
    filled.good_run()
    assert everything(filled) == before
    assert filled.stored("select count(*) from gold.daily_sales") == [(2,)]


def test_changes_that_were_dropped_before_gold_saw_them_are_not_lost(filled: Lab) -> None:
    filled.receipts("day2", [receipt(sales_value="4.00", transaction_timestamp="2017-01-05 15:00:00")])
    filled.good_run("landing/transactions,bronze.transactions,silver.transactions")
    filled.spoil("drop table changes.silver_transactions")
    filled.good_run()
    days = filled.rows("select sales_date::varchar from gold.daily_sales order by 1")
    assert days == [("2017-01-02",), ("2017-01-05",)]


def test_a_model_that_left_the_project_leaves_the_readers_and_comes_back_whole(tmp_path: Path) -> None:
    """Its old rows would be shown for ever; and what it has seen would keep every change of its inputs for ever."""
    project = copy_project(tmp_path)
    lab = Lab(tmp_path / "lake", dbt_project=project)
    lab.products("2017-01-01", [product()])
    lab.receipts("day1", [receipt()])
    lab.good_run()
    gold = project / "models" / "gold"
    for suffix in ("sql", "yml"):
        (gold / f"gold_product_performance.{suffix}").unlink()
    (project / "rules" / "gold_product_performance.py").unlink()
    lab = Lab(tmp_path / "lake", dbt_project=project)
    lab.receipts("day2", [receipt(basket_id=101)])
    lab.good_run()
    assert lab.rows("select table_name from duckdb_tables() where schema_name = 'gold'") == [("daily_sales",)]
    assert lab.stored("select count(*) from changes.silver_transactions") == [(0,)]
    assert lab.status()["held_back"] is None

    for part in ("models/gold", "rules"):
        shutil.copytree(core_project() / part, project / part, dirs_exist_ok=True)
    lab = Lab(tmp_path / "lake", dbt_project=project)
    lab.good_run()
    assert lab.rows("select baskets from gold.product_performance") == [(2,)]


def test_a_lake_with_one_source_only_is_whole_and_takes_the_other_later(lab: Lab) -> None:
    """Checks over empty tables are NULL where a sum or a `bool_and` was meant, and no pass."""
    lab.products("2017-01-01", [product()])
    lab.good_run()
    assert lab.status()["held_back"] is None
    assert [lab.rows(f"select count(*) from {table}") for table in GOLD] == [[(0,)], [(0,)]]
    assert lab.source("transactions")["rows"]["bronze"] == 0

    lab.receipts("day1", [receipt()])
    lab.good_run()
    assert [lab.rows(f"select count(*) from {table}") for table in GOLD] == [[(1,)], [(1,)]]
