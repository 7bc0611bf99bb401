"""Binds the SQL of every model to empty tables of its inputs' columns: what would fail shows before anything runs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from graphlib import TopologicalSorter

import duckdb

from assay.base.duckdb_errors import first_line
from assay.base.warehouse import prepare
from assay.contract.catalog import Catalog
from assay.contract.names import TableName, quoted, relation
from assay.loading.bronze_table import ADDED
from assay.planning.shapes import columns_of_model, rebuild_key_of
from assay.tables.table_columns import ColumnsDiffer, stop_unless_as_declared

_WAREHOUSE = "warehouse"
"""As dbt calls the database in compiled SQL: the file is `warehouse.duckdb`."""


@dataclass(frozen=True)
class Problem:
    """A model that would fail, and why, in a sentence."""

    table: str
    message: str


def in_order(catalog: Catalog) -> list[str]:
    """All bronze, silver and gold models, each after those that it is made of."""
    models = catalog.of_layer("bronze", "silver", "gold")
    graph = {model: [parent for parent in catalog.parents(model) if parent in models] for model in models}
    return list(TopologicalSorter(graph).static_order())


def problems_of_types(catalog: Catalog, compiled: Mapping[str, str]) -> list[Problem]:
    """The models whose SQL cannot be bound, or does not give the columns of their yml.

    A model that reads a table of a broken one is bound to what that one's yml declares.

    Args:
        catalog: The project.
        compiled: The compiled SQL of its models.
    """
    with duckdb.connect(config={"threads": 1}) as connection:
        connection.execute(f"attach ':memory:' as {_WAREHOUSE}")
        connection.execute(f"use {_WAREHOUSE}")
        prepare(connection)
        return [problem for model in in_order(catalog) for problem in _problems(connection, catalog, model, compiled)]


def _problems(
    connection: duckdb.DuckDBPyConnection, catalog: Catalog, model: str, compiled: Mapping[str, str]
) -> Iterator[Problem]:
    table = TableName.of_model(model)
    if table.is_bronze:
        columns = [(c.name, c.type.sql) for c in catalog.contracts[table.entity].columns]
        landing = quoted(f"landing_{table.entity}")
        connection.execute(f"create temp table {landing} ({_typed([*columns, ADDED[0]])})")
        declared = [*columns, *ADDED]
        bound = [*columns, *ADDED[:2]]
    else:
        declared = bound = columns_of_model(catalog, model)
        key = ", ".join(f"assay_{place}" for place, _ in enumerate(rebuild_key_of(catalog, model).key))
        connection.execute(f"create temp macro {quoted(f'is_affected_{model}')}({key}) as true")
    try:
        stop_unless_as_declared(connection, table.table, compiled[model], bound)
    except ColumnsDiffer as error:
        yield Problem(table.table, str(error))
    except duckdb.Error as error:
        yield Problem(table.table, f"{table.table}: its SQL does not fit its inputs: {first_line(error)}")
    connection.execute(f"create schema if not exists {quoted(table.layer)}")
    connection.execute(f"create table {relation(table.table)} ({_typed(declared)})")


def _typed(columns: list[tuple[str, str]]) -> str:
    return ", ".join(f"{quoted(name)} {kind}" for name, kind in columns)
