"""The ledger as the loader needs it: which files to read, and what became of each."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path, PurePath

import duckdb

from assay.contract.file_glob import WITHIN
from assay.ledger.archives import as_file
from assay.ledger.fold_lookup import located
from assay.ledger.folded_files import reading, unfolded
from assay.ledger.inspect_file import Examined
from assay.ledger.landing_zone import Hint, hint_of, scratch_for_members
from assay.ledger.rows import copies_of_lost
from assay.ledger.scan import landing_path
from assay.text import Compression


class NeedsFiles(Exception):
    """A full refresh cannot read again what it would delete."""


@dataclass(frozen=True)
class File:
    """A file to load.

    Attributes:
        sighting_id: Its row of the ledger.
        file_id: Its content.
        name: Its path below the landing zone.
        path: Its path on disk; of a member that of the archive, see `readable`.
        header: Its columns in order; None where the format has none.
        plain_records: Records counted in its bytes; None when that was not certain.
        compression: What wraps its content.
        has_quoted_line_ends: Whether a CSV record goes over several lines.
        hint: What the path showed when it was hashed.
        fingerprint: Of the contract under which it was examined.
        run_id: The run that wrote this last.
        failures: Loads that failed for want of memory or room.
        failed_limit: The limit of memory under which they did.
        content_hash: What its content is known by.
        archive: The name of the zip archive that it is in; None for a file itself.
        scratch: Where it is unpacked then.
        lines_left_out: Lines with something in them that are no records; None where the format says nothing of lines.
    """

    sighting_id: int
    file_id: int
    name: str
    path: Path
    header: list[str] | None
    plain_records: int | None
    compression: Compression
    has_quoted_line_ends: bool
    hint: Hint
    fingerprint: str
    run_id: str = ""
    failures: int = 0
    failed_limit: str | None = None
    content_hash: str | None = None
    archive: str | None = None
    scratch: Path = Path()
    lines_left_out: int | None = None

    @property
    def shown(self) -> Hint | None:
        """What the path shows now, of a file that is in a fold what it showed there; raises as `hint_of` does."""
        there = hint_of(self.path, self.hint if self.archive else None)
        folded = located(self.landing, self.name) if there is None else None
        return folded.hint if folded else there

    @property
    def landing(self) -> Path:
        """The landing zone."""
        return self.path.parents[len(PurePath(self.archive or self.name).parts) - 1]

    @property
    def is_as_hashed(self) -> bool:
        """Whether the path still shows what it showed when its content was hashed."""
        return self.shown == self.hint

    @contextmanager
    def readable(self) -> Iterator[File]:
        """The file with a path that holds its content, for the block: what is in an archive or a fold is unpacked.

        Raises as `as_file` and `unfolded`.
        """
        if self.archive is None:
            with reading(self.landing, self.name), self._where_it_is() as path:
                yield replace(self, path=path)
            return
        member = self.name[len(self.archive + WITHIN) :]
        with as_file(self.path, self.hint, member, self.scratch) as path:
            yield replace(self, path=path)

    @contextmanager
    def _where_it_is(self) -> Iterator[Path]:
        """The path that holds the content of a file that is in no archive, for the block."""
        if self.path.exists():
            yield self.path
            return
        with unfolded(self.landing, self.name, self.scratch) as path:
            yield path or self.path


def files(connection: duckdb.DuckDBPyConnection, landing: Path, source: str, *statuses: str) -> list[File]:
    """Sightings of a source in some statuses, oldest first."""
    rows = connection.execute(
        "select sighting_id, file_id, path, header, plain_records, compression, has_quoted_line_ends, "
        "contract_fingerprint, size_bytes, mtime_ns, ctime_ns, inode, run_id, coalesce(failures, 0), failed_limit, "
        "content_hash, lines_left_out, archive "
        "from ops.files where source = ? and list_contains(?::varchar[], status) order by sighting_id",
        [source, list(statuses)],
    ).fetchall()
    return [
        File(
            *(sighting, content, name, landing_path(landing, row[-1] or name), head, n, wrap, long),
            *(Hint(*row[:4]), made, *row[4:-2], row[-1], scratch_for_members(landing), row[-2]),
        )
        for sighting, content, name, head, n, wrap, long, made, *row in rows
    ]


def as_examined(file: File, seen: Examined) -> File:
    """The file with what a look under another contract showed."""
    return replace(
        file,
        header=list(seen.header) if seen.header is not None else None,
        plain_records=seen.plain_records,
        compression=seen.compression,
        has_quoted_line_ends=seen.has_quoted_line_ends,
        lines_left_out=seen.left_out,
    )


def copies_to_load(connection: duckdb.DuckDBPyConnection, landing: Path, source: str) -> list[File]:
    """A readable copy of each content that is neither loaded nor waits: its file was refused, or went away."""
    lost = {sighting for _, sighting, _ in copies_of_lost(connection, source)}
    copies: dict[int, File] = {}
    for file in files(connection, landing, source, "duplicate") if lost else []:
        if file.sighting_id in lost and file.is_as_hashed:
            copies[file.file_id] = file
    return list(copies.values())


def files_to_read_again_or_gone(
    connection: duckdb.DuckDBPyConnection, landing: Path, source: str
) -> tuple[list[File], list[File]]:
    """One readable path for each content that is loaded or waits, oldest first, and the contents without one."""
    wanted = {f.file_id: f for f in files(connection, landing, source, "loaded", "arrived")}
    by_content: dict[int, File] = {}
    for file in files(connection, landing, source, "loaded", "duplicate", "arrived"):
        if file.file_id in wanted and file.is_as_hashed:
            by_content.setdefault(file.file_id, file)
    ordered = sorted(wanted.values(), key=lambda file: file.sighting_id)
    readable = [replace(by_content[f.file_id], sighting_id=f.sighting_id) for f in ordered if f.file_id in by_content]
    return readable, [file for file in ordered if file.file_id not in by_content]


def note(connection: duckdb.DuckDBPyConnection, file: File, **values: object) -> None:
    """Write columns of a file's row of the ledger."""
    assigned = ", ".join(f"{name} = ${name}" for name in values)
    connection.execute(
        f"update ops.files set {assigned} where sighting_id = $sighting_id",
        {**values, "sighting_id": file.sighting_id},
    )


def note_counts(
    connection: duckdb.DuckDBPyConnection, counts: Mapping[int, tuple[int, int, int]], **same: object
) -> None:
    """Write to the rows of many files of the ledger what became of their records.

    Args:
        connection: The warehouse.
        counts: Records read, loaded and malformed, by `sighting_id`.
        same: Columns of which all these rows get the same value.
    """
    assigned = "".join(f", {name} = ${name}" for name in same)
    connection.execute(
        "update ops.files set records_read = n[1], records_loaded = n[2], records_malformed = n[3]"
        f"{assigned} from (select unnest($sightings::bigint[]) as sighting, unnest($counts::bigint[][]) as n) as each"
        " where sighting_id = each.sighting",
        {**same, "sightings": list(counts), "counts": list(map(list, counts.values()))},
    )


def rows_loaded(connection: duckdb.DuckDBPyConnection, file: File) -> int:
    """Rows that the content gave when it was loaded last; 0 when it was not."""
    rows = connection.execute("select records_loaded from ops.files where sighting_id = ?", [file.sighting_id])
    return int(rows.fetchall()[0][0] or 0)


def next_load_id(connection: duckdb.DuckDBPyConnection) -> int:
    """A number for a load that no earlier load has."""
    return int(connection.execute("select coalesce(max(load_id), 0) + 1 from ops.files").fetchall()[0][0])
