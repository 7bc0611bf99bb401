"""A connection to one published state that can do nothing but read it, with values about people masked.

A value about a person becomes a word that stands for it while the server runs: equal values have equal words, so that
counts of different people and joins stay right, and nobody can tell the value from the word.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import duckdb

from assay.consumers.tables import shown_tables
from assay.contract.catalog import Catalog
from assay.contract.names import TableName, literal, quoted
from assay.contract.personal import MASKED, unnamed
from assay.publish.reader import published_files
from assay.publish.states import State, folder_of, stated

_WORD = 12
"""Hexadecimal digits of a word: two of a million people share one with a chance of 1 in 560."""


@dataclass(frozen=True)
class Limits:
    """What a question may cost.

    Attributes:
        seconds: Until it is stopped.
        memory: Bytes.
        rows: That an answer has at most.
        characters: Of an answer, about.
        cell: Characters of one value.
    """

    seconds: float = 20.0
    memory: int = 1_000_000_000
    rows: int = 1_000
    characters: int = 100_000
    cell: int = 2_000


@dataclass(frozen=True)
class MaskedLake:
    """An open state.

    Attributes:
        connection: Locked: it reads the views of `tables`, and no file besides.
        tables: Those that can be asked for.
        hidden: Columns that are masked, by table that is ready.
        number: Of the state; None where it has none.
    """

    connection: duckdb.DuckDBPyConnection
    tables: list[TableName]
    hidden: dict[TableName, frozenset[str]]
    number: int | None


class Masks:
    """What stands for values about people; the words of another server are others.

    They are made with a secret. It stands in a table that no question may name, and not in the views: functions of
    DuckDB show the SQL of a view.
    """

    def __init__(self) -> None:
        self._secret = secrets.token_hex(32)

    def keep(self, connection: duckdb.DuckDBPyConnection) -> None:
        """Put the secret where views find it."""
        connection.execute("create schema assay_masks")
        connection.execute("create table assay_masks.secret as select ? as value", [self._secret])

    def column(self, name: str) -> str:
        """SQL of a column with words in the place of its values; NULL stays."""
        value = f"(select value from assay_masks.secret) || {quoted(name)}::varchar"
        word = f"{literal(f'{MASKED} ')} || left(sha256({value}), {_WORD})"
        return f"case when {quoted(name)} is not null then {word} end as {quoted(name)}"


@contextmanager
def open_masked(
    published: Path, catalog: Catalog, masks: Masks, limits: Limits, text: str | None = None
) -> Iterator[MaskedLake]:
    """Open the newest state.

    Args:
        published: The folder.
        catalog: The project, which says what is about people.
        masks: The words of this server.
        limits: The memory of a question.
        text: What is asked; tables whose names do not occur in it are not made ready. All are where there is none.

    Raises:
        FileNotFoundError: No table is published yet.
        duckdb.Error: What is published cannot be opened.
    """
    files = published_files(published)
    if "lake" not in files:
        raise FileNotFoundError(published)
    digits = files["lake"].stem.rpartition("_")[2]
    number = int(digits) if digits.isdigit() else None
    with duckdb.connect() as connection:
        connection.execute(f"attach {literal(str(files['lake']))} as lake_published (read_only)")
        tables = shown_tables(connection)
        named = tables if text is None else [table for table in tables if _is_named(table, text)]
        hidden = {table: _hidden(connection, catalog, table) for table in named}
        masks.keep(connection)
        for layer in sorted({table.layer for table in tables}):
            connection.execute(f"create schema {quoted(layer)}")
        for table in named:
            connection.execute(_view(connection, masks, table, hidden[table]))
        _lock(connection, stated(published, number) if number is not None else None, published, limits)
        yield MaskedLake(connection, tables, hidden, number)


def _is_named(table: TableName, text: str) -> bool:
    """Whether a text may name a table; too often is no harm."""
    return table.entity.lower() in text.lower().replace('""', '"')


def _hidden(connection: duckdb.DuckDBPyConnection, catalog: Catalog, table: TableName) -> frozenset[str]:
    """Columns of a table that may hold values about people."""
    names = _columns(connection, table)
    if table.layer == "quarantine":
        contract = catalog.contracts.get(table.entity)
        is_personal = contract is None or contract.is_personal or bool(set(contract.names) & catalog.personal)
        return frozenset({"record", "reasons"} & set(names)) if is_personal else frozenset()
    node = catalog.models.get(table.model)
    described = set(node["columns"]) if node else set()
    known = {column for column in names if column.startswith("_") and column != "_rescued"} | described
    return frozenset((set(names) & catalog.personal) | unnamed(names, known, catalog.personal))


def _columns(connection: duckdb.DuckDBPyConnection, table: TableName) -> list[str]:
    return [row[0] for row in connection.execute(f"describe lake_published.{table.sql}").fetchall()]


def _view(connection: duckdb.DuckDBPyConnection, masks: Masks, table: TableName, hidden: frozenset[str]) -> str:
    """SQL of a view of a table without values about people."""
    columns = [
        (masks.column(name) if table.layer != "quarantine" else f"{literal(MASKED)} as {quoted(name)}")
        if name in hidden
        else quoted(name)
        for name in _columns(connection, table)
    ]
    return f"create view {table.sql} as select {', '.join(columns)} from lake_published.{table.sql}"


def _lock(connection: duckdb.DuckDBPyConnection, state: State | None, published: Path, limits: Limits) -> None:
    """Leave nothing to do but to read: no other file, no extension, no setting, no more memory."""
    connection.execute("set timezone = 'UTC'")
    connection.execute(f"set memory_limit = '{limits.memory}B'")
    connection.execute("set temp_directory = ''")
    connection.execute("set threads = 2")
    parts = []
    if state is not None:
        folder = Path(state.folder) / folder_of(published, state.number).relative_to(published)
        parts = [str(folder / name / part.file) for name, entry in state.tables.items() for part in entry.parts]
    connection.execute(f"set allowed_paths = [{', '.join(map(literal, parts))}]")
    connection.execute("set enable_external_access = false")
    connection.execute("set lock_configuration = true")
