"""The kind of feed that reads a table of PostgreSQL: whole, or the rows whose cursor grew.

Each batch is read in one repeatable-read transaction, so its rows are those of one instant. Keep out: files and
positions as names (`frame.py`), and how far a watermark may go (`postgres_window.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pyarrow as pa

from assay.contract.feed_kinds.table import TableFeed
from assay.contract.names import quoted
from assay.feeds import postgres_copy
from assay.feeds.content import Rows
from assay.feeds.errors import Permanent, Restart
from assay.feeds.frame import Batch
from assay.feeds.missing_columns import refuse_missing
from assay.feeds.names import WHOLE
from assay.feeds.position import Position
from assay.feeds.postgres_session import Session, session
from assay.feeds.postgres_types import SourceColumn, SourceType, without_exceptions
from assay.feeds.postgres_window import Window, barrier, window
from assay.feeds.sample import Sample, SampleColumn

if TYPE_CHECKING:
    import psycopg

_COLUMNS = """
    select attname, atttypid, atttypmod, format_type(atttypid, atttypmod) from pg_catalog.pg_attribute
    where attrelid = %s and attnum > 0 and not attisdropped order by attnum
"""
_TYPE = "select typname, typtype, typbasetype, typtypmod, typelem, typcategory from pg_catalog.pg_type where oid = %s"


class PostgresFeed:
    """A table of PostgreSQL.

    Args:
        declaration: The feed, as the yml declares it.
        piece: Bytes of text that are held at once.
    """

    def __init__(self, declaration: TableFeed, piece: int = postgres_copy.PIECE) -> None:
        self._feed = declaration
        self._piece = piece

    def read(self, position: Position, read_at: str) -> Generator[Batch | str]:
        """What is new since a position: one batch, or why there is none; see `frame.Feed`."""
        with session(self._feed) as opened:
            connection = opened.connection
            if self._feed.mode == "whole":
                with self._one_instant(connection) as columns:
                    yield Batch(WHOLE, None, read_at, Rows(self._tables(opened, columns, "")), lag_seconds=0.0)
                return
            partition = f"by:{self._feed.cursor}"
            start = position.end_of(partition)
            ahead = barrier(connection, self._feed)
            with self._one_instant(connection):
                span = window(connection, self._feed, self.table, ahead, start)
                if span is not None:
                    yield self._batch(opened, partition, start, span)
                elif ahead.note:
                    yield ahead.note

    def sample(self, count: int) -> Sample:
        """The columns of the table and some of its rows."""
        with session(self._feed) as opened, self._one_instant(opened.connection) as columns:
            tables = [*self._tables(opened, columns, f" limit {int(count)}", all_text=True)()]
            values = [column.to_pylist() for column in pa.concat_tables(tables).columns]
            shown = (SampleColumn(column.name, column.type.shown, str(column.arrow)) for column in columns)
            return Sample(tuple(shown), tuple(zip(*values, strict=True)))

    @contextmanager
    def keys(self, names: Sequence[str]) -> Iterator[Rows]:
        """See `deleted_keys.HasKeys`."""
        with session(self._feed) as opened, self._one_instant(opened.connection) as columns:
            known = {column.name: column for column in columns}
            refuse_missing(self._feed, names, known)
            yield Rows(self._tables(opened, tuple(known[name] for name in names), ""))

    @property
    def table(self) -> str:
        """The table's name in SQL."""
        return ".".join(map(quoted, self._feed.table))

    def _batch(self, opened: Session, partition: str, start: str | None, span: Window) -> Batch:
        columns = self._columns(opened.connection)
        rows = self._tables(opened, columns, f" where {span.condition}")
        return Batch(partition, start, span.end, Rows(rows), span.lag_seconds, span.note)

    @contextmanager
    def _one_instant(self, connection: psycopg.Connection) -> Iterator[tuple[SourceColumn, ...]]:
        """A transaction in which all statements see the same rows; gives the columns of the table."""
        with connection.transaction():
            connection.execute("set transaction isolation level repeatable read, read only")
            yield self._columns(connection)

    def _columns(self, connection: psycopg.Connection) -> tuple[SourceColumn, ...]:
        row = connection.execute("select to_regclass(%s)::oid", [self.table]).fetchone()
        if row is None or row[0] is None:
            raise Permanent(
                f"feed {self._feed.source}: there is no table {'.'.join(self._feed.table)} in the database of "
                "the url, or its schema may not be used; write its name as the server has it, upper and lower case "
                "too, or grant `usage` on the schema"
            )
        rows = connection.execute(_COLUMNS, [row[0]]).fetchall()
        return tuple(SourceColumn.of(str(name), _type(connection, *kind)) for name, *kind in rows)

    def _tables(
        self, opened: Session, columns: tuple[SourceColumn, ...], rest: str, *, all_text: bool = False
    ) -> Callable[[], Iterator[pa.Table]]:
        """Gives the rows, and again with text in place of types that do not hold all of them."""
        current = [tuple(column.as_text for column in columns) if all_text else columns]

        def read() -> Iterator[pa.Table]:
            listed = ", ".join([*(column.sql(quoted(column.name)) for column in current[0]), "1"])
            query = f"select {listed} from {self.table}{rest}"
            try:
                with opened.telling():
                    yield from postgres_copy.tables(opened.connection, query, current[0], self._piece)
            except Restart as error:
                current[0] = without_exceptions(current[0], f"feed {self._feed.source}", error)
                raise

        return read


def _type(connection: psycopg.Connection, oid: int, modifier: int, shown: str) -> SourceType:
    """A type of a column: of a domain the one below it, of an array that of its elements."""
    name, kind, base, base_modifier, element, category = _row(connection, oid)
    while kind == "d":
        modifier = base_modifier
        name, kind, base, base_modifier, element, category = _row(connection, base)
    if category != "A" or not element:
        return SourceType(name, modifier, is_array=False, shown=shown)
    name, kind, base, base_modifier, _, _ = _row(connection, element)
    while kind == "d":
        modifier = base_modifier
        name, kind, base, base_modifier, _, _ = _row(connection, base)
    return SourceType(name, modifier, is_array=True, shown=shown)


def _row(connection: psycopg.Connection, oid: int) -> tuple[str, str, int, int, int, str]:
    row = connection.execute(_TYPE, [oid]).fetchone()
    assert row is not None  # noqa: S101 - a column's type is in the catalogue of the same instant
    name, kind, base, modifier, element, category = row
    text = [value.decode() if isinstance(value, bytes) else value for value in (kind, category)]
    return str(name), text[0], base, modifier, element, text[1]
