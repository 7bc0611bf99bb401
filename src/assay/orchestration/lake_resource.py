"""The resource that every asset of a run shares: an open session on the lake."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import nullcontext

import dagster as dg

from assay.base import log
from assay.base.run_lock import LockTimeout
from assay.base.run_marks import forget_dead, mark_alive
from assay.base.settings import Settings
from assay.base.signals import NOT_IN_TIME, noticing_interrupts
from assay.base.warehouse import WarehouseBusy
from assay.checks.session import Session
from assay.orchestration.lakehouse import Lakehouse
from assay.orchestration.launcher import GONE, UNFINISHED, is_gone
from assay.orchestration.patches.quiet_console import quiet_console
from assay.orchestration.patches.sqlite_engines import reuse_engines
from assay.orchestration.run_log import log_run
from assay.orchestration.run_pruning import prune_history
from assay.publish.run_session import UNPUBLISHED, open_session

FULL_REFRESH_TAG = "assay/full_refresh"
FULL_CHECKS_TAG = "assay/full_checks"
"""Of a run that looks at every row again, whatever the results of earlier runs stand for; its value does not matter."""


def lake_resource(lake: Lakehouse) -> dg.ResourceDefinition:
    """A resource that opens the session when a run starts and publishes and closes it when the run ends.

    Args:
        lake: The lake; its lock is there when the process took it, and marked itself alive, before Dagster started the
            run.
    """
    settings, catalog, lock = lake.settings, lake.catalog, lake.lock
    log.configure(settings)
    if log.is_on():
        quiet_console()

    def open_lake(context: dg.InitResourceContext) -> Iterator[Session]:
        run = context.run
        instance = context.instance
        if run is None or instance is None or context.log is None:
            raise dg.DagsterInvariantViolationError("the lake is opened by runs only")
        run_log = context.log
        log_run(instance, run.run_id)
        models = tuple(name for name in run.tags.get(FULL_REFRESH_TAG, "").split(",") if name)
        if lock is None:
            # Held until the process ends: Dagster writes how the run ended only after this resource is closed.
            mark_alive(settings, run.run_id)
            reuse_engines()

        def begin() -> None:
            mark_dead_runs(instance, settings, run.run_id)
            _stop_when_terminated(instance, run.run_id)

        is_done = False
        try:
            with (
                noticing_interrupts(lambda: instance.report_run_canceled(run, NOT_IN_TIME))
                if lock is None
                else nullcontext(),
                open_session(
                    settings,
                    catalog,
                    run.run_id,
                    full_refresh=models,
                    has_full_checks=FULL_CHECKS_TAG in run.tags,
                    lock=lock,
                    before=begin,
                    tell=run_log.warning,
                ) as session,
            ):
                yield session
                prune_history(session, instance, run_log.error)
                is_done = True
        except (LockTimeout, WarehouseBusy) as error:
            raise dg.Failure(str(error), allow_retries=True) from error
        except Exception as error:
            if is_done:  # Dagster calls the run a success all the same
                instance.add_run_tags(run.run_id, {UNPUBLISHED: f"publishing: {error}"})
            raise

    return dg.ResourceDefinition(resource_fn=open_lake, description="The warehouse, held by one run at a time.")


def _stop_when_terminated(instance: dg.DagsterInstance, run_id: str) -> None:
    """Stop a run that was terminated while libraries were imported, which may have swallowed the interrupt."""
    run = instance.get_run_by_id(run_id)
    if run is not None and run.status in (dg.DagsterRunStatus.CANCELING, dg.DagsterRunStatus.CANCELED):
        raise dg.DagsterExecutionInterruptedError


def mark_dead_runs(instance: dg.DagsterInstance, settings: Settings, own_run_id: str) -> list[str]:
    """Mark runs as failed whose process is gone; called while the lock is held.

    Returns:
        The ids of the runs that were marked.
    """
    dead = [run for run in dead_runs(instance, settings) if run.run_id != own_run_id]
    for run in dead:
        instance.report_run_failed(run, GONE)
    forget_dead(settings)
    return [run.run_id for run in dead]


def dead_runs(instance: dg.DagsterInstance, settings: Settings) -> list[dg.DagsterRun]:
    """Unfinished runs whose process is gone."""
    records = instance.get_run_records(dg.RunsFilter(statuses=UNFINISHED))
    return [record.dagster_run for record in records if is_gone(settings, record)]
