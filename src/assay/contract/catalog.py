"""All models of the dbt project by name, with their contracts and promises; read once from the manifest."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

import duckdb

from assay.contract.checked_stamp import CheckedStamp
from assay.contract.checks import parse_freshness, parse_load_checks, parse_table_checks
from assay.contract.contract import Column, Contract
from assay.contract.declared_checks import FILES_AGREE, ROWS_AGREE, LoadChecks, TableChecks
from assay.contract.errors import ContractError
from assay.contract.freshness import Policy
from assay.contract.moving_rules import refuse_moving_verdicts
from assay.contract.names import TableName, history_model, layer_of, table_of
from assay.contract.parse import naming_yml, parse_columns, parse_contract, place_of, yml_of
from assay.contract.part_choice import PartChoice, parse_part_choice
from assay.contract.personal import personal_columns
from assay.contract.rebuild_key import RebuildKey, parse_redo
from assay.contract.sharing import check_sharing
from assay.contract.sql_validation import check_redo, check_reference, check_rules, empty_database
from assay.contract.table_schema import TablePromise, parse_promise
from assay.contract.yaml_lint import check_written

RULES = "rules"
"""The folder of a dbt project with business rules in Python."""


@dataclass(frozen=True)
class Catalog:
    """The project as its manifest shows it.

    Attributes:
        manifest: dbt's manifest.json.
        models: The nodes of our models, by name.
        rules: Modules with business rules, by the gold model that they are called like.
    """

    manifest: Mapping[str, Any]
    models: Mapping[str, Mapping[str, Any]]
    rules: Mapping[str, Path] = field(default_factory=dict)

    @classmethod
    def read(cls, dbt_project: Path) -> Catalog:
        """Read `target/manifest.json` and check everything that the yml files declare.

        Raises:
            ContractError: A contract, rule or redo key cannot be used; names the yml.
        """
        stat = (dbt_project / "target" / "manifest.json").stat()
        return _read(dbt_project, (stat.st_ino, stat.st_mtime_ns, stat.st_size))

    def check(self, dbt_project: Path) -> None:
        """Parse everything once, so that a mistake shows before a run starts.

        Raises:
            ContractError: as of `read`.
        """
        for node in self.models.values():
            if not node.get("patch_path"):
                raise ContractError(f"{node['original_file_path']}: no yml describes the model; write one beside it")
            check_written(dbt_project / yml_of(node), yml_of(node))
        check_sharing(self.contracts, self._places)
        unknown = sorted(set(self.rules) - set(self.of_layer("gold")))
        if unknown:
            raise ContractError(f"{RULES}/{unknown[0]}.py: there is no gold model {unknown[0]}")
        self.tests(self.models)
        with empty_database() as connection:
            self._try(connection)
        assert None not in (self.load_checks, self.policies, self.part_choices)  # noqa: S101 - so that mistakes show now

    def _try(self, connection: duckdb.DuckDBPyConnection) -> None:
        """Bind all SQL that stands in a yml on empty tables."""
        columns_of = {model: self._columns(model) for model in self.of_layer("bronze", "silver", "gold")}
        for model in self.of_layer("silver", "gold"):
            columns = {name: columns_of[name] for name in self.parents(model)}
            check_redo(connection, self._places[model], self.rebuild_key(model), columns)
        for contract in self.contracts.values():
            bronze = TableName.of_source(contract.source)
            check_rules(connection, self._places[bronze.model], contract.columns, contract.rules)
        refuse_moving_verdicts(connection, self.contracts.values(), self._places)
        for promise in self.promises.values():
            check_rules(connection, self._places[promise.model], promise.columns, promise.rules)
        for model, checks in self.table_checks.items():
            for ref in checks.references:
                where, to = self._places[model], columns_of[ref.to]
                check_reference(connection, where, ref, table_of(model), columns_of[model], to)

    def _columns(self, model: str) -> tuple[Column, ...]:
        with naming_yml(self.models[model]):
            return parse_columns(self.models[model])

    @cached_property
    def _places(self) -> dict[str, str]:
        """Where each model is described, for messages."""
        return {model: place_of(node) for model, node in self.models.items()}

    @staticmethod
    def layer(model: str) -> str:
        """`silver_products` → `silver`."""
        return layer_of(model)

    def of_layer(self, *layers: str) -> list[str]:
        """Names of the models of some layers, sorted."""
        return sorted(model for model in self.models if self.layer(model) in layers)

    def parents(self, model: str) -> list[str]:
        """The models that a model refers to."""
        return self.parents_of(self.models[model])

    def parents_of(self, node: Mapping[str, Any]) -> list[str]:
        """The models that a model or test refers to."""
        ids = node["depends_on"]["nodes"]
        return [self.manifest["nodes"][i]["name"] for i in ids if i in self.manifest["nodes"]]

    @cached_property
    def contracts(self) -> dict[str, Contract]:
        """The contract of each source."""
        contracts = [parse_contract(self.models[model]) for model in self.of_layer("bronze")]
        return {contract.source: contract for contract in contracts}

    @cached_property
    def promises(self) -> dict[str, TablePromise]:
        """The promise of each silver and gold model."""
        return {model: parse_promise(self.models[model]) for model in self.of_layer("silver", "gold")}

    @cached_property
    def policies(self) -> dict[str, Policy]:
        """The freshness SLO of each bronze, silver and gold model; a source that states none is left out."""
        declared = {model: parse_freshness(self.models[model]) for model in self.of_layer("bronze", "silver", "gold")}
        for model, policy in declared.items():
            if self.layer(model) == "silver" and policy and not policy.is_immediate:
                raise ContractError(
                    f"{self._places[model]}: freshness: silver is built by the run that loads a source's files; "
                    "give the lag to the gold table, or to the bronze one for what its source has to send"
                )
        tables = {model: declared[model] or Policy() for model in declared if self.layer(model) != "bronze"}
        return tables | {model: policy for model, policy in declared.items() if policy and model not in tables}

    @cached_property
    def part_choices(self) -> dict[str, PartChoice]:
        """How each silver and gold table is to be cut into parts for readers."""
        return {table_of(m): parse_part_choice(self.models[m], self.rebuild_key(m).key) for m in self.promises}

    def rebuild_key(self, model: str) -> RebuildKey:
        """The key by which a silver or gold model is rebuilt, and how its inputs lead to it."""
        return parse_redo(self.models[model], {name: self.models[name] for name in self.parents(model)})

    @cached_property
    def lagging(self) -> frozenset[str]:
        """Tables that are not rebuilt by each arrival: they may lag, and so may all that is made of them."""
        wanted = {model for model, policy in self.policies.items() if policy.is_immediate}
        while more := {other for model in wanted for other in self.follows(model)} - wanted:
            wanted |= more
        return frozenset(table_of(model) for model in self.of_layer("gold") if model not in wanted)

    def ancestors(self, model: str) -> set[str]:
        """All models that a model is made of, itself left out."""
        ancestors = set(self.parents(model))
        while more := {parent for name in ancestors for parent in self.parents(name)} - ancestors:
            ancestors |= more
        return ancestors

    def follows(self, model: str) -> set[str]:
        """Models after whose change a model has to be looked at: its inputs, and what its blocking rules refer to."""
        references = self.table_checks.get(model, TableChecks()).references
        return {*self.parents(model), *(ref.to for ref in references if ref.level.severity != "warn")}

    @cached_property
    def personal(self) -> frozenset[str]:
        """Columns of any model that are about people, as its yml or SQL says; no example shows their values."""
        return personal_columns(self.models, self.parents)

    def contract_version(self, table: str) -> str | None:
        """The version of a table: that its yml gives it, or that of its only contract; None where there is neither."""
        name = TableName.parse(table)
        if name.model in self.promises and self.promises[name.model].version:
            return self.promises[name.model].version
        is_one = name.is_bronze or self.silver_of(name.entity) == name.model
        return self.contracts[name.entity].version if is_one and name.entity in self.contracts else None

    @cached_property
    def load_checks(self) -> dict[str, LoadChecks]:
        """The load checks of each source."""
        return {
            source: parse_load_checks(self.models[TableName.of_source(source).model], contract.columns)
            for source, contract in self.contracts.items()
        }

    @cached_property
    def table_checks(self) -> dict[str, TableChecks]:
        """The checks of each silver and gold model beyond its constraints."""
        models = {model: list(self.models[model]["columns"]) for model in self.of_layer("silver", "gold")}
        added = dict.fromkeys(self.ordered_by_names, (FILES_AGREE, ROWS_AGREE))
        rules = {
            model: [*(rule.name for rule in promise.rules), *added.get(model, ())]
            for model, promise in self.promises.items()
        }
        return {model: parse_table_checks(self.models[model], rules[model], models) for model in self.promises}

    def silver_of(self, source: str) -> str | None:
        """The silver model that takes in a source: the one whose only parent is its bronze model."""
        bronze = TableName.of_source(source).model
        history = history_model(source) if source in self.contracts and self.contracts[source].has_history else ""
        models = [m for m in self.of_layer("silver") if self.parents(m) == [bronze] and m != history]
        return models[0] if len(models) == 1 else None

    @cached_property
    def ordered_by_names(self) -> dict[str, str]:
        """Silver models of sources of which the row of the newest file name wins and all files count, with the source.

        Of snapshots one file counts, and two of one moment are held back.
        """
        by_name = [
            name for name, contract in self.contracts.items() if contract.load == "events" and contract.file_date
        ]
        return {silver: source for source in by_name if (silver := self.silver_of(source))}

    def tests(self, models: Iterable[str]) -> dict[str, Mapping[str, Any]]:
        """dbt's data tests of some models, by unique id."""
        wanted = set(models)
        tests = {i: node for i, node in self.manifest["nodes"].items() if node["resource_type"] == "test"}
        return {i: node for i, node in tests.items() if self.tested_model(node) in wanted}

    def tested_model(self, test: Mapping[str, Any]) -> str:
        """The model that a data test is about: the one whose yml has it, or the one it names as dagster-dbt asks for.

        Raises:
            ContractError: A test in a file of its own reads several models and does not say which it is about.
        """
        named = test["config"].get("meta", {}).get("dagster", {}).get("ref", {}).get("name")
        parents = self.parents_of(test)
        attached = self.manifest["nodes"].get(test.get("attached_node"), {}).get("name")
        model = named or attached or (parents[0] if len(parents) == 1 else None)
        if model not in self.models:
            raise ContractError(
                f"{test['original_file_path']}: reads {', '.join(parents) or 'no model'}; say which model the test is "
                "about: {{ config(meta={'dagster': {'ref': {'name': 'gold_…'}}}) }}"
            )
        return str(model)

    def domains(self) -> list[set[str]]:
        """Groups of models linked by references or by checks that read another model; no failure leaves its group."""
        groups: list[set[str]] = []
        for model in self.models:
            checks = self.table_checks.get(model, TableChecks())
            linked = {model, *self.parents(model), *(reference.to for reference in checks.references)}
            touching = [group for group in groups if group & linked]
            groups = [group for group in groups if not group & linked] + [linked.union(*touching)]
        return sorted(groups, key=min)

    @cached_property
    def named_domains(self) -> dict[str, set[str]]:
        """The domains by a suffix for the names of their steps: none for a single domain, else their first source."""
        domains = self.domains()
        if len(domains) == 1:
            return {"": domains[0]}
        return {f"_{TableName.of_model(min(domain)).entity}": domain for domain in domains}

    @cached_property
    def checks(self) -> dict[str, dict[str, bool]]:
        """The checks of each table, one for each dimension that applies, and whether a result of it may block."""
        by_table: dict[str, dict[str, bool]] = {}
        for source, load_checks in self.load_checks.items():
            named = ["validity", "volume", "completeness", *(["distribution"] if load_checks.columns else [])]
            bronze = TableName.of_source(source)
            named += ["freshness"] if bronze.model in self.policies else []
            by_table[bronze.table] = {name: load_checks.severity.get(name) == "error" for name in named}
        for model, checks in self.table_checks.items():
            levels = [reference.level.severity != "warn" for reference in checks.references]
            levels += [True] if model in self.rules else []
            by_table[table_of(model)] = {"contract": True, **({"consistency": any(levels)} if levels else {})}
        for source in self.contracts:
            silver = self.silver_of(source)
            if silver:
                by_table[table_of(silver)]["conservation"] = True
        for silver in self.ordered_by_names:
            levels_of = self.table_checks[silver].levels
            blocks = [name not in levels_of or levels_of[name].severity != "warn" for name in (FILES_AGREE, ROWS_AGREE)]
            by_table[table_of(silver)]["versions_are_ordered"] = any(blocks)
        return by_table

    @cached_property
    def blocking_checks(self) -> dict[str, list[str]]:
        """The checks that must have passed before a table is built upon or shown, by table."""
        blocking = {table: [name for name, blocks in checks.items() if blocks] for table, checks in self.checks.items()}
        for test in self.tests(self.models).values():
            if is_blocking(test):
                blocking.setdefault(table_of(self.tested_model(test)), []).append(str(test["name"]))
        return blocking


def is_blocking(test: Mapping[str, Any]) -> bool:
    """Whether a failure of dbt's data test keeps its table from being built upon and shown."""
    return str(test["config"].get("severity") or "error").lower() == "error"


@lru_cache(maxsize=4)
def _read(dbt_project: Path, stamp: tuple[int, ...]) -> Catalog:  # noqa: ARG001 - a new manifest is a new file
    """Read and check a manifest; once for each that a process meets, because every run of the demo needs it."""
    manifest = json.loads((dbt_project / "target" / "manifest.json").read_text(encoding="utf-8"))
    models = {n["name"]: n for n in manifest["nodes"].values() if n["resource_type"] == "model"}
    catalog = Catalog(manifest, models, {path.stem: path for path in sorted((dbt_project / RULES).glob("*.py"))})
    described = sorted({dbt_project / yml_of(node) for node in models.values() if node.get("patch_path")})
    last_check = CheckedStamp(dbt_project / "target", [*described, *catalog.rules.values()])
    if not last_check.is_current():
        catalog.check(dbt_project)
        last_check.write()
    return catalog
