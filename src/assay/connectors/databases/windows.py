"""How far a watermark may go: not past a row that a transaction still under way may bring.

The bound is looked at before the snapshot is taken that reads the rows. Which transactions are open a database says in
its own way (`mysql.py`, `sqlite.py`); where it does not, the yml says how long one may last. See
`connectors/postgres/window.py`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from assay.connectors.databases.ahead import Ahead
from assay.connectors.databases.columns import SourceColumn
from assay.feeds.errors import Permanent

if TYPE_CHECKING:
    from assay.connectors.databases.session import Session

_FUTURE = timedelta(days=1)


@dataclass(frozen=True)
class Window:
    """The rows between two positions: those at the first one are read again.

    Attributes:
        condition: Over the table.
        end: The greatest cursor among them.
        lag_seconds: By how much it is behind the newest row; None of numbers.
        note: What holds it back.
    """

    condition: sa.ColumnElement[bool]
    end: str
    lag_seconds: float | None
    note: str


def window(
    opened: Session, table: sa.TableClause, cursor: SourceColumn, ahead: Ahead, start: str | None
) -> Window | None:
    """The rows that can be read now, in the transaction that will read them; None where none is new.

    Raises:
        Permanent: A row has no cursor, or one that no window would ever reach.
    """
    dialect = opened.dialect
    column: sa.ColumnClause[Any] = sa.column(dialect.name(opened.connection, cursor.name))
    dialect.check_cursor(opened.connection, opened.feed, cursor)
    _refuse(
        opened,
        sa.select(sa.func.count()).select_from(table).where(dialect.has_none(column, cursor)),
        f"have no {cursor.name}, so no watermark would ever read them; fill it in and make it not null",
    )
    if ahead.limit is None:
        return None
    is_number = isinstance(ahead.limit, int)
    if not is_number:
        _refuse(
            opened,
            sa.select(sa.func.count())
            .select_from(table)
            .where(column > dialect.bound(ahead.seen_at + _FUTURE, cursor)),
            f"have a {cursor.name} more than a day from now, where no watermark comes to; correct them",
        )
    limit = dialect.bound(ahead.limit, cursor)
    condition = column <= limit if is_number else column < limit
    if start is not None:
        condition = sa.and_(column >= dialect.bound(dialect.moment(start, cursor), cursor), condition)
    greatest = sa.select(dialect.read(sa.func.max(column))).select_from(table)
    end = _moment(opened, cursor, opened.connection.scalar(greatest.where(condition)))
    if end is None or (start is not None and end == dialect.moment(start, cursor)):
        return None
    if isinstance(end, int):
        return Window(condition, str(end), None, ahead.note)
    newest = _moment(opened, cursor, opened.connection.scalar(greatest))
    assert isinstance(newest, datetime)  # noqa: S101 - of the same column
    return Window(condition, end.isoformat(), max(0.0, (newest - end).total_seconds()), ahead.note)


def cursor_of(opened: Session, columns: tuple[SourceColumn, ...]) -> SourceColumn:
    """The column of the cursor.

    Raises:
        Permanent: There is none, or its type cannot be one.
    """
    feed = opened.feed
    whose = f"feed {feed.source}: cursor {feed.cursor}"
    column = next((column for column in columns if column.name == feed.cursor), None)
    if column is None:
        raise Permanent(f"{whose}: {'.'.join(feed.table)} has no such column; correct `cursor` or `table`")
    opened.dialect.check_type(feed, column)
    return column


def _moment(opened: Session, cursor: SourceColumn, value: Any) -> datetime | int | None:
    if value is None:
        return None
    try:
        return opened.dialect.moment(value, cursor)
    except ValueError:
        raise Permanent(
            f"feed {opened.feed.source}: cursor {cursor.name}: {str(value)!r} is not a time; correct the rows that "
            "have it, or `mode: whole`"
        ) from None


def _refuse(opened: Session, query: sa.Select[Any], wrong: str) -> None:
    count = opened.connection.scalar(query)
    if count:
        table = ".".join(opened.feed.table)
        raise Permanent(f"feed {opened.feed.source}: {count:,} rows of {table} {wrong}, or `mode: whole`")
