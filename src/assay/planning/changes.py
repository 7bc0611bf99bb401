"""What differs between two shapes of a table, and whether those who rely on it have to change as well.

A bronze table's contract binds whoever sends the files, so it breaks by asking for more. Silver and gold are read, so
they break by giving less.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from assay.contract.pointer import pointer_of
from assay.contract.types import is_wider
from assay.planning.meaning import Schema, changed_meanings
from assay.planning.shapes import Shape
from assay.tables.table_definition import names_in

_WHOLE = {"tinyint": (2, 3), "smallint": (4, 5), "integer": (9, 10), "bigint": (18, 19), "hugeint": (38, 39)}
"""Types of whole numbers, the narrowest first: the digits that each holds whatever they are, and those that hold it."""
_DECIMAL = re.compile(r"decimal\((\d+),\s*(\d+)\)", re.IGNORECASE)
_APART = {"columns", "rules", "optional", "key", "new_columns"}
"""Parts of a contract that are compared by themselves."""
_COMPATIBLE = {"files"}
"""Parts that decide which files are taken, and not what is asked of one."""


@dataclass(frozen=True)
class Change:
    """One difference.

    Attributes:
        table: e.g. `silver.products`.
        column: The column that it is about; empty for the table as a whole.
        words: What differs.
        is_breaking: Whether a sender of files, or a reader of the table, has to change too.
    """

    table: str
    column: str
    words: str
    is_breaking: bool


def changes_of(table: str, before: Shape | None, after: Shape | None, inputs: tuple[Schema, Schema]) -> list[Change]:
    """The differences of one table, columns first.

    Args:
        table: Its name.
        before: Its shape; None where it is new.
        after: The one that takes its place; None where it is gone.
        inputs: The columns of the tables that each is made of.
    """
    if before is None or after is None:
        words = "is new" if before is None else "is not in the project any more"
        return [Change(table, "", words, is_breaking=after is None)]
    pair = _Pair(table, before, after)
    parts = [pair.columns(), pair.rules(), pair.key()]
    parts += [pair.contract()] if after.is_source and before.is_source else [pair.meanings(inputs)]
    return [change for part in parts for change in part]


@dataclass(frozen=True)
class _Pair:
    """Two shapes of one table."""

    table: str
    before: Shape
    after: Shape

    def _change(self, column: str, words: str, *, is_breaking: bool) -> Change:
        return Change(self.table, column, words, is_breaking)

    def columns(self) -> Iterator[Change]:
        old, new = self.before.columns, self.after.columns
        for name in dict.fromkeys([*old, *new]):
            if name not in new:
                yield self._change(name, "is gone", is_breaking=True)
            elif name not in old:
                yield self._added(name, new[name])
            elif old[name] != new[name]:
                is_wider = holds_all_of(new[name], old[name])
                words = f"{'widened' if is_wider else 'has another type'}: {old[name]} → {new[name]}"
                yield self._change(name, words, is_breaking=not is_wider)
        if self.before.is_source and self.after.is_source:
            yield from self._optional()

    def _added(self, name: str, kind: str) -> Change:
        is_asked = self.after.is_source and name not in self.after.form["contract"].get("optional", ())
        words = f"is new, {kind}, and every file has to have it" if is_asked else f"is new, {kind}"
        return self._change(name, words, is_breaking=is_asked)

    def _optional(self) -> Iterator[Change]:
        old, new = (set(shape.form["contract"].get("optional", ())) for shape in (self.before, self.after))
        for name in self.after.columns:
            if name in self.before.columns and (name in old) != (name in new):
                words = "files may leave it out" if name in new else "every file has to have it"
                yield self._change(name, words, is_breaking=name in old)
        written = [
            {name: more for name, _, *more in shape.form["contract"]["columns"]} for shape in (self.before, self.after)
        ]
        for name in self.after.columns:
            if name in written[0] and written[0][name] != written[1][name]:
                words = f"is written otherwise: {_told(written[0][name], written[1][name])}"
                yield self._change(name, words, is_breaking=True)

    def rules(self) -> Iterator[Change]:
        if self.before.is_source and self.after.is_source:
            old, new = (dict(shape.form["contract"]["rules"]) for shape in (self.before, self.after))
        elif self.before.rules is None or self.after.rules is None:
            return
        else:
            old, new = dict(self.before.rules), dict(self.after.rules)
        for name in dict.fromkeys([*old, *new]):
            if old.get(name) == new.get(name):
                continue
            words = f"rule {name}: {old.get(name, 'none')} → {new.get(name, 'none')}"
            is_breaking = self._is_tighter(new.get(name, "")) if self.after.is_source else name in old
            yield self._change("", words, is_breaking=is_breaking)

    def _is_tighter(self, expression: str) -> bool:
        """Whether files that were right may break a rule: not one that is about a column that they do not have."""
        added = set(self.after.columns) - set(self.before.columns)
        return bool(expression) and not any(re.search(rf"\b{re.escape(name)}\b", expression) for name in added)

    def key(self) -> Iterator[Change]:
        old, new = self.before.known_key, self.after.known_key
        if old is not None and new is not None and old != new:
            words = f"the key is another: {', '.join(old) or 'none'} → {', '.join(new) or 'none'}"
            yield self._change("", words, is_breaking=True)

    def contract(self) -> Iterator[Change]:
        old, new = (_without_places(shape.form["contract"]) for shape in (self.before, self.after))
        yield from self._places()
        for part in sorted({*old, *new} - _APART):
            if old.get(part) != new.get(part):
                words = f"`{part}`: {_told(old.get(part), new.get(part))}"
                yield self._change("", words, is_breaking=not self._takes_more(part))
        if old["new_columns"] != new["new_columns"]:
            words = f"`new_columns`: {old['new_columns']} → {new['new_columns']}"
            yield self._change("", words, is_breaking=new["new_columns"] == "refuse")
        if self.before.sql != self.after.sql:
            yield self._change("", "its SQL is another", is_breaking=True)

    def _places(self) -> Iterator[Change]:
        """Columns that are read from another place in a record; a column without one is a member by its own name."""
        old, new = (dict(shape.form["contract"]["format"].get("places", ())) for shape in (self.before, self.after))
        for name in self.after.columns:
            was, now = old.get(name, pointer_of(name)), new.get(name, pointer_of(name))
            if name in self.before.columns and was != now:
                yield self._change(name, f"stands at {now} of a record, and no longer at {was}", is_breaking=True)

    def _takes_more(self, part: str) -> bool:
        """Whether all files that were right still are by another value of a part of a contract."""
        if part != "format":
            return part in _COMPATIBLE
        old, new = (_without_places(shape.form["contract"])[part] for shape in (self.before, self.after))
        more = {"aliases", *(("names",) if new.get("names") == "loose" else ())}
        others = [{key: value for key, value in form.items() if key not in more} for form in (old, new)]
        return bool(others[0] == others[1]) and names_in(old) <= names_in(new)

    def meanings(self, inputs: tuple[Schema, Schema]) -> Iterator[Change]:
        both = [name for name in self.after.columns if name in self.before.columns]
        changed = changed_meanings(self.before.sql, self.after.sql, both, inputs)
        if changed is None:
            yield self._change("", "its SQL is another, and which columns it changes cannot be told", is_breaking=True)
        elif len(changed) == len(both) > 1:
            yield self._change("", "every column means something else: its SQL is another", is_breaking=True)
        else:
            for name in changed:
                yield self._change(name, "means something else: its SQL is another", is_breaking=True)
        if self.before.form.get("redo") != self.after.form.get("redo"):
            yield self._change("", "is rebuilt by another key (`redo`)", is_breaking=False)


def _without_places(contract: Mapping[str, Any]) -> Mapping[str, Any]:
    """A contract without what its columns say of their places and of what is in them."""
    of_columns = ("places", "shapes")
    return {**contract, "format": {key: value for key, value in contract["format"].items() if key not in of_columns}}


def holds_all_of(wider: str, narrower: str) -> bool:
    """Whether a type of numbers holds every value of another one, exactly.

    Args:
        wider: SQL of the type that may be the wider one.
        narrower: SQL of the other.
    """
    wide, narrow = wider.strip().lower(), narrower.strip().lower()
    if wide == narrow or is_wider(wide, narrow):
        return True
    digits, others = _digits(wide, 0), _digits(narrow, 1)  # a whole number and a decimal
    is_of_two_kinds = (wide in _WHOLE) != (narrow in _WHOLE)
    return is_of_two_kinds and bool(digits and others and digits[0] >= others[0] and digits[1] >= others[1])


def _digits(kind: str, bound: int) -> tuple[int, int] | None:
    """Digits before and after the point of a type; None where it is no exact number."""
    if match := _DECIMAL.fullmatch(kind):
        return int(match[1]) - int(match[2]), int(match[2])
    return (_WHOLE[kind][bound], 0) if kind in _WHOLE else None


def _told(before: object, after: object) -> str:
    """Two values of one setting; of mappings, what differs."""
    if isinstance(before, Mapping) and isinstance(after, Mapping):
        keys = [key for key in dict.fromkeys([*before, *after]) if before.get(key) != after.get(key)]
        return ", ".join(f"{key} {_told(before.get(key), after.get(key))}" for key in keys)
    shown = ["none" if value in (None, [], "") else json.dumps(value, ensure_ascii=False) for value in (before, after)]
    return f"{shown[0]} → {shown[1]}"
