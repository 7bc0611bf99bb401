"""`assay doctor` on real lakes: one that is well, and ones where something is not."""

from __future__ import annotations

import subprocess
import time
from pathlib import Path

import dagster as dg
import pytest
from dagster._core.definitions.run_request import InstigatorType
from dagster._core.remote_origin import InProcessCodeLocationOrigin, RemoteRepositoryOrigin
from dagster._core.scheduler.instigation import (
    InstigatorState,
    InstigatorStatus,
    SensorInstigatorData,
    TickData,
    TickStatus,
)  # fmt: skip
from dagster._core.types.loadable_target_origin import LoadableTargetOrigin
from dagster._daemon.types import DaemonHeartbeat

from assay.cli.doctor import examine
from assay.cli.findings import Finding
from assay.orchestration.definitions import build_definitions
from assay.orchestration.instance import open_instance
from assay.orchestration.lakehouse import Lakehouse
from assay.publish.heartbeat import last_tick, note_tick, standing_still
from tests.lab import Lab, copy_project, edit, environment, product, receipt
from tests.processes import PATIENCE, command, kill, start, wait_for_lock, wait_until

pytestmark = pytest.mark.slow  # real runs and services

HALF_FREE = (100 * 10**9, 50 * 10**9)
STATUS = InstigatorStatus.DECLARED_IN_CODE


def examined(lab: Lab, *, now: float | None = None, usage: tuple[int, int] = HALF_FREE) -> dict[str, Finding]:
    findings = list(examine(lab.settings, now or time.time(), usage))
    assert len({finding.about for finding in findings}) == len(findings)
    return {finding.about: finding for finding in findings}


def problems(findings: dict[str, Finding]) -> set[str]:
    return {about for about, finding in findings.items() if finding.mark == "problem"}


def tick(lab: Lab, at: float, status: InstigatorStatus = STATUS) -> None:
    """What the daemon writes when it evaluates the sensors; the status is that of `arrivals`."""
    target = LoadableTargetOrigin(python_file="definitions.py", working_directory=".")
    location = InProcessCodeLocationOrigin(target, location_name="assay")
    with open_instance(lab.settings) as instance:
        instance.add_daemon_heartbeat(DaemonHeartbeat(at, "SENSOR", "a daemon"))
        for name in ("arrivals", "freshness", "incidents"):
            origin = RemoteRepositoryOrigin(location, "__repository__").get_instigator_origin(name)
            switched = status if name == "arrivals" else STATUS
            state = InstigatorState(origin, InstigatorType.SENSOR, switched, SensorInstigatorData(min_interval=1))
            instance.add_instigator_state(state)
            data = TickData(
                state.instigator_origin_id, name, InstigatorType.SENSOR, TickStatus.SKIPPED, at,
                selector_id=state.selector_id,
            )  # fmt: skip
            instance.create_tick(data)
    note_tick(lab.settings)


@pytest.fixture
def filled(lab: Lab) -> Lab:
    lab.products("2017-01-01", [product()])
    lab.receipts("day1", [receipt()])
    lab.good_run()
    return lab


def test_a_lake_that_is_well_has_no_problem_and_one_with_stopped_services_says_for_how_long(filled: Lab) -> None:
    tick(filled, time.time())
    findings = examined(filled)
    assert {finding.mark for finding in findings.values()} == {"ok"}, findings
    assert findings["sensor arrivals"].message.startswith("ticked ")
    later = examined(filled, now=time.time() + 3601)
    assert problems(later) == {"services", "sensor arrivals", "sensor freshness", "sensor incidents"}
    assert later["sensor arrivals"].message == "last ticked 60 min ago"
    assert examined(filled, usage=(100, 8))["disk"].mark == "problem"  # three warehouses do not fit
    assert problems(examined(filled, usage=(10**13, 4 * 10**11))) == {"disk"}
    assert examined(filled, usage=(10**13, 9 * 10**11))["disk"].mark == "warning"


def test_a_sensor_that_is_switched_off_and_files_that_nobody_takes_are_named(filled: Lab) -> None:
    tick(filled, time.time(), InstigatorStatus.STOPPED)
    filled.receipts("day2", [receipt(basket_id=5)])
    findings = examined(filled)
    assert problems(findings) == {"sensor arrivals"}
    assert findings["arrivals"].mark == "warning"
    findings = examined(filled, now=time.time() + 300)
    assert findings["arrivals"].message == "transactions: 1 files wait, and nothing takes them"


@pytest.mark.chaos
def test_a_killed_run_is_named_until_the_next_one_has_cleaned_up(filled: Lab) -> None:
    filled.receipts("day2", [receipt(basket_id=5)], mtime=time.time() + 1000)  # looked at twice: time to kill
    running = start(filled.settings, "run")
    assert wait_for_lock(filled.settings.home, running)
    assert wait_until(lambda: unfinished(filled), running)
    findings = examined(filled)
    assert (findings["run lock"].mark, findings["runs"].mark) == ("ok", "ok")
    assert f"process {running.pid}) lives" in findings["run lock"].message
    kill(running)
    findings = examined(filled)
    assert (findings["run lock"].mark, findings["runs"].mark) == ("warning", "problem")
    assert "did not end" in findings["run lock"].message
    done = assay(filled, "doctor")
    assert done.returncode == 1
    assert "problem runs: " in done.stdout
    filled.good_run()
    assert examined(filled)["runs"].mark == "ok"
    done = assay(filled, "doctor")
    assert (done.returncode, done.stderr) == (0, ""), done.stdout
    assert "warning services: they never ran on this lake → start them with `assay dev`" in done.stdout


def test_a_warehouse_that_is_open_elsewhere_or_no_warehouse_and_a_broken_contract_are_problems(
    lab: Lab, tmp_path: Path
) -> None:
    done = assay(lab, "doctor")
    assert done.returncode == 0, done.stdout  # an empty lake only has nothing yet
    lab.settings.home.mkdir(exist_ok=True)
    code = f"import duckdb; c = duckdb.connect({str(lab.settings.warehouse)!r}); print(flush=True); input()"
    holder = subprocess.Popen(
        [command()[0], "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
    )  # fmt: skip
    assert holder.stdout is not None
    holder.stdout.readline()
    findings = examined(lab)
    holder.communicate(b"\n", timeout=PATIENCE)
    assert problems(findings) == {"warehouse.duckdb"}
    assert str(holder.pid) in findings["warehouse.duckdb"].message
    lab.settings.warehouse.write_bytes(b"no database" * 1000)
    assert problems(examined(lab)) == {"warehouse.duckdb"}
    lab.settings.warehouse.unlink()

    project = copy_project(tmp_path)
    edit(project / "models/bronze/bronze_products.yml", ("load: snapshot", "load: sometimes"))
    lab.settings = lab.settings.model_copy(update={"dbt_project": project})
    findings = examined(lab)
    assert problems(findings) == {"dbt project dbt_project"}
    assert "sometimes" in findings["dbt project dbt_project"].message


def test_what_is_held_back_is_a_warning(filled: Lab) -> None:
    filled.spoil("update silver.transactions set quantity = -1; update ops.tables set seq = seq + 1")
    assert not filled.run().success
    assert "readers see an older state since" in examined(filled)["published"].message


def test_status_ends_with_a_line_when_the_services_do_not_tick_and_stays_cheap(filled: Lab) -> None:
    assert "The services are not running: they never ran on this lake; files that land wait until `assay dev`" in (
        " ".join(assay(filled, "status").stdout.split())
    )
    with open_instance(filled.settings) as instance:
        definitions = build_definitions(Lakehouse.open(filled.settings))
        context = dg.build_sensor_context(instance, definitions=definitions)
        definitions.resolve_sensor_def("arrivals").evaluate_tick(context)
    ticked = last_tick(filled.settings)
    assert ticked is not None
    assert standing_still(filled.settings, ticked + 119) == ""
    assert "they last ticked 3 min ago" in standing_still(filled.settings, ticked + 180)
    assert "services" not in assay(filled, "status").stdout
    show = "from assay.cli import score_card; score_card.show(as_json=False)"
    script = f"import sys; {show}; print('dagster' in sys.modules)"
    done = subprocess.run(
        [command()[0], "-c", script], env=environment(filled.settings), capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines()[-1] == "False"


def unfinished(lab: Lab) -> bool:
    with open_instance(lab.settings) as instance:
        return bool(instance.get_runs(dg.RunsFilter(statuses=[dg.DagsterRunStatus.STARTED])))


def assay(lab: Lab, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command(*arguments),
        env=environment(lab.settings),
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
