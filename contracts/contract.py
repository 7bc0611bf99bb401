"""The contract of one source, as everything that loads or checks it needs it."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Literal

from contracts.format import Format
from contracts.types import ColumnType

Load = Literal["events", "snapshot"]
NewColumns = Literal["rescue", "refuse"]


@dataclass(frozen=True)
class Column:
    """One column of a source: `name`, its type, and what it means."""

    name: str
    type: ColumnType
    description: str = ""


@dataclass(frozen=True)
class Rule:
    """A condition that each row must hold; NULL passes, as in SQL's CHECK.

    Attributes:
        name: What `_violations` lists when the row breaks it.
        expression: SQL over the columns of the contract.
        column: The column it was declared on; empty for a rule over several columns.
    """

    name: str
    expression: str
    column: str = ""


@dataclass(frozen=True)
class Contract:
    """What a source promises: where its files are, how they are written, what a row is and which one wins.

    Attributes:
        source: The entity's name, e.g. `transactions`.
        version: Semantic version; a breaking change is a major version.
        owner: The team that answers for the source.
        files: Glob under the landing zone, `/` between folders.
        format: The dialect of the files.
        load: `events` add up; of `snapshot` files the newest is the truth.
        columns: In the order of the table.
        key: The primary key's columns.
        rules: Everything that a row is judged by, key columns included.
        new_columns: What happens to columns that the contract does not name.
        newest_by: The column whose greatest value wins among rows of one key, or None.
        file_date: A strptime pattern of the file name (without folders) that dates the file, or None.
    """

    source: str
    version: str
    owner: str
    files: str
    format: Format
    load: Load
    columns: tuple[Column, ...]
    key: tuple[str, ...]
    rules: tuple[Rule, ...]
    new_columns: NewColumns
    newest_by: str | None = None
    file_date: str | None = None

    @property
    def names(self) -> list[str]:
        """The columns' names, in order."""
        return [column.name for column in self.columns]

    @cached_property
    def fingerprint(self) -> str:
        """Hash of everything that decides how a file is read and a row is judged (no prose, no version, no owner)."""
        said = asdict(self)
        for prose in ("version", "owner"):
            del said[prose]
        for column in said["columns"]:
            del column["description"]
        return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()[:16]
