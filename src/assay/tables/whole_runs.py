"""Keeps which state of the project was built as a whole, so that the next run may plan only what has work."""

from __future__ import annotations

import hashlib

import duckdb

from assay.base import clock
from assay.base.project import definitions_of
from assay.base.settings import Settings
from assay.tables.dbt import sources_hash

_OWN = ("assets", "resources", "sensors")
"""Folders in which a project declares what is its own."""


def project_hash(settings: Settings) -> str:
    """Hash of the dbt project, the engine that reads it, and the Python in which the lake is declared."""
    total = hashlib.sha256(sources_hash(settings.dbt_project).encode())
    project = settings.project
    own = [path for folder in _OWN for path in sorted((project / folder).rglob("*.py"))]
    for path in (definitions_of(project), *own):
        if path.is_file():
            total.update(f"\n{path}\n".encode())
            total.update(path.read_bytes())
    return total.hexdigest()


def note_whole_run(connection: duckdb.DuckDBPyConnection, project: str, run_id: str) -> None:
    """Keep the hash of the project that a run of everything has built.

    Args:
        connection: The warehouse.
        project: See `project_hash`.
        run_id: The run, which did not fail.
    """
    connection.execute("delete from ops.whole_runs")
    connection.execute("insert into ops.whole_runs values (?, ?, ?)", [project, run_id, clock.now()])


def project_of_whole_run(connection: duckdb.DuckDBPyConnection) -> str:
    """The hash that was kept last; empty where none was.

    Args:
        connection: The warehouse, which a version of before may have made.
    """
    there = "select 1 from duckdb_tables() where schema_name = 'ops' and table_name = 'whole_runs'"
    if not connection.execute(there).fetchall():
        return ""
    rows = connection.execute("select project from ops.whole_runs").fetchall()
    return str(rows[0][0]) if rows else ""
