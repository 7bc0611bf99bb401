"""The run lock: an operating-system lock on a file, which is released when the process that holds it ends."""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType

from assay.base.errors import UserError

PATIENCE = 0.3
"""Seconds that even one who may not wait gives the lock: `is_locked` holds it for an instant."""


class LockTimeout(UserError):
    """Another run held the lock for longer than this one may wait."""


class RunLock:
    """An exclusive lock on a file, with a line in it that says who holds it.

    The line stays when the holder dies: `left_behind` then names the run that did not end.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._descriptor: int | None = None
        self.left_behind = ""

    @property
    def is_held(self) -> bool:
        """Whether this object holds the lock."""
        return self._descriptor is not None

    def acquire(self, holder: str, *, wait_seconds: float, on_wait: Callable[[str], object] | None = None) -> None:
        """Acquire the lock, waiting until it is free.

        Args:
            holder: What others read while they wait.
            wait_seconds: How long to wait.
            on_wait: Called once, with the present holder's line, when there is something to wait for.

        Raises:
            LockTimeout: The lock was not free in time; names the holder.
        """
        self._path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o644)
        try:
            _wait(self._path, descriptor, fcntl.LOCK_EX, wait_seconds, on_wait)
            self.left_behind = os.pread(descriptor, 4096, 0).decode(errors="replace").strip()
            _write(descriptor, holder)
        except BaseException:
            os.close(descriptor)
            raise
        self._descriptor = descriptor

    def release(self, *, is_clean: bool = True) -> None:
        """Release the lock; with `is_clean` false the line stays, as if the holder had died."""
        if self._descriptor is None:
            return
        try:
            if is_clean:
                _write(self._descriptor, "")
        finally:
            os.close(self._descriptor)
            self._descriptor = None

    def __enter__(self) -> RunLock:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()


@contextmanager
def unwritten(path: Path, wait_seconds: float, on_wait: Callable[[str], object]) -> Iterator[str]:
    """Keep others from taking a lock within the block, and change nothing in its file; several may do so at once.

    Args:
        path: The file of the lock, which is there.
        wait_seconds: How long to wait.
        on_wait: Called once, with the present holder's line, when there is something to wait for.

    Yields:
        The line of a holder that did not end; empty where the last one did.

    Raises:
        LockTimeout: The lock was not free in time; names the holder.
    """
    descriptor = os.open(path, os.O_RDONLY)
    try:
        _wait(path, descriptor, fcntl.LOCK_SH, wait_seconds, on_wait)
        yield os.pread(descriptor, 4096, 0).decode(errors="replace").strip()
    finally:
        os.close(descriptor)


def is_locked(path: Path) -> bool:
    """Whether a living process holds the lock on `path` (a missing file is not locked)."""
    try:
        descriptor = os.open(path, os.O_RDWR)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return False
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)


def _write(descriptor: int, line: str) -> None:
    os.ftruncate(descriptor, 0)
    os.pwrite(descriptor, line.encode(), 0)


def _wait(path: Path, descriptor: int, kind: int, wait_seconds: float, on_wait: Callable[[str], object] | None) -> None:
    """Wait for a lock of a kind on an open file."""
    deadline = time.monotonic() + max(wait_seconds, PATIENCE)
    told = False
    while True:
        try:
            fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
            return
        except BlockingIOError:
            holder = os.pread(descriptor, 4096, 0).decode(errors="replace").strip()
            if time.monotonic() > deadline:
                raise LockTimeout(
                    f"waited {wait_seconds:.0f} s for {holder or 'another run'} to end ({path.name}); "
                    "look at it in the UI, or stop that process and try again"
                ) from None
            if on_wait and not told:
                on_wait(holder or "another run")
                told = True
            time.sleep(0.1)
