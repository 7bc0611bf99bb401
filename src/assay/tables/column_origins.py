"""Which columns of its inputs each column of a model is made from, by the model's compiled SQL."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from assay.contract.catalog import Catalog
from assay.contract.names import TableName
from assay.contract.types import sql_type

Origins = Mapping[str, tuple[tuple[str, str], ...]]
"""(table, column) of the columns that each column is made from; none where it is counted or made up."""

_MEMORY: dict[tuple[str, str], Origins] = {}


def column_origins(catalog: Catalog, model: str, compiled: str) -> Origins:
    """The origins of each column that a model's yml declares; empty where its SQL cannot be followed.

    It is a help to readers, and no build depends on it.

    Args:
        catalog: The project.
        model: e.g. `gold_daily_sales`.
        compiled: Its compiled SQL.
    """
    known = (model, compiled)
    if known not in _MEMORY:
        _MEMORY[known] = _trace(catalog, model, compiled)
    return _MEMORY[known]


def _trace(catalog: Catalog, model: str, compiled: str) -> Origins:
    from sqlglot import errors, exp, parse_one  # noqa: PLC0415 - heavy, and only for runs
    from sqlglot.lineage import lineage  # noqa: PLC0415

    parents = catalog.parents(model)
    schema: dict[str, dict[str, dict[str, str]]] = {}
    for parent in parents:
        name = TableName.of_model(parent)
        columns = {
            c["name"]: sql_type(c.get("data_type", "varchar")) for c in catalog.models[parent]["columns"].values()
        }
        if name.is_bronze:
            columns |= {column.name: column.type.sql for column in catalog.contracts[name.entity].columns}
        schema.setdefault(name.layer, {})[name.entity] = columns | {"_file_id": "bigint", "_violations": "varchar[]"}
    try:
        nodes = lineage(None, compiled, schema=schema, dialect="duckdb", trim_selects=False)
        leaves = {name: [(leaf, parse_one(leaf.name).name) for leaf in _leaves(node)] for name, node in nodes.items()}
    except (errors.SqlglotError, ValueError, KeyError, TypeError):
        return {}  # a column called `$1` is an identifier to DuckDB, and a TypeError to sqlglot
    origins = {}
    for column in catalog.models[model]["columns"]:
        tables = [(leaf.expression.find(exp.Table), name) for leaf, name in leaves.get(column, ())]
        read = [(TableName(table.db, table.name), name) for table, name in tables if table is not None]
        origins[column] = tuple(sorted({(table.table, name) for table, name in read if table.model in parents}))
    return origins if any(origins.values()) else {}


def _leaves(node: Any) -> list[Any]:
    """The leaves of a column's lineage: the columns that it comes from in the end."""
    return [leaf for leaf in node.walk() if not leaf.downstream]
