"""The Dagster instance of a lake: SQLite below `ASSAY_HOME/dagster`, without telemetry and without a sign-up prompt."""

from __future__ import annotations

from typing import TYPE_CHECKING

import yaml

from assay.base.settings import Settings
from assay.orchestration.patches.sqlite_engines import reuse_engines

if TYPE_CHECKING:
    from dagster import DagsterInstance

CODE_LOCATION = "assay"  # as workspace.yaml calls it
_CONFIG = """\
# Written by `assay setup`. Runs are executed in one process and queue for the lake's own lock.
telemetry:
  enabled: false
nux:
  enabled: false
run_launcher:
  module: assay.orchestration.launcher
  class: LakeRunLauncher
run_monitoring:
  enabled: true
  start_timeout_seconds: 300
  poll_interval_seconds: 15
  max_runtime_seconds: {run_limit_seconds}
run_queue:
  max_concurrent_runs: 1
  dequeue_interval_seconds: 1
retention:
  sensor:
    purge_after_days: {{skipped: 1, success: {run_history_days}, failure: {run_history_days}}}
sensors:
  use_threads: true # the sensor of arrivals keeps looking for some seconds, and the others shall not wait for it
  num_workers: 4
"""


def config(settings: Settings) -> str:
    """The lake's `dagster.yaml`; `max_runtime_seconds` is for runs of the services, `assay run` watches its own."""
    return _CONFIG.format(run_limit_seconds=settings.run_limit_seconds, run_history_days=settings.run_history_days)


def prepare_instance(settings: Settings) -> None:
    """Make the instance's folder and its configuration, when they are missing or differ."""
    settings.dagster_home.mkdir(parents=True, exist_ok=True)
    path = settings.dagster_home / "dagster.yaml"
    wanted = config(settings)
    if not path.exists() or path.read_text(encoding="utf-8") != wanted:
        path.write_text(wanted, encoding="utf-8")


def open_instance(settings: Settings) -> DagsterInstance:
    """The lake's instance, for a run in this process.

    Dagster looks for its configuration by a pattern and misses it in a folder such as `data [old]`, and would then
    send telemetry; so the configuration is handed over as well.
    """
    from dagster import DagsterInstance  # noqa: PLC0415 - 1.3 s that only a run should cost
    from dagster._core.instance.ref import InstanceRef  # noqa: PLC0415

    prepare_instance(settings)
    reuse_engines()
    overrides = yaml.safe_load(config(settings))
    return DagsterInstance.from_ref(InstanceRef.from_dir(str(settings.dagster_home), overrides=overrides))
