"""Messages of `pgoutput` as a server would send them, for tests without one."""

from __future__ import annotations

import struct
from collections.abc import Sequence

from assay.connectors.postgres.pgoutput import UNCHANGED, Value

TABLE = 16_384
INT4, INT8, TEXT, NUMERIC = 23, 20, 25, 1700


def begin(lsn: int, at: int = 0, xid: int = 700) -> bytes:
    return b"B" + struct.pack(">QqI", lsn, at, xid)


def commit(lsn: int, end: int, at: int = 0) -> bytes:
    return b"C\0" + struct.pack(">QQq", lsn, end, at)


def relation(columns: Sequence[tuple[str, int, bool]], oid: int = TABLE, identity: str = "d") -> bytes:
    """Columns are (name, oid of the type, whether it is part of the identity)."""
    head = b"R" + struct.pack(">I", oid) + b"shop\0orders\0" + identity.encode() + struct.pack(">H", len(columns))
    return head + b"".join(
        bytes([is_key]) + name.encode() + b"\0" + struct.pack(">Ii", kind, -1) for name, kind, is_key in columns
    )


def row(*values: Value) -> bytes:
    def one(value: Value) -> bytes:
        if value is UNCHANGED:
            return b"u"
        if value is None:
            return b"n"
        assert isinstance(value, bytes)
        return b"t" + struct.pack(">I", len(value)) + value

    return struct.pack(">H", len(values)) + b"".join(map(one, values))


def insert(*values: Value, oid: int = TABLE) -> bytes:
    return b"I" + struct.pack(">I", oid) + b"N" + row(*values)


def update(*values: Value, key: bytes = b"", old: bytes = b"", oid: int = TABLE) -> bytes:
    """With the row before it, `old`, or its `key`."""
    before = b"O" + old if old else b"K" + key if key else b""
    return b"U" + struct.pack(">I", oid) + before + b"N" + row(*values)


def delete(key: bytes = b"", old: bytes = b"", oid: int = TABLE) -> bytes:
    return b"D" + struct.pack(">I", oid) + (b"O" + old if old else b"K" + key)


def truncate(*oids: int) -> bytes:
    return b"T" + struct.pack(">IB", len(oids), 0) + struct.pack(f">{len(oids)}I", *oids)
