"""Which columns of its inputs each column of a model is made from."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import dagster as dg

from assay.contract.catalog import Catalog
from assay.contract.names import TableName
from assay.orchestration.keys import key_of, table_of_key
from assay.orchestration.metadata_tables import text_table

_MEMORY: dict[tuple[str, str], Mapping[str, Any]] = {}


def column_lineage(catalog: Catalog, model: str, compiled: str) -> Mapping[str, Any]:
    """Column lineage as Dagster shows it, from the model's compiled SQL.

    Lineage is a help to readers, so SQL that cannot be followed gives none; the build does not depend on it.

    Args:
        catalog: The project.
        model: e.g. `gold_daily_sales`.
        compiled: Its compiled SQL.
    """
    known = (model, compiled)
    if known not in _MEMORY:
        _MEMORY[known] = _trace(catalog, model, compiled)
    return _MEMORY[known]


def _trace(catalog: Catalog, model: str, compiled: str) -> Mapping[str, Any]:
    from sqlglot import errors, exp, parse_one  # noqa: PLC0415 - heavy, and only for runs
    from sqlglot.lineage import lineage  # noqa: PLC0415

    parents = catalog.parents(model)
    schema: dict[str, dict[str, dict[str, str]]] = {}
    for parent in parents:
        name = TableName.of_model(parent)
        columns = {c["name"]: c.get("data_type", "varchar") for c in catalog.models[parent]["columns"].values()}
        schema.setdefault(name.layer, {})[name.entity] = columns | {"_file_id": "bigint", "_violations": "varchar[]"}
    try:
        nodes = lineage(None, compiled, schema=schema, dialect="duckdb", trim_selects=False)
        leaves = {name: [(leaf, parse_one(leaf.name).name) for leaf in _leaves(node)] for name, node in nodes.items()}
    except (errors.SqlglotError, ValueError, KeyError, TypeError):
        return {}  # a column called `$1` is an identifier to DuckDB, and a TypeError to sqlglot
    deps_by_column: dict[str, list[dg.TableColumnDep]] = {}
    for column in catalog.models[model]["columns"]:
        tables = [(leaf.expression.find(exp.Table), name) for leaf, name in leaves.get(column, ())]
        read = [(TableName(table.db, table.name), name) for table, name in tables if table is not None]
        deps = {(table.table, name) for table, name in read if table.model in parents}
        deps_by_column[column] = [dg.TableColumnDep(key_of(table), name) for table, name in sorted(deps)]
    if not any(deps_by_column.values()):
        return {}
    origins = {
        column: ", ".join(f"{table_of_key(dep.asset_key)}.{dep.column_name}" for dep in deps_by_column[column])
        for column in deps_by_column
    }
    # The page that draws the lineage of columns is not part of Dagster's open source, so a table says it as well.
    return {
        "dagster/column_lineage": dg.TableColumnLineage(deps_by_column),
        "made_from": text_table(("column", "made from"), ((name, text or "counted") for name, text in origins.items())),
    }


def _leaves(node: Any) -> list[Any]:
    """The leaves of a column's lineage: the columns that it comes from in the end."""
    return [leaf for leaf in node.walk() if not leaf.downstream]
