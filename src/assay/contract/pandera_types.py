"""Types that hold others, which Pandera 0.35 does not know on Ibis: no table with such a column would be checked.

Imported where a schema is made, because Pandera takes 2 s.
"""

from __future__ import annotations

import ibis.expr.datatypes as dt
from pandera.dtypes import immutable
from pandera.engines import ibis_engine

from assay.contract.types import ColumnType

_PLAIN = {
    "tinyint": "int8",
    "smallint": "int16",
    "integer": "int32",
    "bigint": "int64",
    "hugeint": "decimal(38,0)",
    "double": "float64",
    "varchar": "string",
    "timestamp": "timestamp(6)",
    "timestamp with time zone": "timestamp('UTC', 6)",
}


@ibis_engine.Engine.register_dtype
@immutable(init=True)
class Nested(ibis_engine.DataType):
    """A struct, an array or a map; equal when all types in it are."""

    def __init__(self, wanted: dt.DataType) -> None:
        object.__setattr__(self, "type", wanted)

    @classmethod
    def from_parametrized_dtype(cls, wanted: dt.Struct | dt.Array | dt.Map) -> ibis_engine.DataType:
        """The type of a column as Ibis sees it."""
        return cls(wanted)


def pandera_type(wanted: ColumnType) -> object:
    """The type that Pandera expects of a column."""
    return ibis_engine.Engine.dtype(_ibis_type(wanted))


def _ibis_type(wanted: ColumnType) -> dt.DataType:
    if wanted.kind == "struct":
        return dt.Struct({name: _ibis_type(part) for name, part in wanted.parts})
    if wanted.kind == "list":
        return dt.Array(_ibis_type(wanted.inner))
    if wanted.kind == "map":
        return dt.Map(_ibis_type(wanted.parts[0][1]), _ibis_type(wanted.inner))
    return dt.dtype(_PLAIN.get(wanted.sql, wanted.sql))
