"""Files that land ask for a run by themselves: once, of the right tables, and again until they are loaded."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import dagster as dg
import duckdb
import pytest

from assay.base import clock
from assay.contract.catalog import Catalog
from assay.ledger import inspect_file
from assay.orchestration.arrivals_sensor import full_checks
from assay.orchestration.definitions import build_definitions
from assay.orchestration.instance import open_instance
from assay.orchestration.lake_resource import FULL_CHECKS_TAG
from assay.orchestration.lakehouse import Lakehouse
from assay.orchestration.refresh import JOB
from assay.orchestration.run_history import ASKED_FOR
from assay.triggers.backoff import Tried
from assay.triggers.landing_watch import STILL, LandingWatch
from tests.lab import OLD, Lab, product, receipt

pytestmark = pytest.mark.slow  # real runs and sensors

DOWN_FROM_RECEIPTS = {
    "gold/daily_sales", "gold/product_performance",
    "landing/transactions", "bronze/transactions", "silver/transactions", "quarantine/transactions",
    "published/lake",
}  # fmt: skip


class Watch:
    """A lake with its sensor, as the daemon calls it."""

    def __init__(self, lab: Lab, instance: dg.DagsterInstance) -> None:
        self.lab = lab
        self.instance = instance
        self.definitions = build_definitions(Lakehouse.open(lab.settings))
        self.sensor = self.definitions.resolve_sensor_def("arrivals")

    def tick(self) -> dg.RunRequest | str:
        """One look: what is asked for, or why nothing is."""
        context = dg.build_sensor_context(self.instance, definitions=self.definitions)
        tick = self.sensor.evaluate_tick(context)
        assert len(tick.run_requests or []) <= 1
        return tick.run_requests[0] if tick.run_requests else str(tick.skip_message)

    def asked(self) -> dg.RunRequest:
        request = self.tick()
        assert isinstance(request, dg.RunRequest), request
        return request

    def run(self, request: dg.RunRequest) -> bool:
        """What the daemon does with it."""
        job = self.definitions.resolve_job_def(JOB)
        done = job.execute_in_process(
            instance=self.instance, asset_selection=list(request.asset_selection or []), tags=dict(request.tags),
            raise_on_error=False,
        )  # fmt: skip
        return done.success

    def note(self, status: dg.DagsterRunStatus, subjects: str) -> None:
        """A run that is, or was, somewhere else, of some sources."""
        job = self.definitions.resolve_job_def(JOB)
        keys = frozenset(dg.AssetKey(["bronze", source]) for source in subjects.split(","))
        self.instance.create_run_for_job(job, status=status, asset_selection=keys)


def keys(request: dg.RunRequest) -> set[str]:
    return {key.to_user_string() for key in request.asset_selection or ()}


@pytest.fixture
def watch(tmp_path: Path) -> Iterator[Watch]:
    lab = Lab(tmp_path / "a lake [x]")
    with open_instance(lab.settings) as instance:
        yield Watch(lab, instance)


def test_a_file_asks_for_one_run_of_what_hangs_on_it_and_is_then_done(watch: Watch) -> None:
    assert watch.tick() == "nothing waits"
    watch.lab.receipts("day1", [receipt()])
    request = watch.asked()
    assert request.run_key is None
    assert request.tags[ASKED_FOR] == "products,transactions"  # no product has come, but readers see all or nothing
    assert watch.run(request)
    assert watch.lab.rows("select count(*) from gold.daily_sales") == [(1,)]
    assert watch.tick() == "nothing waits"
    watch.lab.receipts("day2", [receipt(basket_id=5, product_id=11)])
    request = watch.asked()
    assert keys(request) == DOWN_FROM_RECEIPTS
    assert watch.run(request)
    assert watch.lab.rows("select count(*) from gold.product_performance") == [(2,)]
    assert watch.tick() == "nothing waits"


def test_files_of_many_sources_and_five_hundred_files_make_one_run(watch: Watch) -> None:
    for number in range(500):
        watch.lab.receipts(f"day{number}", [receipt(basket_id=number)])
    watch.lab.products("2017-01-01", [product()])
    request = watch.asked()
    assert request.tags[ASKED_FOR] == "products,transactions"
    assert watch.run(request)
    assert watch.lab.source("transactions")["files"]["loaded"] == 500
    assert watch.tick() == "nothing waits"


def test_a_touch_a_new_version_and_a_copy_are_looked_at_once(watch: Watch) -> None:
    watch.lab.products("2017-01-01", [product()])
    path = watch.lab.receipts("day1", [receipt()])
    assert watch.run(watch.asked())
    for change in (
        lambda: os.utime(path, (OLD + 5, OLD + 5)),
        lambda: watch.lab.receipts("day1", [receipt(quantity=2)]),
        lambda: watch.lab.receipts("copy", [receipt(quantity=2)]),
        lambda: watch.lab.put("transactions/odd.csv", b"no header"),
    ):
        change()
        assert watch.run(watch.asked())
        assert watch.tick() == "nothing waits"
    assert watch.lab.source("transactions")["files"]["refused"] == 1


def test_a_file_that_is_being_written_is_left_until_it_rests(watch: Watch) -> None:
    path = watch.lab.receipts("day1", [receipt()], mtime=time.time() + 1000)
    for size in range(3):
        path.write_bytes(b"x" * size)
        os.utime(path, (time.time() + 1000 + size, time.time() + 1000 + size))
        assert watch.tick() == "nothing waits"
    time.sleep(STILL)
    assert isinstance(watch.tick(), dg.RunRequest)  # its time lies in the future, but it rests
    watch.lab.put("transactions/.hidden.csv", b"x")
    watch.lab.put("transactions/half.csv.part", b"x")
    assert watch.asked().tags[ASKED_FOR] == "products,transactions"


def test_while_a_run_is_under_way_nothing_more_is_asked_for(watch: Watch) -> None:
    watch.lab.receipts("day1", [receipt()])
    watch.note(dg.DagsterRunStatus.STARTED, "products,transactions")
    assert watch.tick() == "products: a run is under way; transactions: a run is under way"


def test_a_run_that_failed_is_tried_again_with_growing_pauses(watch: Watch) -> None:
    watch.lab.receipts("day1", [receipt()])
    watch.note(dg.DagsterRunStatus.FAILURE, "products,transactions")
    assert "failed once; tried again in" in str(watch.tick())
    later = datetime.now(UTC) + timedelta(seconds=15)
    with clock.told_by(lambda: later):
        assert isinstance(watch.tick(), dg.RunRequest)
    watch.note(dg.DagsterRunStatus.FAILURE, "products,transactions")
    assert "failed 2 times in a row" in str(watch.tick())


def test_a_table_that_is_behind_is_rebuilt_unless_its_input_failed(watch: Watch) -> None:
    watch.lab.products("2017-01-01", [product()])
    watch.lab.receipts("day1", [receipt()])
    assert watch.run(watch.asked())
    watch.lab.receipts("day2", [receipt(basket_id=5)])
    watch.lab.good_run("landing/transactions,bronze.transactions,silver.transactions")
    request = watch.asked()
    assert request.tags[ASKED_FOR] == "gold.daily_sales,gold.product_performance"
    assert watch.run(request)
    assert watch.tick() == "nothing waits"

    watch.lab.receipts("day3", [receipt(basket_id=6)])
    watch.lab.good_run("landing/transactions,bronze.transactions")
    watch.lab.spoil("update bronze.transactions set quantity = -3 where basket_id = 6")
    assert not watch.run(watch.asked())
    assert watch.tick() == "nothing waits"  # gold is behind, but would not be built on what failed
    watch.lab.receipts("day3", [receipt(basket_id=6, quantity=3)])
    assert watch.run(watch.asked())
    assert watch.lab.status()["held_back"] is None


def test_once_a_day_every_row_is_looked_at_again_while_nothing_else_is_to_be_done(watch: Watch) -> None:
    """What a hand did to a row that no run touches would stay a pass for ever."""
    watch.lab.products("2017-01-01", [product()])
    watch.lab.receipts("day1", [receipt(), receipt(basket_id=101), receipt(basket_id=102)])
    assert watch.run(watch.asked())
    watch.lab.receipts("day2", [receipt(basket_id=103)])
    assert watch.run(watch.asked())
    watch.lab.spoil("update silver.transactions set quantity = -1 where basket_id = 101")
    assert watch.tick() == "nothing waits"
    later = datetime.now(UTC) + timedelta(hours=25)
    with clock.told_by(lambda: later):
        path = watch.lab.receipts("day3", [receipt(basket_id=104)])
        assert FULL_CHECKS_TAG not in watch.asked().tags
        path.unlink()
        request = watch.asked()
        assert request.tags[FULL_CHECKS_TAG] == "daily"
        assert keys(request) == {
            "gold/daily_sales", "gold/product_performance", "silver/products", "silver/transactions", "published/lake",
        }  # fmt: skip
        lake = Lakehouse.open(watch.lab.settings)
        assert full_checks(lake.catalog, lake.watch.known(), lambda: [Tried("x", "running", 0.0)]) == []
        assert len(full_checks(lake.catalog, lake.watch.known(), list)) == 1
        assert not watch.run(watch.asked())
        assert watch.tick() == "nothing waits"
    assert any("quantity_not_negative" in reason for reason in watch.lab.status()["held_back"]["because"])


def test_a_new_look_knows_what_the_last_one_did(watch: Watch) -> None:
    """A restart of the daemon loses nothing: all that is remembered is a copy of what is published."""
    watch.lab.products("2017-01-01", [product()])
    watch.lab.receipts("day1", [receipt()])
    assert watch.run(watch.asked())
    watch.lab.receipts("day2", [receipt(basket_id=5)])
    again = Watch(watch.lab, watch.instance)
    assert again.asked().tags[ASKED_FOR] == "transactions"


def test_within_a_tick_the_files_are_looked_at_again_only_when_something_may_differ(watch: Watch) -> None:
    landing = LandingWatch(watch.lab.settings, Catalog.read(watch.lab.settings.dbt_project))
    watch.lab.products("2017-01-01", [product()])
    watch.lab.receipts("day1", [receipt()])
    assert landing.may_differ()
    landing.look()
    assert not landing.may_differ()  # files wait, and that is known
    watch.lab.receipts("day2", [receipt(basket_id=2)], mtime=time.time() + 1000)
    landing.look()
    assert landing.may_differ()  # until this one rests
    time.sleep(STILL)
    assert landing.look()[0] == {"products": 1, "transactions": 2}
    assert not landing.may_differ()
    watch.lab.good_run()
    assert landing.may_differ()  # a run has published
    landing.look()
    assert not landing.may_differ()
    watch.lab.receipts("day3", [receipt(basket_id=3)])
    assert landing.may_differ()
    watch.lab.good_run()
    landing.look()
    path = watch.lab.receipts("day3", [receipt(basket_id=3)])
    path.unlink()
    assert landing.may_differ()


def test_a_lake_that_an_older_version_published_is_run_once_and_known_again(watch: Watch) -> None:
    watch.lab.products("2017-01-01", [product()])
    watch.lab.receipts("day1", [receipt()])
    watch.lab.good_run()
    assert watch.tick() == "nothing waits"
    published = (watch.lab.settings.published / "ops.duckdb").resolve()
    older = published.with_name("ops_99.duckdb")
    shutil.copyfile(published, older)
    with duckdb.connect(str(older)) as connection:
        connection.execute("drop table ops.freshness")
    (watch.lab.settings.published / "ops.duckdb").unlink()
    (watch.lab.settings.published / "ops.duckdb").symlink_to(older.name)
    assert watch.run(watch.asked())
    assert watch.lab.source("transactions")["files"]["loaded"] == 1
    assert watch.tick() == "nothing waits"


def counted(watch: Watch) -> dict[str, int]:
    """Files of receipts, by their status."""
    return {status: count for status, count in watch.lab.source("transactions")["files"].items() if count}


def test_a_file_that_lacks_memory_asks_for_one_more_run_and_once_refused_for_none(
    watch: Watch, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = inspect_file.scan

    def lacking(path: Path, *args: object) -> object:
        if path.name.startswith("bomb"):
            raise MemoryError("no room")
        return real(path, *args)  # type: ignore[arg-type]

    monkeypatch.setattr(inspect_file, "scan", lacking)
    watch.lab.products("2017-01-01", [product()])
    watch.lab.receipts("day1", [receipt()])
    watch.lab.put("transactions/bomb.csv", b"x")
    assert watch.run(watch.asked())
    assert counted(watch) == {"loaded": 1, "arrived": 1}
    assert watch.asked().tags[ASKED_FOR] == "transactions"  # by itself, and of nothing else
    assert watch.run(watch.asked())
    assert counted(watch) == {"loaded": 1, "refused": 1}
    assert watch.tick() == "nothing waits"
    watch.lab.receipts("day2", [receipt(basket_id=2)])
    assert watch.run(watch.asked())
    assert counted(watch) == {"loaded": 2, "refused": 1}
    assert watch.tick() == "nothing waits"
