"""A disk of some megabytes that can be filled, where the system lets one be mounted."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

MEGABYTES = 48
WHY_NOT = "no tmpfs may be mounted here (only root may, on Linux): the full disk is left out"
_PATIENCE = 60.0


class SmallDisk:
    """A tmpfs that is mounted on a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._filler = folder / ".filler"  # landing leaves hidden files alone

    def fill_until(self, is_told: Callable[[], object]) -> None:
        """Leave no byte free until something is so; then give the space back."""
        deadline = time.monotonic() + _PATIENCE
        try:
            while not is_told():
                assert time.monotonic() < deadline, "nobody says that the disk is full"
                self.fill()
                time.sleep(0.02)
        finally:
            self.empty()

    def empty(self) -> None:
        """Give back what was taken."""
        self._filler.unlink(missing_ok=True)

    def fill(self) -> None:
        """Take what is free at this moment."""
        with self._filler.open("ab", buffering=0) as filler:
            for size in (1 << 20, 1 << 12):
                try:
                    while filler.write(bytes(size)) == size:
                        pass
                except OSError:
                    continue


@contextmanager
def small_disk(folder: Path) -> Iterator[SmallDisk | None]:
    """A small disk on a folder within the block; None where none may be mounted."""
    folder.mkdir(parents=True, exist_ok=True)
    command = ["mount", "-t", "tmpfs", "-o", f"size={MEGABYTES}m", "tmpfs", str(folder)]
    if not sys.platform.startswith("linux") or subprocess.run(command, check=False, capture_output=True).returncode:
        print(WHY_NOT)  # noqa: T201 - shown when a test fails
        yield None
        return
    try:
        yield SmallDisk(folder)
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True, capture_output=True)
