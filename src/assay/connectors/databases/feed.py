"""The kind of feed that reads a table of any database: whole, or the rows whose cursor grew.

Rows are streamed, so that a table of any size takes little memory. Keep out: files and positions as names
(`frame.py`), what a database has of its own (`dialect.py` and those beside it), and how far a watermark may go
(`windows.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from assay.connectors.databases.session import Session, session
from assay.connectors.missing_columns import refuse_missing
from assay.contract.feed_kinds.database import DatabaseTable
from assay.feeds.content import Rows
from assay.feeds.errors import Restart
from assay.feeds.frame import Batch
from assay.feeds.names import WHOLE
from assay.feeds.position import Position
from assay.feeds.sample import Sample, SampleColumn

if TYPE_CHECKING:
    import pyarrow as pa
    import sqlalchemy as sa

    from assay.connectors.databases.columns import SourceColumn
    from assay.connectors.databases.windows import Window

PIECE = 8 << 20
"""Bytes of values that become a row group."""
_MOST_ROWS = 200
"""Rows that are asked for at once; of wide ones fewer, so that they are a fraction of a row group."""
_FRACTION = 4


class DatabaseFeed:
    """A table of a database.

    Args:
        declaration: The feed, as the yml declares it.
        piece: Bytes of values that are held at once.
    """

    def __init__(self, declaration: DatabaseTable, piece: int = PIECE) -> None:
        self._feed = declaration
        self._piece = piece

    def read(self, position: Position, read_at: str) -> Generator[Batch | str]:
        """What is new since a position: one batch, or why there is none; see `frame.Feed`."""
        with session(self._feed) as opened:
            if self._feed.mode == "whole":
                note = opened.dialect.begin(opened.connection)
                columns = opened.dialect.columns(opened.connection, self._feed)
                yield Batch(WHOLE, None, read_at, Rows(self._tables(opened, columns)), lag_seconds=0.0, note=note)
                return
            yield from self._read_on(opened, position)

    def sample(self, count: int) -> Sample:
        """The columns of the table and some of its rows."""
        with session(self._feed) as opened:
            opened.dialect.begin(opened.connection)
            columns = opened.dialect.columns(opened.connection, self._feed)
            texts = tuple(column.as_text for column in columns)
            rows = [
                row
                for table in self._tables(opened, texts, count=count)()
                for row in zip(*(column.to_pylist() for column in table.columns), strict=True)
            ]
            shown = (SampleColumn(column.name, column.shown, str(column.arrow)) for column in columns)
            return Sample(tuple(shown), tuple(rows))

    @contextmanager
    def keys(self, names: Sequence[str]) -> Iterator[Rows]:
        """See `fetching.deleted_keys.HasKeys`."""
        with session(self._feed) as opened:
            opened.dialect.begin(opened.connection)
            columns = {column.name: column for column in opened.dialect.columns(opened.connection, self._feed)}
            refuse_missing(self._feed, names, columns)
            yield Rows(self._tables(opened, tuple(columns[name] for name in names)))

    def _read_on(self, opened: Session, position: Position) -> Generator[Batch | str]:
        """The rows of the window after a position."""
        from assay.connectors.databases.windows import cursor_of, window  # noqa: PLC0415 - SQLAlchemy, an extra

        partition = f"by:{self._feed.cursor}"
        start = position.end_of(partition)
        cursor = cursor_of(opened, opened.dialect.columns(opened.connection, self._feed))
        ahead = opened.dialect.ahead(opened.connection, self._feed, cursor)
        note = opened.dialect.begin(opened.connection)
        columns = opened.dialect.columns(opened.connection, self._feed)
        span = window(opened, self._table(opened), cursor_of(opened, columns), ahead, start)
        if span is not None:
            rows = Rows(self._tables(opened, columns, span))
            yield Batch(partition, start, span.end, rows, span.lag_seconds, span.note or note)
        elif ahead.note:
            yield ahead.note

    def _table(self, opened: Session) -> sa.TableClause:
        import sqlalchemy as sa  # noqa: PLC0415 - an extra

        names = [opened.dialect.name(opened.connection, name) for name in self._feed.table]
        return sa.table(names[-1], schema=names[0] if len(names) > 1 else None)

    def _tables(
        self, opened: Session, columns: tuple[SourceColumn, ...], span: Window | None = None, count: int | None = None
    ) -> Callable[[], Iterator[pa.Table]]:
        """Gives the rows, and again with text in place of a form that does not hold all of them."""
        current = list(columns)

        def read() -> Iterator[pa.Table]:
            query = self._query(opened, current, span, count)
            options = {"stream_results": True, "max_row_buffer": _MOST_ROWS}
            connection = opened.connection.execution_options(**options)
            with opened.telling(), connection.execute(query) as result, opened.dialect.leaving(result):
                yield from self._pieces(result, current)

        return read

    def _query(
        self, opened: Session, columns: list[SourceColumn], span: Window | None, count: int | None
    ) -> sa.Select[Any]:
        import sqlalchemy as sa  # noqa: PLC0415 - an extra

        selected = []
        for at, column in enumerate(columns):
            named: sa.ColumnElement[Any] = sa.column(opened.dialect.name(opened.connection, column.name))
            selected.append((column.reads(named) if column.reads else named).label(f"c{at}"))
        query = sa.select(*selected).select_from(self._table(opened))
        if span is not None:
            query = query.where(span.condition)
        return query if count is None else query.limit(count)

    def _pieces(self, result: sa.CursorResult[Any], columns: list[SourceColumn]) -> Iterator[pa.Table]:
        """The rows of a result, a row group each; an empty table where there is none.

        Raises:
            Restart: A value is not of the form of its column, which is text from then on.
        """
        import pyarrow as pa  # noqa: PLC0415 - 30 MB, when there is something to write

        schema = pa.schema([(column.name, column.arrow) for column in columns])
        held: list[pa.Table] = []
        is_first, size, count = True, 0, 1
        while rows := result.fetchmany(count):
            arrays = [self._array(columns, at, values) for at, values in enumerate(zip(*rows, strict=True))]
            held.append(pa.table(arrays, schema=schema))
            size += held[-1].nbytes
            fitting = count * self._piece // (_FRACTION * max(1, held[-1].nbytes))
            count = max(1, min(2 * count, fitting, _MOST_ROWS))
            if size >= self._piece:
                yield pa.concat_tables(held)
                held, size, is_first = [], 0, False
        if held or is_first:
            yield pa.concat_tables(held) if held else schema.empty_table()

    def _array(self, columns: list[SourceColumn], at: int, values: tuple[Any, ...]) -> pa.Array:
        from assay.connectors.databases.columns import Inexact, array  # noqa: PLC0415 - as above

        whose = f"feed {self._feed.source}"
        try:
            return array(columns[at], values, whose)
        except Inexact as error:
            columns[at] = columns[at].as_text
            raise Restart(str(error)) from None
