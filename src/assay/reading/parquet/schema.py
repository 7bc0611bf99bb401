"""The columns of a Parquet file as its own schema declares them, before any reader has converted a value.

Belongs here: which columns DuckDB degrades, and which schemas no reading can be trusted with. Keep out: values.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from operator import length_hint
from typing import Any, Literal

import pyarrow as pa
import pyarrow.parquet as pq

from assay.contract.aliases import two_names
from assay.contract.contract import Column, Contract
from assay.contract.names import listed
from assay.contract.pointer import pointer_of
from assay.contract.types import MAX_PRECISION
from assay.reading.parquet.nested_columns import fields_left, type_misfit
from assay.reading.parquet.structs import field_type, fields_beside

Shape = Literal["plain", "decimal", "moment", "instant", "time", "json", "interval", "nested"]
EXACT_TEXT: tuple[Shape, ...] = ("decimal", "moment", "instant", "time")
"""Shapes that DuckDB would change: their values come as text that pyarrow writes."""
_LOGICAL = (
    "None", "String", "Enum", "JSON", "UUID", "Int", "Decimal", "Float16", "Date", "Time", "Timestamp",
    "Interval", "Null",
)  # fmt: skip
_UNITS = {"milliseconds": "ms", "microseconds": "us", "nanoseconds": "ns"}


@dataclass(frozen=True)
class Leaf:
    """A column that holds values, as the file's schema declares it.

    Attributes:
        physical: How the values are stored, e.g. `INT96`.
        logical: What they stand for, e.g. `Timestamp`; `None` where the file does not say it.
        unit: Of times: `ms`, `us` or `ns`.
        is_utc: Of times: whether they are instants.
        precision: Digits of a decimal.
        scale: Digits of a decimal after the mark.
    """

    physical: str
    logical: str
    unit: str = ""
    is_utc: bool = False
    precision: int = 0
    scale: int = 0

    @property
    def shape(self) -> Shape:
        """How a value of it reaches DuckDB unchanged."""
        if self.logical == "Decimal" and self.precision > MAX_PRECISION:
            return "decimal"
        if self.physical == "INT96":
            return "moment"
        if self.logical == "Timestamp" and self.unit == "ns" and self.is_utc:
            return "instant"
        shapes: dict[str, Shape] = {"Time": "time", "JSON": "json", "Interval": "interval"}
        return shapes.get(self.logical, "plain")

    @property
    def words(self) -> str:
        """The type as a message names it."""
        if self.logical == "Decimal":
            return f"DECIMAL({self.precision},{self.scale})"
        if self.unit:
            return f"{self.logical.upper()}({self.unit}{', UTC' if self.is_utc else ''})"
        return self.physical if self.logical == "None" else self.logical.upper()


@dataclass(frozen=True)
class FileColumn:
    """A top-level column of a file.

    Attributes:
        name: As the file spells it.
        shape: How its values reach DuckDB.
        words: Its type for messages, e.g. `DECIMAL(39,2)` or `list<element: int64>`.
        target: The Arrow type in which pyarrow hands its values to DuckDB, unless they come as text.
        leaves: What it stores; several where it is nested.
        problem: Why its values cannot be trusted; empty when they can.
    """

    name: str
    shape: Shape
    words: str
    target: pa.DataType
    leaves: tuple[Leaf, ...]
    problem: str = ""

    @property
    def is_int96(self) -> bool:
        """Whether it holds the deprecated times of 12 bytes."""
        return self.shape == "moment"


def columns_of(file: pq.ParquetFile) -> tuple[FileColumn, ...]:
    """The file's columns in their order."""
    leaves = [_leaf(file.schema.column(at)) for at in range(len(file.schema))]
    columns, first = [], 0
    following = iter(leaves)
    for field in file.schema_arrow:
        target = _target(field.type, following)
        last = len(leaves) - length_hint(following)  # of a list's iterator it is exact
        columns.append(_column(field, target, tuple(leaves[first:last])))
        first = last
    return tuple(columns)


def schema_problem(columns: tuple[FileColumn, ...], contract: Contract) -> str:
    """Why no reading of these columns can be trusted; empty when one can."""
    names = Counter(column.name.lower() for column in columns)
    same = sorted({column.name for column in columns if names[column.name.lower()] > 1})
    if "" in names:
        return "one of its columns has no name"
    if same:
        return f"its columns {', '.join(same)} have one name, or differ only in upper and lower case"
    if broken := next((column for column in columns if column.problem), None):
        return f"its column {broken.name} {broken.problem}"
    there = {column.name: column for column in columns}
    problems = (_misfit_of(there, column, contract.ways[column.name]) for column in contract.columns)
    return next(filter(None, problems), "") or (
        _unexpected(there, contract) if contract.new_columns == "refuse" else ""
    )


def _unexpected(there: Mapping[str, FileColumn], contract: Contract) -> str:
    """Which fields of structs no column names; columns of the file that none names are told by its header."""
    ways: dict[str, list[Sequence[str]]] = {}
    for name, *inner in (way for each in contract.ways.values() for way in each):
        ways.setdefault(name, []).append(inner)
    beside = {name: fields_beside(there[name].target, ways[name]) for name in ways if name in there}
    unexpected = [pointer_of(name, *way) for name, fields in beside.items() for way in fields]
    named = ((way, column.type) for column in contract.columns for way in contract.ways[column.name])
    for (name, *inner), wanted in ((way, wanted) for way, wanted in named if leads_somewhere(there, way)):
        kind = field_type(there[name].target, inner)
        if kind is not None:
            unexpected += [pointer_of(name, *inner, *way) for way in fields_left(kind, wanted)]
    return f"does not match contract {contract.version}: unexpected fields: {listed(unexpected)}" if unexpected else ""


def leads_somewhere(there: Mapping[str, FileColumn], way: Sequence[str]) -> bool:
    """Whether there is something in a file at the end of a way."""
    name, *inner = way
    if name not in there:
        return False
    try:
        return not inner or field_type(there[name].target, inner) is not None
    except TypeError:
        return False


def _misfit_of(there: Mapping[str, FileColumn], column: Column, ways: Sequence[Sequence[str]]) -> str:
    """Why a column cannot be what stands in the file at the end of one of some ways; empty when it can."""
    present = [way for way in ways if leads_somewhere(there, way)]
    if len(present) > 1:
        return two_names(column.name, [pointer_of(*way) if len(way) > 1 else way[0] for way in present])
    return _misfit(there, column, present[0] if present else ways[0])


def _misfit(there: Mapping[str, FileColumn], column: Column, way: Sequence[str]) -> str:
    """Why a column of the contract cannot be what stands in the file at the end of a way; empty when it can."""
    name, pointer = way[0], pointer_of(*way)
    if name not in there or there[name].shape != "nested":
        if name not in there or (len(way) == 1 and not column.type.is_nested):
            return ""
        if len(way) == 1:
            return f"its column {name} is {there[name].words}, where the contract has {column.type.declared}"
        return f"nothing stands at {pointer}, which leads through {there[name].words} in its column {name}"
    try:
        kind = field_type(there[name].target, way[1:])
    except TypeError as error:
        return f"nothing stands at {pointer}, which leads through {str(error)[:100]} in its column {name}"
    if kind is None:
        return "" if column.is_optional else f"nothing stands at {pointer}, where column {column.name} has to be"
    return type_misfit(kind, column.type, pointer[1:], takes_less=column.is_optional)


def _leaf(column: Any) -> Leaf:
    logical_type = json.loads(column.logical_type.to_json())
    return Leaf(
        column.physical_type,
        str(logical_type["Type"]),
        _UNITS.get(logical_type.get("timeUnit", ""), ""),
        bool(logical_type.get("isAdjustedToUTC")),
        int(logical_type.get("precision", 0)),
        int(logical_type.get("scale", 0)),
    )


def _column(field: pa.Field, target: pa.DataType, leaves: tuple[Leaf, ...]) -> FileColumn:
    unknown = next((leaf.words for leaf in leaves if leaf.logical not in _LOGICAL), "")
    problem = f"has the Parquet type {unknown}, which cannot be read exactly" if unknown else ""
    if not pa.types.is_nested(field.type):
        return FileColumn(field.name, leaves[0].shape, leaves[0].words, target, leaves, problem)
    degraded = next((leaf.words for leaf in leaves if leaf.shape in ("decimal", "json", "interval")), "")
    if degraded:
        problem = f"holds {degraded} inside {str(field.type)[:100]}, which cannot be read exactly"
    if not problem and _has_twin_fields(field.type):
        problem = f"is nested with two fields of one name ({str(field.type)[:100]})"
    return FileColumn(field.name, "nested", str(field.type), target, leaves, problem)


def _has_twin_fields(kind: pa.DataType) -> bool:
    if not pa.types.is_nested(kind):
        return False
    fields = [kind.field(at) for at in range(kind.num_fields)]
    names = {field.name.lower() for field in fields}
    is_twin = pa.types.is_struct(kind) and (len(names) < len(fields) or "" in names)
    return is_twin or any(_has_twin_fields(field.type) for field in fields)


def _target(kind: pa.DataType, leaves: Iterator[Leaf]) -> pa.DataType:
    """The type that DuckDB takes for what its own reader makes of the column; a cast to it loses nothing or fails."""
    if pa.types.is_struct(kind):
        return pa.struct([field.with_type(_target(field.type, leaves)) for field in kind])
    if pa.types.is_map(kind):
        key, item = kind.key_field, kind.item_field
        return pa.map_(key.with_type(_target(key.type, leaves)), item.with_type(_target(item.type, leaves)))
    if not pa.types.is_nested(kind):
        return _leaf_target(kind, next(leaves))
    inner = kind.value_field.with_type(_target(kind.value_type, leaves))
    if pa.types.is_fixed_size_list(kind):
        return pa.list_(inner, kind.list_size)
    return pa.large_list(inner) if pa.types.is_large_list(kind) else pa.list_(inner)


def _leaf_target(kind: pa.DataType, leaf: Leaf) -> pa.DataType:
    if pa.types.is_dictionary(kind):
        return pa.dictionary(kind.index_type, _leaf_target(kind.value_type, leaf))
    if pa.types.is_duration(kind):  # Parquet has none: the file holds a number, and a word of Arrow's beside it
        return pa.int64()
    if leaf.logical == "Decimal" and leaf.shape == "plain":
        return pa.decimal128(leaf.precision, leaf.scale)
    if leaf.shape in ("moment", "instant"):
        return pa.timestamp("us", "UTC" if leaf.is_utc else None)
    targets = {
        "String": pa.large_string(),
        "Enum": pa.large_string(),
        "JSON": pa.large_string(),
        "Float16": pa.float32(),
        "Interval": pa.month_day_nano_interval(),
        "Time": pa.time64("us"),
    }
    return targets.get(leaf.logical, kind)
