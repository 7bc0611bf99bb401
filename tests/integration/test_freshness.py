"""A table that may lag is rebuilt just before its policy would be broken: once, and again after a failure."""

from __future__ import annotations

import bisect
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
import time_machine

from assay.base import clock
from assay.base.run_marks import mark_alive
from assay.contract.catalog import Catalog
from assay.orchestration.definitions import build_definitions
from assay.orchestration.incidents_sensor import Watchman
from assay.orchestration.instance import open_instance
from assay.orchestration.lakehouse import Lakehouse
from assay.orchestration.refresh import JOB
from tests.lab import Lab, copy_project, edit, product, receipt
from tests.processes import finish, start

pytestmark = pytest.mark.slow  # real runs on many days


class Day:
    """A clock that is moved by hand, also for the times that the file system writes."""

    def __init__(self) -> None:
        self._steps: list[tuple[float, timedelta]] = [(0.0, timedelta())]

    def now(self) -> datetime:
        return datetime.now(UTC) + self._steps[-1][1]

    def of_file(self, nanoseconds: int) -> datetime:
        seconds = nanoseconds / 1e9
        _, moved = self._steps[bisect.bisect_right(self._steps, (seconds, timedelta.max)) - 1]
        return datetime.fromtimestamp(seconds, UTC) + moved

    def passes(self, **time: float) -> None:
        self._steps.append((datetime.now(UTC).timestamp(), self._steps[-1][1] + timedelta(**time)))


class Watch:
    """A lake in which one table may lag for six hours, and its conditions, as the daemon asks them."""

    def __init__(self, folder: Path, policies: dict[str, str], project: Path | None = None) -> None:
        project = project or copy_project(folder)
        for model, policy in policies.items():
            path = project / "models" / "gold" / f"{model}.yml"
            edit(path, ("owner: analytics\n", f"owner: analytics\n        freshness: {policy}\n"))
        self.lab = Lab(folder / "lake", project)
        self.day = Day()
        self.cursor: Any = None
        self.load()

    def load(self) -> None:
        """As a start of the services, or a reload of the code."""
        self.definitions = build_definitions(Lakehouse.open(self.lab.settings))

    def asked(self) -> set[str]:
        """What one look at the conditions asks for."""
        with open_instance(self.lab.settings) as instance, clock.told_by(self.day.now, self.day.of_file):
            evaluation = dg.evaluate_automation_conditions(
                self.definitions, instance, cursor=self.cursor, evaluation_time=self.day.now()
            )
        self.cursor = evaluation.cursor
        return {r.key.to_user_string() for r in evaluation.results if evaluation.get_num_requested(r.key)}

    def run(self, *keys: str) -> bool:
        """A run of some assets, as the daemon launches it."""
        with open_instance(self.lab.settings) as instance, clock.told_by(self.day.now, self.day.of_file):
            job = self.definitions.resolve_job_def(JOB)
            chosen = [dg.AssetKey.from_user_string(key) for key in keys] if keys else None
            return job.execute_in_process(instance=instance, asset_selection=chosen, raise_on_error=False).success

    def tick(self) -> set[str]:
        """One look, and the run that it asks for."""
        asked = self.asked()
        assert not asked or self.run(*sorted(asked))
        return asked

    def arrive(self, number: int) -> None:
        """A file lands, and the sensor of arrivals asks for its run."""
        self.lab.receipts(f"day{number}", [receipt(basket_id=number)])
        with open_instance(self.lab.settings) as instance, clock.told_by(self.day.now, self.day.of_file):
            context = dg.build_sensor_context(instance, definitions=self.definitions)
            [request] = self.definitions.resolve_sensor_def("arrivals").evaluate_tick(context).run_requests or []
        assert self.run(*(key.to_user_string() for key in request.asset_selection or ()))

    def confirmed(self) -> int:
        """A look of the sensor of incidents; how many events there are of no run."""
        key = dg.AssetKey(["gold", "product_performance"])
        catalog = Catalog.read(self.lab.settings.dbt_project)
        now = self.day.now()
        with open_instance(self.lab.settings) as instance, time_machine.travel(now, tick=True):
            Watchman(self.lab.settings, catalog).look(instance, now)
            events = instance.fetch_materializations(key, limit=100).records
        return sum(not event.run_id for event in events)

    def baskets(self, table: str) -> int:
        return int(self.lab.rows(f"select sum(baskets) from gold.{table}")[0][0])


SLOW = {"gold_product_performance": "{lag: 6 hours}"}
SLOW_RUN = {"gold/product_performance", "published/lake"}


@pytest.fixture
def watch(tmp_path: Path) -> Iterator[Watch]:
    yield Watch(tmp_path, SLOW)


def begin(watch: Watch) -> None:
    watch.lab.products("2017-01-01", [product()])
    watch.arrive(1)
    assert watch.baskets("daily_sales") == watch.baskets("product_performance") == 1  # from nothing, with the first run
    assert watch.tick() == set()


def test_it_starts_from_nothing_and_rebuilds_once_just_before_the_lag_is_used_up(watch: Watch) -> None:
    assert watch.tick() == set()
    begin(watch)
    for number in (2, 3):
        watch.arrive(number)
        assert watch.tick() == set()
        watch.day.passes(hours=2)
    assert (watch.baskets("daily_sales"), watch.baskets("product_performance")) == (3, 1)
    assert watch.lab.status()["held_back"] is None  # readers see what is new elsewhere
    [(as_of, waits, due)] = watch.lab.rows(
        "select data_as_of, waits_since, due_at from ops.freshness where table_name = 'gold.product_performance'"
    )
    assert as_of < waits < due
    watch.day.passes(hours=1, minutes=50)
    assert watch.tick() == set()
    watch.day.passes(minutes=9, seconds=45)
    assert watch.tick() == SLOW_RUN
    assert watch.baskets("product_performance") == 3
    for _ in range(20):  # no storm, and nothing new is not a reason
        watch.day.passes(hours=1)
        assert watch.tick() == set()


def test_after_a_failed_run_it_is_tried_again_and_a_reload_changes_nothing(watch: Watch) -> None:
    begin(watch)
    watch.arrive(2)
    watch.day.passes(hours=6)
    with open_instance(watch.lab.settings) as instance:
        job = watch.definitions.resolve_job_def(JOB)
        keys = frozenset({dg.AssetKey(["gold", "product_performance"])})
        running = instance.create_run_for_job(job, status=dg.DagsterRunStatus.STARTED, asset_selection=keys)
        with mark_alive(watch.lab.settings, running.run_id):
            assert watch.asked() == set()  # a run is under way
        instance.report_run_failed(running, "The process of this run is gone")
    watch.day = Day()  # the pause after a failure counts from its end by the clock of the machine
    watch.day.passes(hours=6)
    assert watch.asked() == SLOW_RUN
    watch.load()
    assert watch.asked() == SLOW_RUN
    watch.cursor = None
    assert watch.tick() == SLOW_RUN
    assert watch.tick() == set()


def test_a_clock_that_jumps_neither_puts_it_to_sleep_nor_makes_a_storm(watch: Watch) -> None:
    watch.day.passes(days=30)
    begin(watch)
    watch.arrive(2)
    watch.day.passes(days=-30)
    assert watch.tick() == SLOW_RUN  # what landed lies in the future: it cannot wait for a month
    assert watch.tick() == set()
    watch.day.passes(days=300)
    assert watch.tick() == set()
    watch.arrive(3)
    watch.day.passes(days=300)
    assert watch.tick() == SLOW_RUN
    assert watch.tick() == set()


def test_while_an_upstream_table_is_late_it_waits_and_then_goes_on(watch: Watch) -> None:
    begin(watch)
    watch.lab.receipts("day2", [receipt(basket_id=2)])
    assert watch.run("landing/transactions", "bronze/transactions")  # silver is late, as when a run dies in between
    watch.day.passes(hours=7)
    assert watch.tick() == set()
    assert watch.run("silver/transactions", "quarantine/transactions", "gold/daily_sales")
    assert watch.tick() == SLOW_RUN
    assert watch.baskets("product_performance") == 2


TOTALS_SQL = """
with performance as (
    select product_id, baskets from {{ ref('gold_product_performance') }}
    where {{ assay.affected('product_id') }}
),

final as (
    select product_id, sum(baskets)::bigint as baskets from performance group by product_id
)

select * from final
"""
TOTALS_YML = """
models:
  - name: gold_totals
    description: One row per product.
    config:
      meta:
        owner: analytics
        freshness: {lag: 1 hour}
        redo:
          key: [product_id]
          inputs:
            gold_product_performance: [product_id]
    constraints:
      - {type: primary_key, columns: [product_id]}
    columns:
      - name: product_id
        description: The product.
        data_type: bigint
      - name: baskets
        description: Receipts on which it stands.
        data_type: bigint
"""


def test_a_slow_table_is_rebuilt_early_for_a_tight_consumer(tmp_path: Path) -> None:
    project = copy_project(tmp_path)
    (project / "models" / "gold" / "gold_totals.sql").write_text(TOTALS_SQL)
    (project / "models" / "gold" / "gold_totals.yml").write_text(TOTALS_YML)
    watch = Watch(tmp_path, SLOW, project)
    begin(watch)
    watch.arrive(2)
    assert watch.lab.status()["held_back"] is None
    watch.day.passes(minutes=58)
    assert watch.tick() == set()
    watch.day.passes(minutes=1, seconds=45)
    assert watch.tick() == {"gold/totals", *SLOW_RUN}
    assert watch.baskets("totals") == watch.baskets("product_performance") == 2
    assert watch.lab.status()["held_back"] is None
    watch.day.passes(hours=12)
    assert watch.tick() == set()


def test_a_table_that_lags_is_held_against_what_it_was_made_of(watch: Watch) -> None:
    """Its sums are not those of the receipts that came since; that is no failure, and blocks nobody."""
    begin(watch)
    watch.arrive(2)
    code, output = finish(start(watch.lab.settings, "check"))
    assert code == 0, output
    assert watch.lab.status()["held_back"] is None
    watch.arrive(3)
    assert watch.lab.status()["held_back"] is None


@pytest.mark.timeout(1200)
@pytest.mark.parametrize("files", [25, pytest.param(100, marks=pytest.mark.soak)])
def test_on_a_day_with_many_files_a_table_with_a_lag_of_six_hours_runs_at_most_five_times(
    watch: Watch, files: int
) -> None:
    begin(watch)
    rebuilt = 0
    for number in range(2, files + 2):
        watch.arrive(number)
        for _ in range(100 // files):
            watch.day.passes(minutes=7, seconds=12)
            for _ in range(2):
                rebuilt += bool(watch.tick())
                watch.day.passes(minutes=3, seconds=36)
    assert 3 <= rebuilt <= 5
    late = watch.lab.rows(
        "select count(*) from ops.deliveries where table_name = 'gold.product_performance' "
        "and published_at > landed_at + interval '6 hours 12 minutes'"  # looks are eleven minutes apart here
    )
    assert late == [(0,)]
    watch.day.passes(hours=6)
    watch.tick()
    assert watch.baskets("product_performance") == watch.baskets("daily_sales") == files + 1


def test_a_table_with_nothing_new_upstream_is_confirmed_and_one_that_lags_is_not(watch: Watch) -> None:
    """Dagster shows a table as failed whose policy's window has passed since it was built."""
    begin(watch)
    assert watch.confirmed() == 0
    watch.day.passes(hours=5, minutes=30)
    assert [watch.confirmed(), watch.confirmed()] == [1, 1]
    watch.arrive(2)
    watch.day.passes(hours=5, minutes=30)
    assert watch.confirmed() == 1


def test_the_policy_is_what_dagster_shows(tmp_path: Path) -> None:
    watch = Watch(tmp_path, {**SLOW, "gold_daily_sales": '{by: "06:00", timezone: America/New_York}'})
    nodes = {spec.key.to_user_string(): spec for each in watch.definitions.assets or () for spec in each.specs}  # type: ignore[union-attr]
    assert nodes["gold/product_performance"].freshness_policy == dg.FreshnessPolicy.time_window(timedelta(hours=6))
    by = dg.FreshnessPolicy.cron("0 6 * * *", timedelta(hours=24), "America/New_York")
    assert nodes["gold/daily_sales"].freshness_policy == by
    assert nodes["silver/transactions"].freshness_policy is None
