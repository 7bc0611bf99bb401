"""What goes wrong in a real lake opens one incident, is told to a real receiver, and is over when it is put right."""

from __future__ import annotations

import subprocess
import sys
from datetime import UTC, datetime, timedelta

import dagster as dg
import duckdb
import pytest

from assay.incidents import store
from assay.orchestration.run_history import ASKED_BY, ASKED_FOR
from assay.publish.publishing import clean_up
from tests.house import House
from tests.lab import Lab, environment, product, receipt

pytestmark = pytest.mark.slow  # real runs and messages

UP_TO_BRONZE = "landing/transactions,bronze.transactions"


def test_a_refused_file_is_one_incident_until_it_is_replaced(house: House) -> None:
    lab = house.lab
    lab.products("2017-01-01", [product()])
    lab.receipts("day1", [receipt()])
    lab.good_run()
    assert house.tick() == "nothing is wrong"
    lab.put("transactions/day2.csv", b"no header")
    lab.put("transactions/day3.csv", b"nor here")
    lab.good_run()
    for _ in range(3):
        assert house.tick() == "1 open: refused_file transactions"
    [row] = house.rows()
    assert (row["level"], row["owner"], row["is_told"], row["closed_at"]) == (2, "sales-data", True, None)
    assert row["problem"].startswith("2 files were refused: transactions/day2.csv: ")
    assert row["affects"].startswith("gold.daily_sales (less than a minute old, promised ")
    assert row["found_in"].startswith("landing/transactions/day2.csv → bronze.transactions, run ")
    assert row["to_do"] == "docs/runbook.md, 'A file was refused': assay files transactions --refused"

    lab.receipts("day2", [receipt(basket_id=101)])
    lab.good_run()
    assert house.open() == [("refused_file", "transactions")]
    (lab.settings.landing / "transactions/day3.csv").unlink()
    assert house.tick() == "nothing is wrong"
    [row] = house.rows()
    assert row["closed_at"] >= row["opened_at"]
    assert lab.rows("select count(*) from ops.files") == [(5,)]  # the other file with a schema `ops` is seen as well


def test_a_failed_check_is_one_incident_and_not_also_a_failed_run(house: House) -> None:
    lab = house.lab
    lab.products("2017-01-01", [product()])
    lab.receipts("day1", [receipt()])
    lab.good_run()
    lab.receipts("day2", [receipt(basket_id=200, quantity=3)])
    lab.good_run(UP_TO_BRONZE)
    lab.spoil("update bronze.transactions set quantity = -3 where basket_id = 200")
    assert not lab.run().success
    for _ in range(2):
        assert house.tick() == "1 open: failed_check silver.transactions contract"
    [row] = house.rows()
    assert "quantity_not_negative: expected quantity >= 0, found 1 rows break it" in row["problem"]
    assert row["to_do"].endswith("assay check --select silver.transactions")
    lab.receipts("day2", [receipt(basket_id=200, quantity=2)])
    lab.good_run()
    assert house.tick() == "nothing is wrong"


def test_kept_counts_that_are_wrong_block_and_are_an_incident_until_the_table_is_loaded_again(house: House) -> None:
    lab = house.lab
    lab.products("2017-01-01", [product()])
    lab.receipts("day1", [receipt()])
    lab.good_run()
    lab.spoil("update ops.file_counts set rows_violating = 1; update ops.table_counts set row_count = row_count - 1")
    lab.receipts("day2", [receipt(basket_id=200)])
    for has_full_checks in (True, False):  # a run that counts nothing again must not let it pass
        assert not lab.run(has_full_checks=has_full_checks).success
        house.tick()
        assert house.open() == [("counts_differ", "silver.products"), ("counts_differ", "silver.transactions")]
    row = next(row for row in house.rows() if row["subject"] == "silver.transactions")
    assert "rows_silver (1 are kept, 2 were counted)" in row["problem"]
    assert row["to_do"].endswith("assay check --select silver.transactions")
    assert lab.rows("select count(*) from silver.transactions") == [(1,)]
    lab.good_run(full_refresh=["bronze.transactions", "bronze.products"])
    assert house.tick() == "nothing is wrong"
    assert lab.rows("select count(*) from silver.transactions") == [(2,)]


def test_broken_records_over_budget_are_an_incident_until_a_better_file_comes(house: House) -> None:
    lab = house.lab
    lab.products("2017-01-01", [product()])
    lab.receipts("day1", [receipt(), receipt(basket_id=2, sales_value="oops")])
    lab.good_run()
    assert house.tick() == "1 open: quarantine_over_budget transactions"
    [row] = house.rows()
    assert row["problem"].startswith("records_break_no_rule: expected at most 1 % of a file, found 1 of 2 records")
    lab.receipts("day1", [receipt(), receipt(basket_id=2)])
    lab.good_run()
    assert house.tick() == "nothing is wrong"


def test_a_run_that_died_is_told_unless_it_is_tried_again_and_ends_with_a_good_one(house: House) -> None:
    asked = {ASKED_BY: "arrivals", ASKED_FOR: "transactions"}
    for failures in range(1, 6):
        house.note(dg.DagsterRunStatus.FAILURE, **asked)
        kind = "failed_run lake" if failures < 5 else "breaker_open products"
        assert house.tick() == f"1 open: {kind}"
        with store.opened(house.lab.settings.incidents) as connection:
            [incident] = store.open_incidents(connection)
            assert connection.execute("select count(*) from messages").fetchone()[0] == (failures == 5)
        assert incident.level == (1 if failures < 5 else 2)
        assert "The process of this run is gone; what it had committed is kept." in incident.cause.problem
    assert incident.cause.tried.startswith("failed 5 times in a row; left alone until ")
    house.note(dg.DagsterRunStatus.SUCCESS)
    assert house.tick() == "nothing is wrong"
    house.note(dg.DagsterRunStatus.FAILURE)  # by hand: nobody tries it again
    house.tick()
    with store.opened(house.lab.settings.incidents) as connection:
        assert [row["about"] for row in connection.execute("select about from messages")] == [
            "opened",
            "closed",
            "opened",
        ]


def test_two_that_look_at_one_lake_at_the_same_time_keep_one_incident(house: House) -> None:
    lab = house.lab
    house.note(dg.DagsterRunStatus.FAILURE)
    code = (
        "from assay.base.settings import Settings; from assay.contract.catalog import Catalog; import datetime\n"
        "from assay.orchestration.instance import open_instance\n"
        "from assay.orchestration.incidents_sensor import Watchman\n"
        "settings = Settings.from_env(); watchman = Watchman(settings, Catalog.read(settings.dbt_project))\n"
        "with open_instance(settings) as instance:\n"
        "    for _ in range(20): watchman.look(instance, datetime.datetime.now(datetime.UTC))\n"
    )
    command = [sys.executable, "-W", "ignore", "-c", code]
    processes = [subprocess.Popen(command, env=environment(lab.settings)) for _ in range(2)]
    assert [process.wait(120) for process in processes] == [0, 0]
    with store.opened(lab.settings.incidents) as connection:
        assert [incident.cause.key for incident in store.all_incidents(connection)] == [("failed_run", "lake")]
        assert connection.execute("select count(*) from messages").fetchone()[0] == 1
    assert [path.name for path in lab.settings.published.glob("incidents_*")] == ["incidents_1.duckdb"]


def test_a_run_that_tidies_up_leaves_what_the_sensor_is_writing(lab: Lab) -> None:
    folder = lab.settings.published
    folder.mkdir(parents=True)
    for name in (".incidents_4.duckdb", ".incidents.link", ".ops_4.duckdb", ".lake_4.duckdb"):
        (folder / name).write_bytes(b"half")
    clean_up(folder)
    assert sorted(path.name for path in folder.iterdir()) == [".incidents.link", ".incidents_4.duckdb"]


def test_incidents_are_kept_while_the_warehouse_is_held_and_before_any_run(house: House) -> None:
    house.lab.settings.home.mkdir(parents=True, exist_ok=True)
    with duckdb.connect(str(house.lab.settings.warehouse)):
        house.note(dg.DagsterRunStatus.FAILURE)
        assert house.tick() == "1 open: failed_run lake"
    with pytest.raises(FileNotFoundError):
        house.open()  # nothing is published of the lake itself


def test_an_unfinished_publication_is_made_good_by_the_next_look(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    house.lab.put("transactions/day1.csv", b"no header")
    house.lab.good_run()
    watchman = house.watchman()
    with monkeypatch.context() as patched:
        patched.setattr("assay.orchestration.incidents_sensor.publish_rows", _die)
        with pytest.raises(OSError, match="gone"):
            watchman.look(house.instance, datetime.now(UTC))
    (house.lab.settings.published / ".incidents_1.duckdb").write_bytes(b"half")
    watchman.look(house.instance, datetime.now(UTC) + timedelta(seconds=1))
    assert house.open() == [("refused_file", "transactions")]


def _die(*_: object) -> None:
    raise OSError("gone")
