"""Runs of `assay run` carry the origin that runs of the UI carry; without it the UI's timeline leaves them out."""

from __future__ import annotations

from functools import partial
from inspect import signature
from typing import TYPE_CHECKING

from assay.orchestration.instance import CODE_LOCATION
from assay.orchestration.patches.registry import give_up, switchable

if TYPE_CHECKING:
    from dagster import DagsterInstance

_ARGUMENT = "remote_job_origin"


@switchable("run_origin")
def runs_belong_to(instance: DagsterInstance, job_name: str) -> None:
    """Let runs that this process creates belong to the code location's job.

    Args:
        instance: The lake's instance.
        job_name: The job that is run.
    """
    from dagster._core.remote_origin import InProcessCodeLocationOrigin, RemoteRepositoryOrigin  # noqa: PLC0415
    from dagster._core.types.loadable_target_origin import LoadableTargetOrigin  # noqa: PLC0415 - only a run needs it

    if _ARGUMENT not in signature(instance.create_run_for_job).parameters:
        give_up("run_origin", f"create_run_for_job has no argument {_ARGUMENT}")
        return
    loaded = LoadableTargetOrigin(python_file="definitions.py", working_directory=".")
    location = InProcessCodeLocationOrigin(loaded, location_name=CODE_LOCATION)
    origin = RemoteRepositoryOrigin(location, "__repository__").get_job_origin(job_name)
    create = partial(instance.create_run_for_job, remote_job_origin=origin)
    instance.create_run_for_job = create  # type: ignore[method-assign]
