"""The container of an Avro file: its header, and its blocks with the number of records that each says it has.

Belongs here: the bytes around the records (Avro 1.12, "Object Container Files"). Keep out: what a record holds
(`assay.text.avro_values`).
"""

from __future__ import annotations

import bz2
import json
import lzma
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from backports.zstd import ZstdDecompressor, ZstdError

from assay.text.stream import Unreadable

MAGIC = b"Obj\x01"
LARGEST_BLOCK = 256 << 20
"""Bytes of a block, packed or not; writers cut them at some 16 KB to a few MB."""
_LARGEST_HEADER = 64 << 20
_LONGEST_NUMBER = 10
"""Bytes of a whole number of 64 bits."""
_SYNC = 16
_CHECKSUM = 4


class Header(NamedTuple):
    """What stands before the blocks.

    Attributes:
        schema: Of each record, as JSON says it.
        codec: How blocks are compressed.
        sync: What stands after each block.
    """

    schema: Any
    codec: str
    sync: bytes


class Block(NamedTuple):
    """Some records.

    Attributes:
        number: From 1, for messages.
        records: Records that it says it has.
        packed: Its bytes as they stand in the file.
    """

    number: int
    records: int
    packed: bytes


class Container:
    """The header of a container, and its blocks one after the other.

    Args:
        received: The bytes of the file, in pieces.

    Raises:
        Unreadable: It is no container, or is damaged where it was read up to now.
    """

    def __init__(self, received: Iterable[bytes]) -> None:
        self._stream = _Stream(received)
        if self._stream.take(len(MAGIC), "its first bytes") != MAGIC:
            raise Unreadable("is no Avro container file, which begins with `Obj` and the byte 1")
        self.header = self._header()

    def blocks(self) -> Iterator[Block]:
        """The blocks, whose sync markers are held against the one of the header.

        Raises:
            Unreadable: A count, size or sync marker is damaged, or the file breaks off.
        """
        number = 0
        while not self._stream.is_over():
            number += 1
            where = f"block {number:,}"
            count, size = self._stream.number(where), self._stream.number(where)
            if count < 0 or not 0 <= size <= LARGEST_BLOCK:
                raise Unreadable(f"{where} of the Avro file says {count:,} records in {size:,} bytes: it is damaged")
            packed = self._stream.take(size, where)
            if self._stream.take(_SYNC, where) != self.header.sync:
                raise Unreadable(f"the sync marker after {where} of the Avro file is not the one of its header")
            yield Block(number, count, packed)

    def _header(self) -> Header:
        metadata = self._metadata()
        try:
            codec = metadata.get(b"avro.codec", b"null").decode()
            schema = json.loads(metadata[b"avro.schema"])
        except (KeyError, ValueError, RecursionError) as error:
            raise Unreadable("the header of the Avro file has no schema in JSON") from error
        if codec not in _CODECS:
            raise Unreadable(f"its Avro codec is {codec!r}, and those that can be read are {', '.join(_CODECS)}")
        return Header(schema, codec, self._stream.take(_SYNC, "its header"))

    def _metadata(self) -> Mapping[bytes, bytes]:
        metadata: dict[bytes, bytes] = {}
        left = _LARGEST_HEADER
        while count := self._stream.number("its header"):
            if count < 0:
                self._stream.number("its header")  # the size of the entries
            for _ in range(abs(count)):
                texts = []
                for _ in range(2):
                    size = self._stream.number("its header")
                    left -= size
                    if size < 0 or left < 0:
                        raise Unreadable("the header of the Avro file is damaged")
                    texts.append(self._stream.take(size, "its header"))
                metadata[texts[0]] = texts[1]
        return metadata


class _Stream:
    """Bytes that come in pieces, taken as many at a time as are wanted."""

    def __init__(self, received: Iterable[bytes]) -> None:
        self._pieces = iter(received)
        self._piece = b""
        self._at = 0

    def is_over(self) -> bool:
        """Whether nothing is left."""
        while self._at == len(self._piece):
            piece = next(self._pieces, None)
            if piece is None:
                return True
            self._piece, self._at = piece, 0
        return False

    def take(self, size: int, where: str) -> bytes:
        """The next bytes.

        Raises:
            Unreadable: There are not so many.
        """
        parts = []
        while size:
            if self.is_over():
                raise Unreadable(f"the Avro file breaks off in {where}")
            part = self._piece[self._at : self._at + size]
            self._at += len(part)
            size -= len(part)
            parts.append(part)
        return b"".join(parts)

    def number(self, where: str) -> int:
        """A whole number in its variable length, whose last bit is its sign; raises as `length` does."""
        value = self.length(where)
        return (value >> 1) ^ -(value & 1)

    def length(self, where: str) -> int:
        """A whole number in its variable length that has no sign.

        Raises:
            Unreadable: It goes on for too long.
        """
        value = 0
        for at in range(_LONGEST_NUMBER):
            [byte] = self.take(1, where)
            value |= (byte & 0x7F) << (7 * at)
            if byte < 0x80:  # noqa: PLR2004 - the bit that says that it goes on
                return value
        raise Unreadable(f"a number in {where} of the Avro file goes on for more than {_LONGEST_NUMBER} bytes")


def unpacked(block: Block, codec: str) -> bytes:
    """The records of a block, decompressed.

    Raises:
        Unreadable: They are damaged, or more than `LARGEST_BLOCK` bytes.
    """
    try:
        content = _CODECS[codec](block.packed)
    except (zlib.error, ZstdError, lzma.LZMAError, OSError, EOFError, ValueError) as error:
        raise Unreadable(f"block {block.number:,} of the Avro file is damaged ({codec}: {error})") from error
    if len(content) > LARGEST_BLOCK:
        raise Unreadable(f"block {block.number:,} of the Avro file unpacks to more than {LARGEST_BLOCK:,} bytes")
    return content


def _by(make: Callable[[], Any], left: int = 0) -> Callable[[bytes], bytes]:
    """Decompress by a stream, of which nothing may be missing, and no more than some bytes be left over."""

    def unpack(packed: bytes) -> bytes:
        stream = make()
        content: bytes = stream.decompress(packed, LARGEST_BLOCK + 1)
        if len(content) <= LARGEST_BLOCK and (not stream.eof or len(stream.unused_data) > left):
            raise ValueError("the stream does not end where the block does")
        return content

    return unpack


def _snappy(packed: bytes) -> bytes:
    """Snappy without a frame, which begins with its length; behind it stands the checksum of what it holds."""
    import pyarrow as pa  # noqa: PLC0415 - 0.2 s that only a load should cost

    body, checksum = packed[:-_CHECKSUM], packed[-_CHECKSUM:]
    size = _Stream([body]).length("a block")
    if size > LARGEST_BLOCK:
        raise ValueError(f"it says {size:,} bytes")
    content: bytes = pa.Codec("snappy").decompress(body, size, asbytes=True)
    if zlib.crc32(content).to_bytes(_CHECKSUM, "big") != checksum:
        raise ValueError("the checksum does not match")
    return content


# Writers in Python leave a part of the checksum of zlib behind the deflated bytes.
_CODECS: Mapping[str, Callable[[bytes], bytes]] = {
    "null": bytes,
    "deflate": _by(lambda: zlib.decompressobj(-15), left=4),
    "snappy": _snappy,
    "zstandard": _by(ZstdDecompressor),
    "bzip2": _by(bz2.BZ2Decompressor),
    "xz": _by(lzma.LZMADecompressor),
}
