"""Runs of the services begin with all libraries imported.

Dagster's code server starts a new process for each run, which imports Dagster, dbt, Pandera and what they need: more
than half of the time that a small run takes. Instead the process is forked from one that has imported them and does
nothing else (`forkserver` of Python's multiprocessing), the engine among them. The project's own modules are not, so a
run still sees their code as it is when it begins; all that the code server does with a run's process stays as it is.
"""

from __future__ import annotations

import logging
import multiprocessing
import os
import sys
from contextlib import suppress
from multiprocessing import forkserver, popen_forkserver, popen_spawn_posix
from multiprocessing.context import ForkServerProcess
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any, ClassVar

from assay.base.handing_over import made_of
from assay.orchestration.patches.gc_tuning import collect_seldom
from assay.orchestration.patches.registry import switchable

LIBRARIES = (
    "dagster._cli.api",
    "dagster._core.execution.api",
    "dagster._core.execution.execute_in_process",
    "dagster._core.execution.plan.active",
    "dagster._core.executor.in_process",
    "dagster._core.instance.factory",
    "dagster._core.instance.runs.run_domain",
    "dagster._core.storage.event_log.sqlite.sqlite_event_log",
    "dagster._core.storage.local_compute_log_manager",
    "dagster._core.storage.root",
    "dagster._core.storage.runs.sqlite.sqlite_run_storage",
    "dagster._core.storage.schedules.sqlite.sqlite_schedule_storage",
    "dagster._grpc.impl",
    "dbt.adapters.duckdb",
    "dbt.cli.main",
    "dbt.task.build",
    "dbt.task.retry",
    "fsspec.implementations.local",
    "ibis.backends.duckdb",
    "ibis.backends.duckdb.converter",
    "ibis.formats.pandas",
    "pandera.backends.ibis.builtin_checks",
    "pandera.backends.ibis.container",
    "pandera.backends.ibis.register",
    "pandera.ibis",
    "pandera.pandas",
    "pandera.strategies.base_strategies",
    "pyarrow.csv",
    "pyarrow.dataset",
    "pyarrow.json",
    "pyarrow.parquet",
    "rich.live",
    "sqlglot.lineage",
    "upath.implementations.local",
)
"""What runs import; a name that is missing here costs time and nothing else."""
ENGINE = (
    "assay.checks.consistency_check",
    "assay.checks.contract_check",
    "assay.contract.business_rules",
    "assay.contract.pandera_types",
    "assay.contract.yml_column",
    "assay.loading.loader",
    "assay.orchestration.checks",
    "assay.orchestration.definitions",
    "assay.orchestration.executor",
    "assay.orchestration.feed_assets",
    "assay.orchestration.freshness_sensor",
    "assay.orchestration.incidents_sensor",
    "assay.orchestration.landing",
    "assay.orchestration.models",
    "assay.orchestration.published",
    "assay.reading.parquet",
    "assay.tables.keyed",
)
"""What imports the modules of the engine, none of `cli` among them, whose console looks at the terminal when it is
imported. A run is not forked when their files changed since."""
PRELOADED = (*LIBRARIES, *ENGINE, "assay.orchestration.first_use")
"""What a process imports from which runs are forked."""

_LOG = logging.getLogger(__name__)
LOST = 255
"""The exit code that multiprocessing gives to processes whose fork server is gone, also while they live."""


class Forked(popen_forkserver.Popen):
    """A forked process that counts as alive for as long as it lives, even when its fork server is gone."""

    def poll(self, flag: int = os.WNOHANG) -> int | None:
        """The exit code, None while the process lives; Dagster marks a run whose process has one as failed."""
        code = super().poll(flag)
        if code == LOST and _is_there(self.pid):
            self.returncode = code = None
        return code


class RunProcess(ForkServerProcess):
    """A process that is forked, or spawned where forking fails, so that a run begins in any case."""

    def run(self) -> None:
        """Run with rare garbage collection, which would copy the libraries' memory from the process forked."""
        collect_seldom()
        super().run()

    made_of: ClassVar[list[str]] = []
    """What runs are forked from."""

    @staticmethod
    def _Popen(process_obj: BaseProcess) -> Any:  # noqa: N802 - multiprocessing's name for how it is started
        reason: object = "Assay or its packages changed; start the services anew"
        try:
            if made_of() == RunProcess.made_of:
                return Forked(process_obj)
        except (OSError, EOFError) as error:  # its socket was removed, TMPDIR has too long a name, it dies at once
            reason = error or "it ended"
        _LOG.warning("a run cannot be forked and is spawned, some seconds slower: %s", reason)
        return popen_spawn_posix.Popen(process_obj)


@switchable("forkserver")
def start_runs_from_a_fork() -> None:
    """In Dagster's code server: from now on fork the processes of runs. Nothing in any other process.

    On Linux only: elsewhere libraries of the system may not be used after a fork.
    """
    if not {"api", "grpc"} <= set(sys.orig_argv):
        return
    forkserver.set_forkserver_preload(list(PRELOADED))
    with suppress(OSError):  # it is tried again with each run, which says so
        RunProcess.made_of = made_of()  # before anything of it is imported
        forkserver.ensure_running()
    # The code server asks this context, of which there is one, for each process.
    vars(multiprocessing.get_context("spawn"))["Process"] = RunProcess


def _is_there(pid: int) -> bool:
    """Whether a process lives; a zombie does not."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return False
    return stat.rpartition(")")[2].split()[0] != "Z"
