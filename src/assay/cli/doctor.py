"""`assay doctor`: examine everything that a lake needs, and print a line for each thing."""

from __future__ import annotations

import os
import platform
import re
import shutil
import time
from collections.abc import Generator, Iterator
from importlib.metadata import PackageNotFoundError, metadata, requires, version
from pathlib import Path
from typing import TYPE_CHECKING

import duckdb
from packaging.requirements import Requirement
from rich.markup import escape

from assay.base.memory import default_limit
from assay.base.project import DISTRIBUTION
from assay.base.run_lock import is_locked
from assay.base.run_marks import lock_path
from assay.base.settings import Settings, misspelt
from assay.base.spill import default_spill_limit
from assay.base.warehouse import open_elsewhere
from assay.cli import findings, lake_findings, unclaimed
from assay.cli.console import err, out
from assay.cli.findings import Finding, Sensor
from assay.contract.catalog import Catalog
from assay.contract.errors import ContractError
from assay.loading.narrower import malformed_under_narrower_types
from assay.loading.rejudge import rejudged
from assay.orchestration.instance import open_instance
from assay.publish.heartbeat import standing_still
from assay.publish.pruning import read_pruned
from assay.publish.reader import is_of_this_version, open_published
from assay.publish.states import moved_from
from assay.publish.status import empty_snapshots_of_before, held_snapshots, read_status
from assay.tables.dbt import DbtError, parse_if_changed
from assay.tables.rebuilds import read_rebuilds

if TYPE_CHECKING:
    import dagster as dg

PINNED = ("dagster", "dbt-core", "dbt-duckdb", "duckdb")
_COLOURS = {"ok": "green", "warning": "yellow", "problem": "red"}


def doctor() -> int:
    """Print all findings; 0 when none of them is a problem, 1 otherwise."""
    settings = Settings.from_env()
    worst = 0
    for finding in examine(settings, time.time(), _usage(settings)):
        mark = f"[{_COLOURS[finding.mark]}]{finding.mark:7}[/]"
        do = f" → {finding.do}" if finding.do else ""
        message = " ".join(f"{finding.message}{do}".split())
        out.print(f"{mark} {finding.about}: {escape(message)}", highlight=False, soft_wrap=True)
        worst |= finding.mark == "problem"
    return worst


def examine(settings: Settings, now: float, usage: tuple[int, int]) -> Iterator[Finding]:
    """Examine one lake, and yield a finding for each thing.

    Args:
        settings: The lake.
        now: In seconds since 1970.
        usage: Bytes of the disk that it is on: all, and free.
    """
    yield from _versions()
    yield from findings.of_variables(misspelt(settings))
    yield findings.of_patches(f"dagster {_installed('dagster')}")
    catalog = yield from _project(settings)
    yield from _runs_and_services(settings, catalog, now)
    lock = lock_path(settings)
    holder = lock.read_text(encoding="utf-8", errors="replace").strip() if lock.exists() else ""
    held_for = now - lock.stat().st_mtime if lock.exists() else 0.0
    is_running = is_locked(lock)
    if is_running:
        holder = holder or "a run that is beginning"
    yield from findings.of_lock(holder, is_running, held_for, settings.run_limit_seconds)
    yield findings.of_memory(settings.memory_limit, default_limit())
    yield findings.of_spill(settings.spill_limit, default_spill_limit(settings.home), usage[1])
    yield from _warehouse(settings, is_running)
    size = settings.warehouse.stat().st_size if settings.warehouse.exists() else 0
    yield from findings.of_disk(*usage, size)
    unusable = list(_unusable(settings.landing))
    yield from findings.of_folders(unusable)
    yield from _published(settings)
    if catalog is not None:
        yield from _stored_files(settings, catalog)
    if catalog is not None and not unusable:
        from assay.triggers.landing_watch import LandingWatch  # noqa: PLC0415 - the package imports Dagster

        waiting, _ = LandingWatch(settings, catalog).look()
        yield from findings.of_waiting(waiting, is_running, not standing_still(settings, now))
    if catalog is not None:
        yield unclaimed.finding(unclaimed.list_all(settings, catalog))


def _usage(settings: Settings) -> tuple[int, int]:
    settings.home.mkdir(parents=True, exist_ok=True)
    used = shutil.disk_usage(settings.home)
    return used.total, used.free


def _versions() -> list[Finding]:
    asked = {
        requirement.name: str(requirement.specifier) for requirement in map(Requirement, requires(DISTRIBUTION) or ())
    }
    wanted = {"Python": metadata(DISTRIBUTION)["Requires-Python"], **{name: asked[name] for name in PINNED}}
    return findings.of_versions({"Python": platform.python_version(), **{n: _installed(n) for n in PINNED}}, wanted)


def _installed(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def _project(settings: Settings) -> Generator[Finding, None, Catalog | None]:
    """Yield the finding about the project, and return its catalog, None when it cannot be read."""
    about = f"dbt project {settings.dbt_project.name}"
    try:
        parse_if_changed(settings)
        catalog = Catalog.read(settings.dbt_project)
    except (DbtError, ContractError) as error:
        yield Finding("problem", about, str(error), "put the file right that the message names")
        return None
    message = f"{len(catalog.contracts)} sources, {len(catalog.models)} models, every contract can be used"
    yield Finding("ok", about, message)
    return catalog


def _runs_and_services(settings: Settings, catalog: Catalog | None, now: float) -> Iterator[Finding]:
    from assay.orchestration.lake_resource import dead_runs  # noqa: PLC0415 - imports Dagster, as all below
    from assay.orchestration.run_history import open_breakers  # noqa: PLC0415

    with open_instance(settings) as instance:
        beats = [beat.timestamp for beat in instance.get_daemon_heartbeats().values()]
        sensors = _sensors(settings, catalog, instance) if catalog else []
        yield from findings.of_services(max(beats, default=None), sensors, now)
        yield from findings.of_runs([run.run_id for run in dead_runs(instance, settings)])
        if catalog:
            yield from findings.of_breakers(open_breakers(settings, instance, catalog, now))


def _sensors(settings: Settings, catalog: Catalog, instance: dg.DagsterInstance) -> list[Sensor]:
    """The project's sensors, each with its last tick, whatever code location the daemon noted it under."""
    from dagster._core.definitions.run_request import InstigatorType  # noqa: PLC0415
    from dagster._core.scheduler.instigation import InstigatorStatus  # noqa: PLC0415

    from assay.orchestration.definitions import build_definitions  # noqa: PLC0415
    from assay.orchestration.lakehouse import Lakehouse  # noqa: PLC0415

    known = instance.all_instigator_state(instigator_type=InstigatorType.SENSOR)
    sensors = []
    for sensor in build_definitions(Lakehouse(settings, catalog)).get_repository_def().sensor_defs:
        states = [state for state in known if state.instigator_name == sensor.name]
        ticks = [t for s in states for t in instance.get_ticks(s.instigator_origin_id, s.selector_id, limit=1)]
        last = max(ticks, key=lambda tick: tick.timestamp, default=None)
        is_stopped = any(state.status == InstigatorStatus.STOPPED for state in states)
        is_started = any(state.status == InstigatorStatus.RUNNING for state in states)
        is_on = is_started or (sensor.default_status.value == "RUNNING" and not is_stopped)
        error = last.error.message.strip().splitlines()[0] if last and last.error else ""
        interval = float(sensor.minimum_interval_seconds or 0)
        sensors.append(Sensor(sensor.name, is_on, interval, last.timestamp if last else None, error))
    return sensors


def _warehouse(settings: Settings, is_running: bool) -> Iterator[Finding]:
    about = settings.warehouse.name
    if is_running:
        yield Finding("ok", about, "is open in the run that holds the lock")
        return
    try:
        holder = open_elsewhere(settings.warehouse)
    except duckdb.Error as error:
        yield Finding("problem", about, str(error), "restore it from a backup, or load landing anew into an empty home")
        return
    if holder:
        do = "close it there and open published/lake.duckdb instead, which can be read at any time"
        yield Finding("problem", about, f"is open in {holder}, so no run can write", do)
    else:
        yield Finding("ok", about, "is open nowhere" if settings.warehouse.exists() else "is made by the first run")


def _unusable(landing: Path) -> Iterator[str]:
    """What this user may not do in the landing zone; where there is none, in the folder that it will be made in."""
    there = next(folder for folder in (landing, *landing.parents) if folder.exists())
    folders = [there, *(p for p in sorted(landing.glob("*")) if p.is_dir())] if there == landing else [there]
    for folder in folders:
        for right, done in ((os.R_OK | os.X_OK, "read"), (os.W_OK, "written")):
            if not os.access(folder, right):
                yield f"{folder.name} cannot be {done}"


def _stored_files(settings: Settings, catalog: Catalog) -> list[Finding]:
    """Files of earlier versions that would be judged differently now; each is read again, which may take a while."""
    try:
        with open_published(settings.published) as connection, err.status("reading stored files again") as spinner:
            if not is_of_this_version(connection):
                return [lake_findings.NOT_YET_READ]
            told = rejudged(
                connection, settings.landing, catalog.contracts, lambda name: spinner.update(f"reading {escape(name)}")
            )
            narrower = list(malformed_under_narrower_types(connection, catalog.contracts))
            return [*lake_findings.of_rejudged(list(told)), *lake_findings.of_narrower(narrower)]
    except (FileNotFoundError, duckdb.IOException):
        return []  # nothing is published, or `published` below says what is wrong with it


def _published(settings: Settings) -> list[Finding]:
    try:
        with open_published(settings.published) as connection:
            status = read_status(connection)
            held, empty = held_snapshots(connection), empty_snapshots_of_before(connection)
            is_current = is_of_this_version(connection)
            dropped = read_pruned(connection) if is_current else {}
            rebuilds = read_rebuilds(connection) if is_current else []
    except FileNotFoundError:
        return lake_findings.of_published(None, None)
    except duckdb.Error as error:
        message = re.sub(r"\s+", " ", str(error))
        return [Finding("problem", "published", f"cannot be read: {message}", "`assay run` publishes anew")]
    return [
        *_moved(settings),
        *lake_findings.of_published(status["published_at"], status["held_back"]),
        *lake_findings.of_snapshots(held),
        *lake_findings.of_empty_snapshots(empty),
        *lake_findings.of_retired([retired["sentence"] for retired in status["retired"]]),
        *lake_findings.of_rebuilds(rebuilds),
        *lake_findings.of_history(dropped, settings.history_days, settings.run_history_days),
    ]


def _moved(settings: Settings) -> list[Finding]:
    """A published lake that lies elsewhere now: its views name the files of large tables by their whole path."""
    before = moved_from(settings.published)
    message = f"was {before} when it was published last, so readers look for its large tables there"
    return [Finding("problem", "published folder", message, "`assay run` publishes it here")] if before else []
