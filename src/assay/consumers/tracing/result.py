"""What a trace says."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

Values = Mapping[str, object]
"""A row by column; values about people are masked."""


@dataclass(frozen=True)
class FileOfRows:
    """A file that rows came with, as the ledger has it.

    Attributes:
        file_id: Its content.
        source: Its source.
        path: Where that content was seen first, below the landing zone.
        rows: How many of the rows came with it.
        landed_at: When it was complete there; None in lakes of before.
        loaded_at: When it was loaded.
        load_id: The load.
        run_id: The run that loaded it.
        contract_version: The contract by which it was read.
        content_hash: The SHA-256 by which its content is known.
    """

    file_id: int
    source: str
    path: str
    rows: int
    landed_at: datetime | None
    loaded_at: datetime | None
    load_id: int | None
    run_id: str
    contract_version: str
    content_hash: str


@dataclass(frozen=True)
class RecordOfRow:
    """The record of a file that a row came from: the row of bronze, read again from where it lies.

    Attributes:
        file_id: The content.
        line: Where it starts (Parquet: the row's position from 1); None where that could not be told.
        values: The record in the types of the contract; empty where there is no line.
        why_not: Why there is no line, in a sentence; empty where there is one.
    """

    file_id: int
    line: int | None
    values: Values
    why_not: str = ""


@dataclass(frozen=True)
class TracedRow:
    """A row, and its record where it comes from a file by itself."""

    values: Values
    record: RecordOfRow | None = None


@dataclass(frozen=True)
class TracedRows:
    """Rows of one table that a traced row is made of.

    Attributes:
        table: e.g. `silver.transactions`.
        count: How many they are.
        is_cut: Whether there are more, which were not looked at.
        rows: Some of them, in the order of the key.
        files: What they came with, the most rows first; empty where the table does not say.
        inputs: Tables that it is made of in turn, where it does not take in a source itself.
    """

    table: str
    count: int
    is_cut: bool
    rows: tuple[TracedRow, ...]
    files: tuple[FileOfRows, ...]
    inputs: tuple[str, ...] = ()


@dataclass(frozen=True)
class Proof:
    """The row worked out again from the traced rows alone, by the table's own SQL.

    Attributes:
        same: Columns with the same value: all that they are made of was traced.
        other: Columns with another value: they depend on further rows too.
        why_not: Why it could not be worked out; empty where it was.
    """

    same: tuple[str, ...] = ()
    other: tuple[str, ...] = ()
    why_not: str = ""


@dataclass(frozen=True)
class Trace:
    """Where one row comes from.

    Attributes:
        table: e.g. `gold.daily_sales`.
        contract_version: Of the table; None where nothing gives it one.
        row: The row itself; of a table that takes in a source with its record.
        matching: How many rows have the values that were asked for; the first of them is traced.
        files: What the row itself came with, of a table that takes in a source.
        inputs: The rows that it is made of, by table.
        proof: Whether these are all of them; None for a table that takes in a source.
    """

    table: str
    contract_version: str | None
    row: TracedRow
    matching: int
    files: tuple[FileOfRows, ...]
    inputs: tuple[TracedRows, ...]
    proof: Proof | None

    @property
    def form(self) -> dict[str, Any]:
        """All of it as dicts and lists, with dates and decimals as they are."""
        return asdict(self)
