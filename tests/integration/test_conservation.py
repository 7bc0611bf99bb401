"""Promise 1: no record gets lost in silence. Each term is broken by hand, and the check has to notice."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

import duckdb
import pytest

from assay.base.warehouse import connect
from assay.checks import conservation
from assay.checks.conservation_check import check_conservation
from assay.checks.kept_counts import RowsDoNotAddUp, compare, correct
from assay.checks.results import KEPT_COUNTS, CheckResult
from assay.checks.session import Session
from assay.contract.catalog import Catalog
from assay.contract.contract import Contract
from tests.lab import Lab, environment, everything, product, receipt, receipts_csv
from tests.places import PROJECT
from tests.processes import command

NOW = datetime(2026, 1, 1, tzinfo=UTC)
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


def contract_of(lab: Lab, source: str) -> Contract:
    return Catalog.read(lab.settings.dbt_project).contracts[source]


def checked(connection: duckdb.DuckDBPyConnection, lab: Lab, whole_at: datetime | None = None) -> CheckResult:
    run_id = connection.execute("select arg_max(run_id, loaded_at) from ops.files").fetchall()[0][0]
    session = Session(lab.settings, Catalog.read(lab.settings.dbt_project), connection, run_id)
    return check_conservation(session, "silver_transactions", whole_at)


@contextmanager
def spoilt(lab: Lab, sql: str = "select 1") -> Iterator[duckdb.DuckDBPyConnection]:
    """The warehouse after a change by hand, which is undone."""
    connection = connect(lab.settings.warehouse, wait_seconds=0)
    try:
        connection.execute("begin transaction")
        connection.execute(sql)
        yield connection
        connection.execute("rollback")
    finally:
        connection.close()


def test_every_term_is_counted_on_its_own(untidy: Lab) -> None:
    counted = untidy.rows("select * exclude (run_id, counted_at) from ops.conservation where source = 'transactions'")
    assert counted[-1] == ("transactions", 8, 7, 1, 7, 3, 1, 1, 1, 1, True)
    assert untidy.source("transactions")["records"] == {"read": 8, "loaded": 7, "malformed": 1}


@pytest.mark.parametrize("breakage", BREAKAGES)
def test_the_check_fails_and_names_the_source_when(untidy: Lab, breakage: str) -> None:
    """A term that is got by subtraction, or not looked at, hides a loss."""
    with spoilt(untidy) as connection:
        assert checked(connection, untidy).passed
    with spoilt(untidy, BREAKAGES[breakage]) as connection:
        result = checked(connection, untidy)
    assert not result.passed
    assert result.table == "silver.transactions"


@pytest.mark.parametrize("breakage", [name for name in BREAKAGES if "ledger" in name or "file" in name])
def test_a_run_notices_by_the_kept_counts_when(untidy: Lab, breakage: str) -> None:
    with spoilt(untidy, BREAKAGES[breakage]) as connection:
        assert not checked(connection, untidy, NOW).passed


MISCOUNTS = {
    "the rows of a file": "update ops.file_counts set rows_loaded = rows_loaded + 1 where file_id = 2",
    "the rows of two files that balance": (
        "update ops.file_counts set rows_loaded = rows_loaded + case rows_loaded when 3 then 1 else -1 end "
        "where source = 'transactions' and file_id in (select file_id from ops.current_files) and rows_loaded in (2, 3)"
    ),
    "the broken rows of a file": "update ops.file_counts set rows_violating = 0",
    "the malformed records of a file": "update ops.file_counts set records_malformed = 0",
    "a whole file": "delete from ops.file_counts where file_id = (select max(file_id) from ops.file_counts)",
    "the rows of silver": "update ops.table_counts set row_count = row_count - 1",
    "identical duplicates": "update ops.table_counts set duplicates_identical = 0",
    "conflicting duplicates": "update ops.table_counts set duplicates_conflicting = duplicates_conflicting + 1",
}


@pytest.mark.parametrize("miscount", MISCOUNTS)
def test_a_recount_fails_by_a_rule_of_its_own_when_the_kept_counts_are_wrong_in(untidy: Lab, miscount: str) -> None:
    """A counter that nobody compares with its rows says for ever that nothing is lost."""
    with spoilt(untidy, MISCOUNTS[miscount]) as connection:
        result = checked(connection, untidy)
    assert [rule.name for rule in result.rules if not rule.passed] == [KEPT_COUNTS]
    assert (result.is_whole, result.whole_at, result.rows_checked) == (True, None, 10)


def test_a_run_reads_no_row_of_bronze_and_silver_and_gets_every_term_right(untidy: Lab) -> None:
    with spoilt(untidy) as connection:
        whole = conservation.count(connection, contract_of(untidy, "transactions"), "silver.transactions")
        connection.execute("drop view quarantine.transactions")
        connection.execute("drop table bronze.transactions; drop table silver.transactions")
        result = checked(connection, untidy, NOW)
        assert conservation.kept(connection, "transactions", "silver.transactions") == whole
    assert result.passed
    assert (result.is_whole, result.whole_at, result.rows_checked) == (False, NOW, 0)


def test_a_lake_of_before_is_counted_whole_once(untidy: Lab) -> None:
    with spoilt(untidy, "delete from ops.file_counts; delete from ops.table_counts") as connection:
        whole = conservation.count(connection, contract_of(untidy, "transactions"), "silver.transactions")
        assert conservation.kept(connection, "transactions", "silver.transactions") == whole
        assert checked(connection, untidy).passed


def assert_counts_are_kept(lab: Lab) -> None:
    with spoilt(lab) as connection:
        for source in ("transactions", "products"):
            kept = conservation.kept(connection, source, f"silver.{source}")
            assert kept == conservation.count(connection, contract_of(lab, source), f"silver.{source}")
            assert conservation.files_kept_otherwise(connection, source) == []
            assert kept.is_conserved


@pytest.mark.slow  # many lakes
def test_kept_counts_are_those_of_a_recount_whatever_comes(lab: Lab) -> None:
    """Versions, copies, duplicates, broken and malformed records, snapshots, an emptied file, full refreshes."""
    lab.products("2017-01-01", [product(), product(product_id=11)])
    lab.receipts("day1", [receipt(), receipt(), receipt(basket_id=2, quantity=-1)])
    lab.good_run()
    assert_counts_are_kept(lab)
    lab.receipts("day2", [receipt(sales_value="9.00"), receipt(basket_id=3)])
    lab.receipts("day1 again", [receipt(), receipt(), receipt(basket_id=2, quantity=-1)])
    lab.products("2017-01-08", [product(product_id=11), product(product_id=12), product(product_id=13)])
    lab.good_run()
    assert_counts_are_kept(lab)
    lab.put("transactions/day1.csv", receipts_csv([receipt(basket_id=3)]) + b"too,few\n")
    lab.good_run()
    assert_counts_are_kept(lab)
    lab.receipts("day1 again", [])
    lab.good_run()
    assert_counts_are_kept(lab)
    for table in ("bronze.transactions", "silver.transactions", "bronze.products"):
        lab.good_run(full_refresh=[table])
        assert_counts_are_kept(lab)


@pytest.mark.slow  # many real runs
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


@pytest.mark.parametrize("miscount", MISCOUNTS)
def test_a_recount_by_hand_puts_kept_counts_right_and_says_what_they_were(untidy: Lab, miscount: str) -> None:
    """Files that are gone cannot be loaded again, and their rows are whole."""
    with spoilt(untidy, MISCOUNTS[miscount]) as connection:
        correction = compare(connection, contract_of(untidy, "transactions"), "silver.transactions")
        assert not correction.is_empty
        connection.execute("commit")
        correct(connection, contract_of(untidy, "transactions"), "silver.transactions", correction, "restored", "ada")
        assert checked(connection, untidy, NOW).passed
        assert checked(connection, untidy).passed
        assert compare(connection, contract_of(untidy, "transactions"), "silver.transactions").is_empty
        kept = "select source, decided_by, because, corrected::json from ops.count_corrections"
        assert connection.execute(f"{kept} order by decided_at desc limit 1").fetchall()[0][:3] == (
            "transactions",
            "ada",
            "restored",
        )
        connection.execute("begin transaction")


@pytest.mark.parametrize("breakage", BREAKAGES)
def test_no_recount_by_hand_hides_rows_that_are_wrong(untidy: Lab, breakage: str) -> None:
    with (
        spoilt(untidy, BREAKAGES[breakage]) as connection,
        pytest.raises(RowsDoNotAddUp, match=r"full-refresh bronze\.transactions"),
    ):
        compare(connection, contract_of(untidy, "transactions"), "silver.transactions")


def run_command(lab: Lab, *args: str) -> str:
    """What a command prints that succeeds."""
    env = {**environment(lab.settings), "COLUMNS": "300"}
    return subprocess.run(command(*args), cwd=PROJECT, env=env, capture_output=True, text=True, check=True).stdout


def test_a_silver_table_that_is_behind_its_source_is_no_loss(untidy: Lab) -> None:
    later = "update ops.tables set seq = seq + 1 where table_name = 'bronze.transactions'"
    with spoilt(untidy, later) as connection, pytest.raises(RowsDoNotAddUp, match="`assay run` first"):
        compare(connection, contract_of(untidy, "transactions"), "silver.transactions")


@pytest.mark.slow  # many real runs
def test_a_lake_goes_on_after_a_recount_by_hand(lab: Lab) -> None:
    lab.products("2017-01-01", [product()])
    lab.receipts("day1", [receipt(), receipt(basket_id=101)])
    lab.good_run()
    lab.spoil("update ops.file_counts set rows_loaded = rows_loaded + 1 where source = 'transactions'")
    lab.receipts("day2", [receipt(basket_id=102)])
    assert not lab.run().success
    run_command(lab, "recount", "transactions")
    assert not lab.run().success
    output = run_command(lab, "recount", "transactions", "--because", "a counter was changed by hand")
    assert "rows_bronze: 4 are kept, 3 were counted" in output
    lab.good_run()
    assert lab.rows("select sum(baskets) from gold.daily_sales") == [(3,)]
    assert lab.status()["held_back"] is None
