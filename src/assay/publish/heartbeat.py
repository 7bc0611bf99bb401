"""When the services last ticked: the time of a file that the sensor `arrivals` touches each time it is asked.

Dagster keeps its ticks in databases of its own whose tables change with its versions, and to ask it means to import it,
a second that `assay status` should not cost. A file's time costs nothing, and says that a sensor really was evaluated.
"""

from __future__ import annotations

from pathlib import Path

from assay.base.settings import Settings

LATE_SECONDS = 120.0
"""The services tick every five seconds; a start, new code or a busy machine leaves out some, but not so many."""
MINUTE, HOUR, DAY = 60, 3600, 86400


def note_tick(settings: Settings) -> None:
    """Record that a sensor is evaluated now."""
    path = _path(settings)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()


def last_tick(settings: Settings) -> float | None:
    """When the services last ticked, in seconds since 1970; None when they never ran on this lake."""
    try:
        return _path(settings).stat().st_mtime
    except FileNotFoundError:
        return None


def note_look(settings: Settings) -> None:
    """Record that incidents were looked for now."""
    path = settings.dagster_home / "looked"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()


def is_look_due(settings: Settings, now: float) -> bool:
    """Whether incidents were not looked for in the last hour, or the clock was put back since.

    Args:
        settings: The lake.
        now: In seconds since 1970.
    """
    try:
        return abs(now - (settings.dagster_home / "looked").stat().st_mtime) > HOUR
    except FileNotFoundError:
        return True


def standing_still(settings: Settings, now: float) -> str:
    """A sentence when the services have not ticked for two minutes or never; empty when they have.

    Args:
        settings: The lake.
        now: In seconds since 1970.
    """
    ticked = last_tick(settings)
    if ticked is not None and now - ticked <= LATE_SECONDS:
        return ""
    since = "they never ran on this lake" if ticked is None else f"they last ticked {lasted(now - ticked)} ago"
    return f"The services are not running: {since}; files that land wait until `assay dev` or `assay run`."


def lasted(seconds: float) -> str:
    """A duration in one unit: `4 s`, `12 min`, `3 h`, `2 days`."""
    for size, name in ((DAY, "days"), (HOUR, "h"), (MINUTE, "min")):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {name}"
    return f"{max(0.0, seconds):.0f} s"


def _path(settings: Settings) -> Path:
    return settings.dagster_home / "ticked"
