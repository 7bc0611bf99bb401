"""Promise 1: no record gets lost in silence. Each term is broken by hand, and the check has to notice."""

from __future__ import annotations

import duckdb
import pytest

from assay.base.warehouse import connect
from assay.checks.conservation_check import check_conservation
from assay.checks.results import CheckResult
from assay.checks.session import Session
from assay.contract.catalog import Catalog
from tests.lab import Lab, everything, product, receipt, receipts_csv

BREAKAGES = {
    "a row of bronze is lost": "delete from bronze.transactions where basket_id = 1",
    "a row of bronze is there twice": "insert into bronze.transactions from bronze.transactions where basket_id = 1",
    "a row of silver is lost": "delete from silver.transactions where basket_id = 1",
    "a row of silver is there twice": "insert into silver.transactions from silver.transactions where basket_id = 1",
    "a malformed record is lost": "delete from ops.malformed",
    "a malformed record is there twice": "insert into ops.malformed from ops.malformed",
    "the ledger says that more was read": (
        "update ops.files set records_read = records_read + 1 where path like '%day1%'"
    ),
    "the ledger says that less was loaded": (
        "update ops.files set records_loaded = records_loaded - 1 where path like '%day1%'"
    ),
    "the ledger says that more was malformed": (
        "update ops.files set records_malformed = records_malformed + 1 where path like '%day2%'"
    ),
    "a quarantined row lost its verdict": "update bronze.transactions set _violations = null where basket_id = 2",
    "a clean row got a verdict": "update bronze.transactions set _violations = ['x'] where basket_id = 1",
    "a duplicate is not counted": "update silver.transactions set _duplicates_identical = 0 where basket_id = 1",
    "a conflict is counted twice": (
        "update silver.transactions set _duplicates_conflicting = _duplicates_conflicting + 1 where basket_id = 1"
    ),
    "a file is forgotten": "delete from ops.files where path like '%day1%'",
    "a superseded file counts again": (
        "update ops.files set path = 'transactions/x.csv' where sighting_id = "
        "(select min(sighting_id) from ops.files where path like '%day0%')"
    ),
}


@pytest.fixture(scope="module")
def untidy(tmp_path_factory: pytest.TempPathFactory) -> Lab:
    """A lake in which every term is more than nothing."""
    lab = Lab(tmp_path_factory.mktemp("untidy") / "lake")
    lab.products("2017-01-01", [product()])
    lab.receipts("day0", [receipt(basket_id=50)])
    lab.good_run()
    lab.receipts("day0", [receipt(basket_id=51)])
    lab.receipts("day1", [receipt(basket_id=1), receipt(basket_id=2, quantity=-1), receipt(basket_id=3)])
    again = receipts_csv([receipt(basket_id=1), receipt(basket_id=1, sales_value="1.00")])
    lab.put("transactions/day2.csv", again + b"too,few,fields\n")
    lab.good_run()
    return lab


def checked(connection: duckdb.DuckDBPyConnection, lab: Lab) -> CheckResult:
    run_id = connection.execute("select arg_max(run_id, loaded_at) from ops.files").fetchall()[0][0]
    session = Session(lab.settings, Catalog.read(lab.settings.dbt_project), connection, run_id)
    return check_conservation(session, "silver_transactions")


def test_every_term_is_counted_on_its_own(untidy: Lab) -> None:
    counted = untidy.rows("select * exclude (run_id, counted_at) from ops.conservation where source = 'transactions'")
    assert counted[-1] == ("transactions", 8, 7, 1, 7, 3, 1, 1, 1, 1, True)
    assert untidy.source("transactions")["records"] == {"read": 8, "loaded": 7, "malformed": 1}


@pytest.mark.parametrize("breakage", BREAKAGES)
def test_the_check_fails_and_names_the_source_when(untidy: Lab, breakage: str) -> None:
    """A term that is got by subtraction, or not looked at, hides a loss."""
    connection = connect(untidy.settings.warehouse, wait_seconds=0)
    try:
        assert checked(connection, untidy).passed
        connection.execute("begin transaction")
        connection.execute(BREAKAGES[breakage])
        result = checked(connection, untidy)
        connection.execute("rollback")
    finally:
        connection.close()
    assert not result.passed
    assert result.table == "silver.transactions"


def test_a_lost_row_blocks_gold_and_readers_until_the_table_is_loaded_again(lab: Lab) -> None:
    """A check that only shows red lets the figures go out nevertheless."""
    lab.products("2017-01-01", [product()])
    lab.receipts("day1", [receipt(), receipt(basket_id=101)])
    lab.good_run()
    before = everything(lab)
    lab.receipts("day2", [receipt(basket_id=102)])
    lab.spoil("delete from bronze.transactions where basket_id = 101")

    outcome = lab.run()

    assert not outcome.success
    assert (
        "records_are_rows_or_malformed: expected records read 3, found rows in bronze 2 + malformed 0"
        in outcome.failures[0]
    )
    assert lab.stored("select sum(baskets) from gold.daily_sales") == [(2,)]
    assert everything(lab) == before
    assert any("conservation failed" in reason for reason in lab.status()["held_back"]["because"])

    lab.good_run(full_refresh=["bronze.transactions"])
    assert lab.rows("select sum(baskets) from gold.daily_sales") == [(3,)]
    assert lab.status()["held_back"] is None
