"""A proposed contract as a yml with what was seen beside it."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from assay.contract.format import Format
from assay.contract.names import TableName
from assay.contract.spelling import PLAIN
from assay.describing.clean_names import clean_names, free_name
from assay.describing.column_types import Proposed
from assay.describing.keys import Identity


@dataclass(frozen=True)
class Proposal:
    """What was found.

    Attributes:
        source: The source.
        yml: The file to write.
        columns: With their types.
        identity: Key, load and what wins.
        form: How the files are written.
        records: Whole records in them.
        unsure: What a person should look at, in sentences.
        places: Where in a record columns stand that are not its members by their own names.
        lists: Pointers to columns that are lists in records of JSON.
        parent: The source whose files these are, where the records are elements of a list in its own.
    """

    source: str
    yml: str
    columns: Sequence[Proposed]
    identity: Identity
    form: Format
    records: int
    unsure: Sequence[str]
    places: Mapping[str, str] = field(default_factory=dict)
    lists: Mapping[str, str] = field(default_factory=dict)
    parent: str = ""

    @property
    def children(self) -> dict[str, str]:
        """The commands that make tables of lists, by column."""
        if self.form.each is not None:
            return {}
        return {
            name: f"assay source new {self.source}_{free_name(name, ())} FILE… --each {shlex.quote(pointer)} "
            f"--of {self.source}"
            for name, pointer in self.lists.items()
        }


class ProposedYml:
    """Writes the yml: a contract, and what was seen of each column as comments.

    Args:
        proposal: What was found.
        owner: The team that answers for the source.
        files: Its glob.
        absent: How many files leave some columns out.
        personal: Columns about people.
    """

    def __init__(
        self, proposal: Proposal, owner: str, files: str, absent: Mapping[str, int], personal: set[str]
    ) -> None:
        self._source, self._form, self._identity = proposal.source, proposal.form, proposal.identity
        self._places, self._parent, self._children = proposal.places, proposal.parent, proposal.children
        self._columns, self._records = proposal.columns, proposal.records
        self._owner, self._files, self._absent, self._personal = owner, files, absent, personal

    def text(self) -> str:
        """The whole file."""
        lines = [
            "models:",
            f"  - name: {TableName.of_source(self._source).model}",
            f"    description: {_scalar(self._grain)}",
            "    config:",
            "      meta:",
            "        contract:",
            "          version: 1.0.0",
            f"          owner: {_scalar(self._owner)}",
            f"          files: {_scalar(self._files)}",
            f"          format: {flow(self._form.declared)}",
            f"          load: {self._identity.load}",
        ]
        if not self._identity.key:
            lines.append("          key: none")
        if self._identity.file_date:
            lines.append(f"          newest_by: {flow({'file_date': self._identity.file_date})}")
        if self._identity.newest_by:
            lines.append(f"          newest_by: {_scalar(self._identity.newest_by)}")
        lines.append("          new_columns: rescue")
        if self._parent:
            lines.append(f"          shares_with: [{self._parent}]")
        if self._identity.key:
            lines += [
                "    constraints:",
                f"      - {flow({'type': 'primary_key', 'columns': list(self._identity.key)})}",
            ]
        lines.append("    columns:")
        for column in self._columns:
            lines += self._column(column)
        return "\n".join([*lines, *self._silver()]) + "\n"

    @property
    def _grain(self) -> str:
        if self._identity.load == "changes":
            return f"One row per change of a row of {self._source}."
        return f"One row per {', '.join(self._identity.key) or f'record of {self._source}'}."

    def _column(self, column: Proposed) -> list[str]:
        lines = [f"      - name: {_scalar(column.name)}", f"        data_type: {_scalar(column.type.declared)}"]
        meta: dict[str, Any] = {}
        if column is self._identity.dated:
            meta["from"] = "_file_date"
        if column.name in self._places:
            meta["path"] = self._places[column.name]
        if column.name in self._absent and column.name not in self._identity.key:
            meta["optional"] = True
        if column.name in self._personal:
            meta["personal"] = True
        if column.type.spelling != PLAIN:
            meta["written"] = column.type.spelling.form
        if meta:
            lines.append(f"        config: {flow({'meta': meta})}")
        lines += [f"        # {seen}" for seen in self._seen(column)]
        return lines

    def _seen(self, column: Proposed) -> list[str]:
        """What was observed, as rules that one may want."""
        empty = self._records - column.filled
        seen = []
        if column.name in self._children:
            kept = "" if column.type.is_nested else ", as JSON"
            seen.append(f"a list{kept}; as a table of its own: {self._children[column.name]}")
        if not empty and column.name not in (*self._identity.key, *self._absent):
            seen.append(f"never empty in {self._records:,} records; a rule: constraints: [{{type: not_null}}]")
        elif empty:
            seen.append(f"empty in {empty:,} of {self._records:,} records")
        if column.least and column.type.kind not in ("text", "boolean") and column.name not in self._personal:
            seen.append(_one_line(f"from {column.least} to {column.most}"))
        return seen

    def _silver(self) -> list[str]:
        """A silver table with clean names, where those of the files are not."""
        names = clean_names([column.name for column in self._columns])
        if all(name == clean for name, clean in names.items()):
            return []
        key = [names[name] for name in self._identity.key]
        meta = {"owner": self._owner, **({} if key else {"key": "none"})}
        lines = [
            "",
            f"  - name: {TableName('silver', self._source).model}",
            f"    description: {_scalar(self._grain)}",
            f"    config: {flow({'meta': meta})}",
        ]
        lines += ["    constraints:", f"      - {flow({'type': 'primary_key', 'columns': key})}"] if key else []
        lines.append("    columns:")
        for column in self._columns:
            extra: dict[str, Any] = {"from": column.name} if names[column.name] != column.name else {}
            extra |= {"personal": True} if column.name in self._personal else {}
            entry: dict[str, Any] = {"name": names[column.name], "data_type": column.type.declared}
            entry |= {"config": {"meta": extra}} if extra else {}
            lines.append(f"      - {flow(entry)}")
        return lines


def flow(value: object) -> str:
    """A value as YAML in one line."""
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{key}: {flow(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(flow, value)) + "]"
    if isinstance(value, bool | int):
        return str(value).lower()
    return _scalar(str(value))


def _scalar(text: str) -> str:
    """A text as YAML; in quotes unless it is a plain word."""
    is_plain = re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", text) and text.lower() not in _WORDS
    return (
        text
        if is_plain
        else _UNREADABLE.sub(lambda mark: f"\\u{ord(mark[0]):04x}", json.dumps(text, ensure_ascii=False))
    )


_UNREADABLE = re.compile("[\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff]")
"""What YAML reads as something else, or not at all."""


_WORDS = {"y", "n", "yes", "no", "on", "off", "true", "false", "null"}


def _one_line(text: str) -> str:
    return " ".join(text.split())
