"""What the ledger knows of files that a feed fetched whole: which of them were loaded, and which refused."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import duckdb

from assay.ledger.content_identity import bytes_of


class LandedFile(Protocol):
    """A file as it landed: its path below the landing zone, and what it is known by."""

    @property
    def path(self) -> str:
        """The path."""
        ...

    @property
    def sha256(self) -> str:
        """Of its bytes, in hex."""
        ...

    @property
    def size_bytes(self) -> int:
        """Its size."""
        ...

    @property
    def mtime_ns(self) -> int:
        """Its time."""
        ...


@dataclass(frozen=True)
class JudgedFiles:
    """What became of the files at some paths.

    Attributes:
        loaded: (path, sha256 of the bytes) whose rows are stored, maybe under another name.
        refused: (path, sha256) that could not be loaded; a path alone where its bytes could not be read last.
        archives: (path, size, time) of archives all of whose members were judged.
    """

    loaded: frozenset[tuple[str, str]]
    refused: frozenset[tuple[str, str]]
    archives: frozenset[tuple[str, int, int]]

    def has_loaded(self, file: LandedFile) -> bool:
        """Whether the rows of a file are stored."""
        is_archive = (file.path, file.size_bytes, file.mtime_ns) in self.archives
        return is_archive or (file.path, file.sha256) in self.loaded

    def is_done(self, file: LandedFile) -> bool:
        """Whether a file may be replaced: it was loaded, or never will be."""
        return self.has_loaded(file) or bool({(file.path, file.sha256), (file.path, "")} & self.refused)


def judged_files(connection: duckdb.DuckDBPyConnection, source: str, paths: Sequence[str]) -> JudgedFiles:
    """What became of the files that were ever at some paths.

    Args:
        connection: To what is published.
        source: The source that the feed fetches.
        paths: Below the landing zone.
    """
    values = {"source": source, "paths": list(paths)}
    rows = connection.execute(
        "select path, content_hash, coalesce(bool_or(file_id in (select file_id from ops.files where source = $source "
        "and status = 'loaded')), false), bool_or(status = 'refused' and (content_hash is not null or sighting_id = "
        "newest)) from (select *, max(sighting_id) over (partition by path) as newest from ops.files "
        "where source = $source and list_contains($paths::varchar[], path)) group by path, content_hash",
        values,
    ).fetchall()
    archives = connection.execute(
        "select path, size_bytes, mtime_ns from ops.archives where source = $source "
        "and list_contains($paths::varchar[], path) and path not in (select archive from ops.files "
        "where source = $source and status = 'arrived' and archive is not null)",
        values,
    ).fetchall()
    return JudgedFiles(
        frozenset((path, bytes_of(hashed)) for path, hashed, is_loaded, _ in rows if is_loaded and hashed),
        frozenset((path, bytes_of(hashed or "")) for path, hashed, _, is_refused in rows if is_refused),
        frozenset(archives),
    )


def count_paths(connection: duckdb.DuckDBPyConnection, source: str) -> int:
    """How many paths of a source the ledger knows, archives and not their members."""
    row = connection.execute(
        "select count(*) from (select coalesce(archive, path) from ops.files where source = $source and "
        "status <> 'retired' union select path from ops.archives where source = $source)",
        {"source": source},
    ).fetchone()
    return int(row[0]) if row else 0
