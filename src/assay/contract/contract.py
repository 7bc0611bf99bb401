"""The contract of one source, as everything that loads or checks it needs it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, Literal

from assay.contract.file_glob import disk_and_members
from assay.contract.format import Format
from assay.contract.pointer import pointer_keys
from assay.contract.spelling import PLAIN, Spelling
from assay.contract.types import ColumnType

Load = Literal["events", "snapshot", "changes"]
NewColumns = Literal["rescue", "add", "refuse"]
Origin = Literal["records", "path", "file_date"]
"""Where the values of a column stand: in the records, in the path of their file, or in the moment of its name."""


@dataclass(frozen=True)
class Column:
    """One column of a source.

    Attributes:
        name: As files write it.
        type: What its values are held in.
        description: What it means.
        is_optional: Whether files may leave it out; its values are NULL then.
        origin: Where its values stand.
        is_personal: Whether they are about a person, and so in no message.
    """

    name: str
    type: ColumnType
    description: str = ""
    is_optional: bool = False
    origin: Origin = "records"
    is_personal: bool = field(default=False, repr=False, compare=False)


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
        files: Glob under the landing zone, `/` between folders; `!/` between an archive and its members.
        format: The dialect of the files.
        load: `events` add up; of `snapshot` files the newest is the truth; `changes` are made to the rows of a table.
        columns: In the order of the table.
        key: The primary key's columns; none where each record counts by itself (`key: none`).
        rules: Everything that a row is judged by, key columns included.
        new_columns: What happens to columns that the contract does not name.
        newest_by: The column whose greatest value wins among rows of one key, or None.
        file_date: The pattern of the file name (without folders) that says the file's moment, or None.
        shares_with: Sources whose globs may claim the same files; each of them loads such a file.
        max_loss: The share of the keys of a snapshot that the next one may lack without being held back, 0 to 1. The
            default is half: fewer is more often a delivery that was cut short than so much that really ended.
        path_template: `files` with names of columns in braces, where the path says them; empty where it says none.
        has_history: Whether each version of a row is kept in a table of its own, of `changes`.
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
    shares_with: tuple[str, ...] = ()
    max_loss: float = 0.5
    path_template: str = ""
    has_history: bool = False

    @property
    def paths(self) -> str:
        """The glob of the paths on disk: of the files, or of the archives that hold them."""
        return disk_and_members(self.files)[0]

    @property
    def members(self) -> str:
        """The glob of the files within each archive; empty where files are not in archives."""
        return disk_and_members(self.files)[1]

    @cached_property
    def names(self) -> list[str]:
        """The columns' names, in order."""
        return [column.name for column in self.columns]

    @cached_property
    def origins(self) -> Mapping[str, tuple[str, ...]]:
        """The names that lead to each column's value in a record, from outside to inside."""
        return {name: pointer_keys(pointer) for name, pointer in self.format.places} or {n: (n,) for n in self.names}

    @cached_property
    def ways(self) -> Mapping[str, tuple[tuple[str, ...], ...]]:
        """The names that lead to each column's value, as of `origins`: its own way, then one for each other name."""
        others = dict(self.format.aliases)
        return {name: (way, *((*way[:-1], o) for o in others.get(name, ()))) for name, way in self.origins.items()}

    @cached_property
    def own_names(self) -> Mapping[str, str]:
        """The column that each other name in a header or record stands for; none where columns have places in it."""
        return {o: name for name, others in self.format.aliases for o in others if not self.format.places}

    def named(self, header: Iterable[str]) -> list[str]:
        """The names of a file's columns, those that the contract has by their own ones; of files without places."""
        return [self.own_names.get(name, name) for name in header]

    def others_in(self, header: Iterable[str]) -> frozenset[tuple[str, str]]:
        """(column, other name) of those of a file's columns that it calls otherwise; of files without places."""
        return frozenset((self.own_names[name], name) for name in header if name in self.own_names)

    @property
    def optional(self) -> list[str]:
        """The columns that files may leave out."""
        return [column.name for column in self.columns if column.is_optional]

    @property
    def is_personal(self) -> bool:
        """Whether a record of it holds a value about a person."""
        return any(column.is_personal for column in self.columns)

    @cached_property
    def path_columns(self) -> tuple[Column, ...]:
        """The columns whose values are those of a file and not of its records."""
        return tuple(column for column in self.columns if column.origin != "records")

    @cached_property
    def of_records(self) -> Contract:
        """The contract of what stands in the files themselves, by which they are read."""
        if not self.path_columns:
            return self
        columns = tuple(column for column in self.columns if column.origin == "records")
        return replace(self, columns=columns, path_template="")

    @cached_property
    def form(self) -> Mapping[str, Any]:
        """Everything that decides how a file is read and a row is judged, in terms of JSON.

        Written out key by key, and without what is as it is anyway: neither a new key nor a new name in our code may
        stop a lake. No prose, no version, no owner, and nothing that only decides which files count.
        """
        often = {
            "optional": self.optional,
            "newest_by": self.newest_by,
            "file_date": self.file_date,
            "from_file_date": [column.name for column in self.columns if column.origin == "file_date"],
        }
        return {
            "source": self.source,
            "files": self.path_template or self.files,
            "format": self.format.form,
            "load": self.load,
            "columns": [[column.name, column.type.sql, *self._written(column)] for column in self.columns],
            "key": list(self.key),
            "rules": [[rule.name, rule.expression] for rule in self.rules],
            "new_columns": self.new_columns,
            **{key: value for key, value in often.items() if value},
        }

    def _written(self, column: Column) -> list[Mapping[str, Any]]:
        """How a column is written, where the format does not say it already."""
        form = column.type.spelling.form
        usual = Spelling(self.format.decimal, self.format.thousands, dates=self.format.dates)
        of_kind = usual.of_kind(column.type.kind) if column.origin == "records" else PLAIN
        return [form] if form != of_kind.form else []

    @cached_property
    def fingerprint(self) -> str:
        """Hash of the form, with the form's version: of the contract that a file was looked at under."""
        return f"2:{hashlib.sha256(json.dumps(self.form, sort_keys=True).encode()).hexdigest()[:16]}"
