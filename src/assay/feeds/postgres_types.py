"""How PostgreSQL's types stand in Parquet: exactly, and as the server's own text where there is no such type.

A type whose every value Arrow holds is itself. Of dates, times and decimals most values are, but not `infinity`,
`NaN` or 44 BC: a file with one of these has the whole column as text, so that its contract says which records are
malformed. Everything else (uuid, json, interval, enum, money, ranges, …) is text, as the server writes it in ISO
styles.
"""

from __future__ import annotations

import json
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
        """Whether its values come as JSON and become lists."""
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
        """The expression that is read: of a list its elements as a JSON array of texts, or what is no plain list as
        it is."""
        if self.is_list:
            return (
                f"case when array_ndims({quoted}) > 1 or array_lower({quoted}, 1) <> 1 then 'no plain list' "
                f"else array_to_json({quoted}::text[])::text end"
            )
        return f"{quoted}::numeric" if self.type.name == "money" and not self.type.is_array else quoted

    @property
    def read_as(self) -> pa.DataType:
        """The type that its text is parsed as."""
        return TEXT if self.is_list else self.arrow

    def typed(self, values: pa.ChunkedArray) -> pa.ChunkedArray:
        """What was parsed, as the type of the column.

        Raises:
            Restart: A value is not one of it.
        """
        if not self.is_list:
            return values
        try:
            lists = [None if text is None else json.loads(text) for text in values.to_pylist()]
            return pa.chunked_array([pa.array(lists, pa.list_(TEXT)).cast(self.arrow)])
        except (ValueError, pa.ArrowException) as error:
            raise Restart from error


def _arrow(kind: SourceType) -> pa.DataType:
    if kind.name in _ALWAYS or kind.name in _MOSTLY:
        return {**_ALWAYS, **_MOSTLY}[kind.name]
    if kind.name == "numeric" and kind.modifier >= _HEADER:
        precision, scale = divmod(kind.modifier - _HEADER, 1 << 16)
        if precision <= _MOST_DIGITS and scale <= precision:  # a negative scale is a large number here
            return pa.decimal128(precision, scale)
    return TEXT


def without_exceptions(columns: tuple[SourceColumn, ...], whose: str, why: Exception) -> tuple[SourceColumn, ...]:
    """The columns with text for each that may hold a value that its type does not.

    Raises:
        Permanent: There is none, so the server sent something that nobody can read.
    """
    if not any(column.has_exceptions for column in columns):
        raise Permanent(f"{whose}: the server sent rows that cannot be read as it declares them: {why}") from None
    return tuple(column.as_text if column.has_exceptions else column for column in columns)
