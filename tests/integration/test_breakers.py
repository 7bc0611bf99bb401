"""A source that fails again and again is left alone, the others go on, and a trial or a person closes the breaker."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import dagster as dg
import pytest

from assay.base import clock
from assay.contract.catalog import Catalog
from assay.incidents import store
from assay.orchestration.definitions import build_definitions
from assay.orchestration.incidents_sensor import Watchman
from assay.orchestration.instance import open_instance
from assay.orchestration.lakehouse import Lakehouse
from assay.orchestration.refresh import JOB
from assay.orchestration.run_history import ASKED_FOR, RUNS, open_breakers, reset_breaker
from tests.lab import Lab, product, receipt

pytestmark = pytest.mark.slow  # real runs that fail


class Watch:
    """A lake whose services look when they are told to."""

    def __init__(self, lab: Lab, instance: dg.DagsterInstance) -> None:
        self.lab = lab
        self.instance = instance
        self.definitions = build_definitions(Lakehouse.open(lab.settings))
        self.later = timedelta()

    def now(self) -> datetime:
        return datetime.now(UTC) + self.later

    def requests(self) -> dict[str, dg.RunRequest]:
        """What one look asks for, by the sources and tables for which it does."""
        with clock.told_by(self.now):
            context = dg.build_sensor_context(self.instance, definitions=self.definitions)
            tick = self.definitions.resolve_sensor_def("arrivals").evaluate_tick(context)
        return {request.tags[ASKED_FOR]: request for request in tick.run_requests or []}

    def run(self, request: dg.RunRequest) -> bool:
        job = self.definitions.resolve_job_def(JOB)
        keys = list(request.asset_selection or [])
        return job.execute_in_process(instance=self.instance, asset_selection=keys, raise_on_error=False).success

    def open(self) -> dict[str, str]:
        catalog = Catalog.read(self.lab.settings.dbt_project)
        return open_breakers(self.lab.settings, self.instance, catalog, self.now().timestamp())

    def fail(self, source: str, problem: str) -> None:
        """A run of a source that died."""
        job = self.definitions.resolve_job_def(JOB)
        keys = frozenset({dg.AssetKey(["bronze", source])})
        run = self.instance.create_run_for_job(job, status=dg.DagsterRunStatus.STARTED, asset_selection=keys)
        self.instance.report_run_failed(run, problem)


@pytest.fixture
def watch(tmp_path: Path) -> Iterator[Watch]:
    lab = Lab(tmp_path / "lake")
    lab.products("2017-01-01", [product()])
    lab.receipts("day1", [receipt()])
    lab.good_run()
    with open_instance(lab.settings) as instance:
        yield Watch(lab, instance)


def test_a_broken_source_is_left_alone_the_others_go_on_and_a_person_closes_the_breaker(watch: Watch) -> None:
    watch.lab.spoil("alter table bronze.products rename column brand to another")  # as no run does
    watch.lab.products("2017-01-08", [product(), product(product_id=11)])
    watch.lab.receipts("day2", [receipt(basket_id=2)])
    [request] = watch.requests().values()
    assert not watch.run(request)
    assert set(watch.open()) == {"products"}  # SQL does not pass by itself
    assert watch.lab.source("transactions")["files"]["loaded"] == 2
    while requests := watch.requests():  # what the failed run left behind is built without products
        assert "products" not in ",".join(requests)
        assert all(watch.run(request) for request in requests.values())
    watch.lab.receipts("day3", [receipt(basket_id=3)])
    [request] = watch.requests().values()
    assert watch.run(request)
    assert watch.lab.rows("select count(*) from silver.transactions") == [(3,)]

    watch.lab.spoil("alter table bronze.products rename column another to brand")
    assert watch.requests() == {}
    assert reset_breaker(watch.lab.settings, watch.instance, "products") == 1
    assert watch.open() == {}
    assert watch.run(watch.requests()["products"])
    assert watch.lab.source("products")["files"]["loaded"] == 2


def test_after_five_failures_the_breaker_opens_and_one_trial_opens_or_closes_it(watch: Watch) -> None:
    watch.lab.products("2017-01-08", [product(), product(product_id=11)])
    for _ in range(4):
        watch.fail("products", "No space left on device")
        assert watch.open() == {}
    watch.fail("products", "No space left on device")
    assert set(watch.open()) == {"products"}
    watch.later = timedelta(minutes=11)
    assert watch.requests() == {}
    watch.later = timedelta(minutes=19)
    assert set(watch.requests()) == {"products"}
    watch.fail("products", "No space left on device")
    assert watch.requests() == {}
    watch.later = timedelta(minutes=38)
    request = watch.requests()["products"]
    assert watch.run(request)
    assert watch.open() == {}
    assert watch.requests() == {}


def test_a_good_run_by_hand_closes_every_breaker(watch: Watch) -> None:
    watch.lab.products("2017-01-08", [product(), product(product_id=11)])
    for _ in range(5):
        watch.fail("products", "No space left on device")
    assert set(watch.open()) == {"products"}
    watch.lab.good_run()
    assert watch.open() == {}


def test_a_run_that_was_made_and_never_began_holds_up_nothing_for_ever(watch: Watch) -> None:
    watch.lab.products("2017-01-08", [product(), product(product_id=11)])
    job = watch.definitions.resolve_job_def(JOB)
    keys = frozenset({dg.AssetKey(["bronze", "products"])})
    watch.instance.create_run_for_job(job, asset_selection=keys)  # and the daemon died
    assert watch.requests() == {}
    watch.later = timedelta(minutes=11)
    assert set(watch.requests()) == {"products"}


@pytest.mark.parametrize(("key", "is_held_up"), [("features/own", False), ("bronze/products", True)])
def test_a_job_of_the_project_holds_up_the_tables_that_it_makes_and_no_other(
    watch: Watch, key: str, is_held_up: bool
) -> None:
    @dg.asset(key=key.split("/"))
    def own() -> None:
        """Like one under `assets/`."""

    job = dg.define_asset_job("of_the_project", selection="*")
    job_def = dg.Definitions([own], jobs=[job]).resolve_job_def("of_the_project")
    watch.lab.products("2017-01-08", [product(), product(product_id=11)])
    for _ in range(5):
        run = watch.instance.create_run_for_job(job_def, status=dg.DagsterRunStatus.STARTED)
        assert ("products" not in watch.requests()) == is_held_up
        watch.instance.report_run_failed(run, "No space left on device")
    assert (set(watch.open()) == {"products"}) == is_held_up


def test_a_folder_that_cannot_be_listed_fails_its_source_alone_and_makes_no_storm(watch: Watch) -> None:
    folder = watch.lab.settings.landing / "products"
    shutil.rmtree(folder)
    folder.write_text("no folder")
    watch.lab.receipts("day2", [receipt(basket_id=2)])
    [request] = watch.requests().values()
    assert not watch.run(request)
    assert all("products" not in subjects for subjects in watch.requests())  # it has its pause
    for request in watch.requests().values():
        assert watch.run(request)
    assert watch.lab.source("transactions")["files"]["loaded"] == 2
    folder.unlink()
    watch.later = timedelta(minutes=2)
    watch.lab.products("2017-01-08", [product(), product(product_id=11)])
    assert watch.run(watch.requests()["products"])


def test_a_table_whose_checks_died_is_asked_again(watch: Watch, monkeypatch: pytest.MonkeyPatch) -> None:
    watch.lab.receipts("day2", [receipt(basket_id=2)])
    with monkeypatch.context() as patched:
        patched.setattr("assay.orchestration.checks.check_contract", _out_of_memory)
        [request] = watch.requests().values()
        assert not watch.run(request)
    assert watch.requests() == {}  # a pause
    watch.later = timedelta(seconds=20)
    for _ in range(3):
        for request in watch.requests().values():
            assert watch.run(request)
    assert watch.lab.rows("select count(*) from silver.transactions") == [(2,)]
    assert watch.lab.status()["held_back"] is None


def test_a_bad_input_is_waited_for_and_opens_no_breaker_of_what_hangs_on_it(watch: Watch) -> None:
    watch.lab.receipts("day2", [receipt(basket_id=2)])
    watch.lab.good_run("landing/transactions,bronze.transactions")
    watch.lab.spoil("update bronze.transactions set quantity = -3 where basket_id = 2")
    for request in watch.requests().values():
        assert not watch.run(request)  # the contract of silver.transactions does not hold
    watch.lab.products("2017-01-08", [product(), product(product_id=11)])
    for request in watch.requests().values():
        assert watch.run(request)  # nothing is asked for that is made of it
    assert watch.open() == {}
    watch.lab.receipts("day2", [receipt(basket_id=2, quantity=3)])
    for _ in range(2):
        for request in watch.requests().values():
            assert watch.run(request)
    assert watch.lab.status()["held_back"] is None
    assert watch.lab.rows("select sum(baskets) from gold.daily_sales") == [(2,)]


def test_a_busy_lake_does_not_forget_an_open_breaker(watch: Watch) -> None:
    for _ in range(5):
        watch.fail("products", "No space left on device")
    job = watch.definitions.resolve_job_def(JOB)
    keys = frozenset({dg.AssetKey(["bronze", "transactions"])})
    for _ in range(RUNS):
        watch.instance.create_run_for_job(job, status=dg.DagsterRunStatus.SUCCESS, asset_selection=keys)
    assert set(watch.open()) == {"products"}


def _out_of_memory(*_: object) -> None:
    raise MemoryError("out of memory")


def test_a_run_that_cannot_publish_has_failed_whatever_dagster_calls_it(
    watch: Watch, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Readers do not see that the file is loaded, so without that it would be asked for again at once, for ever."""

    def refuse(*_: object) -> None:
        raise OSError("no space left on device")

    watch.lab.receipts("day2", [receipt(basket_id=2)])
    [request] = watch.requests().values()
    with monkeypatch.context() as patched:
        patched.setattr("assay.publish.run_session.publish_ops", refuse)
        watch.run(request)
        assert watch.requests() == {}  # after a pause
        with clock.told_by(watch.now):
            catalog = Catalog.read(watch.lab.settings.dbt_project)
            Watchman(watch.lab.settings, catalog).look(watch.instance, watch.now())
        watch.later = timedelta(seconds=15)
        [request] = watch.requests().values()
    with store.opened(watch.lab.settings.incidents) as connection:
        [incident] = store.open_incidents(connection)
    assert incident.cause.kind == "failed_run"
    assert incident.cause.problem == "publishing: no space left on device"
    assert watch.run(request)
    assert watch.requests() == {}
    assert watch.lab.source("transactions")["files"]["loaded"] == 2
    assert watch.lab.rows("select count(*) from silver.transactions") == [(2,)]
