"""Where DuckDB puts what does not fit into memory, and how much of the disk that may take."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb

from assay.base.memory import default_limit, engine_share
from assay.base.run_lock import RunLock, is_locked

_SHARE = 0.5
"""Of the disk that is free: the warehouse grows beside it, and readers get their copy."""
_BESIDE = "assay-beside-"
_ALIVE = "alive.lock"


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
    _spill_into(connection, folder, limit or default_spill_limit(home))


def _spill_into(connection: duckdb.DuckDBPyConnection, folder: Path, limit: int) -> None:
    quoted = str(folder).replace("'", "''")
    connection.execute(f"set temp_directory = '{quoted}'")
    connection.execute(f"set max_temp_directory_size = '{limit}B'")


@contextmanager
def database_beside_runs(
    home: Path, memory_limit: int | None, spill_limit: int | None
) -> Iterator[duckdb.DuckDBPyConnection]:
    """A database in memory with the limits of a run, for work that goes on while runs do.

    It spills into a folder of its own in the lake's `scratch`, or in the machine's folder for temporary files where the
    lake cannot be written to. Folders that killed processes left are removed.

    Args:
        home: The lake's folder.
        memory_limit: As of the settings.
        spill_limit: As of the settings.
    """
    place = home / "scratch" if os.access(home, os.W_OK) else Path(tempfile.gettempdir())
    place.mkdir(exist_ok=True)
    for left in place.glob(f"{_BESIDE}*"):
        if (left / _ALIVE).exists() and not is_locked(left / _ALIVE):
            shutil.rmtree(left, ignore_errors=True)
    with (
        tempfile.TemporaryDirectory(prefix=_BESIDE, dir=place, ignore_cleanup_errors=True) as folder,
        RunLock(Path(folder) / _ALIVE) as alive,
        duckdb.connect() as connection,
    ):
        alive.acquire(f"process {os.getpid()}", wait_seconds=0)
        connection.execute(f"set memory_limit = '{engine_share(memory_limit or default_limit())}B'")
        connection.execute("set preserve_insertion_order = false")
        connection.execute("set enable_progress_bar = false")  # it would stand in what the command prints
        _spill_into(connection, Path(folder), spill_limit or default_spill_limit(place))
        yield connection
