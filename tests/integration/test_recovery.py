"""After a crash, and after a change of what stored rows were made with."""

from __future__ import annotations

import re
from decimal import Decimal
from pathlib import Path

import dagster as dg
import pytest

from tests.lab import OLD, Lab, copy_project, edit, everything, product, receipt
from tests.places import PROJECT
from tests.processes import kill, start, wait_until

pytestmark = pytest.mark.slow  # real runs


def runs(lab: Lab) -> list[tuple[str, dg.DagsterRunStatus]]:
    with dg.DagsterInstance.from_config(str(lab.settings.dagster_home)) as instance:
        return [(run.run_id, run.status) for run in instance.get_runs()]


def step_began(lab: Lab, run_id: str, step: str) -> bool:
    with dg.DagsterInstance.from_config(str(lab.settings.dagster_home)) as instance:
        events = instance.all_logs(run_id, of_type=dg.DagsterEventType.STEP_START)
        return any(event.step_key == step for event in events)


def published_ops(lab: Lab) -> int:
    """The number of the newest `ops_<n>.duckdb`: how often the book-keeping was published."""
    return max(int(re.findall(r"\d+", path.name)[0]) for path in lab.settings.published.glob("ops_*.duckdb"))


@pytest.mark.chaos
def test_a_killed_run_is_marked_failed_by_the_next_one_which_starts_by_itself(tmp_path: Path) -> None:
    """A dead run stays STARTED in Dagster, and what waits until nothing is in progress waits for ever."""
    lab = Lab(tmp_path / "lake")
    lab.receipts("day1", [receipt()])
    lab.good_run()
    already = published_ops(lab)
    (killed_before, _), *_ = runs(lab)
    lab.receipts("day2", [receipt(basket_id=200)], mtime=OLD * 2)  # not settled: landing looks twice at it

    process = start(lab.settings, "run")
    assert wait_until(lambda: len(runs(lab)) > 1, process)
    dead = next(run_id for run_id, _ in runs(lab) if run_id != killed_before)
    assert wait_until(lambda: step_began(lab, dead, "landing"), process)
    kill(process)
    assert dict(runs(lab))[dead] == dg.DagsterRunStatus.STARTED
    assert dead in (lab.settings.home / "run.lock").read_text()

    lab.good_run()

    assert dict(runs(lab))[dead] == dg.DagsterRunStatus.FAILURE
    assert {status for run_id, status in runs(lab) if run_id != dead} == {dg.DagsterRunStatus.SUCCESS}
    assert published_ops(lab) == already + 2  # first thing, for the dead run, and at the end
    assert (lab.settings.home / "run.lock").read_text() == ""
    assert not (lab.settings.dagster_home / "alive" / f"{dead}.lock").exists()
    assert lab.rows("select basket_id from silver.transactions order by 1") == [(100,), (200,)]


def test_a_version_that_was_replaced_while_it_waited_loads_when_it_comes_again(lab: Lab) -> None:
    """After a kill between landing and bronze the ledger waits for bytes that are gone, and calls them a duplicate."""
    lab.receipts("a", [receipt(basket_id=1)])
    lab.good_run("landing/transactions")
    lab.receipts("a", [receipt(basket_id=2)])
    lab.good_run("landing/transactions")
    lab.receipts("a", [receipt(basket_id=1)])
    lab.good_run()
    assert lab.rows("select basket_id from silver.transactions") == [(1,)]
    assert lab.rows("select status from ops.files order by sighting_id") == [("missing",), ("missing",), ("loaded",)]


def test_a_stricter_contract_stops_the_run_until_the_table_is_loaded_again(tmp_path: Path) -> None:
    """Rows that were judged by two contracts must not stand in one table; nor may bad ones reach a first reader."""
    project = copy_project(tmp_path)
    contract = project / "models" / "bronze" / "bronze_transactions.yml"
    rule = '          - {type: check, name: sales_value_not_negative, expression: "sales_value >= 0"}\n'
    edit(contract, (rule, ""))
    lab = Lab(tmp_path / "lake", dbt_project=project)
    lab.products("2017-01-01", [product()])
    lab.receipts("day1", [receipt(), receipt(basket_id=101, sales_value="-1.00")])

    weak = lab.run()
    assert [failure.split(":")[0] for failure in weak.failures] == ["check contract of silver.transactions"]
    assert "sales_not_negative" in weak.failures[0]
    assert not (lab.settings.published / "lake.duckdb").exists()
    assert lab.status()["published_at"] is None
    assert lab.stored("select count(*) from duckdb_tables() where schema_name = 'gold'") == [(0,)]

    contract.write_text((PROJECT / "dbt_project" / "models" / "bronze" / contract.name).read_text())
    lab = Lab(tmp_path / "lake", dbt_project=project)
    lab.receipts("day2", [receipt(basket_id=102)])
    stopped = lab.run()
    assert not stopped.success
    assert "`assay run --full-refresh bronze.transactions`" in stopped.failures[0]
    assert "Traceback" not in stopped.failures[0]
    assert lab.stored("select count(*), count(_violations) from bronze.transactions") == [(2, 0)]

    lab.good_run(full_refresh=["bronze.transactions"])
    assert lab.source("transactions")["rows"] == {
        "bronze": 3, "silver": 2, "quarantined": 1, "superseded": 0, "duplicates": 0
    }  # fmt: skip
    assert lab.rows("select sum(sales_usd) from gold.daily_sales") == [(Decimal("5.00"),)]
    assert lab.status()["held_back"] is None


def test_a_changed_model_stops_what_hangs_on_it_until_it_is_built_again(tmp_path: Path) -> None:
    """Redoing only the new keys by the new rule leaves a table of which nobody knows what it says."""
    project = copy_project(tmp_path)
    lab = Lab(tmp_path / "lake", dbt_project=project)
    lab.products("2017-01-01", [product()])
    lab.receipts("day1", [receipt(transaction_timestamp="2017-01-02 04:59:59")])
    lab.good_run()
    before = everything(lab)
    edit(
        project / "models" / "silver" / "silver_transactions.sql",
        ("sold_at::date as", "transaction_timestamp::date as"),
    )
    lab = Lab(tmp_path / "lake", dbt_project=project)
    lab.receipts("day2", [receipt(basket_id=101)])

    stopped = lab.run()
    assert "`assay run --full-refresh silver.transactions`" in stopped.failures[0]
    assert lab.stored("select sales_date::varchar from silver.transactions") == [("2017-01-01",)]
    assert everything(lab) == before

    lab.good_run(full_refresh=["silver.transactions"])
    days = "select sales_date::varchar, baskets from gold.daily_sales order by 1"
    assert lab.rows(days) == [("2017-01-02", 2)]

    edit(
        project / "models" / "gold" / "gold_daily_sales.sql",
        ("count(distinct basket_id)", "2 * count(distinct basket_id)"),
    )
    lab = Lab(tmp_path / "lake", dbt_project=project)
    lab.receipts("day3", [receipt(basket_id=103)])
    stopped = lab.run()
    assert "`assay run --full-refresh gold.daily_sales`" in stopped.failures[0]
    assert len(everything(lab)["silver.transactions"]) == 2, "silver went on, but is not shown without its gold"
    edit(
        project / "models" / "gold" / "gold_daily_sales.sql",
        ("2 * count(distinct basket_id)", "count(distinct basket_id)"),
    )
    lab = Lab(tmp_path / "lake", dbt_project=project)
    lab.good_run()
    assert lab.rows(days) == [("2017-01-02", 3)]


def test_a_full_refresh_needs_every_file_that_counts_and_no_other(tmp_path: Path) -> None:
    """It deletes what it cannot read again; a version that was replaced long ago must not stand in its way."""
    lab = Lab(tmp_path / "lake")
    lab.receipts("corrected", [receipt(basket_id=1), receipt(basket_id=2)])
    kept = lab.receipts("kept", [receipt(basket_id=3)])
    lab.good_run()
    lab.receipts("corrected", [receipt(basket_id=1, sales_value="3.00")])
    lab.good_run()
    before = everything(lab)

    away = kept.rename(kept.with_name(".kept.csv"))
    stopped = lab.run(full_refresh=["bronze.transactions"])
    assert "1 are gone from landing or hold something else now: transactions/kept.csv" in stopped.failures[0]
    assert lab.stored("select count(*) from bronze.transactions") == [(4,)]
    assert everything(lab) == before

    away.rename(kept)
    lab.good_run(full_refresh=["bronze.transactions"])
    assert everything(lab) == before
    assert lab.source("transactions")["rows"]["bronze"] == 2
    assert lab.rows("select path, status from ops.files order by sighting_id") == [
        ("transactions/corrected.csv", "missing"),
        ("transactions/kept.csv", "loaded"),
        ("transactions/corrected.csv", "loaded"),
    ]


def test_a_full_refresh_under_a_contract_that_old_files_do_not_fit_names_them(tmp_path: Path) -> None:
    """An error from inside a view says nothing to the person who added the column."""
    project = copy_project(tmp_path)
    lab = Lab(tmp_path / "lake", dbt_project=project)
    lab.receipts("day1", [receipt()])
    lab.good_run()
    before = everything(lab)
    contract = project / "models" / "bronze" / "bronze_transactions.yml"
    till = "      - name: till_id\n        description: The till.\n        data_type: bigint\n"
    edit(contract, ("      - name: week\n", f"{till}      - name: week\n"))
    lab = Lab(tmp_path / "lake", dbt_project=project)
    stopped = lab.run(full_refresh=["bronze.transactions"])
    assert "1 loaded files do not fit the contract any more: transactions/day1.csv: " in stopped.failures[0]
    assert "missing columns: till_id" in stopped.failures[0]
    assert everything(lab) == before


def test_an_empty_table_takes_a_new_contract_without_being_asked(tmp_path: Path) -> None:
    """With no row stored there is nothing to mix; the columns of the old contract would make every load fail."""
    project = copy_project(tmp_path)
    lab = Lab(tmp_path / "lake", dbt_project=project)
    lab.products("2017-01-01", [product()])
    lab.good_run()
    contract = project / "models" / "bronze" / "bronze_transactions.yml"
    till = "      - name: till_id\n        description: The till.\n        data_type: bigint\n"
    edit(contract, ("      - name: week\n", f"{till}      - name: week\n"))
    silver = project / "models" / "silver"
    edit(silver / "silver_transactions.sql", ("        store_id,\n", "        store_id,\n        till_id,\n"))
    edit(silver / "silver_transactions.yml", ("      - name: quantity\n", f"{till}      - name: quantity\n"))
    lab = Lab(tmp_path / "lake", dbt_project=project)
    columns, values = zip(*receipt(till_id=4).items(), strict=True)
    lab.put("transactions/a.csv", (",".join(columns) + "\n" + ",".join(map(str, values)) + "\n").encode())
    lab.good_run()
    assert lab.rows("select till_id from silver.transactions") == [(4,)]
