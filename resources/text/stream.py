"""The bytes of a file: opened without blocking, decompressed and verified, in pieces of bounded size."""

from __future__ import annotations

import os
import stat
import zlib
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import BinaryIO

PIECE = 64 * 1024
"""Bytes read at a time: small enough for the processor's cache, through which a piece goes several times."""

_GZIP = b"\x1f\x8b"
_FOLLOWED = "something that is not gzip follows the end of the gzip stream"
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


def is_gzip(head: bytes) -> bool:
    """Whether these first bytes of a file open a gzip stream."""
    return head.startswith(_GZIP)


def plain(received: Iterator[bytes]) -> Iterator[bytes]:
    """The content of what was received: decompressed where its first bytes say gzip.

    Raises:
        Unreadable: The gzip stream is damaged.
    """
    first = next(received, b"")
    whole = chain([first], received)
    return gunzip(whole) if is_gzip(first) else whole


def gunzip(received: Iterator[bytes]) -> Iterator[bytes]:
    """Decompress one or more gzip members, each verified by its checksum and its length.

    Zero bytes after a member are padding.

    Raises:
        Unreadable: The stream is cut off or damaged, or something else follows it.
    """
    member, is_first = None, True
    for piece in received:
        data = piece
        while data:
            if member is None:
                data = data if is_first else data.lstrip(b"\0")
                if not data:
                    break
                member = _member(data, is_first=is_first)
                is_first = False
            try:
                content = member.decompress(data, PIECE)
            except zlib.error as error:
                raise Unreadable(_gzip_problem(str(error))) from error
            if content:
                yield content
            data = member.unused_data if member.eof else member.unconsumed_tail
            member = None if member.eof else member
    if member is not None:
        raise Unreadable("the gzip stream ends in the middle: the file is cut off")


def _member(data: bytes, *, is_first: bool) -> zlib._Decompress:
    if not is_first and data[:1] != _GZIP[:1]:
        raise Unreadable(_FOLLOWED)
    return zlib.decompressobj(wbits=31)


def _gzip_problem(message: str) -> str:
    if "incorrect header check" in message:  # the first member has its magic bytes, or it would not be here
        return _FOLLOWED
    if "incorrect data check" in message or "incorrect length check" in message:
        return "the gzip checksum does not match: the content is damaged"
    return f"the gzip stream is damaged ({message.rpartition(': ')[2]})"
