"""Kept counts that are put right by a recount of the rows that they are kept of.

Only where the rows themselves are whole: both equations of promise 1 hold on a count of all rows, and every file has
the records that the ledger says. What the counts were and who put them right is kept in `ops.count_corrections`.
"""

from __future__ import annotations

import json
from dataclasses import dataclass

import duckdb

from assay.base import clock
from assay.base.errors import UserError
from assay.base.warehouse import transaction
from assay.checks import conservation
from assay.checks.validity import behind
from assay.contract.contract import Contract
from assay.contract.names import TableName
from assay.ledger import file_counts
from assay.tables.silver_counts import DUPLICATES, count_whole
from assay.tables.superseded_changes import LeftOut


class RowsDoNotAddUp(UserError):
    """The rows themselves are not all there, so that no count of them may stand for what was loaded."""


@dataclass(frozen=True)
class Correction:
    """What a recount of one source gives otherwise than the counts that are kept.

    Attributes:
        terms: The terms that differ, each as `term`, `kept` and `counted`.
        files: (content, its path) whose counts differ, at most five of them.
    """

    terms: list[dict[str, object]]
    files: list[tuple[int, str]]

    @property
    def is_empty(self) -> bool:
        """Whether the kept counts are those of the rows."""
        return not (self.terms or self.files)


def compare(connection: duckdb.DuckDBPyConnection, contract: Contract, silver: str) -> Correction:
    """Hold the kept counts of a source against a count of all its rows.

    Args:
        connection: The warehouse.
        contract: Of the source.
        silver: The table that takes the source in, e.g. `silver.products`.

    Raises:
        RowsDoNotAddUp: An equation of promise 1 does not hold on the rows, or a file has not the rows that the ledger
            says; or the silver table has not taken in all of the source yet.
    """
    source = contract.source
    if silver in behind(connection):
        raise RowsDoNotAddUp(
            f"{silver} has not taken in all of {source} yet, so it cannot be counted; `assay run` first"
        )
    counted = conservation.count(connection, contract, silver)
    odd = conservation.files_that_disagree(connection, source, None)
    if odd or not counted.is_conserved:
        what = f"; the first file that disagrees is {odd[0][0]}" if odd else ""
        raise RowsDoNotAddUp(
            f"{source}: it is the rows that do not add up, and not only the counts of them{what}. "
            f"`assay run --full-refresh {TableName.of_source(source).table}` loads every file again"
        )
    kept = conservation.kept(connection, source, silver)
    return Correction(kept.differences(counted), conservation.files_kept_otherwise(connection, source))


def correct(
    connection: duckdb.DuckDBPyConnection,
    contract: Contract,
    silver: str,
    correction: Correction,
    because: str,
    by: str,
) -> None:
    """Keep the counts of the rows from now on, and who decided it, when and why; all in one transaction.

    Args:
        connection: The warehouse.
        contract: Of the source.
        silver: The table that takes the source in.
        correction: As `compare` gave it.
        because: Why the rows are right.
        by: Who says so.
    """
    with transaction(connection):
        file_counts.forget_counts(connection, contract.source)
        file_counts.count_unless_kept(connection, contract.source)
        count_whole(connection, silver, DUPLICATES)
        if contract.load == "changes":
            LeftOut(connection, TableName.parse(silver), contract).count_whole()
        connection.execute(
            "insert into ops.count_corrections values (?, ?, ?, ?, ?)",
            [
                contract.source,
                by,
                because,
                clock.now(),
                json.dumps({"terms": correction.terms, "files": correction.files}),
            ],
        )
