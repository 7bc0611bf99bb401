"""Models and data tests are the assets and checks that dagster-dbt makes of them, with Assay's names."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
import yaml
from dagster_dbt import DagsterDbtTranslator, DagsterDbtTranslatorSettings, DbtProject, dbt_assets

from assay.base.settings import Settings
from assay.contract.catalog import Catalog
from assay.contract.names import layer_of, table_of
from assay.orchestration.keys import key_of, landing_key
from assay.orchestration.metadata_tables import column_schema
from assay.orchestration.model_specs import check_specs, model_specs
from assay.tables.dbt import parse_if_changed
from tests.data_tests import add_tests
from tests.lab import WHOLE, copy_project

OF_DAGSTER_DBT = {"dagster_dbt/manifest", "dagster_dbt/dagster_dbt_translator"}
"""Python objects that dagster-dbt keeps for itself."""


class Translator(DagsterDbtTranslator):
    """dagster-dbt's translator with Assay's names."""

    def __init__(self) -> None:
        super().__init__(DagsterDbtTranslatorSettings(enable_dbt_selection_by_name=True))

    def get_asset_key(self, dbt_resource_props: Mapping[str, Any]) -> dg.AssetKey:
        return key_of(table_of(str(dbt_resource_props["name"])))

    def get_group_name(self, dbt_resource_props: Mapping[str, Any]) -> str | None:
        return layer_of(str(dbt_resource_props["name"]))

    def get_description(self, dbt_resource_props: Mapping[str, Any]) -> str:
        if layer_of(str(dbt_resource_props["name"])) in ("bronze", "quarantine"):
            return str(dbt_resource_props["description"])
        return super().get_description(dbt_resource_props)

    def get_owners(self, dbt_resource_props: Mapping[str, Any]) -> Sequence[str] | None:
        meta = dbt_resource_props["config"].get("meta", {})
        owner = meta.get("owner") or meta.get("contract", {}).get("owner")
        return [f"team:{owner}"] if owner else None

    def get_tags(self, dbt_resource_props: Mapping[str, Any]) -> Mapping[str, str]:
        layer = layer_of(str(dbt_resource_props["name"]))
        return {"assay/layer": layer, "assay/materialized": str(dbt_resource_props["config"]["materialized"])}

    def get_asset_check_spec(
        self, asset_spec: dg.AssetSpec, manifest: Mapping[str, Any], unique_id: str, project: DbtProject | None
    ) -> dg.AssetCheckSpec | None:
        spec = super().get_asset_check_spec(asset_spec, manifest, unique_id, project)
        description = manifest["nodes"][unique_id].get("description")
        return spec._replace(description=description) if spec and description else spec

    def get_asset_spec(self, manifest: Mapping[str, Any], unique_id: str, project: DbtProject | None) -> dg.AssetSpec:
        spec = super().get_asset_spec(manifest, unique_id, project)
        layer, source = spec.key.path[0], spec.key.path[-1]
        return spec.replace_attributes(
            kinds=spec.kinds | ({layer} & {"bronze", "silver", "gold"}),
            metadata={**spec.metadata, "dagster/column_schema": column_schema(manifest["nodes"][unique_id])},
            deps=[*spec.deps, dg.AssetDep(landing_key(source))] if layer == "bronze" else spec.deps,
        )


def theirs(catalog: Catalog, models: Sequence[str]) -> dg.AssetsDefinition:
    @dbt_assets(manifest=catalog.manifest, select=" ".join(models), dagster_dbt_translator=Translator(), name="theirs")
    def assets() -> Iterator[Any]:
        yield from ()

    return assets


def plain(spec: dg.AssetSpec) -> dict[str, Any]:
    """All of a spec, with what it depends on in a fixed order."""
    fields = {**spec._asdict(), "deps": sorted(spec.deps, key=lambda dep: dep.asset_key)}
    return {**fields, "metadata": {k: v for k, v in spec.metadata.items() if k not in OF_DAGSTER_DBT}}


def odd_project(folder: Path) -> Path:
    """A project with data tests of all kinds, one that reads several models, and what has no description or owner."""
    project = copy_project(folder)
    add_tests(project)
    path = project / "models" / "gold" / "gold_daily_sales.yml"
    content = yaml.safe_load(path.read_text())
    content["models"][0] |= {"description": "", "config": {"meta": {**content["models"][0]["config"]["meta"]}}}
    content["models"][0]["config"]["meta"].pop("owner")
    content["models"][0]["config"]["meta"]["dagster"] = {"auto_materialize_policy": {"type": "eager"}}
    path.write_text(yaml.safe_dump(content, sort_keys=False))
    return project


@pytest.fixture(scope="module", params=["whole", "odd"])
def catalog(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Catalog:
    folder = tmp_path_factory.mktemp("project")
    project = WHOLE if request.param == "whole" else odd_project(folder)
    parse_if_changed(Settings(home=folder / "home", dbt_project=project))
    return Catalog.read(project)


@pytest.mark.slow
def test_each_model_is_the_asset_that_dagster_dbt_makes_of_it(catalog: Catalog) -> None:
    models = sorted(catalog.models)
    expected = {spec.key: plain(spec) for spec in theirs(catalog, models).specs}
    specs = model_specs(catalog, models)
    assert len(specs) == len(expected)
    assert {spec.key: plain(spec) for spec in specs} == expected


@pytest.mark.slow
def test_each_data_test_is_the_check_that_dagster_dbt_makes_of_it(catalog: Catalog) -> None:
    """Also where only some models are asked for, as those of a layer."""
    for models in (sorted(catalog.models), catalog.of_layer("silver"), catalog.of_layer("gold")):
        expected = {spec.key: spec for spec in theirs(catalog, models).check_specs}
        assert {spec.key: spec for spec in check_specs(catalog, models)} == expected
