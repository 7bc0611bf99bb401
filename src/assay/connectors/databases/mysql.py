"""MySQL and MariaDB: exact values by the server's own texts, and one instant of InnoDB.

Times are read as texts, because drivers make NULL of `0000-00-00` or have no hour 838; floats are read as doubles,
because the server writes six digits of them. Keep out: which transactions are open (`mysql_open.py`).
"""

from __future__ import annotations

import ssl
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from assay.connectors.databases.ahead import Ahead
from assay.connectors.databases.columns import DATE, TEXT, TIMESTAMP, TIMESTAMPTZ, SourceColumn, decimal_column
from assay.connectors.databases.dialect import Dialect, missing_table
from assay.connectors.databases.mysql_open import ahead_of_open
from assay.contract.feed_kinds.database import DatabaseTable
from assay.feeds.errors import Permanent

_SETTINGS = (
    "set session time_zone = '+00:00'",
    "set session transaction isolation level repeatable read",
    "set session sql_select_limit = default",
    "set session net_write_timeout = 86400",  # a disk that waits for a while is no reason to hang up
    "set session wait_timeout = 86400",
    "set session lock_wait_timeout = 60",  # of a table that is altered; a day else, without a word
)
_LIMITS = {True: "set session max_statement_time = 0", False: "set session max_execution_time = 0"}
"""By whether the server is MariaDB."""
_COLUMNS = """
    select column_name, data_type, column_type, numeric_precision, numeric_scale from information_schema.columns
    where table_schema = coalesce(:schema, database()) and table_name = :name
        and cast(table_schema as binary) = cast(coalesce(:schema, database()) as binary)
        and cast(table_name as binary) = cast(:name as binary)
    order by ordinal_position
"""
_WIDTHS = {"tinyint": 8, "smallint": 16, "mediumint": 32, "int": 32, "bigint": 64}
_FORMS = {
    "float": "float32",
    "double": "float64",
    "year": "int16",
    "bit": "uint64",
    "date": DATE,
    "datetime": TIMESTAMP,
    "timestamp": TIMESTAMPTZ,
}
_AS_SERVER_WRITES = ("date", "datetime", "timestamp", "time", "set")
_STAYS = (
    *(1044, 1045, 1046, 1049, 1064, 1109, 1130, 1142, 1143, 1146, 1147, 1193, 1227, 1231, 1235, 1251, 1370, 1396, 1449),
    *(1524, 1698, 1820, 2026, 2027, 2049, 2054, 2059, 2061, 3118, 3159, 3955, 4151),
)
"""Numbers of errors that trying again does not help: users, rights, names, TLS."""
_CHANGED = (1054, 1412)
"""The table was altered since its columns were read."""


class MySql(Dialect):
    """MySQL or MariaDB."""

    def __init__(self) -> None:
        self._needs_tls = False

    def engine(self, url: sa.URL, *, is_here: bool) -> sa.Engine:
        """See `Dialect`: TLS to another machine, unless the url says otherwise."""
        self._needs_tls = not is_here and not any(key.startswith("ssl") for key in url.query)
        arguments: dict[str, Any] = {}
        if url.get_driver_name() == "pymysql":
            if url.password:
                arguments["password"] = str(url.password).encode()  # else it is sent in Latin-1
            if "ssl_disabled" in url.query:  # its text would be true to the driver, whatever it is
                arguments["ssl_disabled"] = url.query["ssl_disabled"] not in ("false", "0")
                url = url.difference_update_query(["ssl_disabled"])
            if self._needs_tls:
                arguments["ssl"] = ssl.create_default_context()
                arguments["ssl"].check_hostname, arguments["ssl"].verify_mode = False, ssl.CERT_NONE
        return sa.create_engine(url, poolclass=sa.NullPool, isolation_level="AUTOCOMMIT", connect_args=arguments)

    def prepare(self, connection: sa.Connection, feed: DatabaseTable) -> None:
        """See `Dialect`."""
        if self._needs_tls and not connection.exec_driver_sql("show session status like 'Ssl_cipher'").one()[1]:
            raise Permanent(
                f"feed {feed.source}: the connection to another machine is not encrypted; let server and driver speak "
                "TLS (drivers other than pymysql by what the url says to them), or write ?ssl_disabled=true where the "
                "way to it is safe"
            )
        for setting in (*_SETTINGS, _LIMITS[_is_mariadb(connection)]):
            connection.exec_driver_sql(setting)

    def begin(self, connection: sa.Connection) -> str:
        """See `Dialect`; of tables of InnoDB, of others each statement sees one instant."""
        connection.exec_driver_sql("start transaction with consistent snapshot, read only")
        return ""

    def columns(self, connection: sa.Connection, feed: DatabaseTable) -> tuple[SourceColumn, ...]:
        """See `Dialect`; the catalogue is asked, which no driver and no version parses differently."""
        names = {"schema": feed.table[0] if len(feed.table) > 1 else None, "name": feed.table[-1]}
        rows = connection.execute(sa.text(_COLUMNS), names).all()
        if not rows:
            raise missing_table(feed)
        return tuple(_column(row) for row in rows)

    def ahead(self, connection: sa.Connection, feed: DatabaseTable, cursor: SourceColumn) -> Ahead:
        """See `Dialect`; by the transactions and statements that are under way, unless the yml says how long one is."""
        if feed.longest_transaction is not None:
            return super().ahead(connection, feed, cursor)
        return ahead_of_open(connection, feed, cursor, self)

    def bound(self, at: datetime | int, cursor: SourceColumn) -> Any:  # noqa: ARG002 - as `Dialect`
        """See `Dialect`; a text in the session's zone, which is UTC."""
        return at if isinstance(at, int) else at.isoformat(" ")

    def read(self, column: sa.ColumnElement[Any]) -> sa.ColumnElement[Any]:
        """See `Dialect`."""
        return sa.cast(column, sa.CHAR)

    def has_none(self, column: sa.ColumnElement[Any], cursor: SourceColumn) -> sa.ColumnElement[bool]:
        """See `Dialect`; a zero date is none."""
        if cursor.is_number:
            return column.is_(None)
        return sa.or_(column.is_(None), column < "1000-01-01 00:00:00")

    @contextmanager
    def leaving(self, result: sa.CursorResult[Any]) -> Iterator[None]:
        """See `Dialect`; pymysql would read on from a connection that is lost when it forgets the result."""
        rows: Any = getattr(result.cursor, "_result", None)
        try:
            yield
        except sa.exc.DBAPIError:
            if hasattr(rows, "unbuffered_active"):
                rows.unbuffered_active = False
            raise

    def passes(self, error: sa.exc.DBAPIError) -> bool:
        """See `Dialect`; by the number of the error."""
        if isinstance(error, sa.exc.InterfaceError | sa.exc.InternalError):
            return True
        number = next((value for value in getattr(error.orig, "args", ()) if isinstance(value, int)), 0)
        return number in _CHANGED or (isinstance(error, sa.exc.OperationalError) and number not in _STAYS)


def _is_mariadb(connection: sa.Connection) -> bool:
    return bool(getattr(connection.dialect, "is_mariadb", False))


def _column(row: Sequence[Any]) -> SourceColumn:
    name, kind, shown, precision, scale = row
    name, kind, shown = _str(name), _str(kind).lower(), _str(shown)
    if kind in _WIDTHS:
        form = f"{'u' if 'unsigned' in shown else ''}int{_WIDTHS[kind]}"
        return SourceColumn(name, shown, form)
    if kind == "decimal":
        return decimal_column(name, shown, precision, scale)
    if kind in _AS_SERVER_WRITES:
        suffix = "+00:00" if kind == "timestamp" else ""
        return SourceColumn(name, shown, _FORMS.get(kind, TEXT), reads=_written, suffix=suffix)
    if kind in ("float", "bit"):
        return SourceColumn(name, shown, _FORMS[kind], reads=_as_double if kind == "float" else _as_number)
    return SourceColumn(name, shown, _FORMS.get(kind, TEXT))


def _written(column: sa.ColumnElement[Any]) -> sa.ColumnElement[Any]:
    return sa.cast(column, sa.CHAR)


def _as_double(column: sa.ColumnElement[Any]) -> sa.ColumnElement[Any]:
    return column.op("+")(sa.literal_column("0e0"))


def _as_number(column: sa.ColumnElement[Any]) -> sa.ColumnElement[Any]:
    return column.op("+")(sa.literal_column("0"))


def _str(value: str | bytes) -> str:
    return value.decode() if isinstance(value, bytes) else value
