"""What decides the stored rows of a table, written down so that a later version can tell whether it changed.

The form is explicit and versioned: a key of a contract that says what is said anyway is left out, and what the engine's
own macros make stands as a name, so neither a new key nor an edit of a macro is a change. Keep out: reading and writing
`ops.tables`.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from assay.contract.contract import Contract
from assay.contract.pointer import pointer_keys
from assay.contract.rebuild_key import RebuildKey
from assay.contract.types import is_wider

VERSION = 2
"""Of the form. Version 1 was a hash of Python's own spelling of objects; see `assay.tables.first_fingerprints`."""

Form = Mapping[str, Any]

_ENGINE = re.compile(r"/\*assay:(\w+(?: \w+)*)\*/.*?/\*assay:end\*/", re.DOTALL)
"""What a macro of the engine wrote into compiled SQL."""
_KEPT_OR_BLANK = re.compile(
    r"""([eE]'(?:\\.|''|[^'\\])*'|'(?:[^']|'')*'|"(?:[^"]|"")*"|\$(\w*)\$.*?\$\2\$)|(?:--[^\n]*|/\*.*?\*/|\s)+""",
    re.DOTALL,
)
"""A literal or quoted name, which is kept as it stands; or a comment or white space, which decides nothing."""


@dataclass(frozen=True)
class Definition:
    """The definition that the rows of a table are made with.

    Attributes:
        form: All that decides them, in terms of JSON.
        first_fingerprints: What version 1 may have stored for it.
        release: The version that the table's yml gives it, which decides no row; empty where it gives none.
    """

    form: Form
    first_fingerprints: frozenset[str] = frozenset()
    release: str = ""

    @property
    def text(self) -> str:
        """The form as it is stored."""
        return json.dumps(self.form, sort_keys=True, ensure_ascii=False)

    @property
    def fingerprint(self) -> str:
        """Hash of the form, with its version."""
        return f"{VERSION}:{hashlib.sha256(self.text.encode()).hexdigest()[:16]}"

    def is_of(self, fingerprint: str) -> bool:
        """Whether rows that were stored under a fingerprint were made with this."""
        return fingerprint == self.fingerprint or fingerprint in self.first_fingerprints


def bronze_form(contract: Contract, sql: str) -> Form:
    """What decides the rows of a bronze table.

    Args:
        contract: The source's contract.
        sql: The model's compiled SQL.
    """
    return {"version": VERSION, "contract": contract.form, "sql": own_sql(sql)}


def keyed_form(sql: str, columns: Sequence[tuple[str, str]], rebuild_key: RebuildKey) -> Form:
    """What decides the rows of a silver or gold table.

    Args:
        sql: The model's compiled SQL.
        columns: Names and types of its columns.
        rebuild_key: By which key it is rebuilt.
    """
    inputs = [
        {"model": i.model, **_non_empty(keys=list(i.keys), via=i.via, by=list(i.by), where=i.where)}
        for i in rebuild_key.inputs
    ]
    redone = {"key": list(rebuild_key.key), "inputs": sorted(inputs, key=lambda i: str(i["model"]))}
    return {"version": VERSION, "sql": own_sql(sql), "columns": [list(column) for column in columns], "redo": redone}


def _non_empty(**values: object) -> dict[str, object]:
    return {name: value for name, value in values.items() if value}


def own_sql(sql: str) -> str:
    """Compiled SQL as its author wrote it: macros of the engine by name, without comments and layout."""
    return _KEPT_OR_BLANK.sub(lambda part: part[1] or " ", _ENGINE.sub(r"{{ \1 }}", sql)).strip()


def is_widened(contract: Contract, form: Form, stored: Form) -> bool:
    """Whether a bronze table's form differs from the stored one by no more than what changes no stored row.

    These are optional columns and new rules, wider types, further names of columns, and that what the contract does not
    name is kept from now on.

    Whether stored rows hold the new rules is for the caller to ask: they keep the verdict that they were loaded with.

    Args:
        contract: The source's contract.
        form: Its form, with the model's SQL.
        stored: The form that the rows were stored under.
    """
    now, before = form["contract"], stored["contract"]
    types, rules = {column[0]: column[1] for column in before["columns"]}, {name for name, _ in before["rules"]}
    added = {column.name for column in contract.columns if column.is_optional} - types.keys()
    kept = {
        "columns": [_as_narrow(column, types) for column in now["columns"] if column[0] not in added],
        "rules": [rule for rule in now["rules"] if rule[0] in rules or not added],
        "format": _as_named(now["format"], before["format"]),
        "new_columns": now["new_columns"] if now["new_columns"] == "refuse" else before["new_columns"],
    }
    return _required({**form, "contract": {**now, **kept}}) == _required(stored)


def is_judged_otherwise(form: Form, stored: Form) -> bool:
    """Whether a bronze table's form differs in nothing but its rules and its key, which do not say how files are read.

    Args:
        form: Its form, with the model's SQL.
        stored: The form that the rows were stored under.
    """
    same = {part: stored["contract"][part] for part in ("rules", "key")}
    return form != stored and _required({**form, "contract": {**form["contract"], **same}}) == _required(stored)


def _as_narrow(column: Sequence[Any], types: Mapping[str, str]) -> list[Any]:
    """A column with the type that it had, where its own holds all values of that one."""
    name, sql, *written = column
    return [name, types[name] if name in types and is_wider(sql, types[name]) else sql, *written]


def _as_named(form: Mapping[str, Any], before: Mapping[str, Any]) -> Mapping[str, Any]:
    """A format with the other names of columns that it had, where it has all of these and may have loose ones besides.

    Its own ones stay where stored values under a new name would stand inside an object or beside a list of elements.
    """
    now, had = names_in(form), names_in(before)
    places = dict(form.get("places", ()))
    is_flat = "each" not in form and all(len(pointer_keys(places.get(name, "/"))) == 1 for name, _ in now - had)
    if not had <= now or (now != had and not is_flat):
        return form
    is_loose_now = "names" in form and "names" not in before
    kept = {key: value for key, value in form.items() if key != "aliases" and not (key == "names" and is_loose_now)}
    return {**kept, "aliases": before["aliases"]} if had else kept


def names_in(form: Mapping[str, Any]) -> set[tuple[str, str]]:
    """(column, other name of it) of the form of a format."""
    return {(name, other) for name, others in form.get("aliases", ()) for other in others}


def _required(form: Form) -> Form:
    """The form without `optional`: what files may leave out from now on changes no stored row."""
    return {**form, "contract": {key: value for key, value in form["contract"].items() if key != "optional"}}


def differences(stored: Form, now: Form) -> list[str]:
    """The differences between two forms, in words."""
    if "contract" not in now or "contract" not in stored:
        parts = {"sql": "its SQL", "columns": "its columns", "redo": "`redo`"}
        return [words for part, words in parts.items() if stored.get(part) != now.get(part)]
    before, after = stored["contract"], now["contract"]
    plain = sorted({*before, *after} - {"columns", "rules", "optional"})
    changed = [f"`{key}`" for key in plain if before.get(key) != after.get(key)]
    changed += _changed_names("column", _types(before), _types(after))
    changed += _changed_names("rule", {r[0]: r[1] for r in before["rules"]}, {r[0]: r[1] for r in after["rules"]})
    return changed + (["its SQL"] if stored["sql"] != now["sql"] else [])


def _types(contract: Form) -> dict[str, str]:
    """What each column is, with how it is written where the contract says so."""
    return {name: " ".join([sql, *map(json.dumps, written)]) for name, sql, *written in contract["columns"]}


def _changed_names(what: str, before: Mapping[str, str], after: Mapping[str, str]) -> list[str]:
    names = [name for name in dict.fromkeys([*before, *after]) if before.get(name) != after.get(name)]
    return [f"{what} {name} ({before.get(name, 'none')} → {after.get(name, 'none')})" for name in names]
