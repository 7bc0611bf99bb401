"""How far a watermark may go: not past a row that a transaction still under way may bring.

A transaction writes the time at which it began (`now()`) and shows its rows when it ends, so rows with an early time
appear late. Whoever reads up to the greatest time that shows never comes back for them. A window therefore ends
before the beginning of the oldest transaction that was open before the window's snapshot was taken, less a margin for
clocks. The smallest transaction id in progress (`pg_snapshot_xmin`) would not do: it says which rows are final and
not which times they have, and a transaction has no id before it writes. Of numbers out of a sequence no time tells
anything: there the greatest number is noted first, and read up to when all transactions that were open then are over.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from assay.contract.feed_kinds.table import TableFeed
from assay.contract.names import literal, quoted
from assay.feeds.errors import Permanent, Transient

if TYPE_CHECKING:
    import psycopg

_TIMES = ("timestamptz", "timestamp")
_NUMBERS = ("int2", "int4", "int8")
_MOST_WAIT = 5.0
"""Seconds for which the end of transactions is awaited before the fetch is given up for now."""
_PAUSE = 0.05
_MAY_READ = """
    select pg_is_in_recovery(), pg_has_role(current_user, 'pg_read_all_stats', 'usage'),
        current_setting('track_activities')::bool, current_user::text,
        (select count(*) from pg_catalog.pg_prepared_xacts where database = current_database())
"""
_CURSOR_TYPE = """
    select t.typname from pg_catalog.pg_attribute as a inner join pg_catalog.pg_type as t on a.atttypid = t.oid
    where a.attrelid = to_regclass(%s) and a.attname = %s and a.attnum > 0 and not a.attisdropped
"""
_OPEN = """
    from pg_catalog.pg_stat_activity
    where datname = current_database() and pid <> pg_backend_pid() and xact_start is not null
        and backend_type not in ('autovacuum worker', 'walsender')
"""


@dataclass(frozen=True)
class Ahead:
    """What was seen before the snapshot of a window is taken.

    Attributes:
        kind: The type of the cursor.
        seen_at: The server's time then, as SQL text.
        limit: What the end of the window is below, or is at most of a number; None where nothing is there.
        note: The transaction that holds the end back; empty for none.
    """

    kind: str
    seen_at: str
    limit: str | None
    note: str = ""


@dataclass(frozen=True)
class Window:
    """The rows between two positions, both ends included: rows of the first one are read again.

    Attributes:
        condition: SQL over the table.
        end: The greatest cursor among them.
        lag_seconds: By how much it is behind the newest row; None of numbers.
        note: What holds it back.
    """

    condition: str
    end: str
    lag_seconds: float | None
    note: str


def barrier(connection: psycopg.Connection, feed: TableFeed) -> Ahead:
    """Look at the transactions that are under way; in no transaction, before the window's begins.

    Raises:
        Permanent: The role may not see them, the server is a standby, or the cursor is not one.
        Transient: One of unknown beginning is prepared, or one is not over in time.
    """
    whose, table = f"feed {feed.source}", ".".join(map(quoted, feed.table))
    is_standby, may_see, is_tracked, role, prepared = _one(connection, _MAY_READ, [])
    if is_standby:
        raise Permanent(
            f"{whose}: the server is a standby, which does not know the transactions that are under way; read the "
            "primary, or `mode: whole`"
        )
    if not may_see or not is_tracked:
        todo = "set track_activities = on" if may_see else f'grant pg_read_all_stats to "{role}"'
        raise Permanent(f"{whose}: a watermark has to see which transactions are under way: {todo}")
    if prepared:
        raise Transient(
            f"{whose}: {prepared} prepared transactions wait, and how early their rows are is not known; "
            "commit them or roll them back (pg_prepared_xacts)"
        )
    kind = _cursor_type(connection, feed, table)
    if kind in _NUMBERS:
        return _after_all(connection, feed, table, kind)
    seen_at, limit, pid, since = _one(
        connection,
        # The time at which the statement began: a transaction that it does not see began after that.
        "select statement_timestamp()::text, (least(statement_timestamp(), min(xact_start)) - make_interval(secs => "
        "%s))"
        "::text, (array_agg(pid order by xact_start))[1], min(xact_start)::text" + _OPEN,
        [feed.margin],
    )
    return Ahead(kind, seen_at, limit, f"rows since {since} wait for the transaction of process {pid}" if pid else "")


def window(
    connection: psycopg.Connection, feed: TableFeed, table: str, ahead: Ahead, start: str | None
) -> Window | None:
    """The rows that can be read now, in the transaction that will read them; None where none is new.

    Raises:
        Permanent: A row has no cursor, or one that no window would ever reach.
    """
    cursor = quoted(feed.cursor)
    _refuse_nulls(connection, feed, table, cursor)
    if ahead.limit is None:
        return None
    kind = ahead.kind
    if kind in _NUMBERS:
        end, is_new, lag = ahead.limit, start is None or int(ahead.limit) > int(start), None
    else:
        _refuse_future(connection, feed, table, cursor, ahead)
        began = f"{_value(start, kind)}" if start is not None else f"'-infinity'::{kind}"
        end, is_new, lag = _one(
            connection,
            f"select replace((max(m))::text, ' ', 'T'), m is not null and (m > {began} or {start is None}), "
            f"greatest(0, extract(epoch from newest - m))::float8 from (select max({cursor}) filter (where {cursor} < "
            f"{_value(ahead.limit, kind)}) as m, max({cursor}) as newest from {table}"
            f"{f' where {cursor} >= {began}' if start is not None else ''}) as ends group by m, newest",
            [],
        )
    if not is_new or end is None:
        return None
    above = f"{cursor} >= {_value(start, kind)} and " if start is not None else ""
    return Window(f"{above}{cursor} <= {_value(end, kind)}", end, lag, ahead.note)


def _after_all(connection: psycopg.Connection, feed: TableFeed, table: str, kind: str) -> Ahead:
    """The greatest number, once every transaction is over that was open when it was the greatest."""
    (limit,) = _one(connection, f"select max({quoted(feed.cursor)})::text from {table}", [])
    opened = connection.execute(f"select statement_timestamp()::text, pid, xact_start {_OPEN}").fetchall()
    waits = {(pid, since) for _, pid, since in opened}
    deadline = time.monotonic() + _MOST_WAIT
    while waits:
        now_open = {(pid, since) for pid, since in connection.execute(f"select pid, xact_start {_OPEN}").fetchall()}
        waits &= now_open
        if waits and time.monotonic() > deadline:
            pid, since = min(waits, key=lambda item: item[1])
            raise Transient(
                f"feed {feed.source}: the transaction of process {pid} is open since {since}, and may bring smaller "
                f"numbers of {feed.cursor} than are there; nothing is read until it is over"
            )
        if waits:
            time.sleep(_PAUSE)
    return Ahead(kind, "", limit)


def _cursor_type(connection: psycopg.Connection, feed: TableFeed, table: str) -> str:
    whose = f"feed {feed.source}: cursor {feed.cursor}"
    row = connection.execute(_CURSOR_TYPE, [table, feed.cursor]).fetchone()
    if row is None:
        raise Permanent(
            f"{whose}: {'.'.join(feed.table)} has no such column, or is not there; correct `cursor` or `table`"
        )
    kind = str(row[0])
    if kind not in (*_TIMES, *_NUMBERS):
        raise Permanent(f"{whose}: is of type {kind}; expected timestamptz, timestamp or a whole number of a sequence")
    if kind == "timestamp" and not feed.is_utc:
        raise Permanent(
            f"{whose}: has no time zone, and times of a zone that changes its clock come twice a year; write "
            "`cursor_zone: UTC` if all writers write UTC, or make it a timestamptz"
        )
    return kind


def _refuse_nulls(connection: psycopg.Connection, feed: TableFeed, table: str, cursor: str) -> None:
    wrong = f"have no {feed.cursor}, so no watermark would ever read them; fill it in and make it not null"
    _refuse_rows(connection, feed, f"{table} where {cursor} is null", wrong)


def _refuse_future(connection: psycopg.Connection, feed: TableFeed, table: str, cursor: str, ahead: Ahead) -> None:
    limit = f"{literal(ahead.seen_at)}::timestamptz + interval '1 day'"
    wrong = f"have a {feed.cursor} more than a day from now, where no watermark comes to; correct them"
    _refuse_rows(connection, feed, f"{table} where {cursor} > ({limit}){_cast(ahead.kind)}", wrong)


def _refuse_rows(connection: psycopg.Connection, feed: TableFeed, which: str, wrong: str) -> None:
    (count,) = _one(connection, f"select count(*) from {which}", [])
    if count:
        raise Permanent(f"feed {feed.source}: {count:,} rows of {'.'.join(feed.table)} {wrong}, or `mode: whole`")


def _cast(kind: str) -> str:
    return " at time zone 'UTC'" if kind == "timestamp" else ""


def _value(position: str, kind: str) -> str:
    """A position as SQL; the limit of a time has a zone, which a cursor without one is cut to in UTC."""
    if kind == "timestamp" and position.endswith("+00"):
        return f"({literal(position)}::timestamptz at time zone 'UTC')"
    return f"{literal(position)}::{kind}"


def _one(connection: psycopg.Connection, query: str, values: list[Any]) -> tuple[Any, ...]:
    row = connection.execute(query.encode(), values or None).fetchone()
    assert row is not None  # noqa: S101 - each of these queries gives one row
    return tuple(row)
