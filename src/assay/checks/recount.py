"""Counts the records of all files and the duplicate keys of bronze again, independently of the ledger."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import duckdb

from assay.base.duckdb_errors import first_line
from assay.base.memory import NOT_ENOUGH
from assay.contract.contract import Contract
from assay.contract.names import TableName, literal, quoted
from assay.ledger.contents import records_read
from assay.ledger.folded_files import UnreadableFold, damaged_folds
from assay.ledger.pending import File, files_to_read_again_or_gone
from assay.loading.rejudge import mark_as_read_today
from assay.reading.parquet import count_records as count_records_of_parquet
from assay.tables.change_states import DUPLICATE, change_states, everything
from assay.text import NoRoom, Unreadable, split


@dataclass(frozen=True)
class Recount:
    """The counts of the files and keys of one source.

    Attributes:
        files: Files that were read again.
        records: Records in them.
        gone: Names of loaded files that are no longer in landing and cannot be counted.
        differing: (name, records in the ledger, records counted) of files that do not agree with the ledger.
        uncounted: (name, why) of files that need more memory than there is to be counted, or are in a damaged fold.
        duplicates: Clean rows of current files beyond the first of their key.
    """

    files: int
    records: int
    gone: tuple[str, ...]
    differing: tuple[tuple[str, int, int], ...]
    uncounted: tuple[tuple[str, str], ...]
    duplicates: int


def recount(connection: duckdb.DuckDBPyConnection, landing: Path, contract: Contract) -> Recount:
    """Read every loaded file of a source again and count its records and the duplicates of its keys.

    Args:
        connection: The warehouse.
        landing: The landing zone.
        contract: The source's contract.
    """
    present, gone = files_to_read_again_or_gone(connection, landing, contract.source)
    known = records_read(connection, contract.source)
    counted: dict[int, int] = {}
    uncounted = []
    for file in present:
        try:
            if file.sighting_id in known:
                counted[file.sighting_id] = count_records(file, contract)
        except NOT_ENOUGH as error:
            uncounted.append((file.name, f"needs more memory than there is: {first_line(error)}"))
        except (NoRoom, UnreadableFold) as error:
            uncounted.append((file.name, str(error)))
    uncounted += damaged_folds(landing, contract.paths) if gone else []
    names = {file.sighting_id: file.name for file in present}
    differing = [(names[i], known[i], n) for i, n in sorted(counted.items()) if known[i] != n]
    mark_as_read_today(connection, contract, present)
    return Recount(
        len(counted),
        sum(counted.values()),
        tuple(file.name for file in gone),
        tuple(differing),
        tuple(uncounted),
        _duplicates(connection, contract),
    )


def count_records(file: File, contract: Contract) -> int:
    """Records of one file, by the footer of Parquet and by a walk through the records of text.

    None in one that an earlier version loaded and that is refused today: it differs from the ledger, and is named.

    Raises:
        UnreadableFold: It is in a fold that is damaged.
        NoRoom: It cannot be unpacked.
    """
    width = len(file.header) if file.header is not None else len(contract.of_records.columns)
    try:
        with file.readable() as readable:
            if contract.format.type == "parquet":
                return count_records_of_parquet(readable.path)
            return sum(1 for _ in split(readable.path, contract.format, width))
    except UnreadableFold:
        raise
    except Unreadable:
        return 0


def _duplicates(connection: duckdb.DuckDBPyConnection, contract: Contract) -> int:
    if not contract.key:
        return 0
    if contract.load == "changes":
        return _duplicate_changes(connection, contract)
    key = ", ".join(quoted(name) for name in contract.key)
    rows = connection.execute(
        f"""
        select coalesce(sum(times - 1), 0)
        from (
            select count(*) as times from {TableName.of_source(contract.source).sql}
            where _violations is null
                and _file_id in (select file_id from ops.current_files where source = {literal(contract.source)})
            group by {key}
        )
        """
    ).fetchall()
    return int(rows[0][0])


def _duplicate_changes(connection: duckdb.DuckDBPyConnection, contract: Contract) -> int:
    """Changes that stand at the same place as that whose row is there, of which there can be one."""
    states = change_states(contract, everything)
    rows = connection.execute(f"select count(*) from ({states}) where _state = '{DUPLICATE}'").fetchall()
    return int(rows[0][0])
