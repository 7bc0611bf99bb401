"""Rows of PostgreSQL as Arrow tables: text COPY, parsed by Arrow a few megabytes at a time.

Pieces are cut between rows, and a row of any size fits. NULL is an empty field without quotes, and an empty text has
quotes: they stay apart.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.csv as pc

from assay.feeds.errors import Restart
from assay.feeds.postgres_stream import pieces
from assay.feeds.postgres_types import SourceColumn

if TYPE_CHECKING:
    import psycopg

PIECE = 8 << 20
"""Bytes of text that become a row group."""


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
        for text in texts:
            yield _table(text, columns, schema)
            is_first = False
    if is_first:
        yield schema.empty_table()


def _copy(query: str) -> bytes:
    return f"copy ({query}) to stdout (format csv)".encode()


def _table(text: bytearray, columns: Sequence[SourceColumn], schema: pa.Schema) -> pa.Table:
    names = [f"c{at}" for at in range(len(columns) + 1)]
    types = [*(column.read_as for column in columns), pa.int8()]
    try:
        parsed = pc.read_csv(
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
        raise Restart(_without_value(str(error))) from error
    arrays = [column.typed(parsed.column(at)) for at, column in enumerate(columns)]
    return pa.table(arrays, schema=schema)


def _without_value(message: str) -> str:
    """Arrow's message up to where it quotes data."""
    return message.partition("invalid value")[0].partition("The string")[0].strip(" :")
