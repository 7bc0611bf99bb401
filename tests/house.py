"""A lake with the sensor that looks for what is wrong, as the daemon calls it."""

from __future__ import annotations

import time
from typing import Any

import dagster as dg

from assay.contract.catalog import Catalog
from assay.orchestration.definitions import build_definitions
from assay.orchestration.incidents_sensor import Watchman
from assay.orchestration.lakehouse import Lakehouse
from assay.orchestration.refresh import JOB
from assay.publish.reader import open_published
from tests.lab import Lab


class House:
    """A lake with its sensor `incidents`, as the daemon calls it."""

    def __init__(self, lab: Lab, instance: dg.DagsterInstance) -> None:
        self.lab = lab
        self.instance = instance
        self.definitions = build_definitions(Lakehouse.open(lab.settings))

    def tick(self) -> str:
        """One look; what the sensor says of it."""
        context = dg.build_sensor_context(self.instance, definitions=self.definitions)
        return str(self.definitions.resolve_sensor_def("incidents").evaluate_tick(context).skip_message)

    def watchman(self) -> Watchman:
        """What the sensor asks."""
        return Watchman(self.lab.settings, Catalog.read(self.lab.settings.dbt_project))

    def open(self) -> list[tuple[str, str]]:
        """Kind and subject of what readers see open."""
        return self.lab.rows("select kind, subject from ops.incidents where closed_at is null order by all")

    def rows(self) -> list[dict[str, Any]]:
        """All incidents as readers see them."""
        with open_published(self.lab.settings.published) as connection:
            result = connection.execute("select * from ops.incidents order by incident_id")
            names = [column[0] for column in result.description or ()]
            return [dict(zip(names, row, strict=True)) for row in result.fetchall()]

    def note(self, status: dg.DagsterRunStatus, **tags: str) -> None:
        """A run that ended somewhere else."""
        job = self.definitions.resolve_job_def(JOB)
        run = self.instance.create_run_for_job(job, tags=tags)
        if status == dg.DagsterRunStatus.FAILURE:
            self.instance.report_run_failed(run, "The process of this run is gone; what it had committed is kept.")
        else:
            self.instance.handle_new_event(
                dg.EventLogEntry(
                    error_info=None, level=10, user_message="", run_id=run.run_id, timestamp=time.time(), job_name=JOB,
                    dagster_event=dg.DagsterEvent(dg.DagsterEventType.RUN_SUCCESS.value, JOB),
                )
            )  # fmt: skip
