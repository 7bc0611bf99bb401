"""The executor of the services' runs: one process, which marks itself alive from its first moment."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import dagster as dg
from dagster._core.execution.context.system import PlanOrchestrationContext
from dagster._core.execution.plan.plan import ExecutionPlan
from dagster._core.execution.retries import RetryMode
from dagster._core.executor.in_process import InProcessExecutor

from assay.base.run_lock import RunLock
from assay.base.run_marks import mark_alive
from assay.base.settings import Settings

_marks: list[RunLock] = []
"""Held until this process ends: Dagster writes how a run ended after all else."""


class _Executor(InProcessExecutor):
    def execute(
        self, plan_context: PlanOrchestrationContext, execution_plan: ExecutionPlan
    ) -> Iterator[dg.DagsterEvent]:
        """Mark the run alive, whatever its assets are, so that a long one is not taken for one that is gone."""
        settings = Settings(home=Path(plan_context.instance.root_directory).parent)
        _marks.append(mark_alive(settings, plan_context.run_id))
        yield from super().execute(plan_context, execution_plan)


@dg.executor(name="lake")
def lake_executor(_: dg.InitExecutorContext) -> dg.Executor:
    """The executor of all jobs of a lake."""
    return _Executor(RetryMode.DISABLED)
