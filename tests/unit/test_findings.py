"""What `assay doctor` calls ok, a warning and a problem, and what it says is to be done."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from assay.cli.findings import (  # fmt: skip
    Finding,
    Sensor,
    of_disk,
    of_folders,
    of_lock,
    of_memory,
    of_runs,
    of_services,
    of_versions,
    of_waiting,
)
from assay.cli.lake_findings import of_history, of_published, of_rebuilds
from assay.tables.rebuilds import Rebuild

NOW = 1_700_000_000.0
GB = 10**9


def marks(findings: Sequence[Finding]) -> list[str]:
    return [finding.mark for finding in findings]


def test_a_package_that_is_missing_or_of_another_version_is_named_with_what_is_wanted() -> None:
    wanted = {"Python": ">=3.11,<3.14", "duckdb": "==1.5.5"}
    assert marks(of_versions({"Python": "3.12.1", "duckdb": "1.5.5"}, wanted)) == ["ok"]
    for version, message in (("1.4.0", "duckdb 1.4.0 (wanted ==1.5.5)"), (None, "duckdb is missing (wanted ==1.5.5)")):
        [finding] = of_versions({"Python": "3.12.1", "duckdb": version}, wanted)
        assert (finding.mark, finding.message) == ("problem", message)


def test_services_that_tick_are_fine_and_the_time_since_is_said() -> None:
    findings = of_services(NOW - 12, [Sensor("arrivals", True, 1, NOW - 4)], NOW)
    assert marks(findings) == ["ok", "ok"]
    assert findings[1].message == "ticked 4 s ago"


def test_services_that_never_ran_are_a_warning_and_a_sensor_that_is_switched_off_is_named_all_the_same() -> None:
    assert marks(of_services(None, [Sensor("arrivals", True, 1)], NOW)) == ["warning"]
    findings = of_services(None, [Sensor("arrivals", False, 1)], NOW)
    assert marks(findings) == ["warning", "problem"]
    assert "sensor arrivals" in findings[1].about


def test_a_daemon_that_is_gone_and_each_sensor_say_for_how_long() -> None:
    findings = of_services(NOW - 3 * 3600, [Sensor("arrivals", True, 1, NOW - 3 * 3600)], NOW)
    assert marks(findings) == ["problem", "problem"]
    assert "for 3 h" in findings[0].message
    assert findings[1].message == "last ticked 3 h ago"
    assert "assay dev" in findings[1].do


def test_a_sensor_is_late_by_its_own_interval() -> None:
    assert marks(of_services(NOW, [Sensor("hourly", True, 3600, NOW - 3 * 3600)], NOW)) == ["ok", "ok"]
    assert marks(of_services(NOW, [Sensor("hourly", True, 3600, NOW - 4 * 3600)], NOW)) == ["ok", "problem"]
    assert marks(of_services(NOW, [Sensor("new", True, 1)], NOW)) == ["ok", "warning"]
    failing = of_services(NOW, [Sensor("arrivals", True, 1, NOW, "ZeroDivisionError")], NOW)
    assert "ZeroDivisionError" in failing[1].message


@pytest.mark.parametrize(
    ("holder", "is_held", "seconds", "mark"),
    [
        ("", False, 0, "ok"),
        ("run a (process 7)", True, 60, "ok"),
        ("run a (process 7)", True, 7300, "warning"),
        ("run a (process 7)", False, 60, "warning"),
    ],
)
def test_the_lock_says_who_holds_it_and_whether_that_one_lives(
    holder: str, is_held: bool, seconds: float, mark: str
) -> None:
    [finding] = of_lock(holder, is_held, seconds, 7200)
    assert finding.mark == mark
    assert holder in finding.message
    assert ("lives" in finding.message) == is_held


@pytest.mark.parametrize(
    ("free", "warehouse", "mark"),
    [(50, 1, "ok"), (10, 1, "ok"), (9, 1, "warning"), (4, 1, "problem"), (50, 17, "problem"), (50, 16, "ok")],
)
def test_a_disk_needs_room_for_a_copy(free: int, warehouse: int, mark: str) -> None:
    assert marks(of_disk(100 * GB, free * GB, warehouse * GB)) == [mark]


def test_files_wait_for_a_run_for_the_sensor_or_for_nobody() -> None:
    assert marks(of_waiting({}, False, False)) == ["ok"]
    assert marks(of_waiting({"products": 2}, True, False)) == ["ok"]
    assert marks(of_waiting({"products": 2}, False, True)) == ["warning"]
    [finding] = of_waiting({"products": 2}, False, False)
    assert (finding.mark, finding.message) == ("problem", "products: 2 files wait, and nothing takes them")


def test_what_is_held_back_is_said_with_since_when_and_why() -> None:
    assert marks(of_published("2026-01-01", None)) == ["ok"]
    assert marks(of_published(None, None)) == ["warning"]
    [finding] = of_published("2026-01-02", {"since": "2026-01-01", "because": ["gold.x: check contract failed"]})
    assert finding.mark == "warning"
    assert finding.message == "readers see an older state since 2026-01-01: gold.x: check contract failed"


def test_folders_without_rights_and_dead_runs_are_problems() -> None:
    assert marks([*of_folders([]), *of_runs([])]) == ["ok", "ok"]
    assert marks([*of_folders(["products cannot be read"]), *of_runs(["a"])]) == ["problem", "problem"]


def test_the_limit_in_force_is_told_and_where_it_comes_from() -> None:
    assert of_memory(None, 4 * GB).message.startswith("a run may take 4.0 GB (half of what there is")
    assert of_memory(2 * GB, 4 * GB).message == "a run may take 2.0 GB (as ASSAY_MEMORY_LIMIT says), a load 3/8 of it"


def test_a_table_that_redoes_most_of_itself_for_what_is_new_is_named() -> None:
    quick = Rebuild("gold.small", keys=3, rows=9, row_count=9, seconds=0.01)
    slow_but_few = Rebuild("silver.large", keys=3, rows=9, row_count=1000, seconds=60.0)
    [fine] = of_rebuilds([quick, slow_but_few])
    assert fine.mark == "ok"
    costly = Rebuild("gold.lift", keys=310, rows=1_494, row_count=1_550, seconds=12.04)
    [finding] = of_rebuilds([costly, quick])
    assert finding.mark == "warning"
    assert finding.message == "gold.lift rebuilds 96 % of its 1,550 rows for 310 changed keys, in 12.0 s"
    emptied = Rebuild("gold.gone", keys=310, rows=0, row_count=0, seconds=12.0)
    assert of_rebuilds([emptied])[0].message.startswith("gold.gone rebuilds 0 %")


def test_what_was_dropped_is_counted() -> None:
    [finding] = of_history({"check results": 1200, "Dagster runs": 3}, 90, 30)
    assert finding.message.endswith("dropped until now: 1,200 check results; 3 Dagster runs")
    assert of_history({}, 90, 30)[0].message.endswith("nothing")
