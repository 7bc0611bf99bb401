"""What the services do about the process of each feed, as decisions about one at a time.

A process that dies of itself is started again after a pause that grows. One that ended because somebody has to do
something first is left alone until the yml changed, `assay retry` was called or a long time has passed. Keep out:
processes themselves (`supervisor.py`).
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Literal

from assay.base import clock
from assay.base.atomic_write import place
from assay.base.run_lock import is_locked
from assay.base.settings import Settings
from assay.feeds.backoff import pauses
from assay.fetching.process import ELSEWHERE, PERMANENT

State = Literal["running", "restarting", "stopped", "elsewhere"]

STEADY_SECONDS = 120.0
"""A process that has lived for so long has not died at once: what it dies of later is the first time."""
LEFT_ALONE_SECONDS = 900.0
"""How long a feed is left alone that stopped for good; twice as long each time, as a breaker."""
LONGEST_SECONDS = 21600.0
ELSEWHERE_SECONDS = 15.0
"""After this it is looked whether the other process still fetches the feed."""
_GROWS_UP_TO = 32


@dataclass(frozen=True)
class Child:
    """The process of a feed, as people and incidents are told of it.

    Attributes:
        state: `running`; `restarting`: it died and is started again; `stopped`: it waits for a person; `elsewhere`:
            another process fetches the feed.
        since: When it came to be so, in ISO form.
        pid: The process; None while there is none.
        deaths: How often in a row it died, or stopped, soon after it was started.
        again_at: When it is started next, in seconds since 1970; None while it runs.
        exit_code: With which it ended last; negative for a signal.
    """

    state: State
    since: str
    pid: int | None = None
    deaths: int = 0
    again_at: float | None = None
    exit_code: int | None = None


def started(before: Child | None, pid: int) -> Child:
    """A process that was started just now."""
    return Child("running", _now(), pid, before.deaths if before else 0, None, before.exit_code if before else None)


def ended(child: Child, exit_code: int, lived: float, now: float) -> Child:
    """What is to be done about a process that ended without being told to.

    Args:
        child: As it was.
        exit_code: Negative for a signal.
        lived: Seconds.
        now: In seconds since 1970.
    """
    if exit_code == ELSEWHERE:
        since = child.since if child.state == "elsewhere" else _now()
        return Child("elsewhere", since, None, 0, now + ELSEWHERE_SECONDS, exit_code)
    deaths = 1 if lived >= STEADY_SECONDS and exit_code != PERMANENT else child.deaths + 1
    if exit_code == PERMANENT:
        pause = min(LONGEST_SECONDS, LEFT_ALONE_SECONDS * 2.0 ** min(deaths - 1, _GROWS_UP_TO))
        return Child("stopped", _now(), None, deaths, now + pause, exit_code)
    pause = next(islice(pauses(), min(deaths - 1, _GROWS_UP_TO), None))
    return Child("restarting", _now(), None, deaths, now + pause, exit_code)


def is_due(child: Child, now: float) -> bool:
    """Whether a process that ended is to be started now; a clock that was put back makes nothing wait for ever."""
    return child.again_at is None or child.again_at <= now or child.again_at - now > 2 * LONGEST_SECONDS


def steady(child: Child, lived: float) -> Child:
    """A process that runs, without what was before it once it has lived for a while."""
    return replace(child, deaths=0) if child.deaths and lived >= STEADY_SECONDS else child


def write_children(settings: Settings, children: Mapping[str, Child]) -> None:
    """Write how things stand with each feed that the services run."""
    text = json.dumps({name: asdict(child) for name, child in sorted(children.items())})
    with suppress(OSError):
        place(_file(settings), text.encode(), mtime=time.time())


def read_children(settings: Settings) -> Mapping[str, Child] | None:
    """How things stand with each feed that the services run; None while no services run feeds."""
    if not is_supervised(settings):
        return None
    try:
        return {name: Child(**values) for name, values in json.loads(_file(settings).read_text("utf-8")).items()}
    except (OSError, ValueError, TypeError):
        return {}


def is_supervised(settings: Settings) -> bool:
    """Whether services run the feeds of a lake."""
    return is_locked(services_lock(settings))


def services_lock(settings: Settings) -> Path:
    """What the services hold that run the feeds of a lake."""
    return settings.home / "feeds.lock"


def ask_again(settings: Settings, feed: str) -> None:
    """Have a feed started at once that the services leave alone."""
    path = _mark(settings, feed)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()


def take_asked(settings: Settings, feed: str) -> bool:
    """Whether somebody asked for that since; asks no more."""
    try:
        _mark(settings, feed).unlink()
    except OSError:
        return False
    return True


def _mark(settings: Settings, feed: str) -> Path:
    return settings.home / "feeds" / f"{feed}.retry"


def _file(settings: Settings) -> Path:
    return settings.home / "feeds.json"


def _now() -> str:
    return clock.now().isoformat(timespec="seconds")
