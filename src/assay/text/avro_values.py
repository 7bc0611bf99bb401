"""The records of an Avro block as JSON, by their schema: strict where readers are lenient, so that nothing is lost.

A value stands in JSON with all its digits. fastavro would take a negative count for none, wrap numbers of more than 64
bits, take the last branch of a union for -1, keep one of two entries of a name, and end the process on deep recursion;
here each of these refuses the file, or leaves a record that is malformed.
"""

from __future__ import annotations

import json
import re
import struct
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from assay.text.avro_logical import of_bytes, of_float, of_whole
from assay.text.record import MAX_JSON_LINE

_SPECIAL = re.compile(rb'["\\\x00-\x1f]')
_ESCAPED = {bytes([byte]): b"\\u%04x" % byte for byte in range(0x20)} | {b'"': b'\\"', b"\\": b"\\\\"}
_DEEPEST = 200
"""Records in each other."""
_LARGEST = 4 * MAX_JSON_LINE
"""Bytes of JSON that the items of a record may be; one of more than `MAX_JSON_LINE` is malformed."""
_BITS = 64
FLOAT, DOUBLE = struct.Struct("<f"), struct.Struct("<d")


class Broken(Exception):
    """The bytes are not what the schema says; the message says where."""


class Data:
    """The bytes of a block.

    Attributes:
        raw: All of them.
        at: How many were read.
        level: Records that are open.
        size: Bytes of JSON of items in the present record.
    """

    __slots__ = ("at", "level", "raw", "size")

    def __init__(self, raw: bytes) -> None:
        self.raw = raw
        self.at = 0
        self.level = 0
        self.size = 0


Read = Callable[[Data], bytes]
"""Reads the next value, and gives it as JSON."""


def number(data: Data) -> int:
    """A whole number; raises IndexError where the bytes end in it."""
    raw, at, value, shift = data.raw, data.at, 0, 0
    while True:
        byte = raw[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:  # noqa: PLR2004 - the bit that says that it goes on
            break
        shift += 7
        if shift > _BITS:
            raise Broken("a number goes on for more than ten bytes")
    if value >> _BITS:
        raise Broken("a number has more than 64 bits")
    data.at = at
    return (value >> 1) ^ -(value & 1)


def _taken(data: Data, size: int) -> bytes:
    at = data.at
    data.at = end = at + size
    if size < 0 or end > len(data.raw):
        raise Broken(f"a text of {size:,} bytes does not fit")
    return data.raw[at:end]


def quoted(text: bytes) -> bytes:
    """A text as JSON; bytes that are no UTF-8 stay, and make the record malformed."""
    return b'"' + (_SPECIAL.sub(lambda mark: _ESCAPED[mark[0]], text) if _SPECIAL.search(text) else text) + b'"'


def null(_: Data) -> bytes:
    """Nothing."""
    return b"null"


def boolean(data: Data) -> bytes:
    """One byte, 0 or 1."""
    byte = data.raw[data.at]
    data.at += 1
    if byte > 1:
        raise Broken(f"a boolean is {byte}")
    return b"true" if byte else b"false"


def whole(data: Data) -> bytes:
    """An int or a long."""
    return b"%d" % number(data)


def text(data: Data) -> bytes:
    """A string, or bytes that are one."""
    return quoted(_taken(data, number(data)))


def floating(form: struct.Struct) -> Read:
    """A float, which is read as the double that it is exactly, or a double."""

    def read(data: Data) -> bytes:
        return of_float(*form.unpack(_taken(data, form.size)))

    return read


def logical(kind: str, schema: Mapping[str, Any]) -> Read | None:
    """What reads a value that the schema says to be a moment, a decimal or the like; None where nothing is said."""
    if kind in ("int", "long"):
        shown = of_whole(schema)
        return (lambda data: shown(number(data))) if shown else None
    show = of_bytes(kind, schema)
    if show is None:
        return None
    size = schema.get("size", 0)

    def read(data: Data) -> bytes:
        taken = show(_taken(data, size if kind == "fixed" else number(data)))
        if not taken:
            raise Broken("a decimal has no digits, or thousands of them")
        return taken

    return read


def fixed(size: int) -> Read:
    """So many bytes, as text."""
    return lambda data: quoted(_taken(data, size))


def enum(symbols: list[str]) -> Read:
    """The place of a symbol."""
    texts = [json.dumps(symbol, ensure_ascii=False).encode() for symbol in symbols]

    def read(data: Data) -> bytes:
        at = number(data)
        if not 0 <= at < len(texts):
            raise Broken(f"symbol {at:,} of an enum of {len(texts):,}")
        return texts[at]

    return read


def _items(data: Data, read: Callable[[Data], bytes]) -> Iterator[bytes]:
    """The items of an array or a map, which come in runs with their count, and perhaps their size."""
    while count := number(data):
        end = None
        if count < 0:
            size = number(data)
            end = data.at + size
        for _ in range(abs(count)):
            item = read(data)
            data.size += len(item) + 1
            if data.size > _LARGEST:
                raise Broken(f"a record of more than {_LARGEST:,} bytes of JSON")
            yield item
        if end is not None and end != data.at:
            raise Broken("items do not have the size that is said of them")


def array(item: Read) -> Read:
    """Values."""
    return lambda data: b"[" + b",".join(_items(data, item)) + b"]"


def mapping(value: Read) -> Read:
    """Values by name; a name that stands twice does so in the JSON too."""
    return lambda data: b"{" + b",".join(_items(data, lambda entry: text(entry) + b":" + value(entry))) + b"}"


def union(branches: list[Read]) -> Read:
    """The place of a branch, and a value of it."""

    def read(data: Data) -> bytes:
        at = number(data)
        if not 0 <= at < len(branches):
            raise Broken(f"branch {at:,} of a union of {len(branches):,}")
        return branches[at](data)

    return read


def named(name: str, value: Read) -> Read:
    """A value with the name of its type around it."""
    key = b"{" + json.dumps(name, ensure_ascii=False).encode() + b":"
    return lambda data: key + value(data) + b"}"


def record(fields: list[tuple[str, Read]]) -> Read:
    """The fields one after the other."""
    keys = [json.dumps(name, ensure_ascii=False).encode() + b":" for name, _ in fields]
    members = [(b"," * (at > 0) + key, read) for at, (key, (_, read)) in enumerate(zip(keys, fields, strict=True))]

    def read(data: Data) -> bytes:
        data.level += 1
        if data.level > _DEEPEST:
            raise Broken(f"more than {_DEEPEST} records in each other")
        parts = [b"{"]
        for key, value in members:
            parts += (key, value(data))
        data.level -= 1
        parts.append(b"}")
        return b"".join(parts)

    return read
