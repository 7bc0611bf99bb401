"""`assay run`: what there is to do is decided first, from the ledger; then Dagster runs that in this process."""

from __future__ import annotations

import os
import uuid
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from assay.base import log
from assay.base.run_lock import LockTimeout, RunLock
from assay.base.run_marks import run_lock
from assay.base.settings import Settings
from assay.base.warehouse import WarehouseBusy, opened
from assay.base.warehouse_stamp import is_as_left
from assay.cli import incidents
from assay.cli.console import progress
from assay.cli.outcome import Outcome, read_outcome, report, snapshots_that_count
from assay.cli.request import Request
from assay.cli.unclaimed import list_all
from assay.contract.catalog import Catalog
from assay.ledger.unclaimed import NAMED
from assay.orchestration.instance import prepare_instance
from assay.tables.dbt import parse_if_changed
from assay.tables.whole_runs import note_whole_run, project_hash
from assay.triggers.pending_work import Pending, pending_work

if TYPE_CHECKING:
    from assay.cli.dagster_run import Plan

Tell = Callable[[str], object]


def prepare(settings: Settings | None = None) -> Settings:
    """Prepare a lake for a run or the UI: the one that the environment names, or another."""
    settings = settings or Settings.from_env()
    log.configure(settings)
    prepare_instance(settings)
    parse_if_changed(settings)
    return settings


def run(select: str, full_refresh: Sequence[str], before: Callable[[], object] = lambda: None) -> int:
    """One run, in this process; 0 when it succeeded, 1 when not.

    Args:
        select: As of `run_once`.
        full_refresh: As of `run_once`.
        before: As of `run_once`.
    """
    settings = prepare()
    with progress("waiting for the lake") as tell:
        outcome = run_once(settings, select, full_refresh, tell=tell, before=before)
    report(outcome)
    if outcome.is_run:
        incidents.look_after_run(settings)
    else:
        incidents.look_when_due(settings)
    return 0 if outcome.success else 1


def run_once(
    settings: Settings,
    select: str,
    full_refresh: Sequence[str],
    tell: Tell = lambda _: None,
    *,
    has_full_checks: bool = False,
    before: Callable[[], object] = lambda: None,
) -> Outcome:
    """Take the lock, materialize what has work, and read the outcome from what was published.

    Args:
        settings: The lake.
        select: Tables, or a Dagster asset selection; empty for all that has work.
        full_refresh: Tables to rebuild from nothing.
        tell: Told what happens now.
        has_full_checks: Whether to look at every row again, whatever earlier results stand for.
        before: Called once no other run can start and before anything is changed; what it raises ends the run.

    Raises:
        ContractError: A contract cannot be used, or the selection names nothing.
        LockTimeout: Another run did not end in time.
    """
    catalog = Catalog.read(settings.dbt_project)
    lock = run_lock(settings)
    request = Request(select, full_refresh, has_full_checks)
    if not request.is_usual:
        _plan(settings, catalog, lock, request, Pending(None))  # a mistake shows before it waits
    run_id = str(uuid.uuid4())
    lock.acquire(
        f"run {run_id} (process {os.getpid()})",
        wait_seconds=settings.lock_wait_seconds,
        on_wait=lambda holder: _tell_waiting(run_id, holder, tell),
    )
    is_clean = not lock.left_behind
    try:
        before()
        project = project_hash(settings)
        pending = pending_work(settings, catalog, project) if is_clean and request.is_usual else Pending(None)
        if pending.is_nothing:
            unclaimed = list_all(settings, catalog)
            log.info("nothing new", run=run_id, unclaimed=unclaimed.count)
            return Outcome(success=True, is_run=False, unclaimed=unclaimed.in_words(NAMED))
        plan = _plan(settings, catalog, lock, request, pending)
        counted = snapshots_that_count(settings)
        is_clean = False
        failures = plan.execute(run_id, tell)
    finally:
        lock.release(is_clean=is_clean)
    if failures or select or plan.is_everything:
        _note_whole_run(settings, "" if failures or select else project, run_id)
    outcome = read_outcome(settings, run_id, failures)
    outcome.counts = [snapshot for snapshot in snapshots_that_count(settings) if snapshot not in counted]
    return outcome


def _plan(settings: Settings, catalog: Catalog, lock: RunLock, request: Request, pending: Pending) -> Plan:
    from assay.cli.dagster_run import plan_run  # noqa: PLC0415 - imports Dagster, more than a second

    return plan_run(settings, catalog, lock, request, pending)


def _note_whole_run(settings: Settings, project: str, run_id: str) -> None:
    """Keep that all of the project is built, so that the next run may plan only what has work; or, empty, that not.

    What failed or was left out may be an asset of the project's own, of which the ledger says nothing.
    """
    lock = run_lock(settings)
    try:
        lock.acquire(f"run {run_id} (process {os.getpid()})", wait_seconds=0)
    except LockTimeout:
        return  # the next run is going; one after it plans everything once more
    is_clean = not lock.left_behind
    try:
        if not is_as_left(settings.warehouse):
            return  # another program was quicker, and has written to it
        with opened(settings.warehouse, wait_seconds=0) as connection:
            note_whole_run(connection, project, run_id)
    except WarehouseBusy:
        return
    finally:
        lock.release(is_clean=is_clean)


def _tell_waiting(run_id: str, holder: str, tell: Tell) -> None:
    sentence = f"waiting for {holder} to end"
    log.warning(sentence, run=run_id)
    tell(sentence)
