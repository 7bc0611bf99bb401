"""Rows of PostgreSQL as Arrow tables: text COPY, parsed by Arrow a few megabytes at a time.

Pieces are cut between rows, and a row of any size fits. NULL is an empty field without quotes, and an empty text has
quotes: they stay apart.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.csv as pc

from assay.base.read_ahead import one_ahead
from assay.connectors.postgres.column_types import SourceColumn, without_exceptions
from assay.connectors.postgres.session import Session
from assay.connectors.postgres.stream import pieces
from assay.contract.names import quoted
from assay.feeds.errors import Restart

if TYPE_CHECKING:
    import psycopg

_COLUMN = re.compile(r"CSV column #(\d+)")
PIECE = 8 << 20
"""Bytes of text that become a row group."""


def rows(
    opened: Session, columns: tuple[SourceColumn, ...], of: str, piece: int = PIECE
) -> Callable[[], Iterator[pa.Table]]:
    """Gives the rows of a table, and again with text in place of types that do not hold all of them.

    Args:
        opened: In the transaction that is to see the rows.
        columns: What is read.
        of: The table in SQL, and which of its rows.
        piece: Bytes of text in a table, about.
    """
    current = [columns]

    def read() -> Iterator[pa.Table]:
        listed = ", ".join([*(column.sql(quoted(column.name)) for column in current[0]), "1"])
        try:
            with opened.telling():
                yield from tables(opened.connection, f"select {listed} from {of}", current[0], piece)
        except Restart as error:
            current[0] = without_exceptions(current[0], f"feed {opened.feed.source}", error)
            raise

    return read


def tables(
    connection: psycopg.Connection, query: str, columns: Sequence[SourceColumn], piece: int = PIECE
) -> Iterator[pa.Table]:
    """The rows of a query, an empty table where there is none.

    Args:
        connection: In the transaction that is to see the rows.
        query: Selects `column.sql` of each column, and one more value, so that a row is never an empty line.
        columns: What is selected.
        piece: Bytes of text in a table, about.

    Raises:
        Restart: A value is not of the type that its column has in Parquet.
        psycopg.Error: The server says no, or is gone.
    """
    schema = pa.schema([(column.name, column.arrow) for column in columns])
    is_first = True
    # A transaction within the transaction: what sees the rows goes on when reading them is given up.
    with connection.transaction(), closing(pieces(connection, _copy(query), piece)) as texts:
        for table in one_ahead(lambda text: parsed(text, columns, schema), texts):
            yield table
            is_first = False
    if is_first:
        yield schema.empty_table()


def _copy(query: str) -> bytes:
    return f"copy ({query}) to stdout (format csv)".encode()


def parsed(text: bytearray, columns: Sequence[SourceColumn], schema: pa.Schema) -> pa.Table:
    """Lines of CSV as a table: a value for each column and one more, which is a number.

    Raises:
        Restart: A value is not of the type that its column has in Parquet.
    """
    names = [f"c{at}" for at in range(len(columns) + 1)]
    types = [*(column.read_as for column in columns), pa.int8()]
    try:
        values = pc.read_csv(
            pa.BufferReader(pa.py_buffer(text)),
            read_options=pc.ReadOptions(column_names=names, block_size=len(text) + 1),
            parse_options=pc.ParseOptions(newlines_in_values=True, ignore_empty_lines=False),
            convert_options=pc.ConvertOptions(
                column_types=dict(zip(names, types, strict=True)),
                null_values=[""],
                strings_can_be_null=True,
                quoted_strings_can_be_null=False,
                true_values=["t"],
                false_values=["f"],
                timestamp_parsers=[pc.ISO8601],
            ),
        )
    except pa.ArrowInvalid as error:
        place = _COLUMN.search(str(error))
        raise Restart(_without_value(str(error)), int(place[1]) if place else None) from error
    arrays = []
    for at, column in enumerate(columns):
        try:
            arrays.append(column.typed(values.column(at)))
        except ValueError as error:  # those of Arrow are such
            raise Restart("it is no plain list", at) from error
    return pa.table(arrays, schema=schema)


def _without_value(message: str) -> str:
    """Arrow's message up to where it quotes data."""
    return message.partition("invalid value")[0].partition("The string")[0].strip(" :")
