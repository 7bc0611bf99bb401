"""Writes a file into a folder so that a reader sees all of it or nothing.

Belongs here: the one way in which files are written where others look for them. Keep out: what is in the files.
"""

from __future__ import annotations

import io
import os
import secrets
import shutil
from pathlib import Path
from typing import BinaryIO

CHUNK = 1 << 20
ASIDE_PREFIX = "."
ASIDE_SUFFIX = ".part"


def place(path: Path, data: bytes | Path, *, mtime: float) -> bool:
    """Make `path` hold exactly `data`, at once, and say whether something was written.

    A file with the same bytes is left alone: same inode, same time. Anything else is replaced in one step by a file
    that was first written aside, in the same folder, under a name that starts with `.` and ends in `.part`. Folders
    that are missing are made. When the writing fails or is interrupted, the file aside is removed and `path` is as
    before.

    Args:
        path: Where the file is to be.
        data: The bytes, or a file to copy them from in pieces of 1 MiB; that file must not change meanwhile.
        mtime: The file's time of last change, in seconds since 1970 UTC.

    Returns:
        True when the file was written, False when the same bytes were there.

    Raises:
        OSError: The file cannot be read or written, or `path` is a folder.
    """
    if _holds(path, data):
        return False
    path.parent.mkdir(parents=True, exist_ok=True)
    # A short name of its own: `.<name>.part` could be longer than the file system allows.
    aside = path.parent / f"{ASIDE_PREFIX}{secrets.token_hex(8)}{ASIDE_SUFFIX}"
    try:
        _write(aside, data, mtime)
        aside.replace(path)
    except BaseException:
        aside.unlink(missing_ok=True)
        raise
    sync(path.parent)
    return True


def _write(aside: Path, data: bytes | Path, mtime: float) -> None:
    """Write, stamp and fsync a file that must not exist yet."""
    with aside.open("xb") as target, _reader(data) as source:
        shutil.copyfileobj(source, target, CHUNK)
        target.flush()
        os.utime(aside, (mtime, mtime))
        os.fsync(target.fileno())


def _holds(path: Path, data: bytes | Path) -> bool:
    """Whether a regular file with the same bytes is there."""
    if not path.is_file():
        return False
    size = data.stat().st_size if isinstance(data, Path) else len(data)
    if path.stat().st_size != size:
        return False
    with path.open("rb") as there, _reader(data) as wanted:
        while piece := wanted.read(CHUNK):
            if there.read(CHUNK) != piece:
                return False
    return True


def _reader(data: bytes | Path) -> BinaryIO:
    """The data as a stream, whichever of the two it is."""
    return data.open("rb") if isinstance(data, Path) else io.BytesIO(data)


def sync(path: Path) -> None:
    """Make a file, or the names in a folder, survive a power cut."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
