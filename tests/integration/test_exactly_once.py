"""Promise 2: a content counts once, under whatever name, time or order of runs it shows up."""

from __future__ import annotations

import os
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tests.lab import OLD, Lab, product, receipt, receipts_csv

GOLD = ("gold.daily_sales", "gold.product_performance")
SILVER = ("silver.transactions", "silver.products")


def seen(lab: Lab) -> dict[str, list[tuple[Any, ...]]]:
    """Everything that readers see, without ids and times of loads."""
    return {table: lab.table(table) for table in (*SILVER, *GOLD)}


def statuses(lab: Lab) -> dict[str, str]:
    """What became of the latest sighting of each file."""
    rows = lab.rows("select path, arg_max(status, sighting_id) from ops.files group by path order by path")
    return {Path(path).name: status for path, status in rows}


def baskets(lab: Lab) -> list[int]:
    return [row[0] for row in lab.rows("select basket_id from silver.transactions order by basket_id")]


@pytest.mark.slow
def test_a_touch_a_rename_a_copy_and_a_rerun_load_nothing_and_an_old_time_hides_nothing(lab: Lab) -> None:
    """Sources that go by names or times load a renamed file twice and never load a file with an old time."""
    touched = lab.receipts("touched", [receipt(basket_id=1)])
    renamed = lab.receipts("renamed", [receipt(basket_id=2)])
    lab.receipts("copied", [receipt(basket_id=3)])
    lab.good_run()
    before = seen(lab)

    os.utime(touched, (OLD + 60, OLD + 60))
    renamed.rename(renamed.with_name("a new name.csv"))
    lab.receipts("copy of copied", [receipt(basket_id=3)])
    assert lab.good_run().loaded == []
    assert seen(lab) == before
    assert statuses(lab) == {
        "a new name.csv": "duplicate",
        "copied.csv": "loaded",
        "copy of copied.csv": "duplicate",
        "renamed.csv": "loaded",
        "touched.csv": "loaded",
    }

    lab.receipts("old", [receipt(basket_id=4)], mtime=1.0)
    assert lab.good_run().loaded == [("transactions", 1, 1, 0)]
    assert baskets(lab) == [1, 2, 3, 4]

    assert lab.good_run().loaded == []
    rows = lab.source("transactions")["rows"]
    assert rows == {"bronze": 4, "silver": 4, "quarantined": 0, "superseded": 0, "duplicates": 0}


@pytest.mark.slow  # several real runs
def test_the_latest_version_under_a_name_replaces_the_one_before_as_a_whole(lab: Lab) -> None:
    """Rows of the old version that the new one does not have would stay in silver and in gold for ever."""
    first = receipts_csv([receipt(basket_id=1), receipt(basket_id=2, transaction_timestamp="2017-01-05 15:00:00")])
    second = receipts_csv([receipt(basket_id=2, store_id=8, sales_value="7.00")])
    lab.put("transactions/a.csv", first)
    lab.receipts("other", [receipt(basket_id=9, product_id=99)])
    lab.good_run()
    after_first = seen(lab)
    assert baskets(lab) == [1, 2, 9]

    lab.put("transactions/a.csv", second)
    lab.good_run()
    assert baskets(lab) == [2, 9]
    gold = "select store_id, sales_date::varchar, sales_usd from gold.daily_sales order by all"
    assert lab.rows(gold) == [(7, "2017-01-02", Decimal("2.50")), (8, "2017-01-02", Decimal("7.00"))]
    rows = lab.source("transactions")["rows"]
    assert rows == {"bronze": 4, "silver": 2, "quarantined": 0, "superseded": 2, "duplicates": 0}

    lab.put("transactions/a.csv", first)
    lab.good_run()
    assert seen(lab) == after_first
    assert lab.source("transactions")["rows"]["bronze"] == 4


@pytest.mark.slow  # several real runs
def test_a_refused_new_version_and_a_file_that_went_away_leave_what_was_loaded(lab: Lab) -> None:
    """Taking rows back because a file was moved to an archive, or replaced by a broken one, would lose records."""
    lab.receipts("replaced", [receipt(basket_id=1)])
    gone = lab.receipts("gone", [receipt(basket_id=2)])
    lab.good_run()
    before = seen(lab)

    lab.put("transactions/replaced.csv", b"some,other,header\n1,2,3\n")
    gone.unlink()
    outcome = lab.good_run()

    assert [path for path, _ in outcome.refused] == ["transactions/replaced.csv"]
    assert "missing columns: household_id" in outcome.refused[0][1]
    assert seen(lab) == before

    lab.receipts("replaced", [receipt(basket_id=3)])
    lab.good_run()
    assert baskets(lab) == [2, 3]


@pytest.mark.slow  # several real runs
def test_a_snapshot_rewrites_the_past_and_one_that_repeats_an_earlier_one_brings_it_back(lab: Lab) -> None:
    """Gold that only redoes days with new receipts keeps the old department; a repeated content must count anew."""
    first = [product(), product(product_id=11, product_type="SODA"), product(product_id=12)]
    lab.products("2017-01-08", first)
    lab.receipts(
        "day1",
        [
            receipt(),
            receipt(product_id=11, sales_value="1.00"),
            receipt(product_id=12, sales_value="4.00"),
            receipt(basket_id=101, transaction_timestamp="2017-02-20 15:00:00"),
        ],
    )
    lab.good_run()
    departments = "select sales_date::varchar, department, sales_usd from gold.daily_sales order by all"
    moved = "select product_id, department from gold.product_performance order by all"
    at_first = [("2017-01-02", "GROCERY", Decimal("7.50")), ("2017-02-20", "GROCERY", Decimal("2.50"))]
    assert lab.rows(departments) == at_first
    before = seen(lab)

    lab.products("2017-01-15", [product(department=" produce"), product(product_id=11, product_type="SODA")])
    lab.good_run()
    assert lab.rows(departments) == [
        ("2017-01-02", "GROCERY", Decimal("1.00")),
        ("2017-01-02", "PRODUCE", Decimal("2.50")),
        ("2017-01-02", "UNKNOWN", Decimal("4.00")),
        ("2017-02-20", "PRODUCE", Decimal("2.50")),
    ]
    assert lab.rows(moved) == [(10, "PRODUCE"), (10, "PRODUCE"), (11, "GROCERY"), (12, "UNKNOWN")]
    assert [row[0] for row in lab.rows("select product_id from silver.products order by 1")] == [10, 11]
    assert lab.source("products")["rows"]["superseded"] == 3

    lab.products("2017-01-01", [product(department="LATE")])
    lab.products("2017-01-22", first)
    lab.good_run()
    assert statuses(lab)["products_2017-01-22.jsonl.gz"] == "duplicate"
    assert seen(lab) == before
    assert lab.source("products")["rows"] == {
        "bronze": 6, "silver": 3, "quarantined": 0, "superseded": 3, "duplicates": 0
    }  # fmt: skip


@pytest.mark.slow  # several real runs
def test_a_corrected_row_redoes_both_days_and_its_older_self_is_counted_as_a_duplicate(lab: Lab) -> None:
    """A correction that moves a sale to another day leaves it on both days when only the new day is redone."""
    lab.receipts(
        "day1",
        [
            receipt(basket_id=1, sales_value="3.00"),
            receipt(basket_id=2, sales_value="5.00"),
            receipt(basket_id=3, sales_value="9.00"),
        ],
    )
    lab.good_run()

    lab.receipts(
        "day2",
        [
            receipt(basket_id=1, sales_value="3.50", transaction_timestamp="2017-01-04 15:00:00"),
            receipt(basket_id=2, sales_value="5.00"),
            receipt(basket_id=3, sales_value="-9.00", transaction_timestamp="2017-01-04 15:00:00"),
        ],
    )
    lab.good_run()

    gold = lab.rows("select sales_date::varchar, sales_usd, baskets from gold.daily_sales order by all")
    assert gold == [("2017-01-02", Decimal("14.00"), 2), ("2017-01-04", Decimal("3.50"), 1)]
    counted = lab.rows(
        "select rows_silver, rows_quarantined, duplicates_identical, duplicates_conflicting, is_conserved "
        "from ops.conservation where source = 'transactions' and rows_bronze = 6"
    )
    assert counted == [(3, 1, 1, 1, True)]
    assert lab.rows("select kind, reasons, path from quarantine.transactions") == [
        ("quarantined", ["sales_value_not_negative"], "transactions/day2.csv")
    ]
    assert lab.rows("select sales_usd from silver.transactions where basket_id = 3") == [(Decimal("9.00"),)]

    lab.receipts("day0", [receipt(basket_id=1, sales_value="1.00", transaction_timestamp="2017-01-01 15:00:00")])
    lab.good_run()
    assert lab.rows("select sales_date::varchar, sales_usd, baskets from gold.daily_sales order by all") == gold
