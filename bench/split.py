"""Where the seconds between a file's arrival and its rows in gold go, by the events of the run that loaded it."""

from __future__ import annotations

from assay.base.settings import Settings
from assay.orchestration.instance import open_instance

PHASES = (
    "landing to the run that is asked for",
    "in the queue",
    "the run's process starts",
    "first step to readers",
)


def split(settings: Settings, landed: float, seen: float) -> list[float]:
    """Seconds of each of `PHASES` for a file that landed and could be read at some time."""
    from dagster import DagsterEventType  # noqa: PLC0415 - 1.3 s that other benchmarks should not cost

    with open_instance(settings) as instance:
        for record in instance.get_run_records():  # newest first; one that was asked for meanwhile is still waiting
            at: dict[object, float] = {}
            for entry in instance.all_logs(record.dagster_run.run_id):
                if entry.dagster_event is not None:
                    at.setdefault(entry.dagster_event.event_type, entry.timestamp)
            if at.get(DagsterEventType.STEP_START, seen) < seen:
                break
    asked = at[DagsterEventType.PIPELINE_ENQUEUED]
    starts = at[DagsterEventType.PIPELINE_STARTING]
    works = at[DagsterEventType.STEP_START]
    return [asked - landed, starts - asked, works - starts, seen - works]
