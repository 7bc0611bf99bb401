"""Limits what is written of a file to the room on the disk, so that one which unpacks to more does not fill it."""

from __future__ import annotations

import shutil
from pathlib import Path

_KEPT = 0.05
"""Of a disk, is left free; a disk with less is nearly full already, and it is not the file that fills it."""


class NoRoom(Exception):
    """What a file unpacks to does not fit on the disk."""


class Room:
    """The bytes that may be written below a folder.

    Args:
        folder: An existing folder of the disk; None where nothing is written, and so nothing can fill up.
    """

    def __init__(self, folder: Path | None) -> None:
        self._whole, self._left = 0, float("inf")
        if folder is None:
            return
        disk = shutil.disk_usage(folder)
        left = disk.free - int(_KEPT * disk.total)
        if left > 0:  # else the disk itself says when it is full
            self._left = left
        self._whole = left

    def take(self, size: int) -> None:
        """Count bytes that were written.

        Raises:
            NoRoom: They are more than there was room for.
        """
        self._left -= size
        if self._left < 0:
            raise NoRoom(
                f"its content takes more than the {self._whole:,} bytes that the disk of scratch/ can spare for a copy"
            )
