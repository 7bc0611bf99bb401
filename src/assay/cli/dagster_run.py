"""One run of Dagster in this process; imported only when there is something to run, because Dagster takes a second."""

from __future__ import annotations

import logging
import re
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import dagster as dg

from assay.base import log
from assay.base.fork_mark import is_fork
from assay.base.run_lock import RunLock
from assay.base.run_marks import mark_alive
from assay.base.settings import Settings
from assay.base.signals import NOT_IN_TIME, STOPPED, noticing_interrupts, time_limit
from assay.cli.console import complain
from assay.cli.request import Request
from assay.contract.catalog import Catalog
from assay.contract.errors import ContractError
from assay.contract.names import TableName, table_of
from assay.orchestration.definitions import build_definitions
from assay.orchestration.event_messages import root_message, step_failure
from assay.orchestration.instance import open_instance
from assay.orchestration.lake_resource import FULL_CHECKS_TAG, FULL_REFRESH_TAG
from assay.orchestration.lakehouse import Lakehouse
from assay.orchestration.patches.run_origin import runs_belong_to
from assay.orchestration.refresh import JOB
from assay.orchestration.run_plan import brings_data, planned_assets, without_own
from assay.triggers.pending_work import Pending

Tell = Callable[[str], object]
_TABLE = re.compile(r"[A-Za-z_]\w*[./][A-Za-z_]\w*")


@dataclass(frozen=True)
class Plan:
    """A run that is ready to start.

    Attributes:
        settings: The lake.
        job: The job that all runs are made of.
        keys: The assets to materialize; None for all.
        tags: What it is told to do otherwise than usual.
        brings_data: Whether an asset of the project's own decides by itself whether it has work.
    """

    settings: Settings
    job: dg.JobDefinition
    keys: list[dg.AssetKey] | None
    tags: Mapping[str, str]
    brings_data: bool

    @property
    def is_everything(self) -> bool:
        """Whether all of the project is built when it succeeds, and nothing is left that a later run cannot tell."""
        return self.keys is None and not self.brings_data

    def execute(self, run_id: str, tell: Tell) -> list[str]:
        """Execute it as a run of the lake's Dagster instance.

        Args:
            run_id: The run.
            tell: Told what happens now.

        Returns:
            The messages of what failed.

        Raises:
            KeyboardInterrupt: It was stopped.
        """
        too_late = threading.Event()
        try:
            with (
                mark_alive(self.settings, run_id),
                time_limit(self.settings.run_limit_seconds, too_late),
                noticing_interrupts(lambda: _report_stopped(self.settings, run_id, too_late)) as came,
            ):
                failures = _execute(self, run_id, tell)
                if failures and came():
                    raise KeyboardInterrupt
        except (dg.DagsterExecutionInterruptedError, KeyboardInterrupt):
            if not too_late.is_set():
                raise KeyboardInterrupt from None
            failures = [_report_too_late(self.settings, run_id)]
        return failures


def plan_run(settings: Settings, catalog: Catalog, lock: RunLock, request: Request, pending: Pending) -> Plan:
    """Plan what is asked for, or what there is to do.

    Args:
        settings: The lake.
        catalog: The project.
        lock: The run lock.
        request: What is asked for.
        pending: What there is to do.

    Raises:
        ContractError: The selection cannot be used.
        DefinitionsMissing: The project's definitions cannot be used.
    """
    definitions = build_definitions(Lakehouse(settings, catalog, lock))
    graph = definitions.resolve_asset_graph()
    select = request.select
    keys = selected_keys(definitions, select) if select else planned_assets(graph, catalog, pending)
    if is_fork(settings.home):
        keys = without_own(graph, catalog, keys)
        if keys == []:
            raise ContractError("there is nothing to run: a fork leaves out assets of the project's own")
    models = [_model(catalog, table) for table in request.full_refresh]
    _stop_when_not_selected(keys, models)
    tags = {FULL_REFRESH_TAG: ",".join(models)} if models else {}
    tags |= {FULL_CHECKS_TAG: "true"} if request.has_full_checks else {}
    return Plan(settings, definitions.resolve_job_def(JOB), keys, tags, brings_data(graph, catalog))


def _execute(plan: Plan, run_id: str, tell: Tell) -> list[str]:
    failures: list[str] = []
    with open_instance(plan.settings) as instance:
        runs_belong_to(instance, plan.job.name)
        instance.add_event_listener(run_id, lambda event: _follow(event, failures, tell))
        result = plan.job.execute_in_process(
            instance=instance,
            run_id=run_id,
            asset_selection=plan.keys,
            raise_on_error=False,
            tags=dict(plan.tags) or None,
            run_config={"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}},
        )
    return failures or ([] if result.success else ["the run failed; the UI shows its events"])


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


def selected_keys(definitions: dg.Definitions, select: str) -> list[dg.AssetKey] | None:
    """The assets that `--select` names; None for all.

    Raises:
        ContractError: It is not a selection, or selects nothing.
    """
    if not select:
        return None
    graph = definitions.resolve_asset_graph()
    parts = [part.strip() for part in select.split(",")]
    selection = " or ".join(f'key:"{part.replace(".", "/", 1)}"' if _TABLE.fullmatch(part) else part for part in parts)
    try:
        chosen = dg.AssetSelection.from_string(selection).resolve(graph)
    except (dg.DagsterError, ValueError) as error:
        raise ContractError(f"--select {select!r} is not a selection: {str(error).splitlines()[0]}") from error
    keys = sorted(chosen & graph.executable_asset_keys)  # no run makes a feed
    if not keys:
        raise ContractError(f"--select {select!r} selects nothing; `assay status` names the tables")
    return keys


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
