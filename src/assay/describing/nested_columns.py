"""Which type holds the lists of some files, and the nested columns of Parquet; none where JSON as text is better."""

from __future__ import annotations

import duckdb
from duckdb.sqltypes import DuckDBPyType

from assay.contract.errors import ContractError
from assay.contract.names import quoted
from assay.contract.nested_types import shown_name
from assay.contract.types import ColumnType, column_type
from assay.reading.exact_casts import from_text
from assay.reading.nested import children

_OF_ELEMENTS = {"VARCHAR": "varchar", "BOOLEAN": "boolean", "BIGINT": "bigint", "UBIGINT": "bigint"}
"""Elements that are the same in all lists; fractions may have more digits in the next file, and objects other names."""


def type_of_lists(connection: duckdb.DuckDBPyConnection, name: str) -> ColumnType | None:
    """The type of a column of JSON that is a list in each record: one of plain values of one kind, else None.

    Args:
        connection: With the table `described`.
        name: The column, of JSON texts.
    """
    column = quoted(name)
    kinds = connection.execute(
        f"select distinct unnest(list_transform(json_extract({column}, '$[*]'), lambda e: json_type(e))) as kind "
        f"from described where {column} is not null"
    ).fetchall()
    types = {_OF_ELEMENTS.get(kind) for (kind,) in kinds if kind != "NULL"}
    if len(types) != 1 or None in types:
        return None
    wanted = column_type(f"{types.pop()}[]")
    if wanted.inner.kind == "integer":
        held = f"len(list_filter(e, lambda e: e is not null and ({from_text('e', wanted.inner)}) is null)) > 0"
        elements = f"""select from_json({column}, '["varchar"]') as e from described where {column} is not null"""
        if connection.execute(f"select 1 from ({elements}) where {held} limit 1").fetchall():
            return None
    return wanted


def declared_type(kind: DuckDBPyType, plain: dict[str, str]) -> str:
    """What a contract writes for a type of a Parquet file.

    Args:
        kind: As DuckDB reads it.
        plain: Types that hold those which a contract does not have.

    Raises:
        ContractError: A type inside is none that a contract has.
    """
    inner = {name: declared_type(child, plain) for name, child in children(kind).items()}
    if kind.id == "struct":
        return f"struct({', '.join(f'{shown_name(name)} {declared}' for name, declared in inner.items())})"
    if kind.id in ("list", "array"):
        return f"{inner['child']}[]"
    if kind.id == "map":
        return f"map({inner['key']}, {inner['value']})"
    return column_type(plain.get(str(kind), str(kind))).declared


def type_of_file(kind: str, plain: dict[str, str]) -> ColumnType | None:
    """The type of a column of Parquet that holds others; None of a plain one, and where no contract has it."""
    outer = duckdb.sqltype(kind)
    if not children(outer):
        return None
    try:
        return column_type(declared_type(outer, plain))
    except ContractError:
        return None
