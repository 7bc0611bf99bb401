"""All models of the dbt project by name, with their contracts and promises; read once from the manifest."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from contracts.contract import Contract
from contracts.errors import ContractError
from contracts.parse import parse_contract
from contracts.redo import parse_redo
from contracts.rule_sql import check_rules
from contracts.table_schema import TablePromise, parse_promise
from contracts.written import check_written


@dataclass(frozen=True)
class Catalog:
    """The project as its manifest shows it.

    Attributes:
        manifest: dbt's manifest.json.
        models: The nodes of our models, by name.
    """

    manifest: Mapping[str, Any]
    models: Mapping[str, Mapping[str, Any]]

    @classmethod
    def read(cls, dbt_project: Path) -> Catalog:
        """Read `target/manifest.json` and check everything that the yml files declare.

        Raises:
            ContractError: A contract, rule or redo key cannot be used; names the yml.
        """
        path = dbt_project / "target" / "manifest.json"
        manifest = json.loads(path.read_text(encoding="utf-8"))
        models = {n["name"]: n for n in manifest["nodes"].values() if n["resource_type"] == "model"}
        catalog = cls(manifest, models)
        catalog.check(dbt_project)
        return catalog

    def check(self, dbt_project: Path) -> None:
        """Parse everything once, so that a mistake shows before a run starts.

        Raises:
            ContractError: as of `read`.
        """
        for model, node in self.models.items():
            if not node.get("patch_path"):
                raise ContractError(f"{node['original_file_path']}: there is no yml of the same name beside it")
            check_written(dbt_project / node["patch_path"].split("://", 1)[-1])
            if self.layer(model) in ("silver", "gold"):
                parse_redo(node, {name: self.models[name] for name in self.parents(model)})
        for contract in self.contracts.values():
            check_rules(f"bronze_{contract.source}.yml", contract.columns, contract.rules)
        for promise in self.promises.values():
            check_rules(f"{promise.model}.yml", promise.columns, promise.rules)

    @staticmethod
    def layer(model: str) -> str:
        """`silver_products` → `silver`."""
        return model.split("_", 1)[0]

    def of_layer(self, *layers: str) -> list[str]:
        """Names of the models of some layers, sorted."""
        return sorted(model for model in self.models if self.layer(model) in layers)

    def parents(self, model: str) -> list[str]:
        """The models that a model refers to."""
        ids = self.models[model]["depends_on"]["nodes"]
        return [self.manifest["nodes"][i]["name"] for i in ids if i in self.manifest["nodes"]]

    @cached_property
    def contracts(self) -> dict[str, Contract]:
        """The contract of each source."""
        found = [parse_contract(self.models[model]) for model in self.of_layer("bronze")]
        return {contract.source: contract for contract in found}

    @cached_property
    def promises(self) -> dict[str, TablePromise]:
        """The promise of each silver and gold model."""
        return {model: parse_promise(self.models[model]) for model in self.of_layer("silver", "gold")}

    def silver_of(self, source: str) -> str | None:
        """The silver model that takes in a source: the one whose only parent is its bronze model."""
        bronze = f"bronze_{source}"
        found = [model for model in self.of_layer("silver") if self.parents(model) == [bronze]]
        return found[0] if len(found) == 1 else None

    def tests(self, models: Iterable[str]) -> dict[str, Mapping[str, Any]]:
        """dbt's data tests that are attached to some models, by unique id."""
        wanted = {self.models[model]["unique_id"] for model in models}
        return {
            i: node
            for i, node in self.manifest["nodes"].items()
            if node["resource_type"] == "test" and node.get("attached_node") in wanted
        }

    def domains(self) -> list[set[str]]:
        """Models that hang together through references; what shares no ancestor shares no fate."""
        groups: list[set[str]] = []
        for model in self.models:
            linked = {model, *self.parents(model)}
            touching = [group for group in groups if group & linked]
            groups = [group for group in groups if not group & linked] + [linked.union(*touching)]
        return groups

    @cached_property
    def blocking_checks(self) -> dict[str, list[str]]:
        """The checks that must have passed before a table is built upon or shown, by table."""
        found = {table_name(model): ["contract"] for model in self.promises}
        for source in self.contracts:
            silver = self.silver_of(source)
            if silver:
                found[table_name(silver)].append("conservation")
        for test in self.tests(self.promises).values():
            if str(test["config"].get("severity", "error")).lower() == "error":
                model = self.manifest["nodes"][test["attached_node"]]["name"]
                found[table_name(model)].append(str(test["name"]))
        return found


def table_name(model: str) -> str:
    """`silver_products` (the dbt model) → `silver.products` (the table)."""
    return ".".join(model.split("_", 1))
