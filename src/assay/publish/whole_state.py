"""One whole published state: tables and the book-keeping that is about them, from one run.

A run switches the lake first and its book-keeping some moments later. Who opens both in between would hold new rows
against the results of old ones. States are kept for a while after they were replaced, so such a reader is given the
state that the book-keeping is about.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path

import duckdb

from assay.publish.reader import attached, published_files
from assay.publish.states import kept_numbers, stated

_TRIES = 5
"""How often a state that was dropped while it was being opened is looked for again."""
_BACK = 4
"""States before the newest that are looked at; a run publishes one."""


@dataclass(frozen=True)
class WholeState:
    """A state that is open.

    Attributes:
        connection: Sees `silver`, `gold`, `quarantine` and `ops`, as `open_published` gives it.
        published_at: When readers were last shown something new; None where only book-keeping was published yet.
        run_id: The run that did it.
        number: Of the lake; None where no table is shown yet.
    """

    connection: duckdb.DuckDBPyConnection
    published_at: datetime | None
    run_id: str
    number: int | None


@contextmanager
def open_whole(folder: Path) -> Iterator[WholeState]:
    """A connection to one state of the lake and the book-keeping about it.

    Args:
        folder: `published/`.

    Raises:
        FileNotFoundError: No run has ended yet.
        duckdb.Error: What is published cannot be opened.
    """
    connection, number = _opened(folder)
    with connection:
        rows = connection.execute(
            "select decided_at, run_id from ops.publications where is_published order by publication_id desc limit 1"
        ).fetchall()
        at, run_id = rows[0] if rows else (None, "")
        yield WholeState(connection, at.astimezone(UTC) if at else None, run_id, number)


def has_state(folder: Path) -> bool:
    """Whether a run has published anything; incidents are published without one, and alone are no state.

    Args:
        folder: `published/`.
    """
    return any((folder / f"{kind}.duckdb").exists() for kind in ("lake", "ops"))


def _opened(folder: Path) -> tuple[duckdb.DuckDBPyConnection, int | None]:
    """A connection to the files of one state, and its number."""
    for tries_left in reversed(range(_TRIES)):
        files = published_files(folder)
        number = _number_of(files.get("lake"))
        connection = duckdb.connect()
        try:
            if number is not None and "ops" in files:
                number = _number_of_book_keeping(folder, files["ops"], number)
                files["lake"] = folder.resolve() / f"lake_{number}.duckdb"
            attached(connection, files)
        except duckdb.Error:
            connection.close()
            if not tries_left or all(path.exists() for path in files.values()):
                raise
        else:
            return connection, number
    raise FileNotFoundError(folder)


def _number_of(path: Path | None) -> int | None:
    digits = path.stem.rpartition("_")[2] if path else ""
    return int(digits) if digits.isdigit() else None


def _number_of_book_keeping(folder: Path, ops: Path, newest: int) -> int:
    """The number of the state that the book-keeping is about; the newest where that cannot be told."""
    with duckdb.connect(str(ops), read_only=True) as connection:
        rows = connection.execute("select tables from ops.publications order by publication_id desc limit 1").fetchall()
    decided = {entry["table_name"]: entry["seq"] for entry in rows[0][0]} if rows else {}
    for number in islice(reversed(kept_numbers(folder)), _BACK):
        state = stated(folder, number) if (folder / f"lake_{number}.duckdb").exists() else None
        if state is not None and {table: entry.seq for table, entry in state.tables.items()} == decided:
            return number
    return newest
