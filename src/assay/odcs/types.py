"""Types of columns in ODCS: the logical type of a column, and the column type of what other tools write."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from assay.contract.errors import ContractError
from assay.contract.types import MAX_PRECISION, ColumnType, Kind, column_type

_LOGICAL: Mapping[Kind, str] = {
    "integer": "integer",
    "decimal": "number",
    "double": "number",
    "text": "string",
    "boolean": "boolean",
    "date": "date",
    "timestamp": "timestamp",
    "timestamptz": "timestamp",
    "struct": "object",
    "list": "array",
    "map": "object",  # as ODCS describes a map, its keys and values are properties of a column
}
_OPTIONS: Mapping[str, Mapping[str, Any]] = {
    "tinyint": {"format": "i8"},
    "smallint": {"format": "i16"},
    "integer": {"format": "i32"},
    "bigint": {"format": "i64"},
    "hugeint": {"format": "i128"},
    "double": {"format": "f64"},
    "timestamp": {"timezone": False},
    "timestamp with time zone": {"timezone": True},
}
_PHYSICAL = re.compile(r"([a-z][a-z0-9_ ]*?)\s*(?:\(\s*(\d+)\s*(?:,\s*(\d+)\s*)?\))?( with(?:out)? time ?zone)?")
_OTHERS = {
    **dict.fromkeys(("char", "character", "character varying", "nchar", "nvarchar", "varchar", "varchar2"), "varchar"),
    **dict.fromkeys(("clob", "uuid", "json", "jsonb", "enum", "longtext", "mediumtext"), "varchar"),
    **dict.fromkeys(("int1", "byteint"), "tinyint"),
    **dict.fromkeys(("int2", "short"), "smallint"),
    **dict.fromkeys(("int4", "int32", "serial"), "integer"),
    **dict.fromkeys(("int8", "int64", "long", "bigserial"), "bigint"),
    **dict.fromkeys(("float", "float4", "float8", "float64", "real", "double precision"), "double"),
    "bool": "boolean",
    **dict.fromkeys(("datetime", "datetime2", "timestamp_ntz"), "timestamp"),
    **dict.fromkeys(("timestamp_tz", "timestamp_ltz", "datetimeoffset"), "timestamp with time zone"),
}
"""Types of other databases, by the type that holds all their values."""
NESTED = ("time", "object", "array", "map", "vector")
"""Logical types that say too little for a column type."""
_BY_LOGICAL = {
    "string": "varchar",
    "integer": "bigint",
    "number": "double",
    "boolean": "boolean",
    "date": "date",
    "timestamp": "timestamp",
    **dict.fromkeys(NESTED, "varchar"),
}
_UNSURE = {
    "number": "a number without precision and scale became a double; write decimal(p,s) where it is money",
    "time": "a time of day became a varchar, because there is no column type for it",
    **dict.fromkeys(("object", "array", "map", "vector"), "nested values became a varchar that holds JSON"),
}


def logical(kind: ColumnType) -> tuple[str, Mapping[str, Any]]:
    """The logical type of a column, and its options."""
    return _LOGICAL[kind.kind], _OPTIONS.get(kind.sql, {})


def type_of(physical: str | None, logical_type: str | None, options: Mapping[str, Any]) -> tuple[str, str]:
    """The column type of a property, and a sentence for a person where it is not sure.

    Args:
        physical: `physicalType`, in the words of any database.
        logical_type: `logicalType`, which decides where the physical type is not known.
        options: `logicalTypeOptions`.

    Raises:
        ContractError: Neither says what the values are.
    """
    sql = _of_physical(physical) if physical else None
    if sql:
        return sql, ""
    if logical_type == "timestamp" and options.get("timezone") is True:
        return "timestamp with time zone", ""
    if logical_type not in _BY_LOGICAL:
        raise ContractError(
            f"physicalType {physical!r} is not a type that Assay knows, and logicalType {logical_type!r} is not one of "
            f"{', '.join(_BY_LOGICAL)}; write one of the two"
        )
    return _BY_LOGICAL[logical_type], _UNSURE.get(logical_type, "")


def length_of(physical: str | None) -> int | None:
    """The longest text of a physical type such as `varchar(18)`; None where it says none."""
    match = _PHYSICAL.fullmatch(" ".join((physical or "").lower().split()))
    return int(match[2]) if match and match[2] and _OTHERS.get(match[1]) == "varchar" else None


def _of_physical(physical: str) -> str | None:
    try:
        return column_type(physical).declared
    except ContractError:
        match = _PHYSICAL.fullmatch(" ".join(physical.lower().split()))
    if not match:
        return None
    name, first, second, zone = match[1], match[2], match[3], match[4]
    if name in ("decimal", "numeric", "number") and first:
        precision, scale = int(first), int(second or 0)
        return f"decimal({precision},{scale})" if scale <= precision <= MAX_PRECISION and precision else None
    if name in ("timestamp", "datetime") and zone and "out" not in zone:
        return "timestamp with time zone"
    known = _OTHERS.get(name, name)
    try:
        return column_type(known).sql
    except ContractError:
        return None
