"""Columns that readers see though no contract names them: of sources that say `new_columns: add`, as texts.

They are stored where everything is that a contract does not name, in `_rescued`, and are made of it where readers read.
So no table is altered while files are loaded, and the order of arrival decides nothing but the order of the columns.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence

import duckdb

from assay.contract.catalog import Catalog
from assay.contract.names import literal, may_be_column, quoted, table_of
from assay.ledger.schema_changes import columns_that_came
from assay.reading.json_lines import marked, unmarked
from assay.text.json_parts import json_key

RESCUED = "_rescued"
_MOST = 200
"""Columns of a table that are added; DuckDB plans an expression for each, and others stay in `_rescued` alone."""
_TEXTS = quoted("_texts of _rescued")


def added_columns(connection: duckdb.DuckDBPyConnection, catalog: Catalog) -> dict[str, tuple[str, ...]]:
    """The columns that are added to each table, in the order in which they came.

    A column that the contract names, or that is called as one of the table is, upper and lower case being one in SQL,
    is not among them.

    Args:
        connection: The warehouse.
        catalog: The project.
    """
    added = {}
    for source, contract in catalog.contracts.items():
        model = catalog.silver_of(source)
        if contract.new_columns != "add" or model is None:
            continue
        known = {*contract.names, *(other for _, others in contract.format.aliases for other in others)}
        taken = {column.name.lower() for column in catalog.promises[model].columns}
        names: dict[str, str] = {}
        for name in columns_that_came(connection, source):
            if may_be_column(name) and name not in known and name.lower() not in taken:
                names.setdefault(name.lower(), name)
        added[table_of(model)] = tuple(names.values())[:_MOST]
    return added


def with_added(sql: str, names: Sequence[str]) -> str:
    """SQL of a query with columns that are made of its column `_rescued`, with all their digits.

    Args:
        sql: The query.
        names: The columns.
    """
    if not names:
        return sql
    mark = secrets.token_hex(8)
    structure = literal("{" + ", ".join(f'"{json_key(name)}": "varchar"' for name in names) + "}")
    texts = f"select *, from_json({marked(RESCUED, mark)}, {structure}) as {_TEXTS} from ({sql})"
    columns = ", ".join(f"{unmarked(f'{_TEXTS}.{quoted(name)}', mark)} as {quoted(name)}" for name in names)
    return f"select * exclude ({_TEXTS}), {columns} from ({texts})"
