"""Dagster's runs as far as they tell which tables stand still because a run failed."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import dagster as dg

from assets.keys import PUBLISHED, key_of, landing_key
from contracts.catalog import Catalog
from contracts.names import table_of
from resources.failures import root_message, step_failure
from sensors.history import ASKED_BY, ASKED_FOR

LAST = 200
"""Runs that are looked at. What 200 later runs have not covered, nobody runs any more."""
_STATES = {dg.DagsterRunStatus.SUCCESS: "good", dg.DagsterRunStatus.FAILURE: "failed"}


@dataclass(frozen=True)
class RunSeen:
    """A run that ended well or failed; one that a person stopped is neither.

    Attributes:
        run_id: Dagster's id.
        state: `good` or `failed`.
        ended: When.
        covers: The assets that it was to make.
        asked_for: The sources and tables for which a sensor asked, or its name; empty for a run by hand.
        said: Why it failed, with the step before each sentence; empty where only a check failed.
    """

    run_id: str
    state: str
    ended: datetime
    covers: frozenset[str]
    asked_for: str = ""
    said: tuple[str, ...] = ()


@dataclass(frozen=True)
class Standing:
    """A failure that no later run has made good.

    Attributes:
        run: The latest failed run.
        in_a_row: How many failed since a good run of the same assets.
    """

    run: RunSeen
    in_a_row: int


def standing_failures(runs: Sequence[RunSeen], everything: Collection[str]) -> Iterator[Standing]:
    """The failed runs of which some assets were not made since, newest first.

    Args:
        runs: Newest first.
        everything: The assets that there are now.
    """
    made: set[str] = set()
    for number, run in enumerate(runs):
        covers = run.covers & set(everything)
        if run.state == "failed" and covers - made:
            yield Standing(run, _in_a_row(runs[number:], covers))
        made |= covers
        if made.issuperset(everything):
            return


def _in_a_row(runs: Sequence[RunSeen], covers: frozenset[str]) -> int:
    failures = 0
    for run in runs:
        if run.state == "good" and run.covers & covers == covers:
            break
        failures += run.state == "failed" and bool(run.covers & covers)
    return failures


def all_assets(catalog: Catalog) -> frozenset[str]:
    """Every asset of a lake, as `RunSeen.covers` writes them."""
    keys = [PUBLISHED, *(landing_key(source) for source in catalog.contracts)]
    keys += [key_of(table_of(model)) for model in catalog.models]
    return frozenset(key.to_user_string() for key in keys)


class RunsSeen:
    """Reads the runs of one instance again and again; what a finished run said is read once.

    Args:
        everything: The assets of a run without a selection.
    """

    def __init__(self, everything: frozenset[str]) -> None:
        self._everything = everything
        self._said: dict[str, tuple[str, ...]] = {}

    def look(self, instance: dg.DagsterInstance) -> list[RunSeen]:
        """The last runs that ended, newest first."""
        records = instance.get_run_records(dg.RunsFilter(statuses=list(_STATES)), limit=LAST)
        self._said = {i: said for i, said in self._said.items() if i in {r.dagster_run.run_id for r in records}}
        return [self._seen(instance, record) for record in records]

    def _seen(self, instance: dg.DagsterInstance, record: dg.RunRecord) -> RunSeen:
        run = record.dagster_run
        selected = run.asset_selection
        covers = frozenset(key.to_user_string() for key in selected) if selected else self._everything
        state = _STATES[run.status]
        if state == "failed" and run.run_id not in self._said:
            self._said[run.run_id] = tuple(_said(instance, run.run_id))
        changed = record.update_timestamp
        changed = changed if changed.tzinfo else changed.replace(tzinfo=UTC)
        ended = datetime.fromtimestamp(record.end_time or changed.timestamp(), UTC)
        asked_for = run.tags.get(ASKED_FOR) or run.tags.get(ASKED_BY, "")
        return RunSeen(run.run_id, state, ended, covers, asked_for, self._said.get(run.run_id, ()))


def _said(instance: dg.DagsterInstance, run_id: str) -> Iterator[str]:
    wanted = {dg.DagsterEventType.STEP_FAILURE, dg.DagsterEventType.RUN_FAILURE}
    events = [entry.dagster_event for entry in instance.all_logs(run_id, of_type=wanted) if entry.dagster_event]
    steps = [event for event in events if event.event_type == dg.DagsterEventType.STEP_FAILURE]
    for event in steps:
        yield from step_failure(event)
    if not steps:
        for event in events:
            error = event.job_failure_data.error if event.event_specific_data else None
            yield root_message(error) if error else event.message or "failed"
