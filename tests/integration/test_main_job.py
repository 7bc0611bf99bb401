"""From files to what readers see, with ordinary and odd receipts."""

from __future__ import annotations

from decimal import Decimal

from tests.lab import Lab, product, receipt


def test_receipts_become_gold_and_every_record_is_accounted_for(lab: Lab) -> None:
    lab.products("2017-01-01", [product(), product(product_id=11, department="FUEL")])
    lab.receipts(
        "day1",
        [
            receipt(quantity=2),
            receipt(product_id=11, quantity=10_949, sales_value="26.17"),
            receipt(basket_id=101, quantity=0, sales_value="1.00"),
        ],
    )

    outcome = lab.good_run()

    assert outcome.loaded == [("products", 1, 2, 0), ("transactions", 1, 3, 0)]
    gold = lab.rows("select department, baskets, units, sales_usd from gold.daily_sales order by department")
    assert gold == [("FUEL", 1, 0, Decimal("26.17")), ("GROCERY", 1, 2, Decimal("2.50"))]
    rows = lab.source("transactions")["rows"]
    assert rows == {"bronze": 3, "silver": 2, "quarantined": 1, "superseded": 0, "duplicates": 0}
    assert lab.status()["held_back"] is None


def test_utc_of_the_receipt_is_the_day_before_in_the_store(lab: Lab) -> None:
    lab.receipts("day1", [receipt(transaction_timestamp="2017-01-02 04:59:59")])
    lab.good_run()
    assert lab.rows("select sales_date::varchar, sold_at::varchar from silver.transactions") == [
        ("2017-01-01", "2017-01-01 23:59:59")
    ]


def test_a_second_run_finds_nothing_new_and_changes_nothing(lab: Lab) -> None:
    lab.receipts("day1", [receipt()])
    lab.good_run()
    before = lab.table("gold.daily_sales"), lab.status()["published_at"]
    outcome = lab.good_run()
    assert outcome.loaded == []
    assert (lab.table("gold.daily_sales"), lab.status()["published_at"]) == before
