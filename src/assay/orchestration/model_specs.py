"""How a dbt model looks as an asset, and a data test as a check: as in dagster-dbt, with Assay's names.

dagster-dbt itself is not used: it imports dbt, more than a second that a run without dbt does not have to pay.
"""

from __future__ import annotations

import hashlib
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import dagster as dg

from assay.contract.catalog import Catalog, is_blocking
from assay.contract.names import layer_of, table_of
from assay.orchestration.keys import key_of, landing_key
from assay.orchestration.metadata_tables import column_schema

_UNIQUE_ID = "dagster_dbt/unique_id"
_ASSETS = ("model", "seed", "snapshot", "source")
"""Resources of dbt that a model is shown to be made of; of others it is shown what those are made of."""


def model_specs(catalog: Catalog, models: Sequence[str]) -> list[dg.AssetSpec]:
    """The assets of some models.

    Args:
        catalog: The project.
        models: e.g. `silver_products`.
    """
    nodes = [catalog.models[model] for model in models]
    return [_asset(catalog, node) for node in nodes if not _is_ephemeral(node)]


def check_specs(catalog: Catalog, models: Sequence[str]) -> list[dg.AssetCheckSpec]:
    """The checks that are data tests of some models.

    Args:
        catalog: The project.
        models: e.g. `silver_products`.
    """
    shown = [model for model in models if not _is_ephemeral(catalog.models[model])]
    return [_check(catalog, node) for node in catalog.tests(shown).values()]


def _asset(catalog: Catalog, node: Mapping[str, Any]) -> dg.AssetSpec:
    """A model, its layer's icon and all columns; a bronze model depends on its landing asset."""
    key, layer, adapter = _key(node), layer_of(str(node["name"])), catalog.manifest["metadata"]["adapter_type"]
    parents = {_key(parent) for parent in _made_of(catalog, node)}
    landing = {landing_key(key.path[-1])} if layer == "bronze" else set()
    owner = node["config"]["meta"].get("owner") or node["config"]["meta"].get("contract", {}).get("owner")
    return dg.AssetSpec(
        key,
        deps=sorted(parents | landing),
        description=_description(node, layer),
        metadata={
            "dagster-dbt/materialization_type": node["config"]["materialized"],
            "dagster/table_name": ".".join(node[part] for part in ("database", "schema", "alias") if node[part]),
            "dagster/storage_kind": adapter,
            "dagster/column_schema": column_schema(node),
            "dagster_dbt/project_id": dg.MetadataValue.text(catalog.manifest["metadata"]["project_id"]),
            _UNIQUE_ID: node["unique_id"],
        },
        skippable=True,
        group_name=layer,
        code_version=hashlib.sha1(node["raw_code"].encode()).hexdigest(),  # noqa: S324 - as dagster-dbt has it
        automation_condition=_automation(node),
        owners=[f"team:{owner}"] if owner else None,
        tags={"assay/layer": layer, "assay/materialized": str(node["config"]["materialized"])},
        kinds={"dbt", adapter, *({layer} & {"bronze", "silver", "gold"})},
    )


def _check(catalog: Catalog, node: Mapping[str, Any]) -> dg.AssetCheckSpec:
    tested = _key(catalog.models[catalog.tested_model(node)])
    parents = {_key(parent) for parent in _parents(catalog, node)}
    return dg.AssetCheckSpec(
        node["name"],
        asset=tested,
        description=node["description"] or node["config"]["meta"].get("description"),
        additional_deps=sorted(parents - {tested}),
        metadata={_UNIQUE_ID: node["unique_id"]},
        blocking=is_blocking(node),
    )


def _automation(node: Mapping[str, Any]) -> dg.AutomationCondition[Any] | None:
    """`config: meta: dagster: auto_materialize_policy: {type: eager}`, as dagster-dbt takes it; Assay needs none."""
    policy = node["meta"].get("dagster", {}).get("auto_materialize_policy", {}).get("type")
    made = {"eager": dg.AutoMaterializePolicy.eager, "lazy": dg.AutoMaterializePolicy.lazy}.get(policy)
    return made().to_automation_condition() if made else None


def _description(node: Mapping[str, Any], layer: str) -> str:
    """The yml's words; below them the SQL, where it says more than the name of a macro."""
    if layer in ("bronze", "quarantine"):
        return str(node["description"])
    words = node["description"] or f"dbt model {node['name']}"
    return f"{words}\n\n#### Raw SQL:\n```sql\n{textwrap.indent(node['raw_code'], '    ')}\n```"


def _key(node: Mapping[str, Any]) -> dg.AssetKey:
    return key_of(table_of(str(node["name"])))


def _made_of(catalog: Catalog, node: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """What a model is made of; of an ephemeral model, which is no table, what that is made of."""
    for parent in _parents(catalog, node):
        if _is_ephemeral(parent):
            yield from _made_of(catalog, parent)
        elif parent["resource_type"] in _ASSETS:
            yield parent


def _parents(catalog: Catalog, node: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    resources = {**catalog.manifest["nodes"], **catalog.manifest["sources"]}
    return (resources[name] for name in node["depends_on"]["nodes"] if name in resources)


def _is_ephemeral(node: Mapping[str, Any]) -> bool:
    return bool(node["resource_type"] == "model" and node["config"]["materialized"] == "ephemeral")
