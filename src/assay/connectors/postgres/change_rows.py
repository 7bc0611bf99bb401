"""Changes of a table as rows: one for each, with the image after it and what happened.

Belongs here: what an operation becomes. Keep out: the server (`changes.py`) and bytes (`pgoutput.py`).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import count
from typing import TYPE_CHECKING

from assay.connectors.postgres.column_types import SourceColumn, without_exceptions
from assay.connectors.postgres.pgoutput import (
    UNCHANGED,
    Absent,
    Begin,
    Change,
    Relation,
    Truncate,
    UnknownMessage,
    Value,
    decode,
    moment,
)
from assay.feeds.errors import Permanent, Restart

if TYPE_CHECKING:
    from datetime import datetime

    import pyarrow as pa

COLUMNS = ("_operation", "_position", "_source_time", "_unchanged", "_before")
"""What a file of changes has beside the columns of the table."""
Fill = Callable[[Relation, Mapping[str, bytes], Sequence[str]], Mapping[str, bytes | None]]
"""Reads columns of a row that the server did not send, by the row's key: the relation, the key and their names."""
_MOST_ROWS = 50_000
"""Rows of a piece; of very small ones fewer bytes than a piece has are many objects."""


@dataclass(frozen=True, slots=True)
class ChangedRow:
    """One row of a file of changes.

    Attributes:
        operation: What happened.
        position: When, in the order of all changes of the feed.
        at: The time of the commit, µs since 2000.
        values: The row after it, by column; those that are not in it are NULL.
        unchanged: Columns that the server did not send because they are as they were.
        before: The row before it, or its key, where the server sent one.
    """

    operation: str
    position: str
    at: int
    values: Mapping[str, bytes | None]
    unchanged: tuple[str, ...] = ()
    before: Mapping[str, bytes | None] | None = None


def position_in(commit_lsn: int, number: int) -> str:
    """The place of a change in the order of all, as text that compares as it does."""
    return f"{commit_lsn:016X}-{number:010d}"


def changed_rows(
    messages: Iterable[bytes], table: int, relation: Relation | None, key: Sequence[str], fill: Fill
) -> Iterator[ChangedRow]:
    """What the messages of whole transactions say of one table.

    A change of the key is two rows, and what an update leaves out (`unchanged`) is taken from the row before it where
    that was sent. A row whose key changed has no earlier row of its key to take it from, so `fill` reads it.

    Args:
        messages: From the beginning of a transaction on.
        table: The oid of the table.
        relation: Its form before them, where it was sent before.
        key: The columns that the contract tells rows apart by.
        fill: See `Fill`.

    Raises:
        UnknownMessage: One of them is none.
    """
    begin, numbers = Begin(0, 0, 0), count(1)
    for raw in messages:
        message = decode(raw)
        if isinstance(message, Begin):
            begin, numbers = message, count(1)
        elif isinstance(message, Relation):
            relation = message if message.oid == table else relation
        elif isinstance(message, Truncate | Change) and relation is not None:
            for operation, values, unchanged, before in _parts(message, relation, key, fill):
                position = position_in(begin.commit_lsn, next(numbers))
                yield ChangedRow(operation, position, begin.committed_at, values, unchanged, before)


_Part = tuple[str, Mapping[str, bytes | None], tuple[str, ...], Mapping[str, bytes | None] | None]


def _parts(message: Truncate | Change, relation: Relation, key: Sequence[str], fill: Fill) -> Iterator[_Part]:
    if isinstance(message, Truncate):
        yield "truncate", {}, (), None
        return
    if any(row is not None and len(row) != len(relation.columns) for row in (message.new, message.old)):
        raise UnknownMessage(f"a row of {relation.name} has another number of values than it has columns")
    before = _before(message, relation)
    if message.new is None:
        yield "delete", before or {}, (), before
        return
    values, unchanged = _after(message, relation, before)
    if message.kind == "I":
        yield "insert", values, unchanged, None
    elif before is None or not any(name in before and before[name] != values.get(name) for name in key):
        yield "update", values, unchanged, before
    else:
        yield "delete", before, (), before
        if unchanged:
            names = {name: text for name in key if (text := values.get(name)) is not None}
            values = {**values, **fill(relation, names, unchanged)}
        yield "insert", values, (), None


def _before(change: Change, relation: Relation) -> dict[str, bytes | None] | None:
    if change.old is None:
        return None
    columns = zip(relation.columns, change.old, strict=True)
    return {
        column.name: None if isinstance(value, Absent) else value
        for column, value in columns
        if change.is_whole or column.is_key
    }


def _after(
    change: Change, relation: Relation, before: Mapping[str, bytes | None] | None
) -> tuple[dict[str, bytes | None], tuple[str, ...]]:
    """The row after a change, and the columns of which it is not known."""
    sent: tuple[Value, ...] = change.new or ()
    if UNCHANGED not in sent:
        return dict(zip(relation.names, sent, strict=True)), ()  # type: ignore[arg-type]  # none of them is absent
    values: dict[str, bytes | None] = {}
    unchanged = []
    for column, value in zip(relation.columns, sent, strict=True):
        if not isinstance(value, Absent):
            values[column.name] = value
        elif before is not None and column.name in before:
            values[column.name] = before[column.name]
        else:
            unchanged.append(column.name)
    return values, tuple(unchanged)


def unified(shapes: Sequence[tuple[SourceColumn, ...]]) -> tuple[SourceColumn, ...]:
    """The columns of a file in which a table has several forms: all of them, as text where their types differ."""
    columns: dict[str, SourceColumn] = {}
    for shape in reversed(shapes):  # the newest order first
        for column in shape:
            known = columns.setdefault(column.name, column)
            if known.type != column.type:
                columns[column.name] = known.as_text
    return tuple(columns.values())


class ChangeTables:
    """Gives changes as tables of Arrow, and again from the first one on with text for what has exceptional values.

    Args:
        whose: What a message calls the feed.
        columns: Of the file.
        read: Gives the rows from the first one on.
        as_numbers: Texts of `money` as those of numbers, which only the server knows.
        piece: Bytes of values that are held at once.
    """

    def __init__(
        self,
        whose: str,
        columns: tuple[SourceColumn, ...],
        read: Callable[[], Iterator[ChangedRow]],
        as_numbers: Callable[[list[str | None]], list[str | None]],
        piece: int,
    ) -> None:
        self._whose, self._columns, self._read, self._as_numbers, self._piece = whose, columns, read, as_numbers, piece

    def __call__(self) -> Iterator[pa.Table]:
        """See above.

        Raises:
            Permanent: The server sent what is no message.
            Restart: A value is not of the type that its column has in Parquet.
        """
        try:
            rows: list[ChangedRow] = []
            size, is_first = 0, True
            for row in self._read():
                rows.append(row)
                size += sum(len(value) for value in row.values.values() if value) + len(self._columns)
                if size >= self._piece or len(rows) >= _MOST_ROWS:
                    yield self._table(rows)
                    rows, size, is_first = [], 0, False
            if rows or is_first:
                yield self._table(rows)
        except UnknownMessage as error:
            raise Permanent(f"{self._whose}: the server sent what cannot be read: {error}") from None
        except Restart as error:
            self._columns = without_exceptions(self._columns, self._whose, error)
            raise

    def _table(self, rows: Sequence[ChangedRow]) -> pa.Table:
        import pyarrow as pa  # noqa: PLC0415 - 30 MB, when there is something to write

        from assay.connectors.postgres.copying import parsed  # noqa: PLC0415 - as above

        schema = pa.schema([(column.name, column.arrow) for column in self._columns])
        text = bytearray()
        for row in rows:
            for column in self._columns:
                value = row.values.get(column.name)
                if value is not None:
                    text += b'"' + value.replace(b'"', b'""') + b'"'
                text += b","
            text += b"1\n"
        table = parsed(text, self._columns, schema) if rows else schema.empty_table()
        for at, column in enumerate(self._columns):
            if column.type.name == "money" and not column.type.is_array:
                numbers = pa.array(self._as_numbers(table.column(at).to_pylist()), pa.string())
                table = table.set_column(at, schema.field(at), numbers)
        return with_changes(
            table,
            [row.operation for row in rows],
            [row.position for row in rows],
            [moment(row.at) for row in rows],
            [list(row.unchanged) or None for row in rows],
            [_json(row.before) for row in rows],
        )


def with_changes(
    table: pa.Table,
    operations: Sequence[str],
    positions: Sequence[str],
    moments: Sequence[datetime],
    unchanged: Sequence[list[str] | None],
    before: Sequence[str | None],
) -> pa.Table:
    """A table of rows with the columns that say what happened to them."""
    import pyarrow as pa  # noqa: PLC0415 - as above

    kinds = (pa.string(), pa.string(), pa.timestamp("us", tz="UTC"), pa.list_(pa.string()), pa.string())
    values = (operations, positions, moments, unchanged, before)
    for name, kind, column in zip(COLUMNS, kinds, values, strict=True):
        table = table.append_column(pa.field(name, kind), pa.array(column, kind))
    return table


def _json(before: Mapping[str, bytes | None] | None) -> str | None:
    """The row before a change as JSON, with texts as the server writes them."""
    if before is None:
        return None
    return json.dumps({name: value if value is None else value.decode() for name, value in before.items()},
                      ensure_ascii=False)  # fmt: skip
