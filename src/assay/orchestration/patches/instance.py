"""The Dagster instance of a lake: SQLite below `ASSAY_HOME/dagster`, no telemetry, no invitation on the first page."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

import yaml
from sqlalchemy import event
from sqlalchemy.pool import SingletonThreadPool

from assay.base.settings import Settings

if TYPE_CHECKING:
    from dagster import DagsterInstance
    from sqlalchemy.engine import Engine

CODE_LOCATION = "assay"  # as workspace.yaml calls it
_ENGINES = 8
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
sensors:
  use_threads: true # the sensor of arrivals keeps looking for some seconds, and the others shall not wait for it
  num_workers: 4
"""


def config(settings: Settings) -> str:
    """The lake's `dagster.yaml`; `max_runtime_seconds` is for runs of the services, `assay run` watches its own."""
    return _CONFIG.format(run_limit_seconds=settings.run_limit_seconds)


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


def reuse_engines() -> None:
    """Let Dagster's SQLite storage keep the connections that it opens and closes for each of a run's 800 statements.

    To close the last connection to a database makes SQLite tidy it up; anew for each statement, with an engine of its
    own, that is a third of a small run.
    """
    from dagster._core.storage.event_log.sqlite import sqlite_event_log  # noqa: PLC0415 - as above
    from dagster._core.storage.runs.sqlite import sqlite_run_storage  # noqa: PLC0415 - as above

    for module in (sqlite_event_log, sqlite_run_storage):
        names = vars(module)
        if not isinstance(names["create_engine"], _Engines):
            names["create_engine"] = _Engines(names["create_engine"])


class _Engines:
    """`create_engine`, asked once for each of the last few databases; each thread keeps its connection."""

    def __init__(self, create_engine: Callable[..., Engine]) -> None:
        self._create = create_engine
        self._made: dict[str, Engine] = {}

    def __call__(self, url: str, **arguments: object) -> Engine:
        if url not in self._made:
            while len(self._made) >= _ENGINES:
                self._made.pop(next(iter(self._made))).pool.dispose()
            engine = self._create(url, **{**arguments, "poolclass": SingletonThreadPool})
            vars(engine)["dispose"] = _keep_open
            event.listen(engine, "connect", _trust_the_log)
            self._made[url] = engine
        return self._made[url]


def _trust_the_log(connection: Any, _: object) -> None:
    """Wait for the disk when the write-ahead log is folded in, not at each of a run's 800 statements.

    A loss of power may cost the last events of a run, never the database; what data is stored stands in the warehouse.
    """
    connection.execute("pragma synchronous = normal")


def _keep_open(close: bool = True) -> None:
    """In the place of `dispose`, which Dagster calls after each statement."""


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
