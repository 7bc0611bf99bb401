"""The Dagster instance of a lake: SQLite below `ASSAY_HOME/dagster`, no telemetry, no invitation on the first page."""

from __future__ import annotations

from typing import TYPE_CHECKING

import yaml

from resources.settings import Settings

if TYPE_CHECKING:
    from dagster import DagsterInstance

CONFIG = """\
# Written by `assay setup`. Runs are executed in one process and queue for the lake's own lock.
telemetry:
  enabled: false
nux:
  enabled: false
run_monitoring:
  enabled: true
  start_timeout_seconds: 300
run_queue:
  max_concurrent_runs: 1
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
