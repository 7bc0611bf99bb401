"""Read what is published; never the warehouse."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb

from assay.contract.names import literal
from assay.publish.publishing import OPS_TABLES


@contextmanager
def open_published(folder: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """A connection that sees `silver`, `gold`, `quarantine` and `ops` as they are published now.

    Args:
        folder: `published/`.

    Raises:
        FileNotFoundError: No run has ended yet.
    """
    with duckdb.connect() as connection:
        if not any((folder / f"{kind}.duckdb").exists() for kind in ("lake", "ops")):
            raise FileNotFoundError(folder)
        path = []
        for kind in ("lake", "ops", "incidents", "slo"):
            link = folder / f"{kind}.duckdb"
            if link.exists():
                connection.execute(f"attach {literal(str(link.resolve()))} as {kind}_published (read_only)")
                schemas = connection.execute(
                    f"select schema_name from duckdb_schemas() where database_name = '{kind}_published' "
                    "and not internal and schema_name <> 'main'"
                ).fetchall()
                path += [f"{kind}_published.{row[0]}" for row in sorted(schemas)]
        connection.execute(f"set search_path = {literal(','.join(path))}")
        connection.execute("set timezone = 'UTC'")
        yield connection


def is_of_this_version(connection: duckdb.DuckDBPyConnection) -> bool:
    """Whether the book-keeping was published by this version; a lake of an older one is, from its next run on.

    Args:
        connection: As `open_published` gives it.
    """
    found = connection.execute(
        "select table_name, column_name from duckdb_columns() where schema_name = 'ops'"
    ).fetchall()
    newest = {
        ("files", "landed_at"),
        ("files", "reading"),
        ("deliveries", "landed_at"),
        ("checks", "expires_at"),
    }
    return newest <= set(found) and set(OPS_TABLES) <= {table for table, _ in found}
