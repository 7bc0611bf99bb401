"""Lines of the log about a run as a whole: that it began, what went wrong in a step, how it ended."""

from __future__ import annotations

import time

import dagster as dg

from assay.base import log

_OUTCOMES = {"PIPELINE_SUCCESS": "succeeded", "PIPELINE_FAILURE": "failed", "PIPELINE_CANCELED": "stopped"}


def log_run(instance: dg.DagsterInstance, run_id: str) -> None:
    """Write that a run begins, and follow Dagster's events of it until it ends.

    Args:
        instance: The one that this process's run reports to; what others report of the run is not seen.
        run_id: The run.
    """
    if not log.is_on():
        return
    began = time.perf_counter()
    log.info("run begun", run=run_id)
    instance.add_event_listener(run_id, lambda event: _follow(event, began))


def _follow(event: dg.EventLogEntry, began: float) -> None:
    happened = event.dagster_event
    if happened is None:
        return
    kind = happened.event_type_value
    if kind == "STEP_FAILURE":
        error = happened.step_failure_data.error
        while error is not None and error.cause is not None:
            error = error.cause
        log.error(f"step failed: {error.cls_name if error else 'unknown'}", run=event.run_id, step=happened.step_key)
    elif kind == "ENGINE_EVENT" and happened.engine_event_data.error is not None:
        log.error(f"Dagster: {happened.engine_event_data.error.cls_name}", run=event.run_id)
    elif kind in _OUTCOMES:
        seconds = round(time.perf_counter() - began, 3)
        log.info("run ended", run=event.run_id, seconds=seconds, outcome=_OUTCOMES[kind])
