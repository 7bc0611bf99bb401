"""Copies a lake as it is at one moment, to try something on the copy; the lake itself is only read.

Landing is a link, because the ledger knows files by their inode. The warehouse is a copy of its own, by reference where
the file system can do that: writing through a hard link would change the lake. Parts that are published are never
changed by anyone, so they get second names.
"""

from __future__ import annotations

import errno
import fcntl
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from pydantic import SecretStr

from assay.base.errors import UserError
from assay.base.fork_mark import MARK, fork_of, mark_fork
from assay.base.run_lock import LockTimeout, RunLock, is_locked, unwritten
from assay.base.run_marks import lock_path
from assay.base.settings import Settings, problem_of_home
from assay.base.warehouse import WarehouseBusy, open_elsewhere
from assay.base.warehouse_stamp import is_as_left, note_left
from assay.publish.lake_state import link_or_copy
from assay.publish.states import IF_MISSING, current_number, folder_of, point_tables
from assay.publish.switched_file import switch_link

_FICLONE = 0x40049409
"""The request of Linux that makes a file share the blocks of another one until either is written to."""
_NO_ROOM = (errno.ENOSPC, errno.EDQUOT)


class CannotFork(UserError):
    """A lake cannot be copied to a folder."""


@contextmanager
def claimed(settings: Settings, folder: Path) -> Iterator[Path]:
    """Claim a folder for a fork for the block, without what a fork of before left in it.

    Args:
        settings: The lake.
        folder: Not there yet, empty, or a fork of this lake that nobody uses.

    Yields:
        The folder as an absolute path.

    Raises:
        CannotFork: It is something else, or within the lake; nothing was changed.
    """
    home = settings.home.resolve()
    place = Path(os.path.abspath(folder.expanduser()))  # noqa: PTH100 - a link is refused, not followed
    _refuse_bad_place(settings, place)
    is_new = not place.exists()
    with suppress(FileExistsError):
        place.mkdir()
    mark: RunLock | None = None
    try:
        mark = mark_fork(place, home)
        _empty(place)
        yield place
    except LockTimeout:
        if mark is not None:
            raise
        raise CannotFork(f"--fork {place} is in use by another process; wait for it, or name another folder") from None
    except BaseException:
        if mark is None and is_new:
            with suppress(OSError):
                place.rmdir()
        raise
    finally:
        if mark is not None:
            mark.release(is_clean=False)


def _refuse_bad_place(settings: Settings, place: Path) -> None:
    real, home = place.resolve(), settings.home.resolve()
    if problem := problem_of_home(place):
        raise CannotFork(f"--fork {place}: {problem}")
    for what, taken in (("the lake", home), ("its landing zone", settings.landing.resolve())):
        if real.is_relative_to(taken):
            raise CannotFork(f"--fork {place} is inside of {what} {taken}; name a folder elsewhere")
    if real.is_relative_to(settings.dbt_project.resolve()):
        raise CannotFork(f"--fork {place} is inside of the dbt project; name a folder elsewhere")
    if place.is_symlink() or (place.exists() and not place.is_dir()):
        raise CannotFork(f"--fork {place} is not a folder; name one that is not there yet")
    if not place.parent.is_dir():
        raise CannotFork(f"--fork {place}: there is no folder {place.parent}; make it first")
    if not place.exists():
        return
    origin = fork_of(place)
    if origin is None and _is_in_use(place):
        raise CannotFork(f"--fork {place} is not empty and no fork of a lake; name a folder that is not there yet")
    if origin not in (None, home):
        raise CannotFork(f"--fork {place} is a fork of another lake, {origin}; name a folder that is not there yet")
    if is_locked(place / lock_path(settings).name):
        raise CannotFork(f"--fork {place} is a fork in which a run is going; wait for it, or name another folder")


def _is_in_use(place: Path) -> bool:
    """Whether a folder that is not marked holds anything but the empty mark of a process that was killed at once."""
    return any(path.name != MARK or path.stat().st_size for path in place.iterdir())


def _empty(place: Path) -> None:
    """Remove all that is in a fork but its mark; what links in it lead to stays."""
    for path in place.iterdir():
        if path.name == MARK:
            continue
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()


def remove_fork(place: Path) -> None:
    """Remove a fork; killed on the way, what is left of it is still one.

    Args:
        place: A folder that `claimed` gave.
    """
    _empty(place)
    (place / MARK).unlink()
    place.rmdir()


def copy_lake(settings: Settings, place: Path, on_wait: Callable[[str], object]) -> Settings:
    """Copy a lake while no run can change it.

    Args:
        settings: The lake.
        place: The folder that was claimed.
        on_wait: Told which run is waited for.

    Returns:
        The settings of the copy, which has nobody to tell of incidents.

    Raises:
        CannotFork: No run has ended in the lake yet, or there is no room.
        LockTimeout: A run did not end in time.
        WarehouseBusy: Another program has the warehouse open.
    """
    lock = lock_path(settings)
    if not (lock.exists() and settings.warehouse.exists() and current_number(settings.published) is not None):
        raise CannotFork(
            f"no run has published anything in {settings.home}, so there is nothing to fork; `assay run` without "
            "--fork loads what has arrived"
        )
    fork = settings.model_copy(update={"home": place, "notify": SecretStr("")})
    try:
        with unwritten(lock, settings.lock_wait_seconds, on_wait) as left_behind:
            lock_path(fork).write_text(left_behind, encoding="utf-8")
            _copy_warehouse(settings, fork)
            _copy_published(settings, fork)
    except OSError as error:
        if error.errno in _NO_ROOM:
            raise CannotFork(
                f"--fork {place}: there is no room for a copy of the lake ({error.strerror}); make some, or name a "
                "folder on another disk"
            ) from error
        raise
    if settings.landing.exists():
        fork.landing.symlink_to(settings.landing.resolve(), target_is_directory=True)
    return fork


def _copy_warehouse(settings: Settings, fork: Settings) -> None:
    source = settings.warehouse
    if holder := open_elsewhere(source):
        raise WarehouseBusy(f"{source.name} is open in {holder}; close it there and run again")
    is_ours = is_as_left(source)
    before = source.stat()
    for name in (source.name, f"{source.name}.wal"):
        if (settings.home / name).exists():
            clone(settings.home / name, fork.home / name)
    after = source.stat()
    if (before.st_mtime_ns, before.st_size, before.st_ino) != (after.st_mtime_ns, after.st_size, after.st_ino):
        raise WarehouseBusy(f"another program wrote to {source.name} while it was copied; close it and run again")
    if is_ours:
        note_left(fork.warehouse)


def _copy_published(settings: Settings, fork: Settings) -> None:
    """Copy the state that readers see, and the book-keeping beside it."""
    source, target = settings.published, fork.published
    target.mkdir()
    number = current_number(source)
    assert number is not None  # noqa: S101 - looked at before
    of_state = folder_of(source, number)
    if of_state.exists():
        _link_files(of_state, target / "states" / f"{number}_{IF_MISSING}")
    for kind in ("lake", "ops"):
        link = source / f"{kind}.duckdb"
        if link.exists():
            name = link.resolve().name
            clone(source / name, target / name)
            switch_link(target / link.name, name)
    point_tables(target)


def _link_files(source: Path, target: Path) -> None:
    """Give all files of a state second names; `shutil.copytree` would hide why one of them cannot be written."""
    target.mkdir(parents=True)
    for path in source.iterdir():
        if path.is_dir():
            _link_files(path, target / path.name)
        else:
            link_or_copy(path, target / path.name)


def clone(source: Path, target: Path) -> None:
    """Copy a file, by reference where the file system can, else byte by byte; never by a second name.

    Raises:
        OSError: There is not enough room for it, or it cannot be read or written.
    """
    with source.open("rb") as reading, target.open("xb") as writing:
        try:
            fcntl.ioctl(writing.fileno(), _FICLONE, reading.fileno())
        except OSError:
            size = os.fstat(reading.fileno()).st_size
            if shutil.disk_usage(target.parent).free < size:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(target)) from None
            shutil.copyfileobj(reading, writing, 1 << 20)
    shutil.copystat(source, target)
