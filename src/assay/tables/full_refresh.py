"""What a full refresh reads: every loaded content once more, held against the contract as it is now."""

from __future__ import annotations

from collections.abc import Sequence, Set
from dataclasses import dataclass
from pathlib import Path

import duckdb

from assay.base.memory import limit_in_bytes
from assay.contract.contract import Contract
from assay.contract.names import TableName
from assay.ledger.contents import live_or_waiting, note_missing, paths_of, set_file_date
from assay.ledger.inspect_file import Examined, examine, file_date
from assay.ledger.pending import File, NeedsFiles, as_examined, files, files_to_read_again_or_gone
from assay.ledger.rows import copies_of_lost
from assay.text import NoRoom, Unreadable

SHOWN = 5  # files that a message names


@dataclass(frozen=True)
class Again:
    """The files of a full refresh.

    Attributes:
        files: One readable path for each content, with what it looks like under the contract of today.
        replaced: Sightings of contents that no path shows any more and whose bytes are gone: old versions.
    """

    files: tuple[File, ...]
    replaced: tuple[int, ...]


def plan(connection: duckdb.DuckDBPyConnection, landing: Path, contract: Contract, parted: Set[int]) -> Again:
    """Look at everything that a full refresh of a source would read, before anything is changed.

    Raises:
        NeedsFiles: A content that counts is gone from landing, or a loaded file does not fit the contract any more.
    """
    readable, gone = files_to_read_again_or_gone(connection, landing, contract.source)
    _stop_when_live_ones_are_gone(connection, contract.source, readable, gone)
    _stop_when_copies_are_gone(connection, landing, contract.source, parted)
    loaded = {file.file_id for file in files(connection, landing, contract.source, "loaded")}
    again, problems = [], []
    for file in readable:
        seen = _examined(file, contract, limit_in_bytes(connection))
        if not (seen.problem or seen.not_enough):
            again.append(as_examined(file, seen))
        elif file.file_id in loaded:  # of one that only waits, landing says what is wrong
            lack = f"it needs more memory than a load may take ({seen.not_enough}); raise ASSAY_MEMORY_LIMIT"
            problems.append(f"{file.name}: {seen.problem or lack}")
    if problems:
        raise NeedsFiles(
            f"{TableName.of_source(contract.source)}: {len(problems)} loaded files do not fit the contract any more: "
            f"{'; '.join(problems[:SHOWN])}. Take that change of the contract back, or put files that fit it under "
            "the same names; nothing was changed"
        )
    return Again(tuple(again), tuple(file.sighting_id for file in gone))


def _examined(file: File, contract: Contract, memory: int) -> Examined:
    try:
        with file.readable() as readable:
            return examine(readable.path, contract, memory, file.name)
    except (Unreadable, NoRoom) as error:  # of a member that cannot be unpacked
        return Examined(None, problem=str(error))


def note_replaced(connection: duckdb.DuckDBPyConnection, source: str, sightings: Sequence[int]) -> None:
    """Write down that old versions could not be read again; their rows counted for nothing already."""
    note_missing(connection, sightings, f"was replaced, and gone when {TableName.of_source(source)} was loaded again")


def date_again(connection: duckdb.DuckDBPyConnection, contract: Contract) -> None:
    """Date every sighting by its name as the contract says today, unless that was done.

    A name that the contract does not date keeps the date that it was loaded under.
    """
    done = connection.execute(
        "update ops.sources set dated_by = $pattern where source = $source and dated_by is distinct from $pattern",
        {"source": contract.source, "pattern": contract.file_date},
    ).fetchall()
    if not done[0][0]:
        return
    for name in paths_of(connection, contract.source):
        dated, problem = file_date(Path(name), contract)
        if not problem:
            set_file_date(connection, contract.source, name, dated)


def _stop_when_live_ones_are_gone(
    connection: duckdb.DuckDBPyConnection, source: str, readable: Sequence[File], gone: Sequence[File]
) -> None:
    """Refuse the refresh when live files are gone; a version that waits replaces the one before, as in a load."""
    live = live_or_waiting(connection, source, [file.file_id for file in readable])
    needed = [file.name for file in gone if file.file_id in live]
    if needed:
        raise NeedsFiles(
            f"{TableName.of_source(source)}: a full refresh reads every loaded file again, but {len(needed)} are gone "
            f"from landing or hold something else now: {', '.join(needed[:SHOWN])}. Put them back and run again; "
            "nothing was changed"
        )


def _stop_when_copies_are_gone(
    connection: duckdb.DuckDBPyConnection, landing: Path, source: str, parted: Set[int]
) -> None:
    """Refuse the refresh when a copy, which is a content of its own by this contract, is gone."""
    lost = parted & {sighting for _, sighting, _ in copies_of_lost(connection, source)}
    copies = (file for file in files(connection, landing, source, "duplicate") if file.sighting_id in lost)
    gone = [file.name for file in copies if not file.is_as_hashed]
    if gone:
        raise NeedsFiles(
            f"{TableName.of_source(source)}: by this contract {len(gone)} copies are contents of their own, and they "
            f"are gone from landing or hold something else now: {', '.join(gone[:SHOWN])}. Put them back and run "
            "again; nothing was changed"
        )
