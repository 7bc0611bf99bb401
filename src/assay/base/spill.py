"""Where DuckDB puts what does not fit into memory, and how much of the disk that may take."""

from __future__ import annotations

import shutil
from pathlib import Path

import duckdb

_SHARE = 0.5
"""Of the disk that is free: the warehouse grows beside it, and readers get their copy."""


def spill_folder(home: Path) -> Path:
    """The folder of a lake for what does not fit into memory; empty between runs."""
    return home / "scratch" / "spill"


def default_spill_limit(home: Path) -> int:
    """Bytes that may be spilled on this disk as it is now, unless a setting says otherwise."""
    return int(_SHARE * shutil.disk_usage(home).free)


def limit_spill(connection: duckdb.DuckDBPyConnection, home: Path, limit: int | None) -> None:
    """Let a warehouse that was just opened spill into the lake's folder, up to a limit.

    Args:
        connection: Of a database that has spilled nothing yet.
        home: The lake's folder; what a run that was killed left in its `scratch/spill` is deleted.
        limit: Bytes; None for a share of the free disk.
    """
    folder = spill_folder(home)
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    quoted = str(folder).replace("'", "''")
    connection.execute(f"set temp_directory = '{quoted}'")
    connection.execute(f"set max_temp_directory_size = '{limit or default_spill_limit(home)}B'")
