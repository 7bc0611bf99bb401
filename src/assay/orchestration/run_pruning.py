"""Drops runs of long ago from Dagster's storage; it keeps each for ever, and a database of events for each."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterable
from datetime import timedelta
from pathlib import Path

import dagster as dg

from assay.base import clock, log
from assay.base.settings import Settings
from assay.base.warehouse import transaction
from assay.checks.session import Session
from assay.contract.declared_feeds import feeds_of
from assay.orchestration.patches.old_observations import drop_observations
from assay.orchestration.run_history import RUNS as RUNS_LOOKED_AT
from assay.publish.pruning import is_due, note_pruned, prune

RUNS = "Dagster runs"
AT_ONCE = 50
"""Runs that are dropped at the end of one run; more of them wait for the next."""
KEPT = RUNS_LOOKED_AT
"""The newest runs, which stay whatever a clock says: breakers, pauses and incidents are worked out from them."""
_ENDED = [dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.CANCELED]


def prune_history(session: Session, instance: dg.DagsterInstance, tell: Callable[[str], object]) -> None:
    """Once a day, drop what runs of long ago left in the book-keeping and in Dagster's storage.

    A run is no failure because of it: what stays is dropped after the next one.

    Args:
        session: Of a run that has done its work; it holds the run lock.
        instance: The lake's.
        tell: Told, in a sentence, when that fails.
    """
    connection, settings = session.connection, session.settings
    if is_due(connection, RUNS):
        try:
            dropped = prune(connection, settings.history_days)
            dropped[RUNS] = prune_runs(instance, settings)
            feeds = feeds_of(session.catalog.models)
            drop_observations(instance, [*feeds], clock.now() - timedelta(days=settings.run_history_days))
        except Exception as error:  # noqa: BLE001 - no fault of the house-keeping may stop loads; each run says it again
            tell(f"what runs of long ago left could not be dropped, which the next run tries again: {error!r}")
            return
        before = clock.now() - timedelta(days=settings.run_history_days)
        with transaction(connection):
            note_pruned(connection, RUNS, dropped[RUNS], before, is_all=dropped[RUNS] < AT_ONCE)
        log.info("history dropped", run=session.run_id, **{what.replace(" ", "_"): n for what, n in dropped.items()})


def prune_runs(instance: dg.DagsterInstance, settings: Settings) -> int:
    """Drop ended runs that are older than the setting, are not among the newest, and were no asset's last.

    Args:
        instance: The lake's.
        settings: The lake.

    Returns:
        How many were dropped.
    """
    kept = {*_present(instance), *(record.dagster_run.run_id for record in instance.get_run_records(limit=KEPT))}
    before = clock.now() - timedelta(days=settings.run_history_days)
    old = dg.RunsFilter(statuses=_ENDED, created_before=before)
    records = instance.get_run_records(old, limit=AT_ONCE + len(kept), ascending=True)
    dropped = [run_id for record in records if (run_id := record.dagster_run.run_id) not in kept][:AT_ONCE]
    for run_id in dropped:
        instance.delete_run(run_id)
        _remove_files(Path(instance.storage_directory()), settings.dagster_home, run_id)
    return len(dropped)


def _present(instance: dg.DagsterInstance) -> Iterable[str]:
    """The runs that last materialized each asset."""
    for record in instance.get_asset_records():
        if record.asset_entry.last_materialization_record is not None:
            yield record.asset_entry.last_materialization_record.run_id


def _remove_files(storage: Path, home: Path, run_id: str) -> None:
    """Remove what Dagster leaves behind: the emptied database of the run, and what it had printed."""
    for path in (home / "history" / "runs").glob(f"{run_id}.db*"):
        path.unlink(missing_ok=True)
    shutil.rmtree(storage / run_id, ignore_errors=True)
