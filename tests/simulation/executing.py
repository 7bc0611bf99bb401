"""A run of the simulated quarter: in this process, or in one of its own that can be killed or meet a full disk."""

from __future__ import annotations

import bisect
import json
import os
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import dagster as dg
import time_machine

from assay.base import clock
from assay.base.run_marks import mark_alive, run_lock
from assay.base.settings import Settings
from assay.contract.catalog import Catalog
from assay.orchestration.definitions import build_definitions
from assay.orchestration.instance import open_instance
from assay.orchestration.lakehouse import Lakehouse
from assay.orchestration.refresh import JOB
from tests.places import PROJECT


@dataclass
class Calendar:
    """The time of the simulation: it goes on by itself, and is put forward.

    Attributes:
        steps: From which real time on the simulated one was how much ahead, in seconds since 1970 and seconds.
    """

    steps: list[tuple[float, float]]
    _real: float = field(default_factory=time.time)
    _monotonic: float = field(default_factory=time.monotonic)

    @classmethod
    def beginning(cls, at: datetime) -> Calendar:
        """One that begins now."""
        return cls([(0.0, at.timestamp() - time.time())])

    def put_forward(self, traveller: time_machine.Coordinates, by: timedelta) -> None:
        """Let time pass at once."""
        if by > timedelta():
            real = self._real + time.monotonic() - self._monotonic  # this clock is not simulated
            traveller.shift(by)
            self.steps.append((real, self.steps[-1][1] + by.total_seconds()))

    def of_file(self, nanoseconds: int) -> datetime:
        """When a file changed that the file system says was changed at a real time."""
        at = bisect.bisect_right(self.steps, (nanoseconds / 1e9, float("inf"))) - 1
        return datetime.fromtimestamp(nanoseconds / 1e9 + self.steps[max(at, 0)][1], UTC)


@contextmanager
def simulated(calendar: Calendar) -> Iterator[time_machine.Coordinates]:
    """Within the block all libraries of this process see the simulated time, and the clock does for files."""
    began = datetime.now(UTC).timestamp() + calendar.steps[-1][1]
    with (
        time_machine.travel(datetime.fromtimestamp(began, UTC), tick=True) as traveller,
        clock.told_by(lambda: datetime.now(UTC), calendar.of_file),
    ):
        yield traveller


def execute(
    settings: Settings, instance: dg.DagsterInstance, keys: Sequence[str], tags: dict[str, str], run_id: str = ""
) -> bool:
    """One run, as `assay run` makes it."""
    run_id = run_id or str(uuid.uuid4())
    lock = run_lock(settings)
    job = build_definitions(Lakehouse(settings, Catalog.read(settings.dbt_project), lock)).resolve_job_def(JOB)
    lock.acquire(f"run {run_id} (process {os.getpid()})", wait_seconds=60)
    try:
        with mark_alive(settings, run_id):
            chosen = [dg.AssetKey.from_user_string(key) for key in keys]
            config = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}
            return job.execute_in_process(
                instance=instance, run_id=run_id, asset_selection=chosen, tags=tags, raise_on_error=False,
                run_config=config,
            ).success  # fmt: skip
    finally:
        lock.release(is_clean=False)


def start(settings: Settings, calendar: Calendar, keys: Sequence[str], tags: dict[str, str]) -> subprocess.Popen[bytes]:
    """The same in a process of its own."""
    payload = {
        "home": str(settings.home),
        "dbt_project": str(settings.dbt_project),
        "keys": list(keys),
        "tags": tags,
        "steps": calendar.steps,
    }
    command = [sys.executable, "-W", "ignore", "-m", "tests.simulation.executing"]
    silent = subprocess.DEVNULL
    process = subprocess.Popen(command, cwd=PROJECT, stdin=subprocess.PIPE, stdout=silent, stderr=silent)
    if process.stdin is not None:
        process.stdin.write(json.dumps(payload).encode())
        process.stdin.close()
    return process


def main() -> None:
    """Execute what standard input says."""
    payload = json.load(sys.stdin)
    settings = Settings(home=Path(payload["home"]), dbt_project=Path(payload["dbt_project"]), lock_wait_seconds=30)
    calendar = Calendar([(real, ahead) for real, ahead in payload["steps"]])
    with simulated(calendar), open_instance(settings) as instance:
        execute(settings, instance, payload["keys"], payload["tags"])


if __name__ == "__main__":
    main()
