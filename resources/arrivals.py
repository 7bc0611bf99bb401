"""What lies in the landing zone: which names belong to a source, and whether a file is still being written."""

from __future__ import annotations

import os
import stat
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

UNFINISHED = (".tmp", ".part", ".crdownload")


@dataclass(frozen=True)
class Hint:
    """What tells cheaply that a path still holds the content that was hashed there."""

    size_bytes: int
    mtime_ns: int
    ctime_ns: int
    inode: int

    @classmethod
    def of(cls, found: os.stat_result) -> Hint:
        """The hint of a path's stat."""
        return cls(found.st_size, found.st_mtime_ns, found.st_ctime_ns, found.st_ino)


@dataclass(frozen=True)
class Arrival:
    """A path under the landing zone that a source claims.

    Attributes:
        name: The path relative to the landing zone, as the ledger writes it.
        path: The path on disk.
        hint: None when the path could not be looked at.
        problem: Why the path can be no file of a source; empty when it can.
    """

    name: str
    path: Path
    hint: Hint | None
    problem: str = ""


def hint_of(path: Path) -> Hint | None:
    """The hint of a path, or None when there is nothing."""
    try:
        return Hint.of(path.stat())
    except OSError:
        return None


def find(landing: Path, pattern: str) -> list[Arrival]:
    """All paths that the glob claims, in the order of their names, unfinished ones left out."""
    found = []
    for path in sorted(landing.glob(pattern), key=os.fsencode):
        relative = path.relative_to(landing)
        if any(part.startswith((".", "_")) for part in relative.parts) or path.name.endswith(UNFINISHED):
            continue
        found.append(_look(landing, path, relative))
    return found


def _look(landing: Path, path: Path, relative: Path) -> Arrival:
    name = os.fsencode(relative).decode("utf-8", "backslashreplace")
    if name != str(relative):
        return Arrival(name, path, _lstat(path), "the name is not valid UTF-8; rename the file")
    try:
        found = path.stat()
    except FileNotFoundError:
        return Arrival(name, path, _lstat(path), "the link leads nowhere")
    except OSError as error:
        return Arrival(name, path, _lstat(path), f"cannot be looked at: {error.strerror}")
    hint = Hint.of(found)
    if not path.resolve().is_relative_to(landing.resolve()):
        return Arrival(name, path, hint, "the link leads out of the landing zone; put the file itself there")
    if stat.S_ISDIR(found.st_mode):
        return Arrival(name, path, hint, "is a directory, expected a file")
    if not stat.S_ISREG(found.st_mode):
        return Arrival(name, path, hint, "is no regular file (a pipe, socket or device)")
    return Arrival(name, path, hint)


def _lstat(path: Path) -> Hint | None:
    try:
        return Hint.of(path.lstat())
    except OSError:
        return None


def settled(
    arrivals: list[Arrival],
    *,
    settle_seconds: float,
    limit_seconds: float,
    now: Callable[[], float] = time.time,
    sleep: Callable[[float], None] = time.sleep,
) -> tuple[list[Arrival], list[Arrival]]:
    """Wait until files keep their size and time, and part those that do from those that still grow.

    A file whose time lies `settle_seconds` back is settled at once. Any other, one with a time in the future too, is
    looked at twice, `settle_seconds` apart.

    Returns:
        (settled, still growing after `limit_seconds`); a file that vanished meanwhile is in neither.
    """
    before = now() - settle_seconds
    done = [arrival for arrival in arrivals if _is_old(arrival, before)]
    waiting: Mapping[str, Arrival] = {a.name: a for a in arrivals if not _is_old(a, before)}
    waited = 0.0
    while waiting and waited < limit_seconds:
        sleep(settle_seconds)
        waited += settle_seconds
        growing = {}
        for name, arrival in waiting.items():
            hint = hint_of(arrival.path)
            if hint == arrival.hint and hint is not None:
                done.append(arrival)
            elif hint is not None:
                growing[name] = Arrival(name, arrival.path, hint)
        waiting = growing
    done.sort(key=lambda arrival: os.fsencode(arrival.path))
    return done, list(waiting.values())


def _is_old(arrival: Arrival, before: float) -> bool:
    return bool(arrival.problem) or arrival.hint is None or arrival.hint.mtime_ns <= before * 1e9
