"""The findings of `assay doctor`, as pure functions of what was examined; nothing here reads a lake."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from packaging.specifiers import SpecifierSet

from assay.orchestration.patches import registry
from assay.publish.heartbeat import LATE_SECONDS, lasted

Mark = Literal["ok", "warning", "problem"]
LOW_PCT, TOO_LOW_PCT = 10, 5
COPIES = 3
"""Publishing copies what readers have beside what they have, and the warehouse grows by what is loaded."""
MISSED = 3
"""A sensor is late when it missed that many of its own turns, and at least two minutes."""
REINSTALL = "install the pinned versions: `pip install --force-reinstall assay-lakehouse`, or `make setup` in a clone"
START = "start them with `assay dev`, or load by hand with `assay run`"


@dataclass(frozen=True)
class Finding:
    """One line of output: severity, subject, message, and what to do where something is to be done."""

    mark: Mark
    about: str
    message: str
    do: str = ""


@dataclass(frozen=True)
class Sensor:
    """A sensor as Dagster knows it.

    Attributes:
        name: e.g. `arrivals`.
        is_on: Whether the daemon is to evaluate it.
        interval: Seconds that it asked for between two ticks.
        ticked: When it was evaluated last, in seconds since 1970.
        error: What its last tick failed with; empty when it did not.
    """

    name: str
    is_on: bool
    interval: float
    ticked: float | None = None
    error: str = ""


def of_variables(misspelt: Mapping[str, str]) -> list[Finding]:
    """Variables that no one reads.

    Args:
        misspelt: Each with the setting that is probably meant.
    """
    message = "{} is not a setting, so it changes nothing; one is called {}"
    do = "rename the variable, or remove it"
    return [Finding("warning", "environment", message.format(*names), do) for names in misspelt.items()]


def of_versions(installed: Mapping[str, str | None], wanted: Mapping[str, str]) -> list[Finding]:
    """Python and packages against what pyproject.toml asks for."""
    wrong = [
        f"{name} {version or 'is missing'} (wanted {wanted[name]})"
        for name, version in installed.items()
        if version is None or not SpecifierSet(wanted[name]).contains(version)
    ]
    if wrong:
        return [
            Finding(
                "problem",
                "versions",
                ", ".join(wrong),
                REINSTALL,
            )
        ]
    return [Finding("ok", "versions", ", ".join(f"{name} {version}" for name, version in installed.items()))]


def of_patches(installed: str) -> Finding:
    """Whether the patches of Dagster were tried on the Dagster that is installed, and which are switched off.

    Args:
        installed: As `dagster 1.13.27`.
    """
    strange = registry.tried_on_others(installed)
    if strange:
        message = f"tried on {strange[0].tried_on}, not on {installed}: {', '.join(patch.name for patch in strange)}"
        do = f'where something misbehaves, {registry.SWITCH}={registry.ALL}; see "After an update of Dagster"'
        return Finding("warning", "patches", message, f"{do} in docs/runbook.md")
    off = [patch.name for patch in registry.PATCHES if not registry.is_on(patch.name)]
    return Finding("ok", "patches", f"tried on {installed}" + (f"; off: {', '.join(off)}" if off else ""))


def of_services(beat: float | None, sensors: Sequence[Sensor], now: float) -> list[Finding]:
    """Whether the daemon lives, and each sensor with the time since its last tick.

    Args:
        beat: The newest sign of life of any part of the daemon.
        sensors: All of the project.
        now: In seconds since 1970.
    """
    if beat is None and not any(sensor.ticked for sensor in sensors):
        findings = [Finding("warning", "services", "they never ran on this lake", START)]
        return [*findings, *(_off(sensor) for sensor in sensors if not sensor.is_on)]
    age = None if beat is None else now - beat
    if age is None or age > LATE_SECONDS:
        message = "no sign of life of the daemon" + ("" if age is None else f" for {lasted(age)}")
        findings = [Finding("problem", "services", message, START)]
    else:
        findings = [Finding("ok", "services", f"the daemon gave a sign of life {lasted(age)} ago")]
    return [*findings, *(_of_sensor(sensor, now) for sensor in sensors)]


def _off(sensor: Sensor) -> Finding:
    return Finding("problem", f"sensor {sensor.name}", "is switched off", "switch it on in the UI, under Automation")


def _of_sensor(sensor: Sensor, now: float) -> Finding:
    about = f"sensor {sensor.name}"
    if not sensor.is_on:
        return _off(sensor)
    if sensor.ticked is None:
        return Finding("warning", about, "has not ticked yet", "wait half a minute, then look at Automation in the UI")
    age = now - sensor.ticked
    if age > max(LATE_SECONDS, MISSED * sensor.interval):
        return Finding("problem", about, f"last ticked {lasted(age)} ago", f"the services stand still: {START}")
    if sensor.error:
        return Finding("problem", about, f"its last tick failed: {sensor.error}", "look at Automation in the UI")
    return Finding("ok", about, f"ticked {lasted(age)} ago")


def of_lock(holder: str, is_held: bool, seconds: float, limit: float) -> list[Finding]:
    """Who holds the lake; the operating system lets go of the lock when that process ends.

    Args:
        holder: The line in the lock: of a run that holds it, or of one that ended without its last steps.
        is_held: Whether a living process holds it.
        seconds: Since when.
        limit: Seconds that a run may take.
    """
    if is_held and seconds > limit:
        do = "look at it in the UI; stop it there or with Ctrl-C (`kill -9` is safe as well)"
        return [Finding("warning", "run lock", f"{holder} lives and holds it for {lasted(seconds)}", do)]
    if is_held:
        return [Finding("ok", "run lock", f"{holder} lives and holds it for {lasted(seconds)}")]
    if holder:
        do = "`assay run` publishes what it had written, and goes on"
        return [Finding("warning", "run lock", f"free; {holder} held it last and did not end", do)]
    return [Finding("ok", "run lock", "free")]


def of_disk(total: int, free: int, warehouse: int) -> list[Finding]:
    """Free bytes of the lake's disk, against its size and that of the warehouse."""
    share = 100 * free / total if total else 0.0
    free_gb, total_gb, stored_gb = (size / 1e9 for size in (free, total, warehouse))
    message = f"{free_gb:,.1f} of {total_gb:,.1f} GB are free ({share:.0f} %), the warehouse has {stored_gb:,.1f} GB"
    do = "make room; `scratch/` can be emptied between runs"
    if share < TOO_LOW_PCT or free < COPIES * warehouse:
        return [Finding("problem", "disk", message, f"publishing needs a copy of what readers see; {do}")]
    return [Finding("warning", "disk", message, do) if share < LOW_PCT else Finding("ok", "disk", message)]


def of_memory(limit: int | None, default: int) -> Finding:
    """Bytes that a run may take: as set, or this machine's share."""
    basis = "as ASSAY_MEMORY_LIMIT says" if limit else "half of what there is; ASSAY_MEMORY_LIMIT sets it"
    return Finding("ok", "memory", f"a run may take {(limit or default) / 1e9:,.1f} GB ({basis}), a load 3/8 of it")


def of_spill(limit: int | None, default: int, free: int) -> Finding:
    """Bytes of disk for what does not fit into memory: as set, or a share of those that are free."""
    basis = "as ASSAY_SPILL_LIMIT says" if limit else "half of what is free; ASSAY_SPILL_LIMIT sets it"
    message = f"what does not fit into memory may take {(limit or default) / 1e9:,.1f} GB of disk ({basis})"
    if limit and limit > free:
        return Finding("warning", "spill", f"{message}, and {free / 1e9:,.1f} GB are free", "make room, or lower it")
    return Finding("ok", "spill", f"{message}, in `scratch/spill/`, which is empty between runs")


def of_folders(unusable: Sequence[str]) -> list[Finding]:
    """Whether this user can read and write the landing zone.

    Args:
        unusable: e.g. `landing/products cannot be read`.
    """
    if unusable:
        do = "give the user that runs Assay the right to, or run it as another"
        return [Finding("problem", "landing", "; ".join(unusable), do)]
    return [Finding("ok", "landing", "can be read and written")]


def of_waiting(files: Mapping[str, int], is_running: bool, is_ticking: bool) -> list[Finding]:
    """Files in landing that no run has taken.

    Args:
        files: Their number by source.
        is_running: Whether a run is under way.
        is_ticking: Whether the sensor that asks for runs does.
    """
    if not files:
        return [Finding("ok", "arrivals", "no file waits")]
    message = "; ".join(f"{source}: {count:,} files wait" for source, count in sorted(files.items()))
    if is_running:
        return [Finding("ok", "arrivals", f"{message}; a run is under way")]
    if is_ticking:
        do = "the sensor asks for a run in seconds, or says why not: Automation, arrivals in the UI"
        return [Finding("warning", "arrivals", message, do)]
    return [Finding("problem", "arrivals", f"{message}, and nothing takes them", START)]


def of_runs(dead: Sequence[str]) -> list[Finding]:
    """Runs that Dagster takes for started though their process is gone."""
    if dead:
        message = f"{', '.join(dead)}: started for Dagster, but the process is gone"
        return [Finding("problem", "runs", message, "`assay run` marks them as failed and goes on; so do the services")]
    return [Finding("ok", "runs", "none is left over")]


def of_breakers(resting: Mapping[str, str]) -> list[Finding]:
    """Sources and tables that are left alone because they failed too often, with the words that say until when."""
    do = "look at the failed runs in the UI; `assay retry NAME` tries at once"
    return [Finding("problem", f"breaker of {name}", message, do) for name, message in sorted(resting.items())]
