"""What changed about the columns that the files of a source have: `ops.schema_changes`, a row per change."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

import duckdb

What = Literal["came", "went", "renamed"]


@dataclass(frozen=True)
class SchemaChange:
    """One change.

    Attributes:
        source: Of the file that has it first.
        file_id: Its content.
        path: Its name below the landing zone.
        column: As the contract calls it; what the contract does not name, as the file does, and inside of columns or
            beside them in an object its place, as a JSON pointer without positions in lists.
        what: Whether the file has the column, unlike those before it, lacks it, or calls it by another name.
        name_in_file: That other name; of a place the last name of it, by which it is told from a column.
        proposed_type: For the contract, where it does not name the column: the narrowest type that holds its values.
        changed_at: When the file was loaded.
        contract_version: Under which it was.
    """

    source: str
    file_id: int
    path: str
    column: str
    what: What
    name_in_file: str | None
    proposed_type: str | None
    changed_at: datetime
    contract_version: str

    @property
    def words(self) -> str:
        """The change as part of a sentence about its file."""
        if self.what == "renamed":
            return f"column {self.column} is called {self.name_in_file}"
        if self.name_in_file is not None:
            return f"{self.column} {self.what}, which no column names"
        kind = f" ({self.proposed_type} holds its values)" if self.proposed_type else ""
        return f"column {self.column} {self.what}{kind}"


_COLUMNS = "source, file_id, path, column_name, what, name_in_file, proposed_type, changed_at, contract_version"


def insert_changes(connection: duckdb.DuckDBPyConnection, changes: Sequence[SchemaChange], run_id: str) -> None:
    """Write changes, in the transaction that loads their file.

    Args:
        connection: The warehouse.
        changes: In their order.
        run_id: The run that loads it.
    """
    connection.executemany(
        f"insert into ops.schema_changes (change_id, {_COLUMNS}, run_id) "
        "select coalesce(max(change_id), 0) + 1, ?, ?, ?, ?, ?, ?, ?, ?, ?, ? from ops.schema_changes",
        [[*vars(change).values(), run_id] for change in changes],
    )


def last_changes(connection: duckdb.DuckDBPyConnection, source: str) -> dict[str, What]:
    """Of each column of a source that ever came or went, which of the two it did last."""
    rows = connection.execute(
        "select column_name, arg_max(what, change_id) from ops.schema_changes "
        "where source = ? and what in ('came', 'went') and name_in_file is null group by all",
        [source],
    ).fetchall()
    return dict(rows)


def names_told(connection: duckdb.DuckDBPyConnection, source: str) -> set[tuple[str, str]]:
    """(column, other name) of the columns of a source that a file called otherwise."""
    rows = connection.execute(
        "select distinct column_name, name_in_file from ops.schema_changes where source = ? and what = 'renamed'",
        [source],
    ).fetchall()
    return set(rows)


def places_told(connection: duckdb.DuckDBPyConnection, source: str) -> set[str]:
    """The places inside of columns of a source, or beside them in an object, that came."""
    rows = connection.execute(
        "select distinct column_name from ops.schema_changes "
        "where source = ? and what = 'came' and name_in_file is not null",
        [source],
    ).fetchall()
    return {str(place) for (place,) in rows}


def columns_that_came(connection: duckdb.DuckDBPyConnection, source: str) -> list[str]:
    """The columns of a source that ever came, in the order in which they first did."""
    rows = connection.execute(
        "select column_name from ops.schema_changes where source = ? and what = 'came' and name_in_file is null "
        "group by column_name order by min(change_id)",
        [source],
    ).fetchall()
    return [str(name) for (name,) in rows]


def read_changes(
    connection: duckdb.DuckDBPyConnection, *, source: str = "", run_id: str = "", most: int = 0
) -> list[SchemaChange]:
    """Changes, newest first.

    Args:
        connection: The warehouse, or what is published of it.
        source: The source; of all where it is empty.
        run_id: The run that wrote them; of all where it is empty.
        most: No more than these; 0 for all.
    """
    limit = f" limit {most}" if most else ""
    rows = connection.execute(
        f"select {_COLUMNS} from ops.schema_changes where (source = $source or $source = '') "
        f"and (run_id = $run or $run = '') order by change_id desc{limit}",
        {"source": source, "run": run_id},
    ).fetchall()
    return [SchemaChange(*row) for row in rows]
