"""Which columns and names of the records of a source no longer come, of formats that have no header.

Each record of JSON says for itself what it has, and a null says no more than nothing. So a column is in a file when a
record of it has a value, and that it is in none of a few records need not mean anything. It has stopped when `ENOUGH`
of the records without it would have had it by how often it was there before, and so many had it.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import duckdb

from assay.contract.contract import Contract
from assay.ledger.contents import loaded_last
from assay.loading.bronze_table import BronzeTable

ENOUGH = 20
"""Records that would have had a value: were they independent, all of them lack it by chance once in 485 million."""
WINDOW = 20_000
"""Records before that say how often a column is there; it is told of none that fewer than one in a thousand has."""
_MOST_FILES = 1_000
_MOST_FIGURES = 200_000
"""Counts of columns that are remembered of the files of one source."""


@dataclass(frozen=True)
class Held:
    """What the records of a file have.

    Attributes:
        rows: Rows that they became.
        values: How many of them have a value of each column of the contract.
        rescued: How many of them have each name that the contract does not have, of those that were asked for.
    """

    rows: int
    values: Mapping[str, int]
    rescued: Mapping[str, int]

    def __getitem__(self, name: str) -> int:
        return self.values.get(name) or self.rescued.get(name, 0)


class RecentValues:
    """Remembers what the last files of a source had, in the order in which they are loaded.

    Args:
        connection: dbt's connection to the warehouse.
        contract: The source's contract.
        table: Its bronze table.
    """

    def __init__(self, connection: duckdb.DuckDBPyConnection, contract: Contract, table: BronzeTable) -> None:
        self._connection = connection
        self._source = contract.source
        self._table = table
        self.columns: Sequence[str] = contract.of_records.names
        self._most_files = min(_MOST_FILES, max(1, _MOST_FIGURES // max(1, len(self.columns))))
        self._names: Collection[str] = ()
        self._counted: Mapping[int, tuple[int, Mapping[str, int]]] = {}
        self._added: list[int] = []
        self._files: deque[Held] = deque()
        self._rows = 0
        self._sums: Counter[str] = Counter()
        self._is_history_read = False

    def count(self, files: Sequence[int]) -> None:
        """Count the values of files that are loaded together, all at once, before each is asked for."""
        self._counted = self._table.values_of(files, self.columns)

    def of(self, file_id: int, names: Collection[str], most: int, *, is_careful: bool) -> Held:
        """What the records of a file have, whose rows are stored.

        Args:
            file_id: The file.
            names: Names that the contract does not have and that came.
            most: Further ones that are looked for.
            is_careful: Whether there may be any.
        """
        if file_id not in self._counted:
            self.count([file_id])
        self._names = names
        rows, values = self._counted[file_id]
        return Held(rows, values, self._table.rescued_counts([file_id], names, most)[file_id] if is_careful else {})

    def stopped(self, held: Held, names: Sequence[str]) -> list[str]:
        """Those of some names that the records of a file, with those right before it, should have had and had not.

        Args:
            held: What the file has, which is none of the names.
            names: Columns of the contract, and names that came.
        """
        if names and not self._is_history_read:
            self._read_history()
        often = [name for name in names if self._sums[name] >= ENOUGH]
        return [name for name in often if self._has_stopped(held.rows, name)]

    def _has_stopped(self, without: int, name: str) -> bool:
        rows = self._rows
        for held in reversed(self._files):
            if held[name]:
                break
            without += held.rows
            rows -= held.rows
        return without * self._sums[name] >= ENOUGH * rows

    def add(self, file_id: int, held: Held) -> None:
        """Remember what a file has, and forget what was long before it."""
        if not self._is_history_read:
            self._added.append(file_id)
        self._files.append(held)
        self._sum(held, 1)
        while len(self._files) > self._most_files or self._rows - self._files[0].rows >= WINDOW:
            self._sum(self._files.popleft(), -1)

    def _sum(self, held: Held, sign: int) -> None:
        self._rows += sign * held.rows
        for counts in (held.values, held.rescued):
            for name, count in counts.items():
                self._sums[name] += sign * count

    def _read_history(self) -> None:
        """Put the files of earlier runs before those of this one."""
        self._is_history_read = True
        most = self._most_files - len(self._files)
        if self._rows >= WINDOW or most <= 0:
            return
        these = [*self._added, *self._counted]
        before = loaded_last(self._connection, self._source, these, most, WINDOW - self._rows)
        if not before:
            return
        *later, oldest = before  # which alone may be a large one
        for files, rows in ((later, 0), ([oldest], WINDOW)):
            values = self._table.values_of(files, self.columns, rows)
            names = self._table.rescued_counts(files, self._names, 0, rows)
            for file_id in files:
                held = Held(*values[file_id], names[file_id])
                self._files.appendleft(held)
                self._sum(held, 1)
