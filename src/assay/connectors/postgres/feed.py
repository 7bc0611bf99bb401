"""The kind of feed that reads a table of PostgreSQL: whole, or the rows whose cursor grew.

Each batch is read in one repeatable-read transaction, so its rows are those of one instant. Keep out: files and
positions as names (`frame.py`), and how far a watermark may go (`window.py`). What brings pyarrow is imported
when there are rows: a feed at rest is small.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from assay.connectors.missing_columns import refuse_missing
from assay.connectors.postgres.session import Session, session
from assay.connectors.postgres.window import Window, barrier, window
from assay.contract.feed_kinds.table import TableFeed
from assay.feeds.content import Rows
from assay.feeds.frame import Batch
from assay.feeds.names import WHOLE
from assay.feeds.position import Position
from assay.feeds.sample import Sample, SampleColumn

if TYPE_CHECKING:
    import psycopg
    import pyarrow as pa

    from assay.connectors.postgres.column_types import SourceColumn


class PostgresFeed:
    """A table of PostgreSQL.

    Args:
        declaration: The feed, as the yml declares it.
        piece: Bytes of text that are held at once; None for the usual.
    """

    def __init__(self, declaration: TableFeed, piece: int | None = None) -> None:
        self._feed = declaration
        self._piece = piece

    def read(self, position: Position, read_at: str) -> Generator[Batch | str]:
        """What is new since a position: one batch, or why there is none; see `frame.Feed`."""
        with session(self._feed) as opened:
            connection = opened.connection
            if self._feed.mode == "whole":
                with self._one_instant(connection):
                    columns = self._columns(connection)
                    yield Batch(WHOLE, None, read_at, Rows(self._tables(opened, columns, "")), lag_seconds=0.0)
                return
            partition = f"by:{self._feed.cursor}"
            start = position.end_of(partition)
            ahead = barrier(connection, self._feed)
            with self._one_instant(connection):
                span = window(connection, self._feed, self._feed.table_sql, ahead, start)
                if span is not None:
                    yield self._batch(opened, partition, start, span)
                elif ahead.note:
                    yield ahead.note

    def sample(self, count: int) -> Sample:
        """The columns of the table and some of its rows."""
        import pyarrow as pa  # noqa: PLC0415 - see above

        with session(self._feed) as opened, self._one_instant(opened.connection):
            columns = self._columns(opened.connection)
            tables = [*self._tables(opened, columns, f" limit {int(count)}", all_text=True)()]
            values = [column.to_pylist() for column in pa.concat_tables(tables).columns]
            shown = (SampleColumn(column.name, column.type.shown, str(column.arrow)) for column in columns)
            return Sample(tuple(shown), tuple(zip(*values, strict=True)))

    @contextmanager
    def keys(self, names: Sequence[str]) -> Iterator[Rows]:
        """See `fetching.deleted_keys.HasKeys`."""
        with session(self._feed) as opened, self._one_instant(opened.connection):
            known = {column.name: column for column in self._columns(opened.connection)}
            refuse_missing(self._feed, names, known)
            yield Rows(self._tables(opened, tuple(known[name] for name in names), ""))

    def _batch(self, opened: Session, partition: str, start: str | None, span: Window) -> Batch:
        columns = self._columns(opened.connection)
        rows = self._tables(opened, columns, f" where {span.condition}")
        return Batch(partition, start, span.end, Rows(rows), span.lag_seconds, span.note)

    @contextmanager
    def _one_instant(self, connection: psycopg.Connection) -> Iterator[None]:
        """A transaction in which all statements see the same rows."""
        with connection.transaction():
            connection.execute("set transaction isolation level repeatable read, read only")
            yield

    def _columns(self, connection: psycopg.Connection) -> tuple[SourceColumn, ...]:
        from assay.connectors.postgres.catalogue import columns_of  # noqa: PLC0415 - see above

        return columns_of(connection, self._feed)

    def _tables(
        self, opened: Session, columns: tuple[SourceColumn, ...], rest: str, *, all_text: bool = False
    ) -> Callable[[], Iterator[pa.Table]]:
        from assay.connectors.postgres import copying  # noqa: PLC0415 - see above

        if all_text:
            columns = tuple(column.as_text for column in columns)
        return copying.rows(opened, columns, f"{self._feed.table_sql}{rest}", self._piece or copying.PIECE)
