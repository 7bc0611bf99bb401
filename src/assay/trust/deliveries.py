"""Into which tables a file went, and when readers could see it there."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

import duckdb


@dataclass(frozen=True)
class Delivered:
    """A file in a table.

    Attributes:
        table: e.g. `gold.daily_sales`.
        landed_at: When the file was complete in landing.
        published_at: When readers could see what it brought.
        run_id: The run that showed it.
    """

    table: str
    landed_at: datetime
    published_at: datetime
    run_id: str

    @property
    def took(self) -> timedelta:
        """From landing to readers."""
        return self.published_at - self.landed_at


def read_deliveries(connection: duckdb.DuckDBPyConnection, source: str, file_id: int) -> list[Delivered]:
    """The tables that a content is in, gold first."""
    rows = connection.execute(
        "select table_name, landed_at, published_at, run_id from ops.deliveries "
        "where source = $source and file_id = $file "
        "order by list_position(['gold', 'silver'], split_part(table_name, '.', 1)), table_name",
        {"source": source, "file": file_id},
    ).fetchall()
    return [Delivered(*row) for row in rows]
