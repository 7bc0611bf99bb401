"""Nested types of a Parquet file beside those of a contract: what does not fit, and what no type names."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import pyarrow as pa
from duckdb.sqltypes import DuckDBPyType

from assay.contract.names import literal, quoted
from assay.contract.pointer import pointer_of
from assay.contract.types import ColumnType
from assay.reading.nested import children, inner_variable

_LENGTH = 100
"""Characters of a type that a message shows."""


def type_misfit(kind: pa.DataType, wanted: ColumnType, place: str, *, takes_less: bool) -> str:
    """Why no value of a type of the file can be one of the contract's; empty when one can.

    Args:
        kind: In the file.
        wanted: In the contract.
        place: Where it stands, for the message.
        takes_less: Whether files may leave fields out.
    """
    if wanted.kind == "text" or not (wanted.is_nested or pa.types.is_nested(kind)):
        return ""
    if _kind(kind) != wanted.kind:
        hint = (
            "" if wanted.is_nested else "; declare it as varchar to keep it as JSON, or with a type such as varchar[]"
        )
        return f"its column {place} is {str(kind)[:_LENGTH]}, where the contract has {wanted.declared[:_LENGTH]}{hint}"
    there = _parts(kind)
    for name, part in wanted.parts:
        inner = f"{place}{pointer_of(name)}" if wanted.kind == "struct" else place
        if name in there:
            if problem := type_misfit(there[name], part, inner, takes_less=takes_less):
                return problem
        elif not takes_less:
            return (
                f"nothing stands at /{inner}, which the contract has in {wanted.declared[:_LENGTH]}; a column that is "
                "`optional` may have fields that files leave out"
            )
    return ""


def fields_left(kind: pa.DataType, wanted: ColumnType) -> list[tuple[str, ...]]:
    """Ways to the fields of the file that the contract's type does not name; through lists and maps as well."""
    if not wanted.is_nested:
        return []
    return list(_left(kind, wanted))


def _left(kind: pa.DataType, wanted: ColumnType) -> Iterator[tuple[str, ...]]:
    known = dict(wanted.parts)
    for name, part in _parts(kind).items():
        step = (name,) if wanted.kind == "struct" else ()
        if name not in known:
            yield step
        elif known[name].is_nested:
            yield from ((*step, *way) for way in _left(part, known[name]))


def left_sql(value: str, kind: DuckDBPyType, wanted: ColumnType) -> str:
    """SQL of what a contract's type does not name of a value; empty where that is nothing.

    Args:
        value: SQL of the value.
        kind: Its DuckDB type, of the outline of the contract's.
        wanted: The contract's type.
    """
    if not wanted.is_nested:
        return ""
    there = children(kind)
    if wanted.kind == "struct":
        return _left_of_struct(value, there, dict(wanted.parts))
    at = inner_variable(value)
    if wanted.kind == "list":
        left = left_sql(at, there["child"], wanted.inner)
        return f"list_transform({value}, lambda {at}: {left})" if left else ""
    left = left_sql(f"{at}.value", there["value"], wanted.inner)
    if not left:
        return ""
    pairs = f"list_transform(map_entries({value}), lambda {at}: {{'key': {at}.key, 'value': {left}}})"
    keys = f"map_keys({value})"  # of a map whose keys are not all different, all is in the malformed record
    left = f"map_from_entries(case when len(list_distinct({keys})) = len({keys}) then {pairs} else [] end)"
    return f"case when {value} is not null then {left} end"


def _left_of_struct(value: str, there: Mapping[str, DuckDBPyType], known: Mapping[str, ColumnType]) -> str:
    left = {}
    for name, kind in there.items():
        field = f"{value}.{quoted(name)}"
        if rest := left_sql(field, kind, known[name]) if name in known else field:
            left[name] = rest
    packed = ", ".join(f"{literal(name)}: {rest}" for name, rest in left.items())
    return f"case when {value} is not null then {{{packed}}} end" if packed else ""


def _kind(kind: pa.DataType) -> str:
    if pa.types.is_struct(kind):
        return "struct"
    return "map" if pa.types.is_map(kind) else "list" if pa.types.is_nested(kind) else ""


def _parts(kind: pa.DataType) -> dict[str, pa.DataType]:
    """The types inside, called as those of a `ColumnType`."""
    if pa.types.is_struct(kind):
        return {kind.field(at).name: kind.field(at).type for at in range(kind.num_fields)}
    return {"key": kind.key_type, "value": kind.item_type} if pa.types.is_map(kind) else {"": kind.value_type}
