"""The lake's run launcher: Dagster's own, which also knows whether the process of a run lives and can stop any run.

Dagster's launcher knows only the runs that it started and asks after none. A run that was killed would stay "started"
for ever, and as runs take turns, those in the queue behind it would never begin.
"""

from __future__ import annotations

import os
import re
import signal
import time
from datetime import UTC, timedelta
from pathlib import Path

from dagster import DagsterInstance, DagsterRun, DagsterRunStatus, DefaultRunLauncher, RunRecord
from dagster._core.launcher.base import CheckRunHealthResult, WorkerStatus
from dagster._core.storage.tags import GRPC_INFO_TAG

from assay.base import clock
from assay.base.run_lock import is_locked
from assay.base.run_marks import alive_path, is_dead
from assay.base.settings import Settings
from assay.base.signals import GRACE_SECONDS, LAST_WORDS_SECONDS

GONE = "The process of this run is gone; what it had committed is kept."
UNFINISHED = [
    DagsterRunStatus.NOT_STARTED,
    DagsterRunStatus.STARTING,
    DagsterRunStatus.STARTED,
    DagsterRunStatus.CANCELING,
]
"""States of runs that have, had or were to get a process; those in the queue wait for their turn."""
START_LIMIT = timedelta(minutes=10)
"""A run that has not marked itself alive for this long never began. Starting takes seconds, half a minute at worst."""


class LakeRunLauncher(DefaultRunLauncher):
    """The launcher that `run_launcher` in the lake's `dagster.yaml` names."""

    @property
    def supports_check_run_worker_health(self) -> bool:
        """Always true: the run's mark tells whether it is alive."""
        return True

    def check_run_worker_health(self, run: DagsterRun) -> CheckRunHealthResult:
        """Tell Dagster's monitoring whether a run is alive; one that is not is marked as failed."""
        record = self._instance.get_run_record_by_id(run.run_id)
        if record is not None and is_gone(_settings(self._instance), record):
            return CheckRunHealthResult(WorkerStatus.FAILED, GONE)
        return CheckRunHealthResult(WorkerStatus.RUNNING)

    def terminate(self, run_id: str) -> bool:
        """Stop a run, for the UI and for the time limit; one of `assay run` is interrupted as by Ctrl-C.

        The monitoring marks a run that is over its limit as failed once this returns. If the run still lived, it would
        write after that that it was cancelled, so its end is waited for.
        """
        is_told = self._tell(run_id)
        record = self._instance.get_run_record_by_id(run_id)
        limit = self._instance.run_monitoring_max_runtime_seconds
        if is_told and limit and record and record.start_time and time.time() - record.start_time > limit:
            deadline = time.monotonic() + GRACE_SECONDS + LAST_WORDS_SECONDS
            while is_locked(alive_path(_settings(self._instance), run_id)) and time.monotonic() < deadline:
                time.sleep(0.1)
        return is_told

    def _tell(self, run_id: str) -> bool:
        run = self._instance.get_run_by_id(run_id)
        if run is None or run.is_finished or GRPC_INFO_TAG in run.tags:
            return bool(super().terminate(run_id))  # type: ignore[no-untyped-call]
        settings = _settings(self._instance)
        mark = alive_path(settings, run_id)
        match = re.search(r"\(process (\d+)\)", mark.read_text(encoding="utf-8")) if mark.exists() else None
        if match is None or is_dead(settings, run_id):
            return False
        self._instance.report_run_canceling(run)
        os.kill(int(match[1]), signal.SIGINT)
        return True


def is_gone(settings: Settings, record: RunRecord) -> bool:
    """Whether the process of an unfinished run is gone, or never began.

    Args:
        settings: The lake.
        record: The run, as the instance has it.
    """
    if alive_path(settings, record.dagster_run.run_id).exists():
        return is_dead(settings, record.dagster_run.run_id)
    changed = record.update_timestamp
    since = clock.now() - (changed if changed.tzinfo else changed.replace(tzinfo=UTC))
    return abs(since) > START_LIMIT  # also where a clock was put back


def _settings(instance: DagsterInstance) -> Settings:
    return Settings(home=Path(instance.root_directory).parent)
