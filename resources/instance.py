"""The Dagster instance of a lake: SQLite below `ASSAY_HOME/dagster`, no telemetry."""

from __future__ import annotations

from resources.settings import Settings

CONFIG = """\
# Written by `assay setup`. Runs are executed in one process and queue for the lake's own lock.
telemetry:
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
