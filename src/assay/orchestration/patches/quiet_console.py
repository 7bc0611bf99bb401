"""Keeps Dagster's coloured lines, which quote errors and so data, out of a log that is JSON alone.

Nothing in a run's or an instance's configuration switches them off without the events that the UI shows.
"""

from __future__ import annotations

from assay.orchestration.patches.registry import give_up, switchable

_REPLACED = "default_system_loggers"


@switchable("quiet_console")
def quiet_console() -> None:
    """Let runs of this process have no loggers but those that write events."""
    from dagster._core.execution import context_creation_job  # noqa: PLC0415 - 1.3 s that only a run should cost

    if not hasattr(context_creation_job, _REPLACED):
        give_up("quiet_console", f"{context_creation_job.__name__} has no {_REPLACED}")
        return
    vars(context_creation_job)[_REPLACED] = lambda _instance: ()
