"""Promise 5: nothing is built on, and nothing is shown of, what has not passed its checks."""

from __future__ import annotations

from pathlib import Path
from shutil import copyfile

import dagster as dg
import pytest

from assay.base.run_lock import RunLock
from assay.contract.catalog import Catalog
from assay.contract.errors import ContractError
from assay.orchestration.checks import run_check
from assay.orchestration.definitions import build_definitions
from assay.orchestration.lakehouse import Lakehouse
from assay.orchestration.refresh import JOB
from assay.publish.run_session import open_session
from tests.lab import WHOLE, Lab, copy_project, everything, product, receipt
from tests.processes import finish, reader, start

UP_TO_BRONZE = "landing/transactions,bronze.transactions"
UP_TO_SILVER = f"{UP_TO_BRONZE},silver.transactions"


@pytest.mark.slow  # many real runs
def test_a_failing_silver_check_holds_gold_and_readers_back_until_the_data_is_repaired(lab: Lab) -> None:
    """Blocking checks of Dagster hold within one run; a later run of gold alone would build on the bad rows."""
    lab.products("2017-01-01", [product()])
    lab.receipts("day1", [receipt()])
    lab.good_run()
    with reader(lab.settings.published) as readings:
        before = everything(lab)
        lab.receipts("day2", [receipt(basket_id=200, store_id=8, quantity=3)])
        lab.good_run(UP_TO_BRONZE)
        lab.spoil("update bronze.transactions set quantity = -3 where basket_id = 200")

        outcome = lab.run()

        assert not outcome.success
        message = "quantity_not_negative: expected quantity >= 0, found 1 rows break it"
        assert outcome.failures == [f"check contract of silver.transactions: {message}"]
        held = lab.status()["held_back"]
        assert any("quantity_not_negative" in reason for reason in held["because"])
        assert lab.stored("select store_id from gold.daily_sales") == [(7,)]
        assert everything(lab) == before

        alone = lab.run("gold.daily_sales")
        assert not alone.success
        assert "silver.transactions: check contract failed: quantity_not_negative" in alone.failures[0]
        assert lab.stored("select store_id from gold.daily_sales") == [(7,)]
        assert everything(lab) == before
        assert lab.status()["held_back"]["since"] == held["since"]

        lab.receipts("day2", [receipt(basket_id=200, store_id=8, quantity=2)])
        lab.good_run()
        assert lab.rows("select store_id from gold.daily_sales order by 1") == [(7,), (8,)]
        assert lab.status()["held_back"] is None
    assert readings.problems == []
    assert (readings.reads > 10, readings.states) == (True, 2)


def campaign(number: int) -> bytes:
    """The announcement of one campaign."""
    fields = f'"campaign_id": {number}, "campaign_type": "Type A", "start_date": "2017-01-0{number}"'
    return f'{{{fields}, "end_date": "2017-02-01"}}\n'.encode()


@pytest.mark.slow
def test_a_domain_that_shares_nothing_with_a_failing_one_goes_on(tmp_path: Path) -> None:
    """The steps of a run are those of layers; one step for all would skip every table after the first bad one."""
    project = copy_project(tmp_path)
    for name in ("bronze", "silver", "quarantine"):
        for path in (WHOLE / "models" / name).glob(f"{name}_campaigns.*"):
            copyfile(path, project / "models" / name / path.name)
    lab = Lab(tmp_path / "lake", dbt_project=project)
    lab.products("2017-01-01", [product()])
    lab.receipts("day1", [receipt()])
    lab.put("campaigns/campaigns_2017-01-01.jsonl", campaign(1))
    lab.good_run()
    lab.receipts("day2", [receipt(basket_id=200)])
    lab.put("campaigns/campaigns_2017-01-02.jsonl", campaign(2))
    lab.good_run("landing/transactions,landing/campaigns,bronze.transactions,bronze.campaigns")
    lab.spoil("update bronze.transactions set quantity = -3 where basket_id = 200")

    outcome = lab.run()

    message = "quantity_not_negative: expected quantity >= 0, found 1 rows break it"
    assert outcome.failures == [f"check contract of silver.transactions: {message}"]
    assert lab.rows("select campaign_id from silver.campaigns order by 1") == [(1,), (2,)]
    assert lab.rows("select basket_id from silver.transactions") == [(100,)]
    because = lab.status()["held_back"]["because"]
    assert because
    assert not any("campaigns" in reason for reason in because)

    lab.receipts("day2", [receipt(basket_id=200, quantity=2)])
    lab.good_run()
    assert lab.rows("select basket_id from silver.transactions order by 1") == [(100,), (200,)]
    assert lab.status()["held_back"] is None


@pytest.mark.slow  # many real runs
def test_silver_is_not_shown_before_gold_has_taken_it_in(lab: Lab) -> None:
    """Each table's own checks pass, but a reader would find sales in silver that gold does not have."""
    lab.products("2017-01-01", [product()])
    lab.receipts("day1", [receipt()])
    lab.good_run()
    before = everything(lab)
    lab.receipts("day2", [receipt(basket_id=200)])

    lab.good_run(UP_TO_SILVER)

    assert everything(lab) == before
    because = lab.status()["held_back"]["because"]
    assert "gold.daily_sales: was built before the last change of silver.transactions" in because
    assert "gold.product_performance: was built before the last change of silver.transactions" in because
    lab.good_run("gold.daily_sales,gold.product_performance")
    assert len(everything(lab)["silver.transactions"]) == 2
    assert lab.status()["held_back"] is None


@pytest.mark.slow  # a real run each
@pytest.mark.parametrize(
    ("spoiled", "reason"),
    [
        ("delete from ops.checks where check_name = 'contract'", "check contract has no result yet"),
        ("update ops.tables set seq = seq + 1 where table_name = 'silver.products'", "contract is older than"),
    ],
)
def test_a_missing_or_outdated_result_is_no_pass(lab: Lab, spoiled: str, reason: str) -> None:
    """A run that died between a table and its check leaves the pass of the old rows behind."""
    lab.receipts("day1", [receipt()])
    lab.good_run()
    lab.spoil(spoiled)
    outcome = lab.run("gold.daily_sales")
    assert not outcome.success
    assert reason in outcome.failures[0]
    assert any(reason in sentence for sentence in lab.status()["held_back"]["because"])


@pytest.mark.slow  # real runs
def test_a_run_of_the_ui_waits_for_the_lake_and_names_who_has_it(lab: Lab) -> None:
    """The UI starts runs by definitions that hold no lock; two writers would be in the warehouse at once."""
    impatient = lab.settings.model_copy(update={"lock_wait_seconds": 0.0})
    lab.receipts("day1", [receipt()])
    job = build_definitions(Lakehouse.open(impatient)).resolve_job_def(JOB)
    with dg.DagsterInstance.from_config(str(lab.settings.dagster_home)) as instance:
        with RunLock(lab.settings.home / "run.lock") as lock:
            lock.acquire("run 0815", wait_seconds=0)
            shut_out = job.execute_in_process(instance=instance, raise_on_error=False)
        failures = str([event for event in shut_out.all_events if event.is_failure])
        assert not shut_out.success
        assert "waited 0 s for run 0815 to end" in failures
        assert job.execute_in_process(instance=instance).success
    assert lab.rows("select count(*) from gold.daily_sales") == [(1,)]


def test_a_full_refresh_that_the_selection_leaves_out_is_refused(lab: Lab) -> None:
    """It would end well, and the table would be as before."""
    with pytest.raises(ContractError, match=r"--full-refresh silver.products: --select leaves it out"):
        lab.run("gold.daily_sales", full_refresh=["silver.products"])


@pytest.mark.slow
def test_two_runs_at_once_work_one_after_the_other(tmp_path: Path) -> None:
    """Runs that interleave between steps publish each other's half-built tables."""
    lab = Lab(tmp_path / "lake")
    lab.products("2017-01-01", [product()])
    lab.receipts("day1", [receipt()])
    processes = [start(lab.settings, "run", "--select", "*") for _ in range(2)]  # named, so that both work
    ends = [finish(process) for process in processes]
    assert [code for code, _ in ends] == [0, 0], ends
    assert sum("nothing was new" in output for _, output in ends) == 1
    assert lab.rows("select count(*) from ops.files where status = 'loaded'") == [(2,)]
    with dg.DagsterInstance.from_config(str(lab.settings.dagster_home)) as instance:
        first, second = sorted(instance.get_run_records(), key=lambda record: record.start_time or 0)
    assert {first.dagster_run.status, second.dagster_run.status} == {dg.DagsterRunStatus.SUCCESS}
    assert (first.end_time or 0) <= (second.start_time or 0)


@pytest.mark.parametrize("twice", ["product_id", "null"])
@pytest.mark.slow  # a real run each
def test_a_key_that_stands_twice_is_named_with_its_rows(lab: Lab, twice: str) -> None:
    """As many hashes as rows are taken for as many keys, so a key that is there twice, or missing twice, must show."""
    lab.products("2017-01-01", [product(), product(product_id=11)])
    lab.good_run()
    lab.spoil(f"insert into silver.products select * replace ({twice} as product_id) from silver.products limit 1")
    lab.spoil(f"insert into silver.products select * replace ({twice} as product_id) from silver.products limit 1")
    catalog = Catalog.read(lab.settings.dbt_project)
    with open_session(lab.settings, catalog, "check") as session:
        result = run_check(session, "silver.products", "contract")
    [key] = [rule for rule in result.rules if rule.name == "unique(product_id)"]
    assert not result.passed
    assert (key.passed, key.observed) == (False, "1 keys more than once")
    assert len(key.examples) == 1
