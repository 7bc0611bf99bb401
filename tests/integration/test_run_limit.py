"""A run that takes longer than its limit is stopped, is a failure, and leaves a lake that goes on."""

from __future__ import annotations

import logging
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import dagster as dg
import pytest
from dagster._core.workspace.context import WorkspaceProcessContext
from dagster._core.workspace.load_target import EmptyWorkspaceTarget
from dagster._daemon.monitoring.run_monitoring import execute_run_monitoring_iteration

from assay.base.settings import Settings, SettingsError
from assay.orchestration.instance import open_instance
from tests.lab import Lab, environment, receipt
from tests.processes import PATIENCE, command, finish, start, wait_for_lock, wait_until


@contextmanager
def busy_warehouse(lab: Lab) -> Iterator[None]:
    """Another program has the warehouse open, so that a run waits."""
    code = f"import duckdb, sys; c = duckdb.connect({str(lab.settings.warehouse)!r}); print(flush=True); input()"
    holder = subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    try:
        assert holder.stdout is not None
        holder.stdout.readline()
        yield
    finally:
        holder.communicate(b"\n", timeout=PATIENCE)


def runs(settings: Settings) -> list[Any]:
    with open_instance(settings) as instance:
        return list(instance.get_run_records())


@pytest.mark.slow
def test_a_run_that_takes_too_long_ends_as_failed_with_that_reason_and_the_next_goes_on(lab: Lab) -> None:
    lab.receipts("day1", [receipt()])
    lab.good_run()
    lab.receipts("day2", [receipt(basket_id=101)], mtime=time.time() + 1000)  # looked at twice, two seconds apart
    done = subprocess.run(
        command("run"), env={**environment(lab.settings), "ASSAY_RUN_LIMIT_SECONDS": "1"}, capture_output=True,
        text=True, timeout=PATIENCE, check=False,
    )  # fmt: skip
    assert done.returncode == 1, done.stderr
    assert "the run took longer than its limit of 1 s (ASSAY_RUN_LIMIT_SECONDS)" in " ".join(done.stderr.split())
    assert "Traceback" not in done.stderr
    newest = runs(lab.settings)[0].dagster_run
    assert newest.status == dg.DagsterRunStatus.FAILURE
    with open_instance(lab.settings) as instance:
        message = instance.all_logs(newest.run_id, of_type=dg.DagsterEventType.RUN_FAILURE)[-1].message
    assert "longer than its limit" in message
    lab.good_run()
    assert lab.source("transactions")["rows"]["silver"] == 2


@pytest.mark.parametrize("limit", ["0", "-5", "ten", "1.5"])
def test_a_limit_that_is_no_number_of_seconds_is_named(monkeypatch: pytest.MonkeyPatch, limit: str) -> None:
    monkeypatch.setenv("ASSAY_RUN_LIMIT_SECONDS", limit)
    with pytest.raises(SettingsError, match="expected a whole number of seconds"):
        Settings.from_env()


@pytest.mark.slow
def test_the_services_stop_a_run_by_the_same_limit(lab: Lab) -> None:
    """Dagster's monitoring ends what our launcher can reach, a run of `assay run` as well, and marks it as failed."""
    lab.receipts("day1", [receipt()])
    lab.good_run()
    lab.receipts("day2", [receipt(basket_id=101)])
    limited = lab.settings.model_copy(update={"run_limit_seconds": 1})
    with busy_warehouse(lab):
        running = start(lab.settings, "run")
        assert wait_for_lock(lab.settings.home, running)
        assert wait_until(lambda: runs(lab.settings)[0].dagster_run.status == dg.DagsterRunStatus.STARTED, running)
        time.sleep(3)  # longer than the limit
        with open_instance(limited) as instance, WorkspaceProcessContext(instance, EmptyWorkspaceTarget()) as workspace:
            assert instance.run_monitoring_max_runtime_seconds == 1
            list(execute_run_monitoring_iteration(workspace, logging.getLogger("monitoring")))
        code, output = finish(running)
    assert code == 130, output
    newest = runs(lab.settings)[0].dagster_run
    assert newest.status == dg.DagsterRunStatus.FAILURE
    lab.good_run()
