"""`assay run`: a Dagster run in this process."""

from __future__ import annotations

import logging
import os
import re
import threading
import uuid
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from assay.base import log
from assay.base.run_marks import mark_alive, run_lock
from assay.base.settings import Settings
from assay.base.signals import NOT_IN_TIME, STOPPED, noticing_interrupts, time_limit
from assay.cli import incidents
from assay.cli.console import complain, progress
from assay.cli.outcome import Outcome, read_outcome, report, snapshots_that_count
from assay.contract.catalog import Catalog
from assay.contract.errors import ContractError
from assay.contract.names import TableName, table_of
from assay.orchestration.event_messages import root_message, step_failure
from assay.orchestration.instance import open_instance, prepare_instance
from assay.orchestration.patches.run_origin import runs_belong_to
from assay.tables.dbt import parse_if_changed

if TYPE_CHECKING:
    import dagster as dg

Tell = Callable[[str], object]
_TABLE = re.compile(r"[A-Za-z_]\w*[./][A-Za-z_]\w*")


def prepare(settings: Settings | None = None) -> Settings:
    """Prepare a lake for a run or the UI: the one that the environment names, or another."""
    settings = settings or Settings.from_env()
    log.configure(settings)
    prepare_instance(settings)
    parse_if_changed(settings)
    return settings


def run(select: str, full_refresh: Sequence[str]) -> int:
    """One run, in this process; 0 when it succeeded, 1 when not."""
    settings = prepare()
    with progress("waiting for the lake") as tell:
        outcome = run_once(settings, select, full_refresh, tell=tell)
    report(outcome)
    incidents.look_after_run(settings)
    return 0 if outcome.success else 1


def run_once(settings: Settings, select: str, full_refresh: Sequence[str], tell: Tell = lambda _: None) -> Outcome:
    """Take the lock, materialize the assets, and read the outcome from what was published.

    Args:
        settings: The lake.
        select: Tables, or a Dagster asset selection; empty for everything.
        full_refresh: Tables to rebuild from nothing.
        tell: Told what happens now.

    Raises:
        ContractError: A contract cannot be used, or the selection names nothing.
        LockTimeout: Another run did not end in time.
    """
    import dagster as dg  # noqa: PLC0415 - 1.3 s that `assay status` should not cost

    from assay.orchestration.definitions import build_definitions  # noqa: PLC0415 - as above
    from assay.orchestration.lakehouse import Lakehouse  # noqa: PLC0415 - as above
    from assay.orchestration.refresh import JOB  # noqa: PLC0415 - as above

    catalog = Catalog.read(settings.dbt_project)
    lock = run_lock(settings)
    definitions = build_definitions(Lakehouse(settings, catalog, lock))
    keys = selected_keys(definitions, select)
    models = [_model(catalog, table) for table in full_refresh]
    _stop_when_not_selected(keys, models)
    run_id = str(uuid.uuid4())
    lock.acquire(
        f"run {run_id} (process {os.getpid()})",
        wait_seconds=settings.lock_wait_seconds,
        on_wait=lambda holder: _tell_waiting(run_id, holder, tell),
    )
    too_late = threading.Event()
    counted = snapshots_that_count(settings)
    try:
        with (
            mark_alive(settings, run_id),
            time_limit(settings.run_limit_seconds, too_late),
            noticing_interrupts(lambda: _report_stopped(settings, run_id, too_late)) as came,
        ):
            failures = _execute(settings, definitions.resolve_job_def(JOB), run_id, keys, models, tell)
            if failures and came():
                raise KeyboardInterrupt
    except (dg.DagsterExecutionInterruptedError, KeyboardInterrupt):
        if not too_late.is_set():
            raise KeyboardInterrupt from None
        failures = [_report_too_late(settings, run_id)]
    finally:
        lock.release(is_clean=False)
    outcome = read_outcome(settings, run_id, failures)
    outcome.counts = [snapshot for snapshot in snapshots_that_count(settings) if snapshot not in counted]
    return outcome


def _tell_waiting(run_id: str, holder: str, tell: Tell) -> None:
    sentence = f"waiting for {holder} to end"
    log.warning(sentence, run=run_id)
    tell(sentence)


def _report_stopped(settings: Settings, run_id: str, too_late: threading.Event) -> int:
    """Report a run whose process is ended because it did not stop in time; gives the exit code."""
    complain(NOT_IN_TIME)
    if too_late.is_set():
        complain(_report_too_late(settings, run_id), prefix="failed")
        return 1
    with open_instance(settings) as instance:
        run = instance.get_run_by_id(run_id)
        if run is not None and not run.is_finished:
            instance.report_run_canceled(run, NOT_IN_TIME)
    return STOPPED


def _report_too_late(settings: Settings, run_id: str) -> str:
    """Mark a run as failed for its length, whatever Dagster made of the interrupt; gives the reason."""
    reason = (
        f"the run took longer than its limit of {settings.run_limit_seconds:,} s (ASSAY_RUN_LIMIT_SECONDS) and was "
        "stopped; what was committed is kept, run again to go on"
    )
    log.error(reason, run=run_id)
    with open_instance(settings) as instance:
        run = instance.get_run_by_id(run_id)
        if run is not None:
            instance.report_run_failed(run, reason)
    return reason


def _model(catalog: Catalog, table: str) -> str:
    names = [TableName.of_model(model) for model in catalog.models]
    spelled = {spelling: name.model for name in names for spelling in (name.table, name.asset_path, name.model)}
    if table not in spelled:
        raise ContractError(f"there is no table {table!r}; there are {', '.join(name.table for name in names)}")
    return spelled[table]


def _stop_when_not_selected(keys: Sequence[dg.AssetKey] | None, models: Sequence[str]) -> None:
    names = {"_".join(key.path) for key in keys or ()}
    left_out = [table_of(model) for model in models if keys is not None and model not in names]
    if left_out:
        raise ContractError(
            f"--full-refresh {', '.join(left_out)}: --select leaves it out, so nothing would rebuild it"
        )


def _execute(
    settings: Settings,
    job: dg.JobDefinition,
    run_id: str,
    keys: list[dg.AssetKey] | None,
    models: Sequence[str],
    tell: Tell,
) -> list[str]:
    """Execute the job as a normal run of the lake's Dagster instance; returns the messages of what failed."""
    from assay.orchestration.lake_resource import FULL_REFRESH_TAG  # noqa: PLC0415

    failures: list[str] = []
    with open_instance(settings) as instance:
        runs_belong_to(instance, job.name)
        instance.add_event_listener(run_id, lambda event: _follow(event, failures, tell))
        result = job.execute_in_process(
            instance=instance,
            run_id=run_id,
            asset_selection=keys,
            raise_on_error=False,
            tags={FULL_REFRESH_TAG: ",".join(models)} if models else None,
            run_config={"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}},
        )
    return failures or ([] if result.success else ["the run failed; the UI shows its events"])


def selected_keys(definitions: dg.Definitions, select: str) -> list[dg.AssetKey] | None:
    """The assets that `--select` names; None for all.

    Raises:
        ContractError: It is not a selection, or selects nothing.
    """
    import dagster as dg  # noqa: PLC0415 - as above

    if not select:
        return None
    graph = definitions.resolve_asset_graph()
    parts = [part.strip() for part in select.split(",")]
    selection = " or ".join(f'key:"{part.replace(".", "/", 1)}"' if _TABLE.fullmatch(part) else part for part in parts)
    try:
        keys = sorted(dg.AssetSelection.from_string(selection).resolve(graph))
    except (dg.DagsterError, ValueError) as error:
        raise ContractError(f"--select {select!r} is not a selection: {str(error).splitlines()[0]}") from error
    if not keys:
        raise ContractError(f"--select {select!r} selects nothing; `assay status` names the tables")
    return keys


def _follow(event: dg.EventLogEntry, failures: list[str], tell: Tell) -> None:
    """Turn Dagster's events into progress, and collect the messages of what failed."""
    happened = event.dagster_event
    if happened is None:
        if int(event.level) >= logging.WARNING:
            tell(event.user_message)
    elif happened.event_type_value == "STEP_START":
        tell(f"{happened.step_key} …")
    elif happened.event_type_value == "STEP_FAILURE":
        failures += step_failure(happened)
    elif happened.event_type_value == "PIPELINE_FAILURE":
        error = happened.job_failure_data.error
        failures += [] if failures or error is None else [root_message(error)]
    elif happened.event_type_value == "ENGINE_EVENT" and happened.engine_event_data.error is not None:
        # Closing the lake failed, after the steps: what they did is stored, but readers were not told.
        failures.append(f"publishing: {root_message(happened.engine_event_data.error)}")
    elif happened.event_type_value == "ASSET_CHECK_EVALUATION":
        evaluation = happened.asset_check_evaluation_data
        if not evaluation.passed and evaluation.severity.value == "ERROR":
            failures.append(
                f"check {evaluation.check_name} of {'.'.join(evaluation.asset_key.path)}: {evaluation.description}"
            )
