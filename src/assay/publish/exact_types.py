"""How a column stands in Parquet so that DuckDB reads back exactly what was written.

DuckDB writes HUGEINT as DOUBLE, drops the offset of TIMETZ and the infinity of TIMESTAMP_S: such a value is written as
text and cast back. What neither way brings back exactly (an INTERVAL as text overflows, a negative one is refused) has
no form here. `tests/unit/test_exact_types.py` holds every type of DuckDB to this.
"""

from __future__ import annotations

import re

from duckdb.sqltypes import DuckDBPyType

from assay.contract.names import quoted

_AS_THEY_ARE = {
    *("BOOLEAN", "TINYINT", "SMALLINT", "INTEGER", "BIGINT", "UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT"),
    *("FLOAT", "DOUBLE", "VARCHAR", "BLOB", "UUID", "JSON"),
    *("DATE", "TIME", "TIMESTAMP", "TIMESTAMP_NS", "TIMESTAMP WITH TIME ZONE"),
}
_AS_TEXT = {"HUGEINT", "UHUGEINT", "BIGNUM", "BIT", "TIME WITH TIME ZONE", "TIME_NS", "TIMESTAMP_S", "TIMESTAMP_MS"}
_DECIMAL = re.compile(r"DECIMAL\(\d+,\d+\)")


def stored_type(kind: DuckDBPyType) -> str | None:
    """The type that a column has in Parquet; None where Parquet cannot hold it exactly.

    Args:
        kind: The column's type, as a relation's `types` gives it.
    """
    written = str(kind)
    if written in _AS_THEY_ARE or _DECIMAL.fullmatch(written):
        return written
    if written in _AS_TEXT or kind.id == "enum":
        return "VARCHAR"
    return _stored_nested(kind)


def _stored_nested(kind: DuckDBPyType) -> str | None:
    if kind.id not in ("list", "array", "struct", "map"):
        return None
    children = [(name, child) for name, child in kind.children if isinstance(child, DuckDBPyType)]
    stored = {name: stored_type(child) for name, child in children}
    if None in stored.values():
        return None
    if kind.id == "struct":
        return f"STRUCT({', '.join(f'{quoted(name)} {child}' for name, child in stored.items())})"
    if kind.id == "map":
        return f"MAP({stored['key']}, {stored['value']})"
    size = dict(kind.children).get("size", "")
    return f"{stored['child']}[{size}]"
