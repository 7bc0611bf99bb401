"""Up to which date or time a table has data, by its own values: not when somebody worked on it last."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

import duckdb

from assay.contract.catalog import Catalog
from assay.contract.names import TableName, quoted, relation
from assay.tables.part_column import PartColumn, part_column
from assay.trust.asking import ask


@dataclass(frozen=True)
class Through:
    """The last moment that a table tells of.

    Attributes:
        column: The column that says it.
        value: Its greatest value.
    """

    column: str
    value: date | datetime

    @property
    def day(self) -> date:
        """The day of it."""
        return self.value.date() if isinstance(self.value, datetime) else self.value


def data_through(connection: duckdb.DuckDBPyConnection, catalog: Catalog, table: str) -> Through | None:
    """Up to when a published table has data; None where no column says so.

    Of a table with a key only a date in its key counts: others, such as the end of a campaign, may lie ahead. Of one
    that is not keyed by a date, and of silver, it is the column by which it is cut into parts, where that is a date.

    Args:
        connection: A connection to what is published.
        catalog: The project.
        table: A silver or gold table that readers see.
    """
    column = moment_column(connection, catalog, table)
    if column is None:
        return None
    # Infinity and years of five digits are values of rows, and no dates of Python.
    rows = ask(
        connection, f"select max({quoted(column.name)}) from {relation(table)} where {column.between(None, None)}"
    )
    return Through(column.name, rows[0][0]) if rows[0][0] is not None else None


def moment_column(connection: duckdb.DuckDBPyConnection, catalog: Catalog, table: str) -> PartColumn | None:
    """The column that says up to when a published table has data."""
    name = TableName.parse(table)
    promise = catalog.promises.get(name.model)
    if promise is None:
        return None
    column = part_column(published_columns(connection, table), catalog.part_choices[table])
    if column is None or not column.is_moment:
        return None
    is_event = name.layer == "silver" and len(promise.key) > 1
    return column if is_event or not promise.key or column.name in promise.key else None


def published_columns(connection: duckdb.DuckDBPyConnection, table: str) -> list[tuple[str, str]]:
    """Names and types of the columns of a published table, in their order."""
    return [row[:2] for row in ask(connection, f"describe {relation(table)}")]
