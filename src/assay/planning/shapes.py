"""The shape of each table: what decides its rows, as a project declares it or as a lake was built with it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field

import duckdb

from assay.base.warehouse import columns_of
from assay.contract.catalog import Catalog
from assay.contract.names import TableName
from assay.contract.own_columns import OWN_COLUMNS, OWN_TYPE, undeclared
from assay.contract.rebuild_key import RebuildKey, parse_redo
from assay.contract.types import sql_type
from assay.tables.table_definition import Form, bronze_form, keyed_form


@dataclass(frozen=True)
class Shape:
    """One table.

    Attributes:
        form: What decides its rows, as `ops.tables` keeps it.
        version: Of the contract behind it; empty where there is none.
        rules: What its yml promises of each row, by name; None where that is not known of a lake. Of a bronze table
            they are in its form.
        key: Columns that are unique together; None where that is not known.
    """

    form: Form
    version: str = ""
    rules: Mapping[str, str] | None = None
    key: tuple[str, ...] | None = None

    @property
    def is_source(self) -> bool:
        """Whether files are loaded into it under a contract."""
        return "contract" in self.form

    @property
    def columns(self) -> dict[str, str]:
        """Types by name, without the columns that are Assay's own."""
        listed = self.form["contract"]["columns"] if self.is_source else self.form["columns"]
        return {name: kind for name, kind, *_ in listed if name not in OWN_COLUMNS}

    @property
    def known_key(self) -> tuple[str, ...] | None:
        """The columns that are unique together, in the form of a contract too; None where they are not known."""
        return tuple(self.form["contract"]["key"]) if self.is_source else self.key

    @property
    def sql(self) -> str:
        """The model's SQL as its author wrote it."""
        return str(self.form["sql"])


@dataclass(frozen=True)
class Shapes:
    """All bronze, silver and gold tables of one state.

    Attributes:
        tables: By name, e.g. `silver.products`.
        rows: Rows that a lake has of each; none of a project.
    """

    tables: Mapping[str, Shape]
    rows: Mapping[str, int] = field(default_factory=dict)


def declared_shapes(catalog: Catalog, compiled: Mapping[str, str]) -> Shapes:
    """The shapes that a project declares.

    Args:
        catalog: The project.
        compiled: The compiled SQL of its models.
    """
    shapes = {}
    for model in catalog.of_layer("bronze", "silver", "gold"):
        table = TableName.of_model(model)
        version = catalog.contract_version(table.table) or ""
        if table.is_bronze:
            contract = catalog.contracts[table.entity]
            shapes[table.table] = Shape(as_stored(bronze_form(contract, compiled[model])), version, key=contract.key)
        else:
            promise = catalog.promises[model]
            form = keyed_form(compiled[model], columns_of_model(catalog, model), rebuild_key_of(catalog, model))
            rules = {rule.name: rule.expression for rule in promise.rules}
            shapes[table.table] = Shape(as_stored(form), version, rules, promise.key)
    return Shapes(shapes)


def columns_of_model(catalog: Catalog, model: str) -> list[tuple[str, str]]:
    """Names and types of the columns that a silver or gold table is built with."""
    declared = [(str(c["name"]), sql_type(str(c["data_type"]))) for c in catalog.models[model]["columns"].values()]
    own = undeclared([name for name, _ in declared], catalog.parents(model))
    return [*declared, *((name, OWN_TYPE) for name in own)]


def rebuild_key_of(catalog: Catalog, model: str) -> RebuildKey:
    """The key by which a silver or gold table is rebuilt."""
    return parse_redo(catalog.models[model], {name: catalog.models[name] for name in catalog.parents(model)})


def as_stored(form: Form) -> Form:
    """A form as it comes back from where it is kept."""
    stored: Form = json.loads(json.dumps(form))
    return stored


def built_shapes(connection: duckdb.DuckDBPyConnection) -> Shapes:
    """The shapes that a lake's tables were built with; a table of the first lakes, which kept none, is left out.

    Args:
        connection: What is published.
    """
    version = "version" if "version" in columns_of(connection, "ops.tables") else "null"
    asked = f"select table_name, definition, row_count, {version} from ops.tables order by 1"
    rows = connection.execute(asked).fetchall()
    versions = {
        TableName.of_source(source).in_layer(layer).table: version
        for source, version in connection.execute("select source, contract_version from ops.sources").fetchall()
        for layer in ("bronze", "silver")
    }
    shapes = {
        table: Shape(json.loads(text), own or versions.get(table, ""))
        for table, text, _, own in rows
        if text is not None
    }
    return Shapes(shapes, {table: count for table, _, count, _ in rows})
