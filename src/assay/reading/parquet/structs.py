"""Fields of structs as columns of their own, and SQL of what is left of a struct without them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import cast

import duckdb
import pyarrow as pa
from duckdb.sqltypes import DuckDBPyType

from assay.contract.names import literal, quoted
from assay.contract.types import ColumnType
from assay.reading.parquet.nested_columns import left_sql


def field_type(kind: pa.DataType, way: Sequence[str]) -> pa.DataType | None:
    """The type at the end of a way through structs; None where one on the way has no such field.

    Raises:
        TypeError: The way leads through a type that is no struct, which the message names.
    """
    for name in way:
        if not pa.types.is_struct(kind):
            raise TypeError(str(kind))
        at = kind.get_field_index(name)
        if at < 0:
            return None
        kind = kind.field(at).type
    return kind


def fields_beside(kind: pa.DataType, ways: Collection[Sequence[str]]) -> list[tuple[str, ...]]:
    """Ways to the fields of a struct that are at the end of none of some ways, nor inside of what is."""
    if not ways:
        return [()]
    if not all(ways) or not pa.types.is_struct(kind):
        return []
    inner = [kind.field(at) for at in range(kind.num_fields)]
    through = {field.name: [way[1:] for way in ways if way[0] == field.name] for field in inner}
    return [(field.name, *way) for field in inner for way in fields_beside(field.type, through[field.name])]


def field_sql(value: str, source_type: str, way: Sequence[str]) -> tuple[str, str]:
    """SQL of the field at the end of a way through structs, and its DuckDB type.

    Args:
        value: SQL of the struct.
        source_type: The DuckDB type of the struct.
        way: Names of fields that are there.
    """
    kind = duckdb.sqltype(source_type)
    for name in way:
        value, kind = f"{value}.{quoted(name)}", fields_of(kind)[name]
    return value, str(kind)


def fields_of(kind: DuckDBPyType) -> dict[str, DuckDBPyType]:
    """The fields of a struct with their types, in order."""
    return dict(cast("list[tuple[str, DuckDBPyType]]", kind.children))


def rest_sql(
    value: str, source_type: str, ways: Iterable[Sequence[str]], typed: Mapping[tuple[str, ...], ColumnType]
) -> str:
    """SQL of a struct without the fields at the end of some ways; empty where nothing is left of it.

    Args:
        value: SQL of the struct.
        source_type: Its DuckDB type.
        ways: From the struct on; those that lead to no field take nothing away.
        typed: The nested types of what is at the end of some of them, which leave what they do not name.
    """
    return _rest(value, duckdb.sqltype(source_type), [tuple(way) for way in ways], typed)


def _rest(
    value: str, kind: DuckDBPyType, ways: Sequence[tuple[str, ...]], typed: Mapping[tuple[str, ...], ColumnType]
) -> str:
    if () in ways:
        return left_sql(value, kind, typed[()]) if () in typed else ""
    if not ways or kind.id != "struct":
        return value
    left = {}
    for name, inner in fields_of(kind).items():
        through = [way[1:] for way in ways if way[0] == name]
        within = {way[1:]: wanted for way, wanted in typed.items() if way[0] == name}
        if rest := _rest(f"{value}.{quoted(name)}", inner, through, within):
            left[name] = rest
    packed = ", ".join(f"{literal(name)}: {rest}" for name, rest in left.items())
    return f"case when {value} is not null then {{{packed}}} end" if packed else ""
