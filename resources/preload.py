"""Runs of the services begin with all libraries imported.

Dagster's code server starts a new process for each run, which imports Dagster, dbt, Pandera and what they need: more
than half of the time that a small run takes. Instead the process is forked from one that has imported them and does
nothing else (`forkserver` of Python's multiprocessing). The project's own modules are not among them, so a run still
sees the code as it is when the run begins; all that the code server does with a run's process stays as it is.
"""

from __future__ import annotations

import multiprocessing
import sys
from multiprocessing import forkserver

LIBRARIES = (
    "dagster._cli.api",
    "dagster._core.execution.api",
    "dagster._core.storage.event_log.sqlite.sqlite_event_log",
    "dagster._core.storage.runs.sqlite.sqlite_run_storage",
    "dagster._core.storage.schedules.sqlite.sqlite_schedule_storage",
    "dagster._grpc.impl",
    "dagster_dbt",
    "dbt.adapters.duckdb",
    "dbt.cli.main",
    "dbt.task.build",
    "dbt.task.retry",
    "ibis.backends.duckdb",
    "pandera.ibis",
    "pyarrow.csv",
    "pyarrow.parquet",
    "rich.console",
)
"""What runs import; a name that is missing here costs time and nothing else."""


def start_runs_from_a_fork() -> None:
    """In Dagster's code server on Linux: from now on fork the processes of runs. Nothing in any other process."""
    if sys.platform != "linux" or not {"api", "grpc"} <= set(sys.orig_argv):
        return  # elsewhere libraries of the system may not be used after a fork
    forked = multiprocessing.get_context("forkserver")
    forked.set_forkserver_preload(list(LIBRARIES))
    forkserver.ensure_running()
    # The code server asks this context, of which there is one, for each process.
    vars(multiprocessing.get_context("spawn"))["Process"] = forked.Process
