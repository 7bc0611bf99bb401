"""The types of a contract's columns by the schema of Avro files."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from assay.contract.types import MAX_PRECISION, ColumnType, column_type

_OF = {
    "boolean": "boolean", "int": "integer", "long": "bigint", "float": "double", "double": "double", "date": "date",
    "timestamp-millis": "timestamp with time zone", "timestamp-micros": "timestamp with time zone",
    "timestamp-nanos": "timestamp with time zone", "local-timestamp-millis": "timestamp",
    "local-timestamp-micros": "timestamp", "local-timestamp-nanos": "timestamp",
}  # fmt: skip


def declared_types(schema: Mapping[str, Any]) -> dict[str, ColumnType | None]:
    """The type of each field of a record: text where it is no number or moment, None where it may be several."""
    return {str(field["name"]): _type(field["type"]) for field in schema.get("fields", [])}


def _type(schema: Any) -> ColumnType | None:
    if isinstance(schema, list):
        branches = [branch for branch in schema if branch != "null"]
        return _type(branches[0]) if len(branches) == 1 else None
    if not isinstance(schema, Mapping):
        kind = column_type(_OF.get(str(schema), "varchar"))
        return replace(kind, takes_nan=kind.kind == "double")
    logical, precision, scale = schema.get("logicalType"), schema.get("precision"), schema.get("scale", 0)
    if (
        logical == "decimal"
        and isinstance(precision, int)
        and isinstance(scale, int)
        and 0 <= scale <= precision <= MAX_PRECISION
        and precision
    ):
        return column_type(f"decimal({precision},{scale})")
    if logical in _OF and schema["type"] in ("int", "long"):
        return column_type(_OF[logical])
    return _type(schema["type"])
