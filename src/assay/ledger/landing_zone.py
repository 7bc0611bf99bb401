"""What lies in the landing zone: which names belong to a source, and whether a file is still being written."""

from __future__ import annotations

import os
import stat
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path, PurePath

from assay.contract.file_glob import WILDCARDS, WITHIN, disk_and_members, may_be_claimed

_LOOKS = 10
"""At a folder whose sub-folders are removed meanwhile."""
_OF_FOLD = 3
"""Folders between the landing zone and a fold: feeds, the feed, its folds."""


@dataclass(frozen=True)
class Hint:
    """What tells cheaply that a path still holds the content that was hashed there."""

    size_bytes: int
    mtime_ns: int
    ctime_ns: int
    inode: int

    @classmethod
    def of(cls, stat_result: os.stat_result) -> Hint:
        """The hint of a path's stat."""
        return cls(stat_result.st_size, stat_result.st_mtime_ns, stat_result.st_ctime_ns, stat_result.st_ino)


@dataclass(frozen=True)
class Arrival:
    """A path under the landing zone that a source claims.

    Attributes:
        name: The path relative to the landing zone, as the ledger writes it.
        path: The path on disk.
        hint: None when the path could not be looked at.
        problem: Why the path can be no file of a source; empty when it can.
        archive: The name of the zip archive at the path, of which this is a member; empty for a file itself.
        is_folded: Whether the path is that of a fold in which the file is (`folds.py`); the hint is that of the file.
    """

    name: str
    path: Path
    hint: Hint | None
    problem: str = ""
    archive: str = ""
    is_folded: bool = False

    @property
    def member(self) -> str:
        """The name within the archive; empty for a file itself."""
        return self.name[len(self.archive + WITHIN) :] if self.archive else ""

    @property
    def landing(self) -> Path:
        """The landing zone."""
        return self.path.parents[_OF_FOLD if self.is_folded else len(PurePath(self.archive or self.name).parts) - 1]

    def is_as_it_was(self) -> bool:
        """Whether the path still shows what it showed; raises as `hint_of` does. What is folded does not change."""
        return self.is_folded or hint_of(self.path, self.hint if self.archive else None) == self.hint


def hint_of(path: Path, of_member: Hint | None = None) -> Hint | None:
    """The hint of a path, or None when there is nothing.

    Args:
        path: The path.
        of_member: The hint of a member of the archive there: it has a size of its own, and the archive's times.

    Raises:
        OSError: It cannot be said whether there is something.
    """
    try:
        there = Hint.of(path.stat())
    except (FileNotFoundError, NotADirectoryError):
        return None
    return replace(there, size_bytes=of_member.size_bytes) if of_member else there


def scratch_for_members(landing: Path) -> Path:
    """The folder of a lake in which members of archives are unpacked; empty between runs."""
    return landing.parent / "scratch" / "members"


def find_files(landing: Path, pattern: str) -> list[Arrival]:
    """All paths on disk that the glob claims, in the order of their names, unfinished ones left out.

    Of a glob of members it is the archives that are listed; none is opened. Who looks for files of sources asks
    `folded_files.find`, which knows those in folds as well.

    Raises:
        OSError: The folder of the source cannot be listed; that is not the same as an empty one.
    """
    pattern, _ = disk_and_members(pattern)
    _list_or_raise(landing, pattern)
    zone = _Zone(landing)
    arrivals = []
    for path in sorted(_globbed(landing, pattern), key=os.fsencode):
        relative = path.relative_to(landing)
        if not may_be_claimed(path.name, relative.parts[:-1]):
            continue
        arrival = zone.look(path, relative)
        if arrival is not None:
            arrivals.append(arrival)
    return arrivals


def _globbed(landing: Path, pattern: str) -> list[Path]:
    """The paths that match; `glob` trips over a folder that is removed while it looks, as feeds do that are empty."""
    for _ in range(_LOOKS - 1):
        with suppress(FileNotFoundError):
            return list(landing.glob(pattern))
    return list(landing.glob(pattern))


def _list_or_raise(landing: Path, pattern: str) -> None:
    """List the fixed folder of a glob, or raise: `glob` takes a folder that it may not read for an empty one."""
    folder = landing
    for part in PurePath(pattern).parts[:-1]:
        if WILDCARDS & set(part):
            break
        folder /= part
    with suppress(FileNotFoundError):
        os.scandir(folder).close()


def ledger_name(relative: PurePath | str) -> str:
    """A path below the landing zone as the ledger writes it; a name that is not UTF-8 is escaped and marked."""
    name = os.fsencode(relative).decode("utf-8", "backslashreplace")
    return name if name == str(relative) else f"{name} (not UTF-8)"


class _Zone:
    """The landing zone, with what is known about its folders."""

    def __init__(self, landing: Path) -> None:
        self._root = landing.resolve()
        self._is_inside: dict[Path, bool] = {}

    def look(self, path: Path, relative: PurePath) -> Arrival | None:
        """The arrival at a path; None when it is gone again."""
        name = ledger_name(relative)
        try:
            itself = path.lstat()
        except FileNotFoundError:
            return None
        except OSError as error:
            return Arrival(name, path, None, f"cannot be looked at: {error.strerror}")
        if name != str(relative):
            return Arrival(name, path, Hint.of(itself), "the name is not valid UTF-8; rename the file")
        try:
            target = path.stat() if stat.S_ISLNK(itself.st_mode) else itself
        except FileNotFoundError:
            return Arrival(name, path, Hint.of(itself), "the link leads nowhere")
        except OSError as error:
            return Arrival(name, path, Hint.of(itself), f"cannot be looked at: {error.strerror}")
        return Arrival(name, path, Hint.of(target), self._problem(path, itself, target))

    def _problem(self, path: Path, itself: os.stat_result, target: os.stat_result) -> str:
        is_inside = self._holds(path) if stat.S_ISLNK(itself.st_mode) else self._holds_folder(path.parent)
        if not is_inside:
            return "the link leads out of the landing zone; put the file itself there"
        if stat.S_ISDIR(target.st_mode):
            return "is a directory, expected a file"
        if not stat.S_ISREG(target.st_mode):
            return "is not a regular file (a pipe, socket or device)"
        return ""

    def _holds(self, path: Path) -> bool:
        return path.resolve().is_relative_to(self._root)

    def _holds_folder(self, folder: Path) -> bool:
        if folder not in self._is_inside:
            self._is_inside[folder] = self._holds(folder)
        return self._is_inside[folder]


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
    waiting = [arrival for arrival in arrivals if not _is_old(arrival, before)]
    waited = 0.0
    while waiting and waited < limit_seconds:
        sleep(settle_seconds)
        waited += settle_seconds
        again = [(arrival, _look_again(arrival)) for arrival in waiting]
        done += [now_there for arrival, now_there in again if now_there and _has_settled(arrival, now_there)]
        waiting = [now_there for arrival, now_there in again if now_there and not _has_settled(arrival, now_there)]
    done.sort(key=lambda arrival: os.fsencode(arrival.path))
    return done, waiting


def _is_old(arrival: Arrival, before: float) -> bool:
    return bool(arrival.problem) or arrival.is_folded or arrival.hint is None or arrival.hint.mtime_ns <= before * 1e9


def _has_settled(before: Arrival, now_there: Arrival) -> bool:
    return bool(now_there.problem) or now_there.hint == before.hint


def _look_again(arrival: Arrival) -> Arrival | None:
    """The path as it is now: what was a file may be a link that leads out by now."""
    return _Zone(arrival.landing).look(arrival.path, PurePath(arrival.name))
