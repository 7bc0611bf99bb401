"""How a dbt model looks as an asset: its key, group, owner, and that bronze comes from landing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import dagster as dg
from dagster_dbt import DagsterDbtTranslator, DagsterDbtTranslatorSettings, DbtProject

from assay.contract.names import layer_of, table_of
from assay.orchestration.keys import key_of, landing_key
from assay.orchestration.metadata_tables import column_schema


class Translator(DagsterDbtTranslator):
    """dagster-dbt's translator with Assay's names."""

    def __init__(self) -> None:
        super().__init__(DagsterDbtTranslatorSettings(enable_dbt_selection_by_name=True))

    def get_asset_key(self, dbt_resource_props: Mapping[str, Any]) -> dg.AssetKey:
        """`silver_products` → `silver/products`."""
        return key_of(table_of(str(dbt_resource_props["name"])))

    def get_group_name(self, dbt_resource_props: Mapping[str, Any]) -> str | None:
        """The layer."""
        return layer_of(str(dbt_resource_props["name"]))

    def get_description(self, dbt_resource_props: Mapping[str, Any]) -> str:
        """The yml's words; below them the SQL, where it says more than the name of a macro."""
        layer = layer_of(str(dbt_resource_props["name"]))
        if layer in ("bronze", "quarantine"):
            return str(dbt_resource_props["description"])
        return super().get_description(dbt_resource_props)

    def get_owners(self, dbt_resource_props: Mapping[str, Any]) -> Sequence[str] | None:
        """`config: meta: owner:`, or the contract's owner."""
        meta = dbt_resource_props["config"].get("meta", {})
        owner = meta.get("owner") or meta.get("contract", {}).get("owner")
        return [f"team:{owner}"] if owner else None

    def get_tags(self, dbt_resource_props: Mapping[str, Any]) -> Mapping[str, str]:
        """The layer and how the table is made."""
        layer = layer_of(str(dbt_resource_props["name"]))
        return {"assay/layer": layer, "assay/materialized": str(dbt_resource_props["config"]["materialized"])}

    def get_asset_check_spec(
        self, asset_spec: dg.AssetSpec, manifest: Mapping[str, Any], unique_id: str, project: DbtProject | None
    ) -> dg.AssetCheckSpec | None:
        """dagster-dbt's spec with the description of the data test."""
        spec = super().get_asset_check_spec(asset_spec, manifest, unique_id, project)
        description = manifest["nodes"][unique_id].get("description")
        return spec._replace(description=description) if spec and description else spec

    def get_asset_spec(self, manifest: Mapping[str, Any], unique_id: str, project: DbtProject | None) -> dg.AssetSpec:
        """dagster-dbt's spec with the layer's icon and all columns; a bronze model depends on its landing asset."""
        spec = super().get_asset_spec(manifest, unique_id, project)
        layer, source = spec.key.path[0], spec.key.path[-1]
        return spec.replace_attributes(
            kinds=spec.kinds | ({layer} & {"bronze", "silver", "gold"}),
            metadata={**spec.metadata, "dagster/column_schema": column_schema(manifest["nodes"][unique_id])},
            deps=[*spec.deps, dg.AssetDep(landing_key(source))] if layer == "bronze" else spec.deps,
        )
