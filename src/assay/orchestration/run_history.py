"""Reads the runs that Dagster recorded, with all that retries and incidents depend on."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta

import dagster as dg
from dagster._core.definitions.assets.job.asset_job import IMPLICIT_ASSET_JOB_NAME

from assay.base.settings import Settings
from assay.contract.catalog import Catalog
from assay.contract.names import table_of
from assay.orchestration.event_messages import root_message, step_failure
from assay.orchestration.keys import table_of_key
from assay.orchestration.launcher import GONE, UNFINISHED, is_gone
from assay.orchestration.refresh import JOB
from assay.publish.run_session import UNPUBLISHED
from assay.triggers.backoff import JITTER, LONGEST_COOLING, Tried, health
from assay.triggers.error_kinds import is_permanent

ASKED_BY = "assay/asked_by"
"""Tag of a run: the sensor that asked for it."""
ASKED_FOR = "assay/asked_for"
"""Tag of a run: the sources and tables for which a sensor asked."""
RESET = "assay/forgiven"
"""Tag of a run: sources and tables of which a person said to forget that it failed."""
RUNS = 200
"""Runs that are looked at."""
_OF_EVERYTHING = (JOB, IMPLICIT_ASSET_JOB_NAME)
"""Jobs that hold all assets: without a selection, a run of theirs is of everything."""
_FAILED = (dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.CANCELED)
_ERRORS = {dg.DagsterEventType.STEP_FAILURE, dg.DagsterEventType.RUN_FAILURE}


class History:
    """The runs of one lake; the details of a run that ended are read once.

    A run whose process is gone, or that was made and never began, counts as failed before anybody has marked it as
    such: nothing may wait for it. So does one that did its steps and could not publish: sensors see the lake as
    readers do, and would ask for the same again at once.

    Args:
        settings: The lake.

    Attributes:
        known: The runs of the last look, newest first.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._ended: dict[tuple[str, str], Tried] = {}
        self.known: list[Tried] = []

    def runs(self, instance: dg.DagsterInstance) -> list[Tried]:
        """The last runs, newest first."""
        runs, kept = [], {}
        for record in _records(instance):
            run = record.dagster_run
            key = (run.run_id, run.tags.get(RESET, ""))
            tried = self._ended.get(key) or _tried(self._settings, instance, record)
            if run.is_finished:
                kept[key] = tried
            runs.append(tried)
        self._ended, self.known = kept, runs
        return runs


def _records(instance: dg.DagsterInstance) -> Sequence[dg.RunRecord]:
    """The newest runs; more of them where one before them failed so lately that a breaker may still be open for it."""
    newest = instance.get_run_records(limit=RUNS)
    if len(newest) < RUNS:
        return newest
    since = newest[0].create_timestamp - timedelta(seconds=LONGEST_COOLING * (1 + JITTER))
    before = newest[-1].create_timestamp
    failures = dg.RunsFilter(statuses=list(_FAILED), created_after=since, created_before=before)
    failed = instance.get_run_records(failures, limit=RUNS)
    if not failed:
        return newest
    oldest = failed[-1].create_timestamp - timedelta(seconds=1)
    return instance.get_run_records(dg.RunsFilter(created_after=oldest), limit=10 * RUNS)


def subjects_of(catalog: Catalog) -> list[str]:
    """Everything that a run may fail to load or build: sources, and silver and gold tables."""
    return [*catalog.contracts, *map(table_of, catalog.promises)]


def open_breakers(settings: Settings, instance: dg.DagsterInstance, catalog: Catalog, now: float) -> dict[str, str]:
    """Sources and tables whose breaker is open, with the words that say until when.

    Args:
        settings: The lake.
        instance: The lake's.
        catalog: The project.
        now: In seconds since 1970.
    """
    state = health(subjects_of(catalog), History(settings).runs(instance))
    return {name: breaker.waits(now) or "tried again at once" for name, breaker in state.items() if breaker.is_open}


def reset_breaker(settings: Settings, instance: dg.DagsterInstance, subject: str) -> int:
    """Close the breaker of a source or table: its failures in a row count no more.

    Args:
        settings: The lake.
        instance: The lake's.
        subject: e.g. `transactions` or `gold.daily_sales`.

    Returns:
        How many failures no longer count.
    """
    failures = health([subject], History(settings).runs(instance))[subject].failures
    for failed in failures:
        instance.add_run_tags(failed.run_id, {RESET: ",".join(sorted({*failed.reset_for, subject}))})
    return len(failures)


def _tried(settings: Settings, instance: dg.DagsterInstance, record: dg.RunRecord) -> Tried:
    run = record.dagster_run
    is_dead = run.status in UNFINISHED and is_gone(settings, record)
    has_failed = is_dead or run.status in _FAILED
    unpublished = run.tags.get(UNPUBLISHED, "")
    state = "failed" if has_failed or unpublished else "good" if run.is_finished else "running"
    ended = record.end_time or _seconds(record.update_timestamp)
    errors = _errors(instance, run.run_id) if has_failed and not is_dead else []
    told = [GONE] if is_dead else [unpublished] if unpublished else []
    problems = told or [_problem(error) for error in errors]
    planned = _planned(instance, run)
    return Tried(
        run_id=run.run_id,
        state=state,
        ended=ended,
        subjects=None if planned is None else frozenset(map(subject_of, planned)),
        done=_done(instance, run.run_id) if has_failed and not unpublished else frozenset(),
        is_permanent=is_permanent(problems),
        reset_for=frozenset(name for name in run.tags.get(RESET, "").split(",") if name),
        problem=problems[0] if problems else "",
        seconds=max(0.0, ended - _seconds(record.create_timestamp)),
        covers=None if planned is None else frozenset(key.to_user_string() for key in planned),
        asked_for=run.tags.get(ASKED_FOR) or run.tags.get(ASKED_BY, ""),
        messages=tuple(told or _messages(errors)),
        is_stopped=run.status == dg.DagsterRunStatus.CANCELED,
    )


def _planned(instance: dg.DagsterInstance, run: dg.DagsterRun) -> frozenset[dg.AssetKey] | None:
    """The assets that a run was to make; None for a run of everything.

    A job of the project's own tells by what it planned: one without a table of the lake holds none up.
    """
    if run.asset_selection:
        return frozenset(run.asset_selection)
    if run.job_name in _OF_EVERYTHING:
        return None
    planned = instance.all_logs(run.run_id, of_type=dg.DagsterEventType.ASSET_MATERIALIZATION_PLANNED)
    events = (entry.dagster_event for entry in planned)
    return frozenset(event.asset_key for event in events if event and event.asset_key)


def subject_of(key: dg.AssetKey) -> str:
    """`bronze/products` → `products`, because a source is loaded when that is built; `gold/days` → `gold.days`."""
    return key.path[-1] if key.path[0] == "bronze" else table_of_key(key)


def _done(instance: dg.DagsterInstance, run_id: str) -> frozenset[str]:
    """Subjects that a failed run did not fail for: those that it built, and those skipped after another step failed."""
    kinds = {
        dg.DagsterEventType.ASSET_MATERIALIZATION,
        dg.DagsterEventType.ASSET_MATERIALIZATION_PLANNED,
        dg.DagsterEventType.ASSET_CHECK_EVALUATION,
        dg.DagsterEventType.ASSET_CHECK_EVALUATION_PLANNED,
        dg.DagsterEventType.STEP_FAILURE,
    }
    built, planned, failed = set(), {}, set()
    unasked: dict[tuple[str, str], str | None] = {}
    for record in instance.get_records_for_run(run_id, of_type=kinds).records:
        happened = record.event_log_entry.dagster_event
        if happened is None:
            continue
        if happened.event_type == dg.DagsterEventType.STEP_FAILURE:
            failed.add(happened.step_key)
        elif happened.event_type == dg.DagsterEventType.ASSET_CHECK_EVALUATION_PLANNED:
            check = happened.asset_check_planned_data
            unasked[subject_of(check.asset_key), check.check_name] = happened.step_key
        elif happened.event_type == dg.DagsterEventType.ASSET_CHECK_EVALUATION:
            evaluated = happened.asset_check_evaluation_data
            unasked.pop((subject_of(evaluated.asset_key), evaluated.check_name), None)
        elif happened.asset_key is not None and happened.event_type == dg.DagsterEventType.ASSET_MATERIALIZATION:
            built.add(subject_of(happened.asset_key))
        elif happened.asset_key is not None:
            planned[subject_of(happened.asset_key)] = happened.step_key
    left = {subject for subject, step in planned.items() if failed and step not in failed} - built
    # The first step of a source lists what has arrived, and is an asset of its own.
    left -= {s for s in left if planned.get(f"landing.{s}") in failed and f"landing.{s}" not in built}
    # A table whose checks died in the middle is built, and nothing may be built on it.
    died = {subject for (subject, _), step in unasked.items() if step in failed or not failed}
    return frozenset((built - died) | left)


def _errors(instance: dg.DagsterInstance, run_id: str) -> list[dg.DagsterEvent]:
    """The errors of a run: those of its steps, and then its own."""
    events = [entry.dagster_event for entry in instance.all_logs(run_id, of_type=_ERRORS) if entry.dagster_event]
    return sorted(events, key=lambda event: event.event_type != dg.DagsterEventType.STEP_FAILURE)


def _problem(happened: dg.DagsterEvent) -> str:
    """What an error says, with its causes."""
    if happened.event_type == dg.DagsterEventType.STEP_FAILURE:
        data = happened.step_failure_data
        return (data.user_failure_data.description if data.user_failure_data else None) or _chain(data.error)
    failed = happened.event_specific_data  # none for a run that was reported as failed from outside
    return _chain(getattr(failed, "error", None)) or happened.message or "failed"


def _messages(errors: Sequence[dg.DagsterEvent]) -> Iterator[str]:
    """Why a run failed, in readable messages."""
    steps = [event for event in errors if event.event_type == dg.DagsterEventType.STEP_FAILURE]
    for event in steps:
        yield from step_failure(event)
    for event in errors if not steps else ():
        error = event.job_failure_data.error if event.event_specific_data else None
        yield root_message(error) if error else event.message or "failed"


def _chain(error: object) -> str:
    messages = []
    while error is not None:
        messages.append(str(error.message).strip())  # type: ignore[attr-defined]
        error = error.cause  # type: ignore[attr-defined]
    return "\n".join(messages)


def _seconds(at: datetime) -> float:
    return (at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp()
