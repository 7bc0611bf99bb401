"""A table as its yml describes it, made of dbt's manifest, in which Jinja is rendered, and of the yml itself."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from assay.contract.catalog import Catalog
from assay.contract.names import TableName
from assay.contract.own_columns import OWN_COLUMNS, inputs_of, undeclared
from assay.contract.parse import yml_of
from assay.contract.yaml_lint import check_written
from assay.odcs.custom import Json, plain

_UNVERSIONED = "0.0.0"
_CONSTRAINT = ("type", "name", "columns", "expression")
_MODEL_OWN = ("name", "description", "config", "constraints", "columns")
_COLUMN_OWN = ("name", "description", "config", "constraints", "data_type", "meta")


@dataclass(frozen=True)
class Described:
    """A table of the lake.

    Attributes:
        name: Of the table.
        project: The dbt project.
        model: What its yml says: `name`, `description`, `meta`, `constraints`, `columns`, and `dbt` for dbt's own keys.
        version: Of the contract behind it; 0.0.0, which promises nothing, where no single contract is.
        added: Columns that Assay adds.
    """

    name: TableName
    project: str
    model: Mapping[str, Any]
    version: str = _UNVERSIONED
    added: tuple[str, ...] = ()


def described_tables(catalog: Catalog, dbt_project: Path) -> Iterator[Described]:
    """All bronze, silver and gold tables of a project.

    Raises:
        ContractError: A yml is not understood.
    """
    written: dict[Path, dict[str, Mapping[str, Any]]] = {}
    for name in catalog.of_layer("bronze", "silver", "gold"):
        node, table = catalog.models[name], TableName.of_model(name)
        path = dbt_project / yml_of(node)
        if path not in written:
            written[path] = {str(model["name"]): model for model in check_written(path, yml_of(node))}
        model = model_of_node(node, written[path].get(name, {}))
        added = () if table.is_bronze else undeclared(list(node["columns"]), inputs_of(node))
        version = catalog.contract_version(table.table) or _UNVERSIONED
        project = str(catalog.manifest["metadata"]["project_name"])
        yield Described(table, project, model, version, tuple(name for name in OWN_COLUMNS if name in added))


def model_of_node(node: Mapping[str, Any], written: Mapping[str, Any]) -> Json:
    """What the yml of a model says.

    Args:
        node: The model in dbt's manifest.
        written: The model in its yml, for the keys that are dbt's own.
    """
    columns = {str(column["name"]): column for column in written.get("columns") or ()}
    return {
        "name": str(node["name"]),
        "description": str(node.get("description") or ""),
        "meta": plain((node.get("config") or {}).get("meta") or {}),
        "constraints": _constraints(node),
        "columns": [_column(column, columns.get(name, {})) for name, column in node["columns"].items()],
        "dbt": _of_dbt(written, _MODEL_OWN),
    }


def _column(column: Mapping[str, Any], written: Mapping[str, Any]) -> Json:
    return {
        "name": str(column["name"]),
        "description": str(column.get("description") or ""),
        "data_type": str(column["data_type"]),
        "meta": plain((column.get("config") or {}).get("meta") or {}),
        "constraints": _constraints(column),
        "dbt": _of_dbt(written, _COLUMN_OWN),
    }


def _constraints(element: Mapping[str, Any]) -> list[Json]:
    items = element.get("constraints") or ()
    return [{key: plain(item[key]) for key in _CONSTRAINT if item.get(key)} for item in items]


def _of_dbt(written: Mapping[str, Any], own: tuple[str, ...]) -> Json:
    """Keys that are dbt's alone, as they are written, with Jinja in it."""
    config = {key: value for key, value in (written.get("config") or {}).items() if key != "meta"}
    rest = {key: value for key, value in written.items() if key not in own and value is not None}
    made: Json = plain({**rest, **({"config": config} if config else {})})
    return made
