"""What the catalogue of PostgreSQL says of the columns of a table."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from assay.connectors.postgres.column_types import SourceColumn, SourceType
from assay.connectors.postgres.pgoutput import RelationColumn
from assay.contract.feed_kinds.table import TableFeed
from assay.feeds.errors import Permanent

if TYPE_CHECKING:
    import psycopg

_COLUMNS = """
    select attname, atttypid, atttypmod, format_type(atttypid, atttypmod) from pg_catalog.pg_attribute
    where attrelid = %s and attnum > 0 and not attisdropped order by attnum
"""
_TYPE = "select typname, typtype, typbasetype, typtypmod, typelem, typcategory from pg_catalog.pg_type where oid = %s"
_GONE = ("text", "b", 0, -1, 0, "S")
"""Stands for a type that was dropped since: its values are texts as those of any other."""


def columns_of(connection: psycopg.Connection, feed: TableFeed) -> tuple[SourceColumn, ...]:
    """The columns of the table of a feed.

    Raises:
        Permanent: There is no such table.
    """
    row = connection.execute("select to_regclass(%s)::oid", [feed.table_sql]).fetchone()
    if row is None or row[0] is None:
        raise Permanent(
            f"feed {feed.source}: there is no table {'.'.join(feed.table)} in the database of "
            "the url, or its schema may not be used; write its name as the server has it, upper and lower case "
            "too, or grant `usage` on the schema"
        )
    rows = connection.execute(_COLUMNS, [row[0]]).fetchall()
    return tuple(SourceColumn.of(str(name), _type(connection, *kind)) for name, *kind in rows)


def columns_of_shape(connection: psycopg.Connection, columns: Sequence[RelationColumn]) -> tuple[SourceColumn, ...]:
    """The columns of a table as its log described them."""
    shown = "select format_type(%s, %s)"
    typed = []
    for column in columns:
        kind = (column.type_oid, column.modifier)
        row = connection.execute(shown, kind).fetchone()
        typed.append(SourceColumn.of(column.name, _type(connection, *kind, str(row[0]) if row else "")))
    return tuple(typed)


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
    name, kind, base, modifier, element, category = row or _GONE
    text = [value.decode() if isinstance(value, bytes) else value for value in (kind, category)]
    return str(name), text[0], base, modifier, element, text[1]
