"""The ledger as the loader needs it: which files to read, and what became of each."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import duckdb

from resources.arrivals import Hint, hint_of
from resources.ledger import landing_path


class NeedsFiles(Exception):
    """A full refresh cannot read again what it would delete."""


@dataclass(frozen=True)
class File:
    """A file to load.

    Attributes:
        sighting_id: Its row of the ledger.
        file_id: Its content.
        name: Its path below the landing zone.
        path: Its path on disk.
        header: Its columns in order; None where the format has none.
        plain_records: Records counted in its bytes; None when that was not certain.
        is_gzip: Whether it is gzipped.
        has_quoted_line_ends: Whether a CSV record goes over several lines.
        hint: What the path showed when it was hashed.
    """

    sighting_id: int
    file_id: int
    name: str
    path: Path
    header: list[str] | None
    plain_records: int | None
    is_gzip: bool
    has_quoted_line_ends: bool
    hint: Hint

    @property
    def is_as_hashed(self) -> bool:
        """Whether the path still shows what it showed when its content was hashed."""
        return hint_of(self.path) == self.hint


def files(connection: duckdb.DuckDBPyConnection, landing: Path, source: str, *statuses: str) -> list[File]:
    """Sightings of a source in some statuses, oldest first."""
    rows = connection.execute(
        "select sighting_id, file_id, path, header, plain_records, is_gzip, has_quoted_line_ends, "
        "size_bytes, mtime_ns, ctime_ns, inode from ops.files "
        "where source = ? and list_contains(?::varchar[], status) order by sighting_id",
        [source, list(statuses)],
    ).fetchall()
    return [
        File(sighting, file_id, name, landing_path(landing, name), header, plain, is_gzip, has_long, Hint(*hint))
        for sighting, file_id, name, header, plain, is_gzip, has_long, *hint in rows
    ]


def files_to_read_again(connection: duckdb.DuckDBPyConnection, landing: Path, source: str) -> list[File]:
    """One readable path for each content that is loaded or waits, oldest first.

    Raises:
        NeedsFiles: A content has no path left; names them.
    """
    found, gone = files_to_read_again_or_gone(connection, landing, source)
    if gone:
        raise NeedsFiles(
            f"bronze.{source}: a full refresh reads every loaded file again, but {len(gone)} are gone from landing or "
            f"hold something else now: {', '.join(gone[:5])}. Put them back and run again; nothing was changed"
        )
    return found


def files_to_read_again_or_gone(
    connection: duckdb.DuckDBPyConnection, landing: Path, source: str
) -> tuple[list[File], list[str]]:
    """One readable path for each content that is loaded or waits, oldest first, and the names of those without."""
    wanted = {f.file_id: f for f in files(connection, landing, source, "loaded", "arrived")}
    found: dict[int, File] = {}
    for file in files(connection, landing, source, "loaded", "duplicate", "arrived"):
        if file.file_id in wanted and file.is_as_hashed:
            found.setdefault(file.file_id, file)
    ordered = sorted(wanted.values(), key=lambda file: file.sighting_id)
    readable = [replace(found[f.file_id], sighting_id=f.sighting_id) for f in ordered if f.file_id in found]
    return readable, [file.name for file in ordered if file.file_id not in found]


def note(connection: duckdb.DuckDBPyConnection, file: File, **values: object) -> None:
    """Write columns of a file's row of the ledger."""
    assigned = ", ".join(f"{name} = ${name}" for name in values)
    connection.execute(
        f"update ops.files set {assigned} where sighting_id = $sighting_id",
        {**values, "sighting_id": file.sighting_id},
    )


def next_load_id(connection: duckdb.DuckDBPyConnection) -> int:
    """A number for a load that no earlier load has."""
    return int(connection.execute("select coalesce(max(load_id), 0) + 1 from ops.files").fetchall()[0][0])
