"""Dagster shows feeds as assets that no run makes, observes them seldom, and fetches one once where it is asked to."""

from __future__ import annotations

import subprocess
from datetime import timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import psycopg
import pytest

from assay.base import clock
from assay.base.run_lock import RunLock
from assay.base.settings import Settings
from assay.cli.dagster_run import selected_keys
from assay.contract.catalog import Catalog
from assay.contract.declared_feeds import feeds_of
from assay.contract.errors import ContractError
from assay.contract.feed import FeedDeclaration
from assay.feeds.errors import Permanent
from assay.feeds.last_fetch import note_problem
from assay.feeds.places import alone
from assay.fetching.supervision import services_lock
from assay.orchestration.definitions import build_definitions
from assay.orchestration.feed_assets import FEEDS_JOB
from assay.orchestration.feed_events import CHANGED, GOT_ON, FeedObserver
from assay.orchestration.incidents_sensor import Watchman
from assay.orchestration.instance import open_instance
from assay.orchestration.keys import feed_key, landing_key
from assay.orchestration.lakehouse import Lakehouse
from assay.orchestration.patches.old_observations import drop_observations
from tests.feeds.test_watermark import COLUMNS, FEED, NINE, ORDERS
from tests.postgres import PASSWORD, FedLake, Server

pytestmark = pytest.mark.feeds
KEY = feed_key("orders")


@pytest.fixture
def lake(tmp_path: Path, server: Server, db: psycopg.Connection[Any], monkeypatch: pytest.MonkeyPatch) -> FedLake:
    monkeypatch.setenv("SHOP_PASSWORD", PASSWORD)
    db.execute(ORDERS)
    db.execute(NINE)
    lake = FedLake(tmp_path / "lake", server, FEED, COLUMNS)
    subprocess.run(
        [lake.command()[0], "init", str(tmp_path / "new")], check=True, capture_output=True, env=lake.environment
    )
    for name in ("definitions.py", "assets", "sensors", "resources", "assay.toml"):
        (tmp_path / "new" / name).rename(lake.project.parent / name)
    lake.lab()
    return lake


def fetch(lake: FedLake, instance: dg.DagsterInstance, *names: str) -> dg.ExecuteInProcessResult:
    definitions = build_definitions(Lakehouse.open(lake.settings))
    config = {"ops": {"fetch": {"config": {"feeds": list(names)}}}}
    return definitions.resolve_job_def(FEEDS_JOB).execute_in_process(
        instance=instance, run_config=config, raise_on_error=False
    )


def metadata(instance: dg.DagsterInstance) -> dict[str, Any]:
    [record] = instance.fetch_observations(KEY, limit=1).records
    observed = record.asset_observation
    assert observed is not None
    return {key: value.value for key, value in observed.metadata.items()}


def test_a_feed_is_an_asset_before_landing_that_no_run_makes(lake: FedLake) -> None:
    definitions = build_definitions(Lakehouse.open(lake.settings))
    dg.Definitions.validate_loadable(definitions)
    graph = definitions.resolve_asset_graph()
    assert graph.get(landing_key("orders")).parent_keys == {KEY}
    assert KEY not in graph.executable_asset_keys
    spec = next(spec for spec in definitions.resolve_all_asset_specs() if spec.key == KEY)
    assert (spec.group_name, spec.kinds, spec.owners) == ("feeds", {"postgres"}, ["team:tests"])
    assert PASSWORD not in str(spec)
    keys = selected_keys(definitions, "*silver/orders")
    assert keys is not None
    assert landing_key("orders") in keys
    assert KEY not in keys
    with pytest.raises(ContractError, match="selects nothing"):
        selected_keys(definitions, "feeds/orders")


def test_the_job_fetches_once_and_leaves_a_feed_to_the_process_that_has_it(lake: FedLake) -> None:
    with open_instance(lake.settings) as instance:
        assert fetch(lake, instance).success
        assert len(lake.landed()) == 1
        seen = metadata(instance)
        assert (seen["state"], seen["epoch"], seen["records"], seen["batches_not_loaded"]) == ("not running", 1, 9, 1)
        assert seen["records_per_second"] > 0
        assert list(seen["position"]) == ["by:updated_at"]
        with alone(lake.settings, "orders"):
            assert fetch(lake, instance, "orders").success, "another process has it"
        unknown = fetch(lake, instance, "orders", "nothing")
        assert not unknown.success
        lake.landed()[0].rename(lake.folder / "elsewhere")
        assert not fetch(lake, instance, "orders").success
        assert "is not the name of a batch" in metadata(instance)["problem"]
    assert '"problem_kind": "position_lost"' in lake.feed("status", "--json")


def test_a_feed_is_observed_when_something_changed_and_seldom(lake: FedLake, db: psycopg.Connection[Any]) -> None:
    settings, now = lake.settings, clock.now()
    observer = FeedObserver(settings, {"orders": _declared(lake)})

    def observed(later: timedelta) -> bool:
        return observer.observe(instance, now + later) == ["orders"]

    with open_instance(settings) as instance:
        assert not observed(timedelta(0)), "it was never fetched"
        lake.feed("run", "orders", "--once")
        assert observed(timedelta(0))
        lake.feed("run", "orders", "--once")
        assert not observed(2 * GOT_ON), "it looked, and nothing was new"
        db.execute("insert into shop.orders values (50, 50, 'more', now() - interval '5 minutes')")
        lake.feed("run", "orders", "--once")
        assert not observed(GOT_ON - timedelta(seconds=1))
        assert observed(GOT_ON)
        note_problem(settings, "orders", Permanent("feed orders: no"))
        assert not observed(GOT_ON + CHANGED - timedelta(seconds=1))
        assert observed(GOT_ON + CHANGED)
        assert metadata(instance)["problem"] == "feed orders: no"
        assert len(instance.fetch_observations(KEY, limit=10).records) == 3
        drop_observations(instance, ["orders"], now - timedelta(days=1))
        assert len(instance.fetch_observations(KEY, limit=10).records) == 3
        drop_observations(instance, ["orders"], now + timedelta(days=1))
        assert metadata(instance)["problem"] == "feed orders: no", "the newest stays"
        assert len(instance.fetch_observations(KEY, limit=10).records) == 1
        drop_observations(instance, ["others"], now - timedelta(days=1))
        assert len(instance.fetch_observations(KEY, limit=10).records) == 1, "it was removed a moment ago"
        drop_observations(instance, ["others"], now + timedelta(days=1))
        assert not instance.fetch_observations(KEY, limit=10).records and not instance.has_asset_key(KEY)
        storage: Any = instance.event_log_storage
        with storage.run_connection("") as connection:
            assert not connection.exec_driver_sql("select * from event_logs").fetchall()


def test_services_that_do_not_run_feeds_are_missed_after_a_while_and_not_where_they_need_not(tmp_path: Path) -> None:
    now, minute = clock.now(), timedelta(minutes=1)
    watchman = Watchman(Settings(home=tmp_path), Catalog({}, {}))
    assert not watchman.are_feeds_missed(now)
    assert not watchman.are_feeds_missed(now + 2 * minute)
    assert watchman.are_feeds_missed(now + 3 * minute)
    lock = RunLock(services_lock(Settings(home=tmp_path)))
    lock.acquire("services", wait_seconds=0)
    with lock:
        assert not watchman.are_feeds_missed(now + 4 * minute)
    assert not watchman.are_feeds_missed(now + 5 * minute)
    by_hand = Watchman(Settings(home=tmp_path, supervise_feeds=False), Catalog({}, {}))
    assert not any(by_hand.are_feeds_missed(now + timedelta(hours=hour)) for hour in range(3))


def _declared(lake: FedLake) -> FeedDeclaration:
    return feeds_of(Lakehouse.open(lake.settings).catalog.models)["orders"]
