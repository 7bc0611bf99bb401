"""Looks files up in the ledger: by a part of their name, source or outcome, the newest first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import duckdb


@dataclass(frozen=True)
class Sighting:
    """A file as it was seen at a path.

    Attributes:
        sighting_id: Its number; a later sighting has a greater one.
        file_id: Its content; None for one that was not read.
        source: The source that claims it.
        path: Below the landing zone.
        status: `loaded`, `duplicate`, `refused` and so on.
        landed_at: When it was complete there; when it was seen first, where that is not known.
        size_bytes: Of the file.
        records_read: Records in it; None where it was not read.
        records_loaded: Rows of it in bronze.
        records_malformed: Records of it that never became a row.
        reason: Why it was refused or left.
        run_id: The run that saw it.
        load_id: The load that brought it; None without one.
        contract_version: The contract that it was held against.
    """

    sighting_id: int
    file_id: int | None
    source: str
    path: str
    status: str
    landed_at: datetime
    size_bytes: int | None
    records_read: int | None
    records_loaded: int | None
    records_malformed: int | None
    reason: str | None
    run_id: str
    load_id: int | None
    contract_version: str


_SHOWN = (
    "sighting_id, file_id, source, path, status, coalesce(landed_at, first_seen), size_bytes, records_read, "
    "records_loaded, records_malformed, reason, run_id, load_id, contract_version"
)
_WANTED = (
    "($source = '' or source = $source) and ($status = '' or status = $status) "
    "and ($text = '' or contains(lower(path), lower($text)) or contains(lower(coalesce(reason, '')), lower($text)))"
)


def search(
    connection: duckdb.DuckDBPyConnection,
    text: str = "",
    source: str = "",
    status: str = "",
    *,
    most: int,
    after: int = 0,
) -> tuple[list[Sighting], int]:
    """Sightings, the newest first, and how many there are in all.

    Args:
        connection: To what is published.
        text: A part of the path or the reason, in any case; empty for all.
        source: Only of this one; empty for all.
        status: Only with this outcome; empty for all.
        most: How many are given.
        after: How many of the newest are left out.
    """
    wanted = {"text": text, "source": source, "status": status}
    counted = connection.execute(f"select count(*) from ops.files where {_WANTED}", wanted).fetchall()
    rows = connection.execute(
        f"select {_SHOWN} from ops.files where {_WANTED} order by sighting_id desc limit $most offset $after",
        {**wanted, "most": most, "after": after},
    ).fetchall()
    return [Sighting(*row) for row in rows], int(counted[0][0])


def of_content(connection: duckdb.DuckDBPyConnection, file_id: int) -> list[Sighting]:
    """Every sighting of a content, the oldest first."""
    rows = connection.execute(
        f"select {_SHOWN} from ops.files where file_id = $file order by sighting_id", {"file": file_id}
    ).fetchall()
    return [Sighting(*row) for row in rows]


def outcomes(connection: duckdb.DuckDBPyConnection) -> Sequence[str]:
    """The outcomes that files had, for a choice."""
    rows = connection.execute("select distinct status from ops.files order by status").fetchall()
    return [status for (status,) in rows]
