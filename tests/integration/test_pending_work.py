"""A run plans what has work: nothing needs no run, one file only what hangs on it, what is in doubt everything."""

from __future__ import annotations

import os
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from assay.base import clock
from assay.base.run_marks import run_lock
from assay.cli.running import run_once
from assay.contract.catalog import Catalog
from assay.orchestration.instance import open_instance
from assay.publish.run_session import open_session
from assay.triggers.landing_watch import LandingWatch
from tests.lab import Lab, copy_project, edit, product, receipt


def runs(lab: Lab) -> list[set[str]]:
    """The steps of each run that Dagster knows, oldest first."""
    with open_instance(lab.settings) as instance:
        ids = [record.dagster_run.run_id for record in instance.get_run_records()][::-1]
        return [{step.step_key for step in instance.get_run_step_stats(run_id)} for run_id in ids]


def materialized(lab: Lab) -> set[str]:
    """The assets that the last run materialized."""
    with open_instance(lab.settings) as instance:
        run_id = instance.get_run_records(limit=1)[0].dagster_run.run_id
        events = [entry.dagster_event for entry in instance.all_logs(run_id)]
        return {
            event.asset_key.to_user_string()
            for event in events
            if event and event.asset_key and event.event_type_value == "ASSET_MATERIALIZATION"
        }


@pytest.fixture
def filled(lab: Lab) -> Lab:
    """A lake with a snapshot of products and a day of receipts, built whole."""
    lab.products("2017-01-01", [product(), product(product_id=11)])
    lab.receipts("day1", [receipt(), receipt(basket_id=101)])
    lab.good_run()
    return lab


def test_nothing_new_is_no_run(filled: Lab) -> None:
    checks = filled.stored("select max(check_id) from ops.checks")
    outcome = filled.good_run()
    assert not outcome.is_run
    assert len(runs(filled)) == 1
    assert filled.stored("select max(check_id) from ops.checks") == checks


@pytest.mark.slow  # a real run
def test_a_new_file_runs_what_hangs_on_it_and_nothing_else(filled: Lab) -> None:
    filled.products("2017-01-08", [product(department="TOYS"), product(product_id=11)])
    assert filled.good_run().is_run
    assert "landing/products" in materialized(filled)
    assert materialized(filled).isdisjoint({"landing/transactions", "bronze/transactions", "silver/transactions"})
    assert filled.rows("select distinct department from gold.daily_sales") == [("TOYS",)]
    assert not filled.good_run().is_run


@pytest.mark.slow  # further real runs
def test_an_untouched_table_keeps_its_result(filled: Lab) -> None:
    shown = "select check_id from ops.latest_checks where table_name = 'silver.transactions' order by check_name"
    before = filled.stored(shown)
    filled.products("2017-01-08", [product(), product(product_id=11), product(product_id=12)])
    filled.good_run()
    references = (
        "select check_id from ops.latest_checks where table_name = 'silver.products' and check_name = 'contract'"
    )
    assert filled.stored(references) > before[:1]
    kept = set(filled.stored(shown)) & set(before)
    assert kept, "every check of receipts was asked again although only products came"


@pytest.mark.slow  # further real runs
@pytest.mark.parametrize("change", ["gone", "touched", "written over", "unreadable folder"])
def test_a_file_that_is_not_as_the_ledger_saw_it_is_looked_at(filled: Lab, change: str) -> None:
    path = filled.settings.landing / "transactions" / "day1.csv"
    if change == "gone":
        path.unlink()
    elif change == "touched":
        os.utime(path, (1_600_000_000, 1_600_000_000))
    elif change == "written over":
        filled.receipts("day1", [receipt(quantity=5)])
    else:
        shutil.move(path.parent, path.parent.with_name("kept"))
        path.parent.write_text("not a folder", encoding="ascii")
    assert filled.run().is_run


@pytest.mark.slow  # further real runs
@pytest.mark.parametrize("odd", ["a link that leads nowhere", "a name that is not UTF-8", "a folder", "no records"])
def test_what_can_be_no_file_of_a_source_is_looked_at_once(filled: Lab, odd: str) -> None:
    folder = filled.settings.landing / "transactions"
    if odd == "a link that leads nowhere":
        (folder / "odd.csv").symlink_to(folder / "nowhere")
    elif odd == "a name that is not UTF-8":
        Path(os.fsdecode(os.fsencode(folder) + b"/\xff.csv")).write_bytes(b"x")
    elif odd == "a folder":
        (folder / "odd.csv").mkdir()
    else:
        filled.put("transactions/odd.csv", b"")
    assert filled.good_run().is_run
    assert filled.source("transactions")["files"]["refused"] == 1
    assert not filled.good_run().is_run
    watch = LandingWatch(filled.settings, Catalog.read(filled.settings.dbt_project))
    assert watch.look()[0] == {}, "the services would ask for a run again and again"


def test_nothing_new_still_names_files_that_no_source_claims(filled: Lab) -> None:
    filled.put("transactions/day2.CSV", b"x")
    outcome = filled.good_run()
    assert not outcome.is_run
    assert outcome.unclaimed == "1 file is claimed by no source: transactions/day2.CSV"


@pytest.mark.slow  # further real runs
@pytest.mark.parametrize(
    "by_hand",
    [
        "drop table gold.daily_sales",
        "update silver.transactions set quantity = 7",
        "alter table silver.products add column note varchar",
        "",
    ],
)
def test_a_warehouse_that_another_program_wrote_to_is_run_whole(filled: Lab, by_hand: str) -> None:
    """Also when a run of the services has written to it in between; an empty one is a backup that was put in place."""
    if by_hand:
        filled.spoil(by_hand)
    else:
        copy = shutil.copy2(filled.settings.warehouse, filled.settings.home / "backup.duckdb")
        Path(copy).replace(filled.settings.warehouse)
    with open_session(filled.settings, Catalog.read(filled.settings.dbt_project), "of the services"):
        pass
    assert filled.run().is_run
    assert "silver/transactions" in materialized(filled)
    assert filled.stored("select count(*) from gold.daily_sales") == [(1,)], "one that was dropped is back"


@pytest.mark.slow  # further real runs
def test_a_run_that_died_is_made_good(filled: Lab) -> None:
    lock = run_lock(filled.settings)
    lock.acquire("run of somebody (process 0)", wait_seconds=0)
    lock.release(is_clean=False)
    assert filled.good_run().is_run
    assert not filled.good_run().is_run


@pytest.mark.slow  # further real runs
def test_a_changed_project_is_planned_whole(tmp_path: Path) -> None:
    project = copy_project(tmp_path)
    lab = Lab(tmp_path / "home", project)
    lab.receipts("day1", [receipt()])
    lab.good_run()
    assert not lab.good_run().is_run
    yml = project / "models" / "gold" / "gold_daily_sales.yml"
    edit(yml, ("name: gold_daily_sales", "name: gold_daily_sales # changed"))
    again = Lab(tmp_path / "home", project)
    assert again.good_run().is_run
    assert "silver/transactions" in materialized(again)
    assert not again.good_run().is_run


@pytest.mark.slow  # further real runs
@pytest.mark.parametrize("lost", ["warehouse.duckdb", "published"])
def test_what_is_lost_is_built_again(filled: Lab, lost: str) -> None:
    before = filled.table("gold.daily_sales")
    path = filled.settings.home / lost
    shutil.rmtree(path) if path.is_dir() else path.unlink()
    assert filled.good_run().is_run
    assert filled.table("gold.daily_sales") == before


@pytest.mark.slow  # further real runs
def test_a_run_that_failed_is_tried_again_until_it_succeeds(tmp_path: Path) -> None:
    project = copy_project(tmp_path)
    model = project / "models" / "gold" / "gold_daily_sales.sql"
    sound = model.read_text(encoding="utf-8")
    model.write_text(sound.replace("select * from final", "select *, error('broken') from final"), encoding="utf-8")
    lab = Lab(tmp_path / "home", project)
    lab.receipts("day1", [receipt()])
    for _ in range(2):
        outcome = lab.run()
        assert outcome.is_run
        assert not outcome.success
    model.write_text(sound, encoding="utf-8")
    assert Lab(tmp_path / "home", project).good_run().is_run


@pytest.mark.slow  # further real runs
def test_a_table_whose_check_fails_is_asked_in_each_run(filled: Lab) -> None:
    filled.spoil("update silver.transactions set quantity = -1 where basket_id = 101")
    assert not run_once(filled.settings, "", [], has_full_checks=True).success
    for _ in range(2):
        outcome = filled.run()
        assert outcome.is_run
        assert any("quantity_not_negative" in failure for failure in outcome.failures)


@pytest.mark.slow  # further real runs
def test_a_source_that_falls_silent_is_work(filled: Lab) -> None:
    with clock.told_by(lambda: datetime.now(UTC) + timedelta(days=400)):
        assert filled.good_run().is_run
        assert not filled.good_run().is_run


@pytest.mark.slow  # further real runs
def test_selecting_runs_what_is_selected(filled: Lab) -> None:
    assert filled.good_run("gold.daily_sales").is_run
    assert materialized(filled) == {"gold/daily_sales"}
    assert filled.good_run().is_run, "what was left out may have work that the ledger does not know"
    assert not filled.good_run().is_run


@pytest.mark.slow  # further real runs
def test_a_full_refresh_is_never_nothing(filled: Lab) -> None:
    assert filled.good_run(full_refresh=["gold.daily_sales"]).is_run
    assert not filled.good_run().is_run
