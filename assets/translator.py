"""How a dbt model looks as an asset: its key, group, owner, and that bronze comes from landing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import dagster as dg
from dagster_dbt import DagsterDbtTranslator, DagsterDbtTranslatorSettings, DbtProject

from assets.keys import key_of, landing_key
from contracts.catalog import table_name


class Translator(DagsterDbtTranslator):
    """dagster-dbt's translator with Assay's names."""

    def __init__(self) -> None:
        super().__init__(DagsterDbtTranslatorSettings(enable_dbt_selection_by_name=True))

    def get_asset_key(self, dbt_resource_props: Mapping[str, Any]) -> dg.AssetKey:
        """`silver_products` → `silver/products`."""
        return key_of(table_name(str(dbt_resource_props["name"])))

    def get_group_name(self, dbt_resource_props: Mapping[str, Any]) -> str | None:
        """The layer."""
        return str(dbt_resource_props["name"]).split("_", 1)[0]

    def get_owners(self, dbt_resource_props: Mapping[str, Any]) -> Sequence[str] | None:
        """`config: meta: owner:`, or the contract's owner."""
        meta = dbt_resource_props["config"].get("meta", {})
        owner = meta.get("owner") or meta.get("contract", {}).get("owner")
        return [f"team:{owner}"] if owner else None

    def get_tags(self, dbt_resource_props: Mapping[str, Any]) -> Mapping[str, str]:
        """The layer and how the table is made."""
        layer = str(dbt_resource_props["name"]).split("_", 1)[0]
        return {"assay/layer": layer, "assay/materialized": str(dbt_resource_props["config"]["materialized"])}

    def get_asset_spec(self, manifest: Mapping[str, Any], unique_id: str, project: DbtProject | None) -> dg.AssetSpec:
        """dagster-dbt's spec; a bronze model also depends on its landing asset."""
        spec = super().get_asset_spec(manifest, unique_id, project)
        layer, source = spec.key.path[0], spec.key.path[-1]
        if layer != "bronze":
            return spec
        return spec.replace_attributes(deps=[*spec.deps, dg.AssetDep(landing_key(source))])
