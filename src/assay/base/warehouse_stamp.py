"""Tells whether anything but Assay has written to the warehouse since Assay closed it, by the file itself."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

from assay.base.atomic_write import place


def note_left(warehouse: Path) -> None:
    """Keep how the closed file is left, under the run lock; where that cannot be kept, it is as if another had written.

    Args:
        warehouse: The file, closed.
    """
    with suppress(OSError):
        place(_stamp(warehouse), _state(warehouse).encode(), mtime=warehouse.stat().st_mtime)


def is_as_left(warehouse: Path) -> bool:
    """Whether the file is the one that was left: no other program wrote to it, and no backup took its place.

    Args:
        warehouse: The file; before it is opened for writing, as that may change it.
    """
    try:
        return _stamp(warehouse).read_text(encoding="ascii") == _state(warehouse)
    except (OSError, UnicodeDecodeError):
        return False


def _stamp(warehouse: Path) -> Path:
    return warehouse.with_suffix(".stamp")


def _state(warehouse: Path) -> str:
    """Size, time of last change and inode of the file, and whether a log of a process that died is beside it."""
    stat = warehouse.stat()
    log = warehouse.with_name(f"{warehouse.name}.wal").exists()
    return f"{stat.st_size} {stat.st_mtime_ns} {stat.st_ino} {log}\n"
