"""SQL that turns a value that holds others into its contract's type, each plain one in it by the rules of a column.

A value is NULL as soon as one place in it cannot be held exactly, and its reasons name each such place, as in
`address/zip: 'x' is no integer`. DuckDB's own casts between nested types round, and leave out fields that the wanted
type does not name.
Belongs here: what is inside. Keep out: plain values (`assay.reading.exact_casts`).
"""

from __future__ import annotations

import re
from collections.abc import Iterable

import duckdb
from duckdb.sqltypes import DuckDBPyType

from assay.contract.names import literal, quoted
from assay.contract.pointer import pointer_of
from assay.contract.types import ColumnType
from assay.reading.exact_casts import from_value
from assay.text.json_parts import json_key
from assay.text.shapes import MOST_REASONS

SHOWN = 100  # characters of a value that a reason quotes
_TEXT = "VARCHAR"
_NESTED = ("struct", "list", "array", "map")
_NONE = "[]::varchar[]"
_VARIABLE = re.compile(r"e(\d+)\b")


def from_nested(value: str, source_type: str, wanted: ColumnType) -> str:
    """SQL for a typed value in a nested type; NULL when a place in it cannot be held exactly.

    Args:
        value: SQL of the type `source_type`.
        source_type: A DuckDB type of the same outline: structs, lists and maps stand where the wanted type has them.
        wanted: The contract's type.
    """
    kind = duckdb.sqltype(source_type)
    return _whole(value, _typed(value, kind, wanted), _faults(value, kind, wanted, "''"))


def nested_reasons(value: str, source_type: str, wanted: ColumnType, name: str) -> str:
    """SQL of the list of reasons why a value cannot be held.

    Args:
        value, source_type, wanted: As of `from_nested`.
        name: The column.
    """
    return _at_most(_faults(value, duckdb.sqltype(source_type), wanted, literal(name)), name)


def from_shape(text: str, wanted: ColumnType) -> str:
    """SQL for the value of a text in its shape (see `assay.text.shapes`); NULL when it cannot be held exactly."""
    kind = duckdb.sqltype(_text_type(wanted))
    whole = _whole("n.v", _typed("n.v", kind, wanted), _faults("n.v", kind, wanted, "''"))
    return _let(text, wanted, f"case when n.p is null then {whole} end")


def shape_reasons(text: str, wanted: ColumnType, name: str) -> str:
    """SQL of the list of reasons why the value of such a text cannot be held.

    Args:
        text, wanted: As of `from_shape`.
        name: The column.
    """
    faults = _at_most(_faults("n.v", duckdb.sqltype(_text_type(wanted)), wanted, literal(name)), name)
    return _let(text, wanted, f"list_concat(coalesce(n.p, {_NONE}), {faults})")


def children(kind: DuckDBPyType) -> dict[str, DuckDBPyType]:
    """The types inside of a struct, list or map, by name; that of a list is its `child`. None of a plain type."""
    if kind.id not in _NESTED:
        return {}
    return {name: child for name, child in kind.children if isinstance(child, DuckDBPyType)}


def _let(text: str, wanted: ColumnType, result: str) -> str:
    """SQL of what is made of `n`, a text taken apart, which is done once however often `n` stands there."""
    structure = f'{{"v": {_structure(wanted)}, "p": ["{_TEXT}"]}}'
    return f"list_transform([from_json({text}, {literal(structure)})], lambda n: {result})[1]"


def _structure(wanted: ColumnType) -> str:
    """The structure that gives `from_json` the texts of a shape."""
    if wanted.kind == "struct":
        return "{" + ", ".join(f'"{json_key(name)}": {_structure(part)}' for name, part in wanted.parts) + "}"
    if wanted.kind == "list":
        return f"[{_structure(wanted.inner)}]"
    if wanted.kind == "map":
        return f'[{{"key": "{_TEXT}", "value": {_structure(wanted.inner)}}}]'
    return f'"{_TEXT}"'


def _text_type(wanted: ColumnType) -> str:
    """The DuckDB type of these texts."""
    if wanted.kind == "struct":
        return f"struct({', '.join(f'{quoted(name)} {_text_type(part)}' for name, part in wanted.parts)})"
    if wanted.kind == "list":
        return f"{_text_type(wanted.inner)}[]"
    if wanted.kind == "map":
        return f'struct("key" {_TEXT}, "value" {_text_type(wanted.inner)})[]'
    return _TEXT


def _whole(value: str, typed: str, faults: str) -> str:
    return f"case when {value} is not null and len({faults}) = 0 then {typed} end" if faults else typed


def _typed(value: str, kind: DuckDBPyType, wanted: ColumnType) -> str:
    """SQL of a value in a type; what cannot be held is NULL in it. The value itself where nothing has to be done."""
    if wanted.kind == "struct":
        return _typed_struct(value, kind, wanted)
    if wanted.kind == "list":
        at = inner_variable(value)
        part = _typed(at, children(kind)["child"], wanted.inner)
        is_same = part == at and kind.id == "list"
        return value if is_same else f"list_transform({value}, lambda {at}: {part})"
    return _typed_map(value, kind, wanted) if wanted.kind == "map" else from_value(value, str(kind), wanted)


def _typed_struct(value: str, kind: DuckDBPyType, wanted: ColumnType) -> str:
    there = children(kind)
    parts = {}
    for name, part in wanted.parts:
        field = f"{value}.{quoted(name)}"
        parts[name] = _typed(field, there[name], part) if name in there else f"null::{part.sql}"
    if list(parts) == list(there) and all(sql == f"{value}.{quoted(name)}" for name, sql in parts.items()):
        return value
    packed = ", ".join(f"{literal(name)}: {sql}" for name, sql in parts.items())
    return f"case when {value} is not null then {{{packed}}} end"


def _typed_map(value: str, kind: DuckDBPyType, wanted: ColumnType) -> str:
    """SQL of a map; an empty one where DuckDB would stop at its keys, which are told of as faults."""
    entries, key, part = _entries(value, kind)
    at, (_, key_type), (_, part_type) = inner_variable(value), *wanted.parts
    pair = f"{{'key': {_typed(f'{at}.key', key, key_type)}, 'value': {_typed(f'{at}.value', part, part_type)}}}"
    pairs = f"list_transform({entries}, lambda {at}: {pair})"
    keys = _keys(value, kind, wanted)
    is_map = f"len(list_distinct({keys})) = len({keys})"  # a NULL is not among the distinct ones
    return f"case when {value} is not null then map_from_entries(case when {is_map} then {pairs} else [] end) end"


def _faults(value: str, kind: DuckDBPyType, wanted: ColumnType, place: str) -> str:
    """SQL of the reasons of all places that cannot be held, never NULL; empty where nothing can go wrong.

    Args:
        value, kind, wanted: As of `_typed`.
        place: SQL of where the value stands.
    """
    if wanted.kind == "struct":
        there = children(kind)
        return _joined(
            _faults(f"{value}.{quoted(name)}", there[name], part, f"{place} || {literal(pointer_of(name))}")
            for name, part in wanted.parts
            if name in there
        )
    if wanted.kind == "list":
        at = inner_variable(value)
        inner = _faults(at, children(kind)["child"], wanted.inner, f"{place} || '/' || ({at}_ - 1)")
        return _of_each(value, f"{at}, {at}_", inner)
    if wanted.kind == "map":
        return _map_faults(value, kind, wanted, place)
    typed = from_value(value, str(kind), wanted)
    if typed == value:
        return ""
    tail = literal(f"' is no {wanted.shown}")
    reason = f"{place} || ': ''' || left({value}::varchar, {SHOWN}) || {tail}"
    return f"case when {value} is not null and ({typed}) is null then [{reason}] else {_NONE} end"


def _map_faults(value: str, kind: DuckDBPyType, wanted: ColumnType, place: str) -> str:
    entries, key, part = _entries(value, kind)
    at, (_, key_type), (_, part_type) = inner_variable(value), *wanted.parts
    name = f"replace(replace(coalesce({at}.key::varchar, ''), '~', '~0'), '/', '~1')"
    kept = f"list_filter({_keys(value, kind, wanted)}, lambda {at}: {at} is not null)"
    same = f"{place} || {literal(f': two of its keys are one {key_type.shown}')}"
    missing = f"len(list_filter({entries}, lambda {at}: {at}.key is null)) > 0"
    of_keys = _faults(f"{at}.key", key, key_type, f"{place} || ': its key'")
    of_values = _faults(f"{at}.value", part, part_type, f"{place} || '/' || {name}")
    return _joined(
        (
            f"case when len(list_distinct({kept})) < len({kept}) then [{same}] else {_NONE} end",
            f"case when {missing} then [{place} || ': one of its keys is null'] else {_NONE} end",
            _of_each(entries, at, _joined((of_keys, of_values))),
        )
    )


def _keys(value: str, kind: DuckDBPyType, wanted: ColumnType) -> str:
    """SQL of the typed keys of a map."""
    entries, key, _ = _entries(value, kind)
    at = inner_variable(value)
    return f"list_transform({entries}, lambda {at}: {_typed(f'{at}.key', key, wanted.parts[0][1])})"


def _of_each(values: str, variables: str, faults: str) -> str:
    """SQL of the faults of all that a list holds."""
    return f"coalesce(flatten(list_transform({values}, lambda {variables}: {faults})), {_NONE})" if faults else ""


def _joined(parts: Iterable[str]) -> str:
    wrong = [part for part in parts if part]
    return f"flatten([{', '.join(wrong)}])" if len(wrong) > 1 else "".join(wrong)


def _at_most(faults: str, name: str) -> str:
    """SQL of not more than so many reasons, and of how many more there are."""
    if not faults:
        return _NONE
    more = literal(" more of its values are not of its type")
    rest = f"{literal(f'{name}: ')} || format('{{:,}}', len(f) - {MOST_REASONS}) || {more}"
    shown = f"case when len(f) > {MOST_REASONS} then f[:{MOST_REASONS}] || [{rest}] else f end"
    return f"list_transform([{faults}], lambda f: {shown})[1]"


def _entries(value: str, kind: DuckDBPyType) -> tuple[str, DuckDBPyType, DuckDBPyType]:
    """SQL of the list of a map's `key` and `value`, and their types; a map as text is such a list."""
    is_map = kind.id == "map"
    there = children(kind if is_map else children(kind)["child"])
    return f"map_entries({value})" if is_map else value, there["key"], there["value"]


def inner_variable(value: str) -> str:
    """SQL's name for what a list holds: another than that of the list around it."""
    outer = _VARIABLE.match(value)
    return f"e{int(outer[1]) + 1 if outer else 0}"
