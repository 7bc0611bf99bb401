"""Read what is published; never the warehouse."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

import duckdb

from assay.base.warehouse import view_statement
from assay.contract.names import literal
from assay.ledger.archives import Archive, read_archives
from assay.publish.ops_tables import OPS_TABLES

OWN_SCHEMA = "memory.ops"
"""Where the views of a connection are: beside what is published, which is read only."""
KINDS = ("lake", "ops", "incidents", "slo")
"""The files that are published."""
_NEWEST = {
    "files": "landed_at, reading, archive",
    "deliveries": "landed_at",
    "checks": "expires_at, whole_at",
    "archives": "members",
}
"""Columns that tables of the book-keeping have since the last versions."""
OWN_VIEWS = ("latest_sightings", "loaded_files", "landed_contents", "known_sources", "latest_checks")
"""Views that need not be stored: they say in fewer words what published tables hold."""


@contextmanager
def open_published(folder: Path, kinds: Collection[str] = KINDS) -> Iterator[duckdb.DuckDBPyConnection]:
    """A connection that sees `silver`, `gold`, `quarantine` and `ops` as they are published now.

    Args:
        folder: `published/`.
        kinds: What is opened of it, which takes some milliseconds for each.

    Raises:
        FileNotFoundError: No run has ended yet.
    """
    with duckdb.connect() as connection:
        attached(connection, {kind: path for kind, path in published_files(folder).items() if kind in kinds})
        yield connection


def published_files(folder: Path) -> dict[str, Path]:
    """The file of each kind that is published now: `lake`, `ops`, `incidents`, `slo`.

    Args:
        folder: `published/`.

    Raises:
        FileNotFoundError: No run has ended yet.
    """
    links = {kind: folder / f"{kind}.duckdb" for kind in KINDS}
    files = {kind: link.resolve() for kind, link in links.items() if link.exists()}
    if not files.keys() & {"lake", "ops"}:
        raise FileNotFoundError(folder)
    return files


def attached(connection: duckdb.DuckDBPyConnection, files: Mapping[str, Path]) -> None:
    """Let a connection in memory see files by the names of their schemas.

    Args:
        connection: Nothing else is attached to it.
        files: By kind, as `published_files` gives them.
    """
    path = []
    for kind, file in files.items():
        connection.execute(f"attach {literal(str(file))} as {kind}_published (read_only)")
        schemas = connection.execute(
            f"select schema_name from duckdb_schemas() where database_name = '{kind}_published' "
            "and not internal and schema_name <> 'main'"
        ).fetchall()
        path += [f"{kind}_published.{row[0]}" for row in sorted(schemas)]
    connection.execute(f"create schema {OWN_SCHEMA}")
    connection.execute(f"set search_path = {literal(','.join([*path, OWN_SCHEMA]))}")
    _make_views(connection)
    connection.execute("set timezone = 'UTC'")


def published_archives(folder: Path) -> dict[str, Archive]:
    """The zip archives that the last run knew, by path; none where none was published by this version.

    Args:
        folder: `published/`.
    """
    try:
        with open_published(folder) as connection:
            return read_archives(connection) if is_of_this_version(connection) else {}
    except FileNotFoundError:
        return {}


def _make_views(connection: duckdb.DuckDBPyConnection) -> None:
    """Create the views that the warehouse has too; in an older lake, those that its tables allow."""
    for name in OWN_VIEWS:
        with suppress(duckdb.CatalogException, duckdb.BinderException):
            connection.execute(view_statement(name).replace(f"view ops.{name} as", f"view {OWN_SCHEMA}.{name} as", 1))


def is_of_this_version(connection: duckdb.DuckDBPyConnection) -> bool:
    """Whether the book-keeping was published by this version; a lake of an older one is, from its next run on.

    Args:
        connection: As `open_published` gives it.
    """
    tables = connection.execute("select table_name from duckdb_tables() where schema_name = 'ops'").fetchall()
    if not set(OPS_TABLES) <= {table for (table,) in tables}:
        return False
    try:
        for table, columns in _NEWEST.items():
            connection.execute(f"select {columns} from ops.{table} limit 0")  # binds, and reads nothing
    except duckdb.BinderException:
        return False
    return True
