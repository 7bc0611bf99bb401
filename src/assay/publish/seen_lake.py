"""What readers see when the next state is about to be written."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import duckdb

from assay.contract.names import literal
from assay.publish.states import State, read_state

BEFORE = "published_before"
"""As what the file that readers see is attached."""


@dataclass(frozen=True)
class SeenLake:
    """What readers see: a state with its manifest, or the file of an earlier version with the tables that it has."""

    state: State | None
    tables: frozenset[str]

    def seqs(self, noted: Mapping[str, int]) -> dict[str, int]:
        """The seq of each table that they see; of an older file it stands only in the warehouse."""
        if self.state is None:
            return {table: seq for table, seq in noted.items() if table in self.tables}
        return {table: entry.seq for table, entry in self.state.tables.items() if table in self.tables}

    def is_outdated(self, folder: Path, wanted: Collection[str]) -> bool:
        """Whether the file has to be written again though its tables are as they should be."""
        if self.state is None:
            return bool(wanted)
        return self.state.folder != str(folder.resolve()) or self.tables != set(wanted)


@contextmanager
def attached(connection: duckdb.DuckDBPyConnection, folder: Path) -> Iterator[SeenLake]:
    """What readers see, with its file attached as `BEFORE`; nothing where there is no file or one that is broken.

    Args:
        connection: The warehouse.
        folder: `published/`.

    Raises:
        duckdb.IOException: Another program has the file open for writing.
    """
    path = folder / "lake.duckdb"
    if not path.exists() or not _attach(connection, path.resolve()):
        yield SeenLake(None, frozenset())
        return
    try:
        names = connection.execute(
            "select schema_name || '.' || table_name from duckdb_tables() where database_name = $name "
            "union all select schema_name || '.' || view_name from duckdb_views() where database_name = $name "
            "and not internal",
            {"name": BEFORE},
        ).fetchall()
        yield SeenLake(read_state(folder), frozenset(name for (name,) in names))
    finally:
        connection.execute(f"detach {BEFORE}")


def _attach(connection: duckdb.DuckDBPyConnection, path: Path) -> bool:
    try:
        connection.execute(f"attach {literal(str(path))} as {BEFORE} (read_only)")
    except duckdb.Error as error:
        if "could not set lock" in str(error).lower():
            raise
        return False
    return True
