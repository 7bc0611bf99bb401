"""The bytes of a file as received: opened without blocking, in pieces of bounded size."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

PIECE = 64 * 1024
"""Bytes read at a time: small enough for the processor's cache, through which a piece goes several times."""

_KINDS = (
    (stat.S_ISDIR, "a directory"),
    (stat.S_ISFIFO, "a named pipe"),
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISCHR, "a device"),
    (stat.S_ISBLK, "a device"),
)


class Unreadable(Exception):
    """The file as a whole cannot be read; the message says why, in words for the person who sent it."""


def open_regular(path: Path) -> BinaryIO:
    """Open a regular file for reading; a pipe without a writer does not block.

    Raises:
        Unreadable: It is not a regular file, or may not be read.
        FileNotFoundError: It is gone.
    """
    try:
        _refuse_irregular(path.stat().st_mode)
        file = open(os.open(path, os.O_RDONLY | os.O_NONBLOCK), "rb", buffering=0)  # noqa: PTH123, SIM115 - by descriptor
    except PermissionError as error:
        raise Unreadable("permission denied: the process that loads may not read this file") from error
    try:
        _refuse_irregular(os.fstat(file.fileno()).st_mode)
    except Unreadable:
        file.close()
        raise
    return file


def _refuse_irregular(mode: int) -> None:
    if not stat.S_ISREG(mode):
        kind = next((name for test, name in _KINDS if test(mode)), "something else")
        raise Unreadable(f"not a regular file but {kind}")


def pieces(file: BinaryIO) -> Iterator[bytes]:
    """The rest of a file, `PIECE` bytes at a time."""
    while piece := file.read(PIECE):
        yield piece
