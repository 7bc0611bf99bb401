"""What is known about each table: how often its rows changed, and what it was built from."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

import duckdb

from contracts.names import relation
from resources import clock


class ChangedWithData(Exception):
    """A contract or model is not the one that the stored rows were made with."""


def fingerprint(sql: str, *declared: object) -> str:
    """Hash of what rows are made with: a model's compiled SQL (white space does not count) and what it declares."""
    said = [" ".join(sql.split()), *map(repr, declared)]
    return hashlib.sha256("\n".join(said).encode()).hexdigest()[:16]


def is_changed_while_empty(connection: duckdb.DuckDBPyConnection, table: str, fingerprint: str) -> bool:
    """Whether a table without rows was made by another contract or model, so that it can be made anew unasked."""
    built = connection.execute(
        "select count(*) from ops.tables where table_name = ? and row_count = 0 and fingerprint <> ?",
        [table, fingerprint],
    ).fetchall()
    return bool(built[0][0])


def stop_when_changed(connection: duckdb.DuckDBPyConnection, table: str, fingerprint: str) -> None:
    """Refuse to mix rows of two contracts or models in one table.

    Raises:
        ChangedWithData: Names the command that rebuilds the table.
    """
    built = connection.execute(
        "select fingerprint from ops.tables where table_name = ? and row_count > 0", [table]
    ).fetchall()
    if built and built[0][0] != fingerprint:
        raise changed_with_data(table)


def changed_with_data(table: str) -> ChangedWithData:
    """The error that names the command."""
    return ChangedWithData(
        f"{table}: its contract or model changed since its rows were stored. Rebuild it with "
        f"`assay run --full-refresh {table}`; until then nothing of it is changed"
    )


def note_built(
    connection: duckdb.DuckDBPyConnection,
    table: str,
    fingerprint: str,
    run_id: str,
    *,
    is_changed: bool,
    is_rebuilt: bool = False,
) -> int:
    """Write down a build in the transaction that made it.

    Returns:
        The table's seq.
    """
    before = connection.execute("select seq, rebuilt_seq from ops.tables where table_name = ?", [table]).fetchall()
    seq, rebuilt = before[0] if before else (0, 0)
    seq = seq + 1 if is_changed or not before else seq
    rebuilt = seq if is_rebuilt or not before else rebuilt
    count = connection.execute(f"select count(*) from {relation(table)}").fetchall()[0][0]
    connection.execute("delete from ops.tables where table_name = ?", [table])
    connection.execute(
        "insert into ops.tables values (?, ?, ?, ?, ?, ?, ?)",
        [table, seq, rebuilt, fingerprint, count, clock.now(), run_id],
    )
    return int(seq)


def seqs(connection: duckdb.DuckDBPyConnection) -> dict[str, int]:
    """The seq of each table that was ever built."""
    return dict(connection.execute("select table_name, seq from ops.tables").fetchall())


def forget_readers(connection: duckdb.DuckDBPyConnection, tables: Iterable[str]) -> None:
    """Forget what tables other than these have seen, so that changes are not kept for models that left the project."""
    known = list(tables)
    for name in ("seen", "seen_files"):
        connection.execute(f"delete from ops.{name} where not list_contains(?::varchar[], consumer)", [known])
