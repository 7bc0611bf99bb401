"""`assay run` gives the same lake with each patch switched off, and with all."""

from __future__ import annotations

import sqlite3
import subprocess
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from assay.base.settings import Settings
from assay.orchestration.instance import open_instance, prepare_instance
from assay.orchestration.patches.registry import ALL, PATCHES, SWITCH
from tests.lab import Lab, environment, everything, product, receipt
from tests.places import PROJECT
from tests.processes import PATIENCE, command, wait_until

NAMES = [patch.name for patch in PATCHES]


def filled(home: Path) -> Lab:
    """A lake with something good, something malformed and something quarantined, before its first run."""
    lab = Lab(home)
    lab.products("2017-01-01", [product(), product(product_id=11)])
    bad = [receipt(basket_id=101, sales_value="oops"), receipt(basket_id=102, quantity=-1)]
    lab.receipts("day1", [receipt(), receipt(product_id=11), *bad])
    return lab


def run_without(lab: Lab, patches: str) -> None:
    """`assay run` as a process of its own, with the log that one of the patches is for."""
    done = subprocess.run(
        command("run"), env={**environment(lab.settings), SWITCH: patches, "ASSAY_LOG": "json"},
        capture_output=True, text=True, timeout=PATIENCE, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert '"outcome": "succeeded"' in done.stderr


def events_by_kind(lab: Lab) -> Mapping[str, int]:
    """How many events the UI finds in the history of assets, checks and runs, which Dagster keeps apart from runs."""
    index = lab.settings.dagster_home / "history" / "runs" / "index.db"
    with closing(sqlite3.connect(index)) as connection:
        return dict(connection.execute("select dagster_event_type, count(*) from event_logs group by 1").fetchall())


@pytest.fixture(scope="module")
def patched(tmp_path_factory: pytest.TempPathFactory) -> Lab:
    """A lake after a run with every patch."""
    lab = filled(tmp_path_factory.mktemp("patched"))
    lab.good_run()
    return lab


@pytest.fixture(scope="module")
def expected(patched: Lab) -> dict[str, list[tuple[Any, ...]]]:
    """All that readers see of it."""
    return everything(patched)


@pytest.fixture(scope="module")
def expected_events(patched: Lab) -> Mapping[str, int]:
    """What the UI finds of it."""
    return events_by_kind(patched)


@pytest.mark.slow  # a real run
def test_the_ui_finds_the_history_of_every_asset(patched: Lab) -> None:
    """Dagster writes it inside a transaction, in which it opens other connections."""
    with open_instance(patched.settings) as instance:
        [run] = instance.get_runs()
        planned = instance.get_records_for_run(run.run_id, of_type=dg.DagsterEventType.ASSET_MATERIALIZATION).records
        keys = {record.asset_key for record in planned}
        assert {key for key in keys if key and instance.fetch_materializations(key, limit=1).records} == keys
    assert len(keys) >= 9


def test_who_watches_a_run_in_the_ui_is_told_of_each_event_as_it_happens(tmp_path: Path) -> None:
    """Dagster waits until the file changes, and what stays in the log beside it does not change it."""
    settings = Settings(home=tmp_path, dbt_project=PROJECT / "dbt_project")
    prepare_instance(settings)
    told: list[str] = []
    with open_instance(settings) as instance:
        run = dg.DagsterRun(job_name="refresh")
        instance.add_run(run)
        instance.report_engine_event("begun", run)
        instance.watch_event_logs(run.run_id, None, lambda event, _: told.append(event.message))
        for number in range(20):
            instance.report_engine_event(str(number), run)
            wait_until(lambda: told and told[-1] == str(number))  # noqa: B023 - asked for at once
    assert told == ["begun", *map(str, range(20))]


@pytest.mark.slow  # a lake for each
@pytest.mark.parametrize("patches", [ALL, *NAMES])
def test_without_a_patch_the_rows_are_the_same(
    tmp_path: Path,
    expected: dict[str, list[tuple[Any, ...]]],
    expected_events: Mapping[str, int],
    patches: str,
) -> None:
    lab = filled(tmp_path / "lake")
    run_without(lab, patches)
    assert everything(lab) == expected
    assert events_by_kind(lab) == expected_events
    assert len(expected["quarantine.transactions"]) == 2
    with open_instance(lab.settings) as instance:
        [run] = instance.get_runs()
    assert (run.remote_job_origin is None) == (patches in (ALL, "run_origin"))
