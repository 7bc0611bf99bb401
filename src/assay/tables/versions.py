"""What is known about each table: how often its rows changed, and what it was built from."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Sequence

import duckdb

from assay.base import clock
from assay.contract.names import relation
from assay.tables.table_definition import Definition, Form, differences


class ChangedWithData(Exception):
    """A contract or model is not the one that the stored rows were made with."""


def fingerprint(sql: str, *declared: object) -> str:
    """Hash of what rows are made with: a model's compiled SQL (white space does not count) and what it declares."""
    parts = [" ".join(sql.split()), *map(repr, declared)]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]


def is_changed_while_empty(connection: duckdb.DuckDBPyConnection, table: str, definition: Definition) -> bool:
    """Whether a table without rows was made by another contract or model, so that it can be made anew unasked."""
    built = connection.execute(
        "select fingerprint from ops.tables where table_name = ? and row_count = 0", [table]
    ).fetchall()
    return bool(built) and not definition.is_of(built[0][0])


def is_changed(connection: duckdb.DuckDBPyConnection, table: str, definition: Definition) -> bool:
    """Whether a table was made by another contract or model."""
    built = connection.execute("select fingerprint from ops.tables where table_name = ?", [table]).fetchall()
    return bool(built) and not definition.is_of(built[0][0])


def stop_when_changed(connection: duckdb.DuckDBPyConnection, table: str, definition: Definition) -> None:
    """Refuse to mix rows of two contracts or models in one table.

    Raises:
        ChangedWithData: Names what changed and the command that rebuilds the table.
    """
    built = connection.execute(
        "select fingerprint, definition from ops.tables where table_name = ? and row_count > 0", [table]
    ).fetchall()
    if built and not definition.is_of(built[0][0]):
        raise changed_with_data(table, differences(json.loads(built[0][1]), definition.form) if built[0][1] else ())


def stored_form(connection: duckdb.DuckDBPyConnection, table: str) -> Form | None:
    """What the rows of a table were made with; None for a table of the first lakes, or one that was never built."""
    built = connection.execute("select definition from ops.tables where table_name = ?", [table]).fetchall()
    return json.loads(built[0][0]) if built and built[0][0] else None


def changed_with_data(table: str, changes: Sequence[str] = ()) -> ChangedWithData:
    """The error that names the command, and what changed where that is known."""
    named = f": {', '.join(changes)}" if changes else ""
    return ChangedWithData(
        f"{table}: its contract or model changed since its rows were stored{named}. Rebuild it with "
        f"`assay run --full-refresh {table}`; until then nothing of it is changed"
    )


def note_built(
    connection: duckdb.DuckDBPyConnection,
    table: str,
    definition: Definition,
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
    seq, rebuilt = before[0] if before else (_last_published(connection, table), 0)
    seq = seq + 1 if is_changed or not before else seq
    rebuilt = seq if is_rebuilt or not before else rebuilt
    count = connection.execute(f"select count(*) from {relation(table)}").fetchall()[0][0]
    connection.execute("delete from ops.tables where table_name = ?", [table])
    connection.execute(
        "insert into ops.tables (table_name, seq, rebuilt_seq, fingerprint, definition, row_count, built_at, run_id, "
        "version) values (?, ?, ?, ?, ?, ?, ?, ?, nullif(?, ''))",
        [table, seq, rebuilt, definition.fingerprint, definition.text, count, clock.now(), run_id, definition.release],
    )
    return int(seq)


def _last_published(connection: duckdb.DuckDBPyConnection, table: str) -> int:
    """The seq under which readers may still see a table that was dropped: one that comes back must not repeat it."""
    rows = connection.execute(
        "select max(shown.seq) from (select unnest(tables) as shown from ops.publications) where shown.table_name = ?",
        [table],
    ).fetchall()
    return int(rows[0][0] or 0)


def seqs(connection: duckdb.DuckDBPyConnection) -> dict[str, int]:
    """The seq of each table that was ever built."""
    return dict(connection.execute("select table_name, seq from ops.tables").fetchall())


def forget_readers(connection: duckdb.DuckDBPyConnection, tables: Iterable[str]) -> None:
    """Forget what tables other than these have seen, so that changes are not kept for models that left the project."""
    known = list(tables)
    for name in ("seen", "seen_files"):
        connection.execute(f"delete from ops.{name} where not list_contains(?::varchar[], consumer)", [known])
