"""Promises 1, 2 and 5 under `kill -9`: whatever instant a run dies at, nothing is lost and nothing counts twice."""

from __future__ import annotations

import random
import re
import sqlite3
import subprocess
import time
from collections import Counter
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import dagster as dg
import pytest

from assay.contract.catalog import Catalog
from tests.lab import WHOLE, Lab, everything
from tests.processes import finish, holder, kill, reader, start, wait_for_lock, wait_until
from tests.weeks import Delivery, three_weeks

SEED = 11
FEATURES = "features__household_features"
STEPS = (
    *("landing", "bronze", "bronze_checks", "silver", "silver_checks", "gold", "gold_checks", "published__lake"),
    FEATURES,
)
AIMS = (
    *("opening", "landing", FEATURES, "bronze_checks", "silver_checks", "gold_checks", "published__lake", "closing"),
    *("silver",) * 4,
    *("gold",) * 4,
    *("bronze",) * 4,
)
"""In which phase of a run each kill is to fall; `opening` is before the first step, `closing` after the last."""
ATTEMPTS = 3 * len(AIMS)
BACKLOG = 8  # files that wait for the first run
HEALTHY = 5  # after so many kills a run is left alone


def run_of(home: Path) -> str:
    """Dagster's id of the run that holds the lake."""
    match = re.match(r"run ([0-9a-f-]{36})", holder(home))
    return match[1] if match else ""


def marks(home: Path, run_id: str) -> list[tuple[str, str, float]]:
    """(kind, step, seconds) of the beginnings and ends of a run's steps, as Dagster has stored them."""
    path = home / "dagster" / "history" / "runs" / f"{run_id}.db"
    if not path.exists():
        return []
    query = (
        "select dagster_event_type, step_key, (julianday(timestamp) - 2440587.5) * 86400 from event_logs "
        "where dagster_event_type in ('STEP_START', 'STEP_SUCCESS') order by id"
    )
    try:
        with sqlite3.connect(f"file:{path}?mode=ro", uri=True) as connection:
            return connection.execute(query).fetchall()
    except sqlite3.OperationalError:  # the table is not there yet
        return []


def phase(home: Path, run_id: str) -> str:
    """Where a run is, or was when it died."""
    events = marks(home, run_id)
    if not events:
        return "opening"
    kind, step, _ = events[-1]
    if kind == "STEP_SUCCESS":
        return "closing" if step == STEPS[-1] else STEPS[STEPS.index(step) + 1]
    return step


def lengths(home: Path) -> dict[str, float]:
    """Seconds that each phase of the lake's only run took."""
    [database] = [p for p in (home / "dagster" / "history" / "runs").glob("*.db") if p.stem != "index"]
    at = {(kind, step): seconds for kind, step, seconds in marks(home, database.stem)}
    seconds = {step: at["STEP_SUCCESS", step] - at["STEP_START", step] for step in STEPS}
    return {**seconds, "opening": 0.5, "closing": 0.5}


def undisturbed(home: Path, deliveries: list[Delivery]) -> Lab:
    lab = Lab(home, WHOLE)
    for delivery in deliveries:
        lab.put(delivery.name, delivery.content)
    code, output = finish(start(lab.settings, "run"))
    assert code == 0, output
    return lab


def kill_at(
    home: Path, victim: subprocess.Popen[str], aim: str, seconds: float, deliver: Iterator[Delivery], lab: Lab
) -> str:
    """Kill a run some time after it has reached a phase; gives the phase in which it died, nothing when it ended."""
    if not wait_for_lock(home, victim):
        return ""
    run_id = run_of(home)
    wait_until(lambda: aim == "opening" or phase(home, run_id) == aim, victim)
    time.sleep(seconds)
    for delivery in islice(deliver, 1):  # while it works: what it has not seen is for the next one
        lab.put(delivery.name, delivery.content)
    if victim.poll() is not None:
        return ""
    kill(victim)
    return phase(home, run_id)


def assert_whole(lab: Lab) -> None:
    """Conservation holds, no dead run is left, and everything counted again agrees."""
    counted = lab.rows(
        "select source, is_conserved from ops.conservation "
        "qualify row_number() over (partition by source order by counted_at desc) = 1 order by source"
    )
    assert counted == [(source, True) for source in sorted(Catalog.read(WHOLE).contracts)]
    with dg.DagsterInstance.from_config(str(lab.settings.dagster_home)) as instance:
        left = Counter(run.status.value for run in instance.get_runs())
    assert set(left) == {"SUCCESS", "FAILURE"}, left
    code, output = finish(start(lab.settings, "check"))
    assert code == 0, output


@pytest.mark.timeout(2400)
def test_twenty_kills_at_random_instants_leave_the_lake_that_no_kill_would_have_left(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A file counted as loaded without its rows, rows without their file, gold without a day of silver."""
    deliveries = three_weeks(SEED, receipt_files=63, baskets=350)
    expected = undisturbed(tmp_path / "undisturbed", deliveries)
    took = lengths(expected.settings.home)
    lab = Lab(tmp_path / "killed", WHOLE)
    home = lab.settings.home
    draw = random.Random(SEED)  # noqa: S311 - instants, no secret
    aims = ["bronze"] * 2 + draw.sample(AIMS[:-2], len(AIMS) - 2)  # two while there is a backlog of files
    deliver = iter(deliveries)
    for delivery in islice(deliver, BACKLOG):
        lab.put(delivery.name, delivery.content)
    hits: list[tuple[str, str]] = []
    waited = attempts = 0
    with reader(lab.settings.published) as readings:
        next_one = start(lab.settings, "run")
        for _ in range(ATTEMPTS):
            if len(hits) == len(aims):
                break
            attempts += 1
            aim = aims[len(hits)]
            # Every third run is started while another works, so that it waits and takes over from the dead one.
            victim, is_early = next_one, len(hits) % 3 == 0
            early = start(lab.settings, "run") if is_early else None
            hit = kill_at(home, victim, aim, draw.uniform(0, took[aim]), deliver, lab)
            if not hit:
                took[aim] /= 2  # it was over before: a run of one file is shorter than the one of all that was measured
            else:
                hits.append((aim, hit))
                waited += early is not None and early.poll() is None
                if len(hits) % HEALTHY == 0:
                    code, output = finish(early or start(lab.settings, "run"))
                    assert code == 0, output
                    early = None
                    for delivery in islice(deliver, 1):  # it left nothing for the next one
                        lab.put(delivery.name, delivery.content)
            next_one = early or start(lab.settings, "run")
        for delivery in deliver:
            lab.put(delivery.name, delivery.content)
        finish(next_one)
        code, output = finish(start(lab.settings, "run"))
    assert code == 0, output
    assert len(hits) == len(aims), hits
    assert readings.problems == []

    actual, wanted = everything(lab), everything(expected)
    for table, rows in wanted.items():
        assert actual[table] == rows, table
    assert_whole(lab)
    with capsys.disabled():
        where = ", ".join(f"{name} {times}" for name, times in sorted(Counter(hit for _, hit in hits).items()))
        print(f"\n20 kills by phase: {where}; {waited} while another run waited; {attempts} attempts; ")  # noqa: T201
        print(f"{readings.reads} reads of {readings.states} states meanwhile")  # noqa: T201
