"""What wraps a text file: gzip, Zstandard, bzip2, xz or nothing, told by its first bytes; the content is verified."""

from __future__ import annotations

import bz2
import lzma
import re
import zlib
from collections.abc import Callable, Generator, Iterator, Mapping
from itertools import chain
from pathlib import Path
from typing import Any, Literal

from backports.zstd import ZstdDecompressor, ZstdError

from assay.text.stream import PIECE, Unreadable, open_regular, pieces

Compression = Literal["none", "gzip", "zstd", "bzip2", "xz"]
"""As DuckDB calls those that it can take off: the first three."""
OF_DUCKDB = frozenset(("none", "gzip", "zstd"))

MARK = 10
"""First bytes that it takes to tell."""
_GZIP = b"\x1f\x8b"
_BZIP2 = re.compile(rb"BZh[1-9]\x31\x41\x59\x26\x53\x59|BZh[1-9]\x17\x72\x45\x38\x50\x90")
_XZ = b"\xfd7zXZ\x00"
_ZSTD = b"\x28\xb5\x2f\xfd"
_ZSTD_SKIPPABLE = b"\x2a\x4d\x18"
"""What follows the first byte, 0x50 to 0x5f, of a frame that holds no content (RFC 8878, section 3.1.2)."""


def compression(head: bytes) -> Compression:
    """The compression that the first bytes of a file show, at least `MARK` of them where it has as many."""
    if head.startswith(_GZIP):
        return "gzip"
    if _BZIP2.match(head):
        return "bzip2"
    if head.startswith(_XZ):
        return "xz"
    return "zstd" if _is_zstd(head) else "none"


def _is_zstd(head: bytes) -> bool:
    return head.startswith(_ZSTD) or (
        head[:1] in b"PQRSTUVWXYZ[\\]^_" and head[1 : 1 + len(_ZSTD_SKIPPABLE)] == _ZSTD_SKIPPABLE
    )


def content(path: Path) -> Generator[bytes, None, None]:
    """The content of a file, decompressed, a piece at a time.

    Raises:
        Unreadable: It is not a regular file, or its compressed stream is damaged.
        FileNotFoundError: It is gone.
    """
    with open_regular(path) as file:
        yield from plain(pieces(file))


def plain(received: Iterator[bytes]) -> Iterator[bytes]:
    """The content of what was received: decompressed where its first bytes say so.

    Raises:
        Unreadable: The compressed stream is damaged.
    """
    head = next(received, b"")
    while len(head) < MARK and (more := next(received, b"")):
        head += more
    whole = chain([head], received)
    kind = compression(head)
    if kind == "none":
        return whole
    return gunzip(whole) if kind == "gzip" else unpacked(whole, kind)


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
        raise _cut_off("gzip")


def unpacked(received: Iterator[bytes], kind: Compression) -> Iterator[bytes]:
    """Decompress one or more streams, each verified by its checksum where it has one.

    Raises:
        Unreadable: The stream is cut off or damaged, or something else follows it.
    """
    make, damaged = _STREAMS[kind]
    stream = None
    for piece in received:
        data = piece
        while data or not (stream is None or stream.needs_input):
            stream = stream or make()
            try:
                content = stream.decompress(data, PIECE)
            except damaged as error:
                raise Unreadable(f"the {kind} stream is damaged ({error})") from error
            if content:
                yield content
            data, stream = (stream.unused_data, None) if stream.eof else (b"", stream)
    if stream is not None:
        raise _cut_off(kind)


_STREAMS: Mapping[Compression, tuple[Callable[[], Any], type[Exception]]] = {
    "zstd": (ZstdDecompressor, ZstdError),
    "bzip2": (bz2.BZ2Decompressor, OSError),
    "xz": (lzma.LZMADecompressor, lzma.LZMAError),
}


def _member(data: bytes, *, is_first: bool) -> zlib._Decompress:
    if not is_first and data[:1] != _GZIP[:1]:
        raise Unreadable(_followed())
    return zlib.decompressobj(wbits=31)


def _gzip_problem(message: str) -> str:
    if "incorrect header check" in message:  # the first member has its magic bytes, or it would not be here
        return _followed()
    if "incorrect data check" in message or "incorrect length check" in message:
        return "the gzip checksum does not match: the content is damaged"
    return f"the gzip stream is damaged ({message.rpartition(': ')[2]})"


def _followed() -> str:
    return "something that is not gzip follows the end of the gzip stream"


def _cut_off(kind: str) -> Unreadable:
    return Unreadable(f"the {kind} stream ends in the middle: the file is cut off")
