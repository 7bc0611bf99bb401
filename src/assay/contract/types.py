"""The column types that a contract may name."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal

from assay.contract.errors import ContractError
from assay.contract.names import quoted
from assay.contract.nested_types import NESTED, Level, NestedKind, outer_level, shown_name
from assay.contract.spelling import PLAIN, Spelling

Kind = Literal["integer", "decimal", "double", "text", "boolean", "date", "timestamp", "timestamptz"] | NestedKind

KINDS: dict[str, Kind] = {
    "tinyint": "integer",
    "smallint": "integer",
    "integer": "integer",
    "bigint": "integer",
    "hugeint": "integer",
    "double": "double",
    "varchar": "text",
    "boolean": "boolean",
    "date": "date",
    "timestamp": "timestamp",
    "timestamp with time zone": "timestamptz",
}
ALIASES = {"int": "integer", "text": "varchar", "string": "varchar", "timestamptz": "timestamp with time zone"}
_INTEGERS = ("tinyint", "smallint", "integer", "bigint", "hugeint")
"""Each holds all values of those before it."""
_DECIMAL = re.compile(r"(?:decimal|numeric)\s*\(\s*(\d+)\s*,\s*(\d+)\s*\)")
_JSON_HINT = (
    ". JSON is kept in a varchar; `struct(zip integer)`, `varchar[]` and `map(varchar, integer)` type what is in it"
)
MAX_PRECISION = 38  # DuckDB's widest DECIMAL
MAX_LEVELS = 12
"""Types inside of each other in one: for each more, DuckDB takes twice as long to bind the SQL that reads it."""


@dataclass(frozen=True)
class ColumnType:
    """A DuckDB type that values are held in.

    Attributes:
        sql: The type as DuckDB writes it, in lower case.
        kind: What a value of it looks like in a file.
        scale: Digits after the decimal mark; 0 for all but decimals.
        spelling: How its values are written in files.
        takes_nan: Whether NaN and infinity in files are values of it, which they can be where the file is typed.
        parts: The types inside, by name: fields of a struct, the one of a list, `key` and `value` of a map.
    """

    sql: str
    kind: Kind
    scale: int = 0
    spelling: Spelling = PLAIN
    takes_nan: bool = False
    parts: tuple[tuple[str, ColumnType], ...] = ()

    @property
    def is_nested(self) -> bool:
        """Whether a value of it holds others, each of a type of its own."""
        return self.kind in NESTED

    @property
    def inner(self) -> ColumnType:
        """The type of what a list or a map holds."""
        return self.parts[-1][1]

    @property
    def is_spelled(self) -> bool:
        """Whether values are written in another way than DuckDB's own."""
        return self.spelling != PLAIN

    @property
    def shown(self) -> str:
        """What a message calls it."""
        if self.is_nested:
            return self.declared
        dates = f" written {' or '.join(self.spelling.dates)}" if self.spelling.dates else ""
        locale = f" in {self.spelling.locale}" if self.spelling.locale else ""
        return f"{self.sql}{dates}{locale}"

    @property
    def declared(self) -> str:
        """What a contract writes as `data_type`."""
        if self.kind == "list":
            return f"{self.inner.declared}[]"
        if self.kind == "map":
            return f"map({self.parts[0][1].declared}, {self.inner.declared})"
        if self.kind == "struct":
            return f"struct({', '.join(f'{shown_name(name)} {kind.declared}' for name, kind in self.parts)})"
        return self.sql

    def with_parts(self, change: Callable[[ColumnType], ColumnType]) -> ColumnType:
        """The type with each plain one in it, or itself where it is plain, changed."""
        if not self.is_nested:
            return change(self)
        return replace(self, parts=tuple((name, kind.with_parts(change)) for name, kind in self.parts))


def column_type(written: str) -> ColumnType:
    """The type that a contract's `data_type` names.

    Raises:
        ContractError: The type is unknown, a decimal without a usable precision and scale, or nested in another way
            than is known.
    """
    return _type(written, MAX_LEVELS)


def sql_type(written: str) -> str:
    """What SQL calls a declared type: a nested one with the names of its fields in quotes, any other as it is written.

    Raises:
        ContractError: As of `column_type`, of a nested one.
    """
    return column_type(written).sql if outer_level(written) else written


def _type(written: str, levels: int) -> ColumnType:
    if level := outer_level(written):
        if levels == 0:
            raise ContractError(
                f"more than {MAX_LEVELS} types stand inside of each other; keep the inner ones as varchar"
            )
        return _nested(level, written, levels - 1)
    name = " ".join(written.lower().split())
    name = ALIASES.get(name, name)
    if name in KINDS:
        return ColumnType(name, KINDS[name])
    decimal = _DECIMAL.fullmatch(name)
    if decimal:
        precision, scale = int(decimal[1]), int(decimal[2])
        if 1 <= precision <= MAX_PRECISION and scale <= precision:
            return ColumnType(f"decimal({precision},{scale})", "decimal", scale)
        raise ContractError(f"type {written!r}: precision is 1 to {MAX_PRECISION} and scale at most the precision")
    known = ", ".join([*KINDS, "decimal(p,s)"])
    hint = _JSON_HINT if name == "json" else ""
    raise ContractError(f"unknown type {written!r}; write one of: {known}{hint}")


def is_wider(wide: str, narrow: str) -> bool:
    """Whether one type holds each value of another one of its kind as it is, and more of them.

    Args:
        wide: A type as DuckDB writes it, in lower case.
        narrow: The other one.
    """
    if wide in _INTEGERS and narrow in _INTEGERS:
        return _INTEGERS.index(wide) > _INTEGERS.index(narrow)
    more, less = (_DECIMAL.fullmatch(each) for each in (wide, narrow))
    if more is None or less is None or wide == narrow:
        return False
    (precision, scale), (fewer, short) = ((int(each[1]), int(each[2])) for each in (more, less))
    return scale >= short and precision - scale >= fewer - short


def loses(origin: str, kind: str) -> bool:
    """Whether a cast from one type to another may change a value without an error: round it, or cut it off.

    A double is of its nature near a value, so nothing is lost on the way to one.

    Args:
        origin: SQL of a type that holds no others.
        kind: SQL of the type that it is cast to, likewise.
    """
    before, after = column_type(origin), column_type(kind)
    if after.kind in ("integer", "decimal"):
        return before.kind in ("text", "double") or (before.kind == "decimal" and before.scale > after.scale)
    return after.kind == "date" and before.kind in ("text", "timestamp", "timestamptz")


def _nested(level: Level, written: str, levels: int) -> ColumnType:
    parts = tuple((name, _type(inner, levels)) for name, inner in level.parts)
    if level.kind == "map" and parts[0][1].is_nested:
        raise ContractError(f"type {written!r}: the keys of a map are plain values")
    types = [kind.sql for _, kind in parts]
    if level.kind == "list":
        return ColumnType(f"{types[0]}[]", "list", parts=parts)
    if level.kind == "map":
        return ColumnType(f"map({', '.join(types)})", "map", parts=parts)
    fields = ", ".join(f"{quoted(name)} {kind.sql}" for name, kind in parts)
    return ColumnType(f"struct({fields})", "struct", parts=parts)
