"""Files of feeds where they are read again: in landing, or in a fold; folding waits while one is read.

Belongs here: how a file that is in a fold is read as one of its own. What a fold is stands in `folds.py`.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory

from assay.contract.feed import FOLDER
from assay.contract.file_glob import disk_and_members, file_glob
from assay.ledger.fold_lookup import feeds_with_folds, located
from assay.ledger.folds import LOCK, TRIES, DamagedFold, Folded, entries, fold_paths
from assay.ledger.landing_zone import Arrival, Hint, find_files
from assay.text import NoRoom, Room, Unreadable

_guard = threading.Lock()
_held: dict[Path, tuple[int, int]] = {}
"""Locks that this process holds as a reader: the open file, and by how many."""


class UnreadableFold(Unreadable):
    """A file is in a fold that is damaged."""


@contextmanager
def unfolded(landing: Path, name: str, scratch: Path) -> Iterator[Path | None]:
    """A file that is in a fold as one of its own for the block; None where it is in no fold.

    Args:
        landing: The landing zone.
        name: The path of the file below it.
        scratch: A folder, in which it is unpacked.

    Raises:
        UnreadableFold: It is not what was folded.
        NoRoom: It does not fit on the disk.
    """
    content = _content(landing, name)
    if content is None:
        yield None
        return
    scratch.mkdir(parents=True, exist_ok=True)
    Room(scratch).take(len(content))
    if len(content) > shutil.disk_usage(scratch).free:
        raise NoRoom(f"it has {len(content):,} bytes, which the disk of scratch/ has not free")
    with TemporaryDirectory(dir=scratch) as folder:
        path = Path(folder) / PurePosixPath(name).name
        path.write_bytes(content)
        yield path


def _content(landing: Path, name: str) -> bytes | None:
    for _ in range(TRIES):
        folded = located(landing, name)
        try:
            return folded.content() if folded else None
        except DamagedFold as error:
            raise UnreadableFold(str(error)) from error
        except FileNotFoundError:
            continue  # its fold was folded into a larger one
    return None


@contextmanager
def reading(landing: Path, name: str) -> Iterator[None]:
    """Keep a file of a feed where it is for the block; others may read it, too.

    Args:
        landing: The landing zone.
        name: The path of the file below it; of one that is of no feed nothing is kept.
    """
    parts = name.split("/", 2)
    lock = landing / FOLDER / parts[1] / LOCK if parts[0] == FOLDER and len(parts) > 2 else None  # noqa: PLR2004
    if lock is None or not _take(lock):
        yield
        return
    try:
        yield
    finally:
        _give_back(lock)


def _take(lock: Path) -> bool:
    """Hold a lock with others; false where there is none, for nothing was ever folded there."""
    with _guard:
        descriptor, readers = _held.get(lock, (-1, 0))
        if not readers:
            try:
                descriptor = os.open(lock, os.O_RDONLY)
            except (FileNotFoundError, NotADirectoryError):
                return False
            try:
                fcntl.flock(descriptor, fcntl.LOCK_SH)
            except BaseException:
                os.close(descriptor)
                raise
        _held[lock] = (descriptor, readers + 1)
    return True


def _give_back(lock: Path) -> None:
    with _guard:
        descriptor, readers = _held.pop(lock)
        if readers > 1:
            _held[lock] = (descriptor, readers - 1)
        else:
            os.close(descriptor)


def find(landing: Path, pattern: str) -> list[Arrival]:
    """All files that the glob claims, in the order of their names, those in folds too, unfinished ones left out.

    A file that is in landing and in a fold is that in landing.

    Raises:
        OSError: The folder of the source cannot be listed; that is not the same as an empty one.
    """
    arrivals = find_files(landing, pattern)
    disk, members = disk_and_members(pattern)
    folded = {} if members else {arrival.name: arrival for arrival in find_folded(landing, disk)}  # after the files
    if not folded:
        return arrivals
    every = {**folded, **{arrival.name: arrival for arrival in arrivals}}
    return sorted(every.values(), key=lambda arrival: os.fsencode(arrival.name))


def find_folded(landing: Path, pattern: str) -> Iterator[Arrival]:
    """The files in folds that a glob claims, as if they lay in landing; a fold that cannot be read, with the problem.

    Args:
        landing: The landing zone.
        pattern: The glob below it.
    """
    glob = file_glob(pattern)
    for feed in feeds_with_folds(landing):
        below = glob.enter(glob.enter(glob.start(), FOLDER), feed)
        if below:
            yield from _of_feed(landing, feed, pattern)


def _of_feed(landing: Path, feed: str, pattern: str) -> Iterator[Arrival]:
    claims = file_glob(pattern).claims
    for _ in range(TRIES):
        arrivals: dict[str, Arrival] = {}
        try:
            for path in fold_paths(landing, feed):
                try:
                    members = entries(path)
                except DamagedFold as error:
                    name = path.relative_to(landing).as_posix()
                    arrivals[name] = Arrival(name, path, Hint.of(path.stat()), str(error))
                    continue
                for folded in members.values():
                    if claims(folded.name):
                        arrivals[folded.name] = as_arrival(folded)
        except FileNotFoundError:
            continue  # a fold was folded into a larger one
        yield from arrivals.values()
        return


def as_arrival(folded: Folded) -> Arrival:
    """A file in a fold as landing showed it."""
    return Arrival(folded.name, folded.fold, folded.hint, is_folded=True)


def damaged_folds(landing: Path, pattern: str) -> list[tuple[str, str]]:
    """(path below the landing zone, why) of folds that cannot be read and may hold files that a glob claims."""
    return [(arrival.name, arrival.problem) for arrival in find_folded(landing, pattern) if arrival.problem]
