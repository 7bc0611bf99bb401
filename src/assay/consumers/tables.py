"""The tables that readers see, and the one that somebody names."""

from __future__ import annotations

from difflib import get_close_matches

import duckdb

from assay.base.errors import UserError
from assay.contract.names import TableName

SHOWN = ("gold", "silver", "quarantine")
"""Layers of what is published, in the order in which people look at them."""
_NAMED = 8


class UnknownTable(UserError):
    """Readers see no table of that name."""


def shown_tables(connection: duckdb.DuckDBPyConnection) -> list[TableName]:
    """The published tables, gold first.

    Args:
        connection: As `open_published` gives it.
    """
    rows = connection.execute(
        "select table_schema, table_name from information_schema.tables "
        "where table_catalog = 'lake_published' and list_contains(?, table_schema)",
        [list(SHOWN)],
    ).fetchall()
    return sorted((TableName(*row) for row in rows), key=lambda name: (SHOWN.index(name.layer), name.entity))


def find_table(tables: list[TableName], name: str) -> TableName:
    """The table that somebody means.

    Args:
        tables: As `shown_tables` gives them.
        name: e.g. `gold.daily_sales` or `gold/daily_sales`.

    Raises:
        UnknownTable: There is none of that name; names those that are called alike.
    """
    wanted = TableName.of_subject(name)
    if wanted in tables:
        return wanted
    names = [table.table for table in tables]
    alike = get_close_matches(name, names, n=3) or names[:_NAMED]
    raise UnknownTable(f"there is no table {name!r} for readers; there is {', '.join(alike) or 'none yet'}")
