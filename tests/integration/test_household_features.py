"""A Python asset of the project's own: made of what readers see, checked, switched at once, and nobody waits for it."""

from __future__ import annotations

import os
from pathlib import Path

import dagster as dg
import duckdb
import pytest
from dagster._core.definitions.sensor_definition import SensorExecutionData

from assay.base.settings import Settings
from assay.orchestration.instance import open_instance
from assay.orchestration.keys import PUBLISHED
from assets.household_features import problem_of
from resources.feature_store import FeatureStore
from sensors.features import features_follow_readers
from tests.lab import WHOLE, Lab, receipt


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Lab:
    """The whole project after one run."""
    lab = Lab(tmp_path_factory.mktemp("features"), WHOLE)
    lab.receipts("day1", [receipt(), receipt(household_id=2, basket_id=101, product_id=11)])
    lab.good_run()
    return lab


def features(lab: Lab) -> list[tuple[object, ...]]:
    path = lab.settings.published / "features" / "household_features.parquet"
    query = "select household_id, baskets_recent, sales_total_usd::varchar from read_parquet(?) order by 1"
    return duckdb.execute(query, [str(path)]).fetchall()


@pytest.mark.slow  # real runs of the whole project
def test_a_run_makes_the_features_of_what_it_has_published(lab: Lab) -> None:
    assert features(lab) == [(1, 1, "2.50"), (2, 1, "2.50")]
    lab.receipts("day2", [receipt(basket_id=102)])
    lab.good_run()
    assert features(lab) == [(1, 2, "5.00"), (2, 1, "2.50")]


@pytest.mark.slow  # real runs of the whole project
def test_a_failure_holds_nothing_else_back_and_the_features_stay(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    before = features(lab)
    monkeypatch.setattr("assets.household_features.problem_of", lambda _: "sales_total_usd: odd")
    lab.receipts("day3", [receipt(basket_id=103, household_id=3)])
    outcome = lab.run()
    assert not outcome.success
    assert "the features stay as they were: sales_total_usd: odd" in " ".join(outcome.failures)
    assert features(lab) == before
    assert lab.rows("select count(*) from silver.transactions where household_id = 3") == [(1,)]
    assert lab.status()["held_back"] is None
    monkeypatch.undo()
    lab.good_run()
    assert len(features(lab)) == len(before) + 1


@pytest.mark.slow  # real runs of the whole project
def test_features_are_made_of_the_snapshot_that_they_say_whatever_a_clock_says(lab: Lab) -> None:
    store = FeatureStore(published=str(lab.settings.published))
    assert store.is_current("household_features")
    path = lab.settings.published / "features" / "household_features.parquet"
    os.utime(path, (0, 0))
    assert store.is_current("household_features")
    lab.receipts("day5", [receipt(basket_id=105)])
    lab.good_run('not group:"features"')
    os.utime(path, (4_000_000_000, 4_000_000_000))
    assert not store.is_current("household_features")
    lab.good_run()
    assert store.is_current("household_features")


def test_what_is_odd_is_named() -> None:
    columns = "1::bigint as household_id, -1::bigint as days_since_last_basket, 1::bigint as baskets_recent"
    table = duckdb.sql(f"select {columns}, 3::decimal(12,2) as sales_recent_usd, 2::decimal(14,2) as sales_total_usd")
    assert "days_since_last_basket" in problem_of(table)
    assert "recent_is_part_of_total" in problem_of(table)


@pytest.mark.slow  # real runs of the whole project
def test_the_sensor_asks_when_readers_were_given_other_rows_and_not_otherwise(lab: Lab) -> None:
    def tick() -> SensorExecutionData:
        """One that sees what was published last, as the daemon asks for it."""
        with open_instance(lab.settings) as instance:
            [newest] = instance.fetch_materializations(PUBLISHED, limit=1).records
            context = dg.build_sensor_context(instance, cursor=str(newest.storage_id - 1))
            return features_follow_readers.evaluate_tick(context)

    lab.receipts("day4", [receipt(basket_id=104)])
    lab.good_run()
    [request] = tick().run_requests or ()
    lab.good_run("published.lake")
    assert tick().skip_message == "readers see what they saw"
    with open_instance(lab.settings) as instance:
        assert request.run_key in {run.run_id for run in instance.get_runs()}


def test_nothing_published_is_a_sentence(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path, dbt_project=WHOLE)
    store = FeatureStore(published=str(settings.published))
    with pytest.raises(dg.Failure, match="nothing is published yet"), store.snapshot():
        pass
