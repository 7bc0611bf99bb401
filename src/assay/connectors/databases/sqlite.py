"""SQLite: one writer, columns that hold any class of value, and times that are texts.

A read transaction is complete up to its greatest cursor, because whoever writes does so alone. Times compare as texts,
so a cursor has to be written in one way throughout.
"""

from __future__ import annotations

import re
import sqlite3
from datetime import datetime
from typing import Any
from urllib.parse import quote

import sqlalchemy as sa

from assay.connectors.databases.ahead import Ahead
from assay.connectors.databases.columns import TEXT, SourceColumn, decimal_column
from assay.connectors.databases.dialect import Dialect, missing_table, no_zone, now_utc
from assay.contract.feed_kinds.database import DatabaseTable
from assay.feeds.errors import Permanent

_WAIT = 10.0
"""Seconds for which a lock of a writer is waited for."""
_DECIMAL = re.compile(r"(?:DECIMAL|NUMERIC)\s*\(\s*(\d+)\s*(?:,\s*(\d+)\s*)?\)")
_SHAPE = re.compile(r"0000-00-00(?P<between>[ T])00:00:00(?P<fraction>\.0{1,6})?(?P<zone>Z|\+00:00)?")
"""A time in which each digit is a zero."""
_WHOLE = len("0000-00-00 00:00:00")
_MOST_SHAPES = 10


class Sqlite(Dialect):
    """A file of SQLite, by Python's own driver."""

    def __init__(self) -> None:
        self._shape: re.Match[str] | None = None

    def engine(self, url: sa.URL, *, is_here: bool) -> sa.Engine:  # noqa: ARG002 - as `Dialect`
        """See `Dialect`; a file that is not there is not made."""
        path = url.database or ""
        if path in ("", ":memory:") or path.startswith("file:") or url.query:
            raise ValueError("expected the path of a file and nothing else: sqlite:////path/to/shop.db")

        def connect() -> sqlite3.Connection:
            place = f"file:{quote(path)}?mode=rw"
            connection = sqlite3.connect(place, uri=True, timeout=_WAIT, isolation_level=None, check_same_thread=False)
            connection.text_factory = _decoded
            return connection

        return sa.create_engine("sqlite://", creator=connect, poolclass=sa.NullPool)

    def prepare(self, connection: sa.Connection, feed: DatabaseTable) -> None:  # noqa: ARG002 - as `Dialect`
        """See `Dialect`."""
        connection.exec_driver_sql("pragma query_only = on")

    def begin(self, connection: sa.Connection) -> str:
        """See `Dialect`; the first statement that reads takes the snapshot."""
        connection.exec_driver_sql("begin deferred")
        return ""

    def columns(self, connection: sa.Connection, feed: DatabaseTable) -> tuple[SourceColumn, ...]:
        """See `Dialect`; by the types as they were declared."""
        schema = feed.table[0] if len(feed.table) > 1 else "main"
        query = "select name, type from pragma_table_xinfo(?, ?) where hidden <> 1 order by cid"
        rows = connection.exec_driver_sql(query, (feed.table[-1], schema)).all()
        if not rows:
            raise missing_table(feed)
        return tuple(_column(str(name), str(kind)) for name, kind in rows)

    def ahead(self, connection: sa.Connection, feed: DatabaseTable, cursor: SourceColumn) -> Ahead:
        """See `Dialect`; `margin` is what a writer may have waited for the lock with its time in hand."""
        if cursor.is_number:
            table = ".".join(f'"{part.replace(chr(34), 2 * chr(34))}"' for part in feed.table)
            column = f'"{cursor.name.replace(chr(34), 2 * chr(34))}"'
            greatest = connection.exec_driver_sql(f"select max({column}) from {table}").scalar()
            return Ahead(now_utc(), greatest if isinstance(greatest, int) else None)
        return Ahead(now_utc(), self.since(feed))

    def check_type(self, feed: DatabaseTable, cursor: SourceColumn) -> None:
        """See `Dialect`; what a column holds is looked at later."""
        if not cursor.is_number and cursor.form != TEXT:
            raise Permanent(
                f"feed {feed.source}: cursor {cursor.name}: is of type {cursor.shown}; expected a time as text, or a "
                "whole number"
            )

    def check_cursor(self, connection: sa.Connection, feed: DatabaseTable, cursor: SourceColumn) -> None:
        """See `Dialect`; all values are of one class, and times are written in one way."""
        names = [self.name(connection, name) for name in feed.table]
        column: sa.ColumnClause[Any] = sa.column(self.name(connection, cursor.name))
        shape: sa.ColumnElement[Any] = sa.func.typeof(column)
        if not cursor.is_number:
            zeros: sa.ColumnElement[Any] = column
            for digit in "123456789":
                zeros = sa.func.replace(zeros, digit, "0")
            shape = sa.case((sa.func.typeof(column) == "text", zeros), else_=sa.func.typeof(column))
        table = sa.table(names[-1], schema=names[0] if len(names) > 1 else None)
        query = sa.select(shape).select_from(table).where(column.is_not(None)).distinct().limit(_MOST_SHAPES)
        shapes = [str(row[0]) for row in connection.execute(query)]
        whose = f"feed {feed.source}: cursor {cursor.name}"
        if cursor.is_number:
            if shapes not in ([], ["integer"]):
                raise Permanent(f"{whose}: holds values of {' and '.join(shapes)}; expected whole numbers alone")
            return
        matches = [match for shape in shapes if (match := _SHAPE.fullmatch(shape))]
        if len(matches) < len(shapes) or not _compare(matches):
            raise Permanent(
                f"{whose}: times are compared as texts, and are not all written as one such as 2026-01-31 23:59:59, "
                f"2026-01-31T23:59:59.123 or 2026-01-31T23:59:59Z, but (each digit as 0) as {' and '.join(shapes)}; "
                "write all in one way, or `mode: whole`"
            )
        self._shape = matches[0] if matches else None
        if self._shape is not None and not self._shape["zone"] and not feed.is_utc:
            raise no_zone(whose)

    def bound(self, at: datetime | int, cursor: SourceColumn) -> Any:  # noqa: ARG002 - as `Dialect`
        """See `Dialect`; a time as the column has its own, in the spelling that sorts before all others of it."""
        if isinstance(at, int) or self._shape is None:
            return at if isinstance(at, int) else at.isoformat(" ")
        text, zone = at.isoformat(self._shape["between"], "microseconds"), self._shape["zone"] or ""
        if zone == "Z":
            return text[: _WHOLE + len(self._shape["fraction"] or "")] + zone
        return text.rstrip("0").rstrip(".") + zone if at.microsecond else text[:_WHOLE] + zone

    def passes(self, error: sa.exc.DBAPIError) -> bool:
        """See `Dialect`; a lock or a full disk."""
        return any(words in str(error.orig) for words in ("locked", "busy", "disk I/O", "is full"))


def _compare(shapes: list[re.Match[str]]) -> bool:
    """Whether times so written compare as their texts do: what follows the seconds sorts before digits, but not `Z`."""
    between, zones = {shape["between"] for shape in shapes}, {shape["zone"] for shape in shapes}
    fractions = {shape["fraction"] for shape in shapes}
    return len(between) <= 1 and len(zones) <= 1 and (zones != {"Z"} or len(fractions) == 1)


def _decoded(text: bytes) -> str | bytes:
    """A text; what is none in UTF-8 as its bytes."""
    try:
        return text.decode()
    except UnicodeDecodeError:
        return text


def _column(name: str, declared: str) -> SourceColumn:
    """A column by SQLite's own rules of what a declared type means."""
    upper, shown = declared.upper(), declared or "any"
    if "INT" in upper or "BOOL" in upper:
        return SourceColumn(name, shown, "int64")
    if any(word in upper for word in ("CHAR", "CLOB", "TEXT", "BLOB")):
        return SourceColumn(name, shown, TEXT)
    if any(word in upper for word in ("REAL", "FLOA", "DOUB")):
        return SourceColumn(name, shown, "float64")
    if sizes := _DECIMAL.search(upper):
        column = decimal_column(name, shown, int(sizes[1]), int(sizes[2] or 0))
        return SourceColumn(**{**vars(column), "is_dynamic": True})
    return SourceColumn(name, shown, TEXT)
