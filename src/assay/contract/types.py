"""The column types that a contract may name."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from assay.contract.errors import ContractError
from assay.contract.spelling import PLAIN, Spelling

Kind = Literal["integer", "decimal", "double", "text", "boolean", "date", "timestamp", "timestamptz"]

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
_NESTED = re.compile(r"^(json|struct|map|list|row)\b|[]]$")
_NESTED_HINT = "Objects and lists are JSON in a varchar, and `path` makes columns of their values"
MAX_PRECISION = 38  # DuckDB's widest DECIMAL


@dataclass(frozen=True)
class ColumnType:
    """A DuckDB type that values are held in.

    Attributes:
        sql: The type as DuckDB writes it, in lower case.
        kind: What a value of it looks like in a file.
        scale: Digits after the decimal mark; 0 for all but decimals.
        spelling: How its values are written in files.
        takes_nan: Whether NaN and infinity in files are values of it, which they can be where the file is typed.
    """

    sql: str
    kind: Kind
    scale: int = 0
    spelling: Spelling = PLAIN
    takes_nan: bool = False

    @property
    def is_spelled(self) -> bool:
        """Whether values are written in another way than DuckDB's own."""
        return self.spelling != PLAIN

    @property
    def shown(self) -> str:
        """What a message calls it."""
        dates = f" written {' or '.join(self.spelling.dates)}" if self.spelling.dates else ""
        locale = f" in {self.spelling.locale}" if self.spelling.locale else ""
        return f"{self.sql}{dates}{locale}"


def column_type(written: str) -> ColumnType:
    """The type that a contract's `data_type` names.

    Raises:
        ContractError: The type is unknown, or a decimal without a usable precision and scale.
    """
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
    hint = f". {_NESTED_HINT}" if _NESTED.search(name) else ""
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
