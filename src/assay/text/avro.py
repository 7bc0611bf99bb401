"""Avro container files as lines of JSON, a record each, and how many records their blocks say they have."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from assay.text.avro_blocks import Block, Container, unpacked
from assay.text.avro_schema import top_level
from assay.text.avro_values import Broken, Data, Read
from assay.text.stream import PIECE, Unreadable

_MOST_EMPTY = 10_000_000
"""Records of a block that take no bytes."""


class Said(NamedTuple):
    """What a file says of its records.

    Attributes:
        records: The counts of all blocks together.
        names: The fields of a record, where all are of one kind.
    """

    records: int
    names: tuple[str, ...] | None


def count_avro(received: Iterable[bytes]) -> Said:
    """What a container says of its records; none of them is read.

    Raises:
        Unreadable: It is no container, or is damaged around its records.
    """
    container = Container(received)
    names = top_level(container.header.schema).names
    return Said(sum(block.records for block in container.blocks()), names)


def avro_schema(received: Iterable[bytes]) -> Mapping[str, Any]:
    """The schema of the records of a container; raises as `count_avro` does."""
    schema = Container(received).header.schema
    return schema if isinstance(schema, dict) else {}


def avro_lines(received: Iterable[bytes]) -> Iterator[bytes]:
    """The records of a container, of which the bytes of each block hold exactly as many as it says.

    Raises:
        Unreadable: It is damaged, or one of its blocks holds other records than it says.
    """
    container = Container(received)
    read = top_level(container.header.schema).read
    for block in container.blocks():
        yield from _lines(block, unpacked(block, container.header.codec), read)


def _lines(block: Block, raw: bytes, read: Read) -> Iterator[bytes]:
    """The records of a block, some at a time."""
    where = f"block {block.number:,} of the Avro file"
    if block.records > len(raw) + _MOST_EMPTY:
        raise Unreadable(f"{where} says {block.records:,} records that take no bytes")
    data = Data(raw)
    lines: list[bytes] = []
    size = 0
    for at in range(1, block.records + 1):
        data.size = 0
        try:
            line = read(data)
        except (Broken, IndexError, RecursionError) as error:
            why = str(error) if isinstance(error, Broken) else "it breaks off"
            raise Unreadable(f"record {at:,} of {block.records:,} in {where} is not of its schema: {why}") from error
        lines.append(line)
        size += len(line)
        if size >= PIECE:
            yield b"\n".join([*lines, b""])
            lines, size = [], 0
    if data.at != len(raw):
        left = len(raw) - data.at
        raise Unreadable(f"{where} says {block.records:,} records, and {left:,} bytes are left behind them")
    yield b"\n".join([*lines, b""])
