"""How PostgreSQL's types stand in Parquet: exactly, and as the server's own text where there is no such type.

A type whose every value Arrow holds is itself. Of dates, times and decimals most values are, but not `infinity`,
`NaN` or 44 BC: a file with one of these has the whole column as text, so that its contract says which records are
malformed. Everything else (uuid, json, interval, enum, money, ranges, …) is text, as the server writes it in ISO
styles.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import pyarrow as pa

from assay.feeds.errors import Permanent, Restart

TEXT = pa.string()
_ALWAYS: Mapping[str, pa.DataType] = {
    "bool": pa.bool_(),
    "int2": pa.int16(),
    "int4": pa.int32(),
    "int8": pa.int64(),
    "float4": pa.float32(),
    "float8": pa.float64(),
}
"""Arrow holds every value of them."""
_MOSTLY: Mapping[str, pa.DataType] = {
    "date": pa.date32(),
    "timestamp": pa.timestamp("us"),
    "timestamptz": pa.timestamp("us", tz="UTC"),
}
_HEADER = 4  # what PostgreSQL adds to the precision and scale of a numeric
_MOST_DIGITS = 38


@dataclass(frozen=True)
class SourceType:
    """A type of a column, domains resolved.

    Attributes:
        name: As the catalogue has it, e.g. `numeric`; of an array that of its elements.
        modifier: e.g. the precision and scale of a numeric; -1 for none.
        is_array: Whether values are arrays.
        shown: As people write it, e.g. `numeric(10,2)`.
    """

    name: str
    modifier: int
    is_array: bool
    shown: str


@dataclass(frozen=True)
class SourceColumn:
    """A column of a table as it is fetched.

    Attributes:
        name: As the server has it.
        type: Its type there.
        arrow: Its type in Parquet.
    """

    name: str
    type: SourceType
    arrow: pa.DataType

    @classmethod
    def of(cls, name: str, kind: SourceType) -> SourceColumn:
        """A column with the type that it has in a file without exceptional values."""
        inner = _arrow(kind)
        return cls(name, kind, pa.list_(inner) if kind.is_array else inner)

    @property
    def is_list(self) -> bool:
        """Whether its values are arrays that become lists."""
        return bool(pa.types.is_list(self.arrow))

    @property
    def has_exceptions(self) -> bool:
        """Whether the type in Parquet may turn out not to hold a value."""
        return self.is_list or (self.arrow != TEXT and self.type.name not in _ALWAYS)

    @property
    def as_text(self) -> SourceColumn:
        """The column with the server's own text."""
        return replace(self, arrow=TEXT)

    def sql(self, quoted: str) -> str:
        """The expression that is read."""
        return f"{quoted}::numeric" if self.type.name == "money" and not self.type.is_array else quoted

    @property
    def read_as(self) -> pa.DataType:
        """The type that its text is parsed as."""
        return TEXT if self.is_list else self.arrow

    def typed(self, values: pa.ChunkedArray) -> pa.ChunkedArray:
        """What was parsed, as the type of the column.

        Raises:
            ValueError: A value is not one of it.
        """
        if not self.is_list:
            return values
        lists = [None if text is None else elements(text, self.type.name) for text in values.to_pylist()]
        return pa.chunked_array([pa.array(lists, pa.list_(TEXT)).cast(self.arrow)])


def elements(array: str, of: str) -> list[str | None]:
    """The texts in an array of one dimension that is numbered from 1, as the server writes it.

    Args:
        array: e.g. `{1,NULL,3}`.
        of: The type of its elements, as the catalogue has it.

    Raises:
        ValueError: It is no such array.
    """
    inner, delimiter = array[1:-1], ";" if of == "box" else ","
    if array[:1] + array[-1:] != "{}":
        raise ValueError("it is not numbered from 1")
    if not inner:
        return []
    if not any(mark in inner for mark in '"{\\'):
        parts = [None if part == "NULL" else part for part in inner.split(delimiter)]
    else:
        parts, at = [], 0
        while at <= len(inner):
            text, at = _element(inner, at, delimiter)
            parts.append(text)
    return [{"t": "true", "f": "false"}.get(part or "", part) for part in parts] if of == "bool" else parts


def _element(inner: str, at: int, delimiter: str) -> tuple[str | None, int]:
    """The element that begins at a place, and where the next one does."""
    if inner[at : at + 1] == '"':
        end, pieces = at + 1, []
        while inner[end] != '"':
            end += inner[end] == "\\"
            pieces.append(inner[end])
            end += 1
        text: str | None = "".join(pieces)
        end += 1
    else:
        end = inner.find(delimiter, at)
        end = len(inner) if end < 0 else end
        text = None if inner[at:end] == "NULL" else inner[at:end]
        if "{" in inner[at:end]:
            raise ValueError("it has more dimensions than one")
    if end < len(inner) and inner[end] != delimiter:
        raise ValueError(f"expected {delimiter}")
    return text, end + 1


def _arrow(kind: SourceType) -> pa.DataType:
    if kind.name in _ALWAYS or kind.name in _MOSTLY:
        return {**_ALWAYS, **_MOSTLY}[kind.name]
    if kind.name == "numeric" and kind.modifier >= _HEADER:
        precision, scale = divmod(kind.modifier - _HEADER, 1 << 16)
        if precision <= _MOST_DIGITS and scale <= precision:  # a negative scale is a large number here
            return pa.decimal128(precision, scale)
    return TEXT


def without_exceptions(columns: tuple[SourceColumn, ...], whose: str, why: Restart) -> tuple[SourceColumn, ...]:
    """The columns with text for the one that has a value that its type does not hold, or for each that may have one.

    Raises:
        Permanent: There is none, so the server sent something that nobody can read.
    """
    exceptional = [at for at, column in enumerate(columns) if column.has_exceptions]
    if not exceptional:
        raise Permanent(f"{whose}: the server sent rows that cannot be read as it declares them: {why}") from None
    changed = [why.column] if why.column in exceptional else exceptional
    return tuple(column.as_text if at in changed else column for at, column in enumerate(columns))
