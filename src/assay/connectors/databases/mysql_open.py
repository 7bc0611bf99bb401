"""Which transactions of MySQL or MariaDB are under way, and since when: what a watermark stays behind.

`now()` is when a statement began. Its transaction begins when it first touches a table of InnoDB, so a statement that
runs counts from its own beginning (`processlist`), and a transaction that is open from that of the transaction
(`innodb_trx`). The server answers for `innodb_trx` out of a cache that may be old: the answer counts only when it has
the transaction that was begun here just before.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from assay.connectors.databases.ahead import Ahead
from assay.connectors.databases.columns import SourceColumn
from assay.contract.feed_kinds.database import DatabaseTable
from assay.feeds.errors import Permanent, Transient

if TYPE_CHECKING:
    from assay.connectors.databases.dialect import Dialect

_MOST_WAIT = 5.0
"""Seconds for which the server is waited for before the fetch is given up for now."""
_CACHED = 0.12
"""Seconds after which the server looks again; it keeps an answer for a tenth."""
_SECOND = timedelta(seconds=1)
_STATEMENTS = """
    select id, user, utc_timestamp(6), time from information_schema.processlist
    where id <> connection_id() and command not in ('Daemon', 'Binlog Dump', 'Binlog Dump GTID')
        and (command <> 'Sleep' or user = 'system user')
"""
_TRANSACTIONS = """
    select trx_mysql_thread_id, trx_mysql_thread_id = connection_id(), trx_is_read_only, trx_started,
        timestampdiff(second, earlier, convert_tz(earlier, '+00:00', 'SYSTEM'))
    from (
        select t.*, convert_tz(t.trx_started, 'SYSTEM', '+00:00') - interval 2 hour as earlier
        from information_schema.innodb_trx as t
    ) as seen
"""
_ZONE = """
    select @@read_only, timestampdiff(second, utc_timestamp(), convert_tz(utc_timestamp(), '+00:00', 'SYSTEM'))
"""
_ENGINE = """
    select engine from information_schema.tables
    where cast(table_schema as binary) = cast(coalesce(:schema, database()) as binary)
        and cast(table_name as binary) = cast(:name as binary)
"""


@dataclass(frozen=True)
class Open:
    """What was under way at one time.

    Attributes:
        seen_at: The server's time before it was asked, in UTC.
        since: The beginning of the oldest, at the latest; None where nothing was.
        thread: Whose it is.
    """

    seen_at: datetime
    since: datetime | None = None
    thread: int = 0


def ahead_of_open(connection: sa.Connection, feed: DatabaseTable, cursor: SourceColumn, dialect: Dialect) -> Ahead:
    """See `Dialect.ahead`; in no transaction."""
    _refuse_engines(connection, feed)
    limit = _greatest(connection, feed, cursor, dialect) if cursor.is_number else None
    seen = _open(connection, feed)
    if cursor.is_number:
        return Ahead(seen.seen_at, _after_all(connection, feed, seen, limit))
    until = min(seen.seen_at, seen.since or seen.seen_at) - timedelta(seconds=feed.margin)
    note = f"rows since {seen.since} UTC wait for what thread {seen.thread} of the server does" if seen.since else ""
    return Ahead(seen.seen_at, until, note)


def _greatest(connection: sa.Connection, feed: DatabaseTable, cursor: SourceColumn, dialect: Dialect) -> int | None:
    names = [dialect.name(connection, name) for name in feed.table]
    table = sa.table(names[-1], schema=names[0] if len(names) > 1 else None)
    column: sa.ColumnClause[Any] = sa.column(dialect.name(connection, cursor.name))
    value = connection.scalar(sa.select(sa.func.max(column)).select_from(table))
    return None if value is None else int(value)


def _after_all(connection: sa.Connection, feed: DatabaseTable, seen: Open, limit: int | None) -> int | None:
    """The greatest number, once everything is over that was under way when it was the greatest."""
    until, deadline = seen.seen_at, time.monotonic() + _MOST_WAIT
    while seen.since is not None and seen.since <= until:
        if time.monotonic() > deadline:
            raise Transient(
                f"feed {feed.source}: thread {seen.thread} of the server is in a transaction since {seen.since} UTC, "
                f"and may bring smaller numbers of {feed.cursor} than are there; nothing is read until it is over"
            )
        seen = _open(connection, feed)
    return limit


def _open(connection: sa.Connection, feed: DatabaseTable) -> Open:
    """What is under way, as the server knows it now.

    Raises:
        Permanent: The server is a replica, to which old rows come late.
        Transient: It does not say, or a prepared transaction waits.
    """
    whose = f"feed {feed.source}"
    is_read_only, offset = connection.exec_driver_sql(_ZONE).one()
    seen_at: datetime = _time(connection.exec_driver_sql("select utc_timestamp(6)").scalar_one())
    connection.exec_driver_sql("start transaction with consistent snapshot")
    try:
        statements: Sequence[Any] = connection.exec_driver_sql(_STATEMENTS).all()
        transactions = _transactions(connection, whose)
    finally:
        connection.exec_driver_sql("rollback")
    if is_read_only or any(user == "system user" for _, user, _, _ in statements):
        raise Permanent(
            f"{whose}: the server is a replica (it is read only, or threads of replication run), to which rows come "
            "later than their times; read the primary, or write `longest_transaction`, with its delay in it"
        )
    if any(thread == 0 for thread, *_ in transactions):
        raise Transient(
            f"{whose}: a prepared transaction waits, and how early its rows are is not known; commit it or roll it "
            "back (xa recover)"
        )
    own = next(started for _, is_own, _, started, _ in transactions if is_own)
    now_offset = round((own - seen_at) / timedelta(minutes=1)) * 60
    readers = {thread for thread, _, is_reading, *_ in transactions if is_reading}  # of reports that take hours
    begun: list[tuple[datetime, Any]] = [
        (_time(at) - timedelta(seconds=max(0, int(since)) + 1), thread)
        for thread, _, at, since in statements
        if thread not in readers
    ]
    for thread, is_own, is_reading, started, then_offset in transactions:
        if not is_own and not is_reading:
            # In the server's zone, whose clock may have been changed since: the earlier of what it may mean.
            shift = max(now_offset, int(then_offset or 0)) if now_offset == offset else now_offset
            begun.append((started - timedelta(seconds=shift), thread))
    if not begun:
        return Open(seen_at)
    since, thread = min(begun)
    return Open(seen_at, since.replace(microsecond=0), int(thread))


def _transactions(connection: sa.Connection, whose: str) -> list[Any]:
    """The transactions that are open, in a list that is not older than the one that was begun here."""
    deadline = time.monotonic() + _MOST_WAIT
    while time.monotonic() < deadline:
        time.sleep(_CACHED)
        rows = [(*row[:3], _time(row[3]), row[4]) for row in connection.exec_driver_sql(_TRANSACTIONS)]
        if any(row[1] for row in rows):
            return rows
    raise Transient(
        f"{whose}: the server does not say which transactions are open: others ask it for "
        "information_schema.innodb_trx more than ten times a second, and it answers all with the same list"
    )


def _refuse_engines(connection: sa.Connection, feed: DatabaseTable) -> None:
    """Refuse a table whose writers the server does not know the transactions of.

    Raises:
        Permanent: It is such a table.
    """
    names = {"schema": feed.table[0] if len(feed.table) > 1 else None, "name": feed.table[-1]}
    engine = connection.execute(sa.text(_ENGINE), names).scalar()
    if engine != "InnoDB":
        raise Permanent(
            f"feed {feed.source}: {'.'.join(feed.table)} is {f'a table of {engine}' if engine else 'a view'}, and only "
            "of tables of InnoDB the server says which transactions are open; read the table itself, or write "
            "`longest_transaction: 600`, the seconds that none takes longer than"
        )


def _time(value: Any) -> datetime:
    return value if isinstance(value, datetime) else datetime.fromisoformat(str(value))
