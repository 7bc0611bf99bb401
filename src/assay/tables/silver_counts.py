"""The terms of promise 1 that a silver table stands for: kept beside it, moved in the transaction that rebuilds keys.

Each term moves by what is counted on the rows that went and on those that came; none is worked out from another. Keep
out: the counts of files (`ledger/file_counts.py`), and the check (`checks/conservation.py`).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import duckdb

from assay.contract.names import relation

DUPLICATES = ("_duplicates_identical", "_duplicates_conflicting")
"""Columns of a row that won: how many rows lost their key to it. A table without them takes in no source."""
_TERMS = ", ".join(["count(*)", *(f"coalesce(sum({name}), 0)" for name in DUPLICATES)])
_MOVE = f"""
    update ops.table_counts set
        row_count = row_count + came.n - went.n,
        duplicates_identical = duplicates_identical + came.identical - went.identical,
        duplicates_conflicting = duplicates_conflicting + came.conflicting - went.conflicting
    from
        (select {_TERMS} from temp.keyed_new) as came (n, identical, conflicting),
        (select {_TERMS} from temp.keyed_old) as went (n, identical, conflicting)
    where table_name = ?
"""


def count_whole(connection: duckdb.DuckDBPyConnection, table: str, columns: Iterable[str]) -> None:
    """Count the terms of a table that was rebuilt, where it has them."""
    if not _has_terms(columns):
        return
    connection.execute("delete from ops.table_counts where table_name = ?", [table])
    connection.execute(
        "insert into ops.table_counts (table_name, row_count, duplicates_identical, duplicates_conflicting) "
        f"select ?, {_TERMS} from {relation(table)}",
        [table],
    )


def move_counts(connection: duckdb.DuckDBPyConnection, table: str, columns: Iterable[str]) -> None:
    """Move the terms of a table of which the rows in `temp.keyed_old` gave way to those in `temp.keyed_new`.

    A table of a lake of before, which has no counts yet, is counted whole, once.
    """
    if not _has_terms(columns):
        return
    moved = connection.execute(_MOVE, [table]).fetchall()
    if not moved[0][0]:
        count_whole(connection, table, DUPLICATES)


def count_unless_kept(connection: duckdb.DuckDBPyConnection, table: str) -> None:
    """Count the terms of a table whole, once, where an earlier version built it and kept no counts."""
    if not connection.execute("select 1 from ops.table_counts where table_name = ?", [table]).fetchall():
        count_whole(connection, table, DUPLICATES)


@dataclass(frozen=True)
class Terms:
    """What is kept of a table; zeros of one never built.

    Attributes:
        rows: Of the table.
        identical: Duplicates that lost to them and say the same.
        conflicting: Duplicates that say something else.
        superseded: Changes that newer ones replaced or took out (`superseded_changes.py`).
        held: Changes that are held.
    """

    rows: int = 0
    identical: int = 0
    conflicting: int = 0
    superseded: int = 0
    held: int = 0


def terms(connection: duckdb.DuckDBPyConnection, table: str) -> Terms:
    """The terms that are kept of a table."""
    kept = connection.execute(
        "select row_count, duplicates_identical, duplicates_conflicting, rows_superseded, rows_held "
        "from ops.table_counts where table_name = ?",
        [table],
    ).fetchall()
    return Terms(*(int(term or 0) for term in kept[0])) if kept else Terms()


def _has_terms(columns: Iterable[str]) -> bool:
    return set(DUPLICATES) <= set(columns)
