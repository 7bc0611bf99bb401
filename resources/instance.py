"""The Dagster instance of a lake: SQLite below `ASSAY_HOME/dagster`, no telemetry, no invitation on the first page."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import yaml

from resources.settings import Settings

if TYPE_CHECKING:
    from dagster import DagsterInstance

CODE_LOCATION = "assay"  # as workspace.yaml calls it
CONFIG = """\
# Written by `assay setup`. Runs are executed in one process and queue for the lake's own lock.
telemetry:
  enabled: false
nux:
  enabled: false
run_launcher:
  module: resources.launcher
  class: LakeRunLauncher
run_monitoring:
  enabled: true
  start_timeout_seconds: 300
  poll_interval_seconds: 15
run_queue:
  max_concurrent_runs: 1
  dequeue_interval_seconds: 2
"""


def prepare_instance(settings: Settings) -> None:
    """Make the instance's folder and its configuration, when they are missing or differ."""
    settings.dagster_home.mkdir(parents=True, exist_ok=True)
    path = settings.dagster_home / "dagster.yaml"
    if not path.exists() or path.read_text(encoding="utf-8") != CONFIG:
        path.write_text(CONFIG, encoding="utf-8")


def open_instance(settings: Settings) -> DagsterInstance:
    """The lake's instance, for a run in this process.

    Dagster looks for its configuration by a pattern and misses it in a folder such as `data [old]`, and would then
    send telemetry; so the configuration is handed over as well.
    """
    from dagster import DagsterInstance  # noqa: PLC0415 - 1.3 s that only a run should cost
    from dagster._core.instance.ref import InstanceRef  # noqa: PLC0415

    prepare_instance(settings)
    return DagsterInstance.from_ref(InstanceRef.from_dir(str(settings.dagster_home), overrides=yaml.safe_load(CONFIG)))


def runs_belong_to(instance: DagsterInstance, job_name: str) -> None:
    """Let runs that this process creates carry the origin that runs of the UI carry.

    Without it the UI's timeline and the job's page leave them out.

    Args:
        instance: The lake's instance.
        job_name: The job that is run.
    """
    from dagster._core.remote_origin import InProcessCodeLocationOrigin, RemoteRepositoryOrigin  # noqa: PLC0415
    from dagster._core.types.loadable_target_origin import LoadableTargetOrigin  # noqa: PLC0415 - as above

    loaded = LoadableTargetOrigin(python_file="definitions.py", working_directory=".")
    location = InProcessCodeLocationOrigin(loaded, location_name=CODE_LOCATION)
    origin = RemoteRepositoryOrigin(location, "__repository__").get_job_origin(job_name)
    create = partial(instance.create_run_for_job, remote_job_origin=origin)
    instance.create_run_for_job = create  # type: ignore[method-assign]
