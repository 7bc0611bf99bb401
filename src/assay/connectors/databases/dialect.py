"""How a database is asked where nothing more is known of it than SQLAlchemy knows; others say what differs.

Belongs here: what is so in most databases. Keep out: what one of them has of its own (`mysql.py`, `sqlite.py`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy import types

from assay.base import clock
from assay.connectors.databases.ahead import Ahead
from assay.connectors.databases.columns import DATE, TEXT, TIMES, TIMESTAMP, TIMESTAMPTZ, SourceColumn, decimal_column
from assay.contract.feed_kinds.database import DatabaseTable
from assay.feeds.errors import Permanent

_OF_ONE_INSTANT = ("SNAPSHOT", "REPEATABLE READ", "SERIALIZABLE")
"""Levels of isolation by which all statements of a transaction see the same rows, those that lock nobody first."""
_MICROSECONDS = 6
"""Digits of a second that Python and Arrow have."""
_REFUSALS = (
    *("password", "authenti", "access denied", "login failed", "not allowed", "permission", "denied", "privilege"),
    *("unknown database", "does not exist", "doesn't exist", "no such", "not found", "invalid", "syntax", "unknown"),
    *("certificate", "ssl", "tls", "unable to open", "cannot open", "ora-01017", "ora-00942", "data source name"),
)
"""What drivers say of what will not be had by trying again."""


class Dialect:
    """A database of which nothing is known but what SQLAlchemy knows."""

    def engine(self, url: sa.URL, *, is_here: bool) -> sa.Engine:
        """What makes connections; `is_here` where no network is between."""
        del is_here
        return sa.create_engine(url, poolclass=sa.NullPool)

    def prepare(self, connection: sa.Connection, feed: DatabaseTable) -> None:
        """Set what a session of a feed needs, e.g. its time zone."""

    def begin(self, connection: sa.Connection) -> str:
        """Begin a transaction that sees the rows of one instant; gives why it does not, empty where it does."""
        driver = connection.connection.dbapi_connection
        try:
            assert driver is not None  # noqa: S101 - the connection is open
            levels: Sequence[str] = connection.dialect.get_isolation_level_values(driver)
        except NotImplementedError:
            levels = ()
        level = next((level for level in _OF_ONE_INSTANT if level in levels), None)
        connection.rollback()
        try:
            if level is not None:
                connection.execution_options(isolation_level=level)
        except (AttributeError, NotImplementedError):
            level = None  # dialects that build upon another one have its names and not always what they stand for
        connection.begin()
        return "" if level else f"{connection.dialect.name} has no level of isolation for the rows of one instant"

    def columns(self, connection: sa.Connection, feed: DatabaseTable) -> tuple[SourceColumn, ...]:
        """The columns of the table.

        Raises:
            Permanent: It is not there.
        """
        schema = feed.table[0] if len(feed.table) > 1 else None
        try:
            listed = sa.inspect(connection).get_columns(feed.table[-1], schema)
        except sa.exc.NoSuchTableError:
            raise missing_table(feed) from None
        return tuple(_column(str(column["name"]), column["type"], connection.dialect) for column in listed)

    def name(self, connection: sa.Connection, name: str) -> sa.quoted_name:
        """A name in SQL: always in quotes, unless the database takes what stands in none for upper case."""
        return sa.quoted_name(name, None if connection.dialect.requires_name_normalize else True)

    def ahead(self, connection: sa.Connection, feed: DatabaseTable, cursor: SourceColumn) -> Ahead:
        """How far a watermark may go, looked at before the snapshot that reads is taken.

        Raises:
            Permanent: It cannot be known.
            Transient: Not now.
        """
        if feed.longest_transaction is None:
            raise Permanent(
                f"feed {feed.source}: {connection.dialect.name} cannot be asked here which transactions are open, and "
                "a row that one of them brings late would be lost; write `longest_transaction: 600`, the seconds that "
                "none takes longer than, or `mode: whole`"
            )
        if cursor.form not in TIMES:
            raise Permanent(
                f"feed {feed.source}: cursor {cursor.name} is of type {cursor.shown}; expected a time, as only of "
                "times `longest_transaction` says which are complete"
            )
        return Ahead(now_utc(), self.since(feed))

    def since(self, feed: DatabaseTable) -> datetime:
        """What a row of a transaction that is open is not older than, by what the yml says."""
        return now_utc() - timedelta(seconds=feed.margin + (feed.longest_transaction or 0.0))

    def check_cursor(self, connection: sa.Connection, feed: DatabaseTable, cursor: SourceColumn) -> None:
        """Refuse values of a cursor that cannot be compared with each other; in the transaction that will read them.

        Raises:
            Permanent: They cannot.
        """

    def check_type(self, feed: DatabaseTable, cursor: SourceColumn) -> None:
        """Refuse a cursor by its type: what is neither a time nor a number, and a time without a zone that may be any.

        Raises:
            Permanent: It is one of these.
        """
        whose = f"feed {feed.source}: cursor {cursor.name}"
        if cursor.form not in TIMES and not cursor.is_number:
            raise Permanent(f"{whose}: is of type {cursor.shown}; expected a time or a whole number of a sequence")
        if cursor.form == TIMESTAMP and not feed.is_utc:
            raise no_zone(whose)

    def bound(self, at: datetime | int, cursor: SourceColumn) -> Any:
        """A time in UTC, or a number, as what the column is compared with."""
        if isinstance(at, int):
            return at
        return sa.literal(at.replace(tzinfo=UTC) if cursor.form == TIMESTAMPTZ else at)

    def read(self, column: sa.ColumnElement[Any]) -> sa.ColumnElement[Any]:
        """What is selected for the greatest value of a cursor."""
        return column

    def moment(self, value: Any, cursor: SourceColumn) -> datetime | int:
        """A value of a cursor, or a position, as a time in UTC without a zone, or as a number.

        Raises:
            ValueError: It is neither.
        """
        if cursor.is_number:
            return int(value)
        at = value if isinstance(value, datetime) else datetime.fromisoformat(str(value))
        return at.astimezone(UTC).replace(tzinfo=None) if at.tzinfo else at

    def has_none(self, column: sa.ColumnElement[Any], cursor: SourceColumn) -> sa.ColumnElement[bool]:
        """What holds for rows without a cursor."""
        del cursor
        return column.is_(None)

    @contextmanager
    def leaving(self, result: sa.CursorResult[Any]) -> Iterator[None]:
        """A block that reads rows of a result; what the driver needs when it fails."""
        del result
        yield

    def passes(self, error: sa.exc.DBAPIError) -> bool:
        """Whether an error may be over by itself."""
        kinds = (sa.exc.OperationalError, sa.exc.InterfaceError, sa.exc.InternalError)
        words = str(error.orig).lower()
        return isinstance(error, kinds) and not any(text in words for text in _REFUSALS)


def now_utc() -> datetime:
    """The time of this machine, in UTC without a zone."""
    return clock.now().astimezone(UTC).replace(tzinfo=None)


def missing_table(feed: DatabaseTable) -> Permanent:
    """What a table is told with that is not there."""
    return Permanent(
        f"feed {feed.source}: there is no table {'.'.join(feed.table)} in the database of the url, or its user may "
        "not read it; write its name as the database has it, upper and lower case too, or grant `select` on it"
    )


def no_zone(whose: str) -> Permanent:
    """What a cursor is told with whose times are of nobody knows which zone."""
    return Permanent(
        f"{whose}: has no time zone, and times of a zone that changes its clock come twice a year; write "
        "`cursor_zone: UTC` if all writers write UTC"
    )


def _column(name: str, kind: types.TypeEngine[Any], dialect: sa.Dialect) -> SourceColumn:
    """A column by the type that SQLAlchemy reads of it."""
    try:
        shown = kind.compile(dialect=dialect).lower()
    except (sa.exc.SQLAlchemyError, AttributeError):
        shown = type(kind).__name__.lower()
    if isinstance(kind, types.Enum | types.Interval):
        return SourceColumn(name, shown, TEXT)
    if isinstance(kind, types.Numeric) and not isinstance(kind, types.Float):
        return decimal_column(name, shown, kind.precision, kind.scale)
    if isinstance(kind, types.DateTime):
        if (getattr(kind, "precision", None) or 0) > _MICROSECONDS or type(kind).__name__ in (
            "DATETIME2",
            "DATETIMEOFFSET",
        ):
            # More digits than drivers give: the database itself writes them.
            return SourceColumn(name, shown, TEXT, reads=lambda column: sa.cast(column, sa.String(60)))
        return SourceColumn(name, shown, TIMESTAMPTZ if kind.timezone else TIMESTAMP)
    forms = ((types.Boolean, "boolean"), (types.Integer, "int64"), (types.Float, "float64"), (types.Date, DATE))
    return SourceColumn(name, shown, next((form for base, form in forms if isinstance(kind, base)), TEXT))
