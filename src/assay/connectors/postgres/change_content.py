"""What is in the batches of a table's changes: the rows at the beginning, and the changes after it.

Keep out: what becomes of an operation (`change_rows.py`), and positions (`changes.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

import pyarrow as pa
from psycopg import sql

from assay.connectors.postgres.catalogue import columns_of, columns_of_shape
from assay.connectors.postgres.change_rows import (
    COLUMNS,
    ChangedRow,
    ChangeTables,
    changed_rows,
    position_in,
    unified,
    with_changes,
)
from assay.connectors.postgres.change_spool import ChangeSpool, Transactions
from assay.connectors.postgres.column_types import SourceColumn
from assay.connectors.postgres.copying import rows
from assay.connectors.postgres.pgoutput import Relation
from assay.connectors.postgres.publication import Published
from assay.connectors.postgres.session import Session
from assay.contract.feed_kinds.table import TableFeed
from assay.contract.names import quoted
from assay.feeds.errors import Permanent
from assay.feeds.sample import Sample, SampleColumn

Tables = Callable[[], Iterator[pa.Table]]


def snapshot_tables(opened: Session, seen: Published, at: int, read_at: datetime, piece: int) -> Tables:
    """The rows of a table in the snapshot of a slot's beginning.

    Args:
        opened: In the transaction that sees them.
        seen: Which of its columns and rows are published.
        at: Where the slot's log begins; every change after it is greater.
        read_at: The server's clock.
        piece: Bytes of text in a table, about.
    """
    columns = _published_columns(opened, seen)
    read, position = rows(opened, columns, _source(opened.feed, seen), piece), position_in(at, 0)

    def tables() -> Iterator[pa.Table]:
        for table in read():
            count = table.num_rows
            nothing: Sequence[Any] = [None] * count
            yield with_changes(table, ["snapshot"] * count, [position] * count, [read_at] * count, nothing, nothing)

    return tables


def change_tables(opened: Session, spool: ChangeSpool, batch: Transactions, table: int, piece: int) -> Tables:
    """The changes in some transactions.

    Args:
        opened: To the server, which knows what types mean; in no transaction.
        spool: Holds the messages.
        batch: Which of them.
        table: The oid of the table.
        piece: Bytes of values in a table, about.
    """
    feed, connection = opened.feed, opened.connection
    made: list[ChangeTables] = []

    def messages() -> Iterator[ChangedRow]:
        return changed_rows(spool.messages(batch), table, batch.relation, feed.key, fill)

    def fill(relation: Relation, key: Mapping[str, bytes], names: Sequence[str]) -> Mapping[str, bytes | None]:
        with opened.telling():
            return _row_of_key(opened, relation, key, names)

    def as_numbers(texts: list[str | None]) -> list[str | None]:
        query = (
            "select array_agg(one::money::numeric::text order by number) "
            "from unnest(%s::text[]) with ordinality as texts (one, number)"
        )
        with opened.telling():
            row = connection.execute(query, [texts]).fetchone()
        return list(row[0] or ()) if row else []

    def tables() -> Iterator[pa.Table]:
        if not made:
            with opened.telling():
                shapes = [columns_of_shape(connection, relation.columns) for relation in batch.relations]
            columns = unified(shapes)
            _refuse_ours(feed, columns)
            made.append(ChangeTables(f"feed {feed.source}", columns, messages, as_numbers, piece))
        yield from made[0]()

    return tables


def change_sample(opened: Session, seen: Published, count: int, notes: Sequence[str]) -> Sample:
    """The columns that are published and some rows of them, in one transaction."""
    connection = opened.connection
    with connection.transaction():
        connection.execute("set transaction isolation level repeatable read, read only")
        columns = _published_columns(opened, seen)
        texts = tuple(column.as_text for column in columns)
        table = pa.concat_tables(rows(opened, texts, f"{_source(opened.feed, seen)} limit {int(count)}")())
    values = [column.to_pylist() for column in table.columns]
    shown = (SampleColumn(column.name, column.type.shown, str(column.arrow)) for column in columns)
    return Sample(tuple(shown), tuple(zip(*values, strict=True)), tuple(notes))


def _published_columns(opened: Session, seen: Published) -> tuple[SourceColumn, ...]:
    columns = tuple(column for column in columns_of(opened.connection, opened.feed) if seen.has(column.name))
    _refuse_ours(opened.feed, columns)
    return columns


def _source(feed: TableFeed, seen: Published) -> str:
    return f"{feed.table_sql}{f' where {seen.condition}' if seen.condition else ''}"


def _refuse_ours(feed: TableFeed, columns: Sequence[SourceColumn]) -> None:
    if taken := [column.name for column in columns if column.name.lower() in COLUMNS]:
        raise Permanent(
            f"feed {feed.source}: {'.'.join(feed.table)} has a column {taken[0]}, and files of changes have one of "
            "their own of that name; publish the table without it: alter publication "
            f"{quoted(feed.publication)} set table {feed.table_sql} (other, columns)"
        )


def _row_of_key(
    opened: Session, relation: Relation, key: Mapping[str, bytes], names: Sequence[str]
) -> Mapping[str, bytes | None]:
    """Columns of a row as it is by now; none of one that is gone, which a later change says."""
    now = {column.name for column in columns_of(opened.connection, opened.feed)}
    known = [name for name in names if name in now]
    if not known or not key or not key.keys() <= now:
        return {}
    table = sql.SQL(".").join(map(sql.Identifier, (relation.schema, relation.name)))
    parts = [sql.SQL("{} = {}").format(sql.Identifier(name), value.decode()) for name, value in key.items()]
    columns = sql.SQL(", ").join(map(sql.Identifier, known))
    query = sql.SQL("select {} from {} where {}").format(columns, table, sql.SQL(" and ").join(parts))
    with opened.connection.cursor() as cursor:
        cursor.execute(query)  # without values of its own: a name may hold a `%`
        result = cursor.pgresult
        if result is None or not result.ntuples:
            return {}
        return {name: result.get_value(0, at) for at, name in enumerate(known)}
