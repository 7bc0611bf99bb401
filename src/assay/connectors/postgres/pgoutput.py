"""The messages of PostgreSQL's plugin `pgoutput`, version 1 of its protocol. Pure: bytes in, values out.

Values stay the bytes of the server's text; what they mean is known by the type of their column (`column_types.py`).
Positions in the log (LSN) are whole numbers.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import Enum


class Absent(Enum):
    """A value that the server did not send."""

    UNCHANGED = "a long value, stored aside, that the update left as it was"


UNCHANGED = Absent.UNCHANGED
Value = bytes | Absent | None
"""The server's text; None for NULL."""
_EPOCH = datetime(2000, 1, 1, tzinfo=UTC)
_TEXT, _NULL, _SAME = b"tnu"
"""How a value of a row is sent: the server's text, NULL, or not at all because it is as it was."""
_WITHOUT_MEANING = (b"Y", b"O", b"M")
"""Names of types, the origin of a transaction, and messages of applications: nothing of a table."""


class UnknownMessage(Exception):
    """Bytes that are no message of this version of the protocol."""


@dataclass(frozen=True, slots=True)
class RelationColumn:
    """A column of a table, as its rows have it from here on; `is_key` where it is part of the replica identity."""

    name: str
    type_oid: int
    modifier: int
    is_key: bool


@dataclass(frozen=True, slots=True)
class Relation:
    """A table: sent before its first change, and again when it was altered."""

    oid: int
    schema: str
    name: str
    identity: str
    columns: tuple[RelationColumn, ...]

    names: tuple[str, ...] = field(init=False, compare=False)
    """Of the columns; made once, as each change needs it."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "names", tuple(column.name for column in self.columns))

    @property
    def shape(self) -> tuple[tuple[str, int, int], ...]:
        """What the columns of a file depend on."""
        return tuple((column.name, column.type_oid, column.modifier) for column in self.columns)


@dataclass(frozen=True, slots=True)
class Begin:
    """A transaction that was committed: the position and time (µs since 2000) of its commit."""

    commit_lsn: int
    committed_at: int
    xid: int


@dataclass(frozen=True, slots=True)
class Commit:
    """Its end: `end_lsn` is where the log goes on."""

    commit_lsn: int
    end_lsn: int
    committed_at: int


@dataclass(frozen=True, slots=True)
class Change:
    """A row that came, changed or went.

    Attributes:
        kind: `I`, `U` or `D`.
        relation: The oid of its table.
        new: The row after the change; None of a delete.
        old: The row before it, where the server sends one.
        is_whole: Whether `old` has all columns; else those of the replica identity, and NULL in place of others.
    """

    kind: str
    relation: int
    new: tuple[Value, ...] | None
    old: tuple[Value, ...] | None
    is_whole: bool


@dataclass(frozen=True, slots=True)
class Truncate:
    """Tables that were emptied."""

    relations: tuple[int, ...]


Message = Relation | Begin | Commit | Change | Truncate


def decode(message: bytes) -> Message | None:
    """A message; None for one that says nothing of a table.

    Raises:
        UnknownMessage: It is none, or is cut short.
    """
    kind = message[:1]
    try:
        match kind:
            case b"B":
                return Begin(*struct.unpack_from(">QqI", message, 1))
            case b"C":
                return Commit(*struct.unpack_from(">QQq", message, 2))
            case b"R":
                return _relation(message)
            case b"I" | b"U" | b"D":
                return _change(message)
            case b"T":
                count, _ = struct.unpack_from(">IB", message, 1)
                return Truncate(struct.unpack_from(f">{count}I", message, 6))
    except (struct.error, IndexError, ValueError) as error:
        raise UnknownMessage(f"a message {kind!r} of pgoutput is damaged: {error}") from None
    if kind in _WITHOUT_MEANING:
        return None
    raise UnknownMessage(f"a message {kind!r} is not one of version 1 of pgoutput")


def relation_of(message: bytes) -> int:
    """The oid of the table of a change (`I`, `U`, `D`) or a relation (`R`), without decoding all of it."""
    return int.from_bytes(message[1:5], "big")


def moment(committed_at: int) -> datetime:
    """The time of a commit, in UTC."""
    return _EPOCH + timedelta(microseconds=committed_at)


def lsn_of(text: str) -> int:
    """A position as the server writes it, e.g. `16/B374D848`."""
    high, low = text.split("/")
    return (int(high, 16) << 32) + int(low, 16)


def lsn_text(lsn: int) -> str:
    """A position as the server reads it."""
    return f"{lsn >> 32:X}/{lsn & 0xFFFFFFFF:X}"


def _relation(message: bytes) -> Relation:
    schema, at = _text(message, 5)
    name, at = _text(message, at)
    identity = chr(message[at])
    (count,) = struct.unpack_from(">H", message, at + 1)
    at += 3
    columns = []
    for _ in range(count):
        flags = message[at]
        column, at = _text(message, at + 1)
        oid, modifier = struct.unpack_from(">Ii", message, at)
        at += 8
        columns.append(RelationColumn(column, oid, modifier, bool(flags & 1)))
    return Relation(relation_of(message), schema, name, identity, tuple(columns))


def _change(message: bytes) -> Change:
    kind, relation, at = chr(message[0]), relation_of(message), 5
    new: tuple[Value, ...] | None = None
    old: tuple[Value, ...] | None = None
    is_whole = False
    if message[at : at + 1] in (b"K", b"O"):
        is_whole = message[at : at + 1] == b"O"
        old, at = _row(message, at + 1)
    if kind != "D":
        if message[at : at + 1] != b"N":
            raise ValueError("it has no new row")
        new, at = _row(message, at + 1)
    elif old is None:
        raise ValueError("it has no old row")
    if at != len(message):
        raise ValueError(f"{len(message) - at} bytes too many")
    return Change(kind, relation, new, old, is_whole)


def _row(message: bytes, at: int) -> tuple[tuple[Value, ...], int]:
    count = int.from_bytes(message[at : at + 2], "big")
    at += 2
    values: list[Value] = []
    for _ in range(count):
        kind = message[at]
        at += 1
        if kind == _TEXT:
            length = int.from_bytes(message[at : at + 4], "big")
            at += 4
            if at + length > len(message):
                raise ValueError("a value is cut short")
            values.append(message[at : at + length])
            at += length
        elif kind == _NULL:
            values.append(None)
        elif kind == _SAME:
            values.append(UNCHANGED)
        else:
            raise ValueError(f"a value of kind {chr(kind)!r}")
    return tuple(values), at


def _text(message: bytes, at: int) -> tuple[str, int]:
    end = message.index(b"\0", at)
    return message[at:end].decode(), end + 1
