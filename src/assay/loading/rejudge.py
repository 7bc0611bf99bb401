"""Which stored files would be judged differently if they came today: loaded by a version that read less strictly.

Their rows stay as they are until somebody loads them anew; `assay doctor` lists them with the command that does.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

import duckdb

from assay.base.duckdb_errors import first_line
from assay.base.memory import NOT_ENOUGH, limit_in_bytes, load_share
from assay.contract.contract import Contract
from assay.ledger.contents import read_by, set_reading
from assay.ledger.pending import File, files
from assay.loading.rejudge_parquet import parquet_judged_otherwise
from assay.loading.rejudge_text import judged_otherwise
from assay.text import NoRoom, Unreadable

READING = 2
"""Version of the rules by which files are read and records judged; 1 is that of the first lakes.

It grows when a file that was loaded before could be refused now, or a record of it become another."""


class Rejudged(NamedTuple):
    """A stored file that would be judged differently now, and why, in words."""

    source: str
    path: str
    reason: str


class _Stored(NamedTuple):
    """What the ledger says of a loaded file."""

    loaded: int
    malformed: int
    reading: int


def rejudged(
    connection: duckdb.DuckDBPyConnection,
    landing: Path,
    contracts: Mapping[str, Contract],
    on_file: Callable[[str], object] = lambda _: None,
) -> Iterator[Rejudged]:
    """Read again the files that an earlier version loaded, and say which would be judged differently.

    Files that are gone from landing, or hold something else by now, are left out.

    Args:
        connection: The warehouse, or what is published of it.
        landing: The landing zone.
        contracts: By source.
        on_file: Called with the name of each file before it is read.
    """
    memory = load_share(limit_in_bytes(connection))
    for source, contract in contracts.items():
        stored = _stored(connection, source)
        for file in files(connection, landing, source, "loaded"):
            known = stored.get(file.sighting_id)
            if known and known.reading < READING and file.is_as_hashed:
                on_file(file.name)
                with suppress(FileNotFoundError):  # taken out of landing while others were read
                    if reason := reason_to_judge_otherwise(file, contract, known.loaded, known.malformed, memory):
                        yield Rejudged(source, file.name, reason)


def reason_to_judge_otherwise(file: File, contract: Contract, loaded: int, malformed: int, memory: int) -> str:
    """Why one stored file would be judged differently now; empty when it would not.

    Raises:
        FileNotFoundError: It is gone.
    """
    try:
        with file.readable() as readable:
            if contract.format.type == "parquet":
                counts = {"records_loaded": loaded, "records_malformed": malformed}
                return parquet_judged_otherwise(readable.path, contract.of_records, memory, **counts)
            return judged_otherwise(readable.path, contract.of_records, loaded, malformed, memory)
    except (Unreadable, NoRoom) as error:  # of a member that cannot be unpacked
        return f"it cannot be read again: {error}"
    except NOT_ENOUGH as error:
        return f"it cannot be read again, because it needs more memory than there is: {first_line(error)}"


def mark_as_read_today(connection: duckdb.DuckDBPyConnection, contract: Contract, present: Iterable[File]) -> None:
    """Note the files of an earlier version that would be judged the same, so that nobody reads them again for it.

    Args:
        connection: The warehouse.
        contract: The source's contract.
        present: Its loaded files, as they lie in landing.
    """
    stored = _stored(connection, contract.source)
    memory = load_share(limit_in_bytes(connection))
    same = [
        file.sighting_id
        for file in present
        if (known := stored.get(file.sighting_id))
        and known.reading < READING
        and not reason_to_judge_otherwise(file, contract, known.loaded, known.malformed, memory)
    ]
    if same:
        set_reading(connection, same, READING)


def _stored(connection: duckdb.DuckDBPyConnection, source: str) -> dict[int, _Stored]:
    """Counts of the loaded files that count, by sighting."""
    return {sighting: _Stored(*counts) for sighting, counts in read_by(connection, source).items()}
