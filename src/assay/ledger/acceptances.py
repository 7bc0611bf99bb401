"""Snapshots that a person accepts although they lose too much, or no longer: in `ops.acceptances`, for the next run.

Belongs here: the record. Keep out: what follows from it, which `snapshots.py` decides when the source is loaded next.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import duckdb

from assay.base import clock
from assay.base.errors import UserError
from assay.contract.names import TableName, literal

_LISTED = {
    "held back": """
    select source, path, file_id from ops.snapshots
    where state = 'held back' and 'bronze.' || source not in (select table_name from ops.retired) order by all
    """,
    "let in": """
    select source, path, file_id from (
        select * from ops.acceptances
        qualify row_number() over (partition by source, path, file_id order by acceptance_id desc) = 1
    ) where is_accepted order by all
    """,
}


class NothingToDecide(UserError):
    """A file is not held back, or was not let in."""


@dataclass(frozen=True)
class Decided:
    """The file that a decision is about."""

    source: str
    path: str


UNDECIDED = "to be decided"
"""In `ops.sources.current_files` of a source whose next build has to take a person's decision in."""


def undecided(connection: duckdb.DuckDBPyConnection) -> set[str]:
    """Sources about whose snapshots a person decided since they were built last.

    Args:
        connection: The warehouse, or what is published.
    """
    rows = connection.execute(f"select source from ops.sources where current_files = {literal(UNDECIDED)}").fetchall()
    return {source for (source,) in rows}


def let_in(connection: duckdb.DuckDBPyConnection, name: str, by: str, because: str) -> Decided:
    """Let a snapshot in that is held back.

    Args:
        connection: The warehouse, in a transaction.
        name: Its path below the landing zone, or the end of it.
        by: Who decides.
        because: Why.

    Raises:
        NothingToDecide: No snapshot of that name is held back, or two are.
    """
    return _decide(connection, "held back", name, by, because)


def take_back(connection: duckdb.DuckDBPyConnection, name: str, by: str, because: str) -> Decided:
    """Take back that a snapshot was let in.

    Args:
        connection: The warehouse, in a transaction.
        name: Its path below the landing zone, or the end of it.
        by: Who decides.
        because: Why; may be empty.

    Raises:
        NothingToDecide: No snapshot of that name was let in, or two were.
    """
    return _decide(connection, "let in", name, by, because)


def _decide(connection: duckdb.DuckDBPyConnection, state: str, name: str, by: str, because: str) -> Decided:
    """Turn the files of that name that are in a state into the other one."""
    listed = connection.execute(_LISTED[state]).fetchall()
    files = _named(listed, name)
    places = sorted({(source, path) for source, path, _ in files})
    if len(places) != 1:
        others = sorted({path for _, path, _ in files or listed})
        shown = f"{state} are {', '.join(others)}" if others else f"no snapshot is {state}"
        which = "names more than one snapshot" if places else f"is not a snapshot that is {state}"
        if state == "held back" and _named(connection.execute(_LISTED["let in"]).fetchall(), name):
            which = "is let in already, which `--undo` takes back"
        raise NothingToDecide(f"{name!r} {which}; {shown}. `assay files` says what became of each file")
    for source, path, file_id in files:
        connection.execute(
            "insert into ops.acceptances select coalesce(max(acceptance_id), 0) + 1, ?, ?, ?, ?, ?, ?, ? "
            "from ops.acceptances",
            [source, path, file_id, state == "held back", by, because, clock.now()],
        )
    [(source, path)] = places
    connection.execute(f"update ops.sources set current_files = {literal(UNDECIDED)} where source = ?", [source])
    # Its checks and the tables downstream are of before, so the services ask for a run as of any change.
    connection.execute("update ops.tables set seq = seq + 1 where table_name = ?", [TableName.of_source(source).table])
    return Decided(source, path)


def _named(files: Sequence[tuple[str, str, int]], name: str) -> list[tuple[str, str, int]]:
    """Files of exactly that path; where there is none, of a path that ends with it."""
    exact = [file for file in files if file[1] == name]
    return exact or [file for file in files if f"/{name}".endswith(f"/{file[1]}") or file[1].endswith(f"/{name}")]
