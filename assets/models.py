"""The dbt models as assets: one definition per layer, so that the checks of a layer run before the next is built."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import dagster as dg
from dagster_dbt import dbt_assets
from dagster_dbt.asset_utils import get_asset_check_key_for_test

from assets.column_lineage import column_lineage
from assets.facts import facts_of
from assets.keys import key_of, table_of_key
from assets.translator import Translator
from contracts.catalog import Catalog, table_name
from resources.dbt import NodeResult, build
from resources.results import CheckResult, Rule, reasons_against, record
from resources.session import Session

LAYERS: Mapping[str, tuple[str, ...]] = {
    "bronze": ("bronze",),
    "silver": ("silver", "quarantine"),
    "gold": ("gold",),
}
"""The steps of a run and the layers of dbt models that each builds."""

Event = dg.MaterializeResult[None] | dg.AssetCheckResult


def layer_assets(catalog: Catalog, step: str) -> dg.AssetsDefinition:
    """The models of one step as assets, with dbt's data tests as their checks."""
    selected = " ".join(catalog.of_layer(*LAYERS[step]))

    @dbt_assets(
        manifest=catalog.manifest,
        select=selected,
        dagster_dbt_translator=Translator(),
        name=step,
        required_resource_keys={"lake"},
    )
    def models(context: dg.AssetExecutionContext) -> Iterator[Event]:
        yield from build_models(context.resources.lake, sorted(context.selected_asset_keys), context.log)

    return models


def build_models(lake: Session, keys: Sequence[dg.AssetKey], log: dg.DagsterLogManager) -> Iterator[Event]:
    """Build the models behind some keys and say what became of each.

    Raises:
        dagster.Failure: A table that is read has no passing checks, or a model failed; the others were built.
    """
    names = {table_name(name): name for name in lake.catalog.models}
    selected = [names[table_of_key(key)] for key in keys]
    _stop_on_unchecked_input(lake, selected)
    refresh = [name for name in selected if name in lake.full_refresh]
    log.info(f"dbt builds {', '.join(selected)}")
    results = build(lake.settings, selected, run_id=lake.run_id, full_refresh=refresh)
    failed = []
    for result in results:
        if result.is_test:
            yield _test_result(lake, result)
        elif result.status == "success":
            yield _materialized(lake, result)
        else:
            failed.append(f"{table_name(result.name)}: {result.message}")
    if failed:
        raise dg.Failure("\n".join(failed), allow_retries=False)


def _stop_on_unchecked_input(lake: Session, selected: Sequence[str]) -> None:
    parents = {table_name(parent) for name in selected for parent in lake.catalog.parents(name)}
    inputs = parents - {table_name(name) for name in selected}
    against = reasons_against(lake.connection, inputs, lake.expected)
    if against:
        raise dg.Failure(
            "Nothing is built on tables that have not passed their blocking checks: " + "; ".join(against),
            allow_retries=False,
        )


def _materialized(lake: Session, result: NodeResult) -> dg.MaterializeResult[None]:
    table = table_name(result.name)
    metadata: dict[str, Any] = {
        **facts_of(lake, table),
        "seconds": round(result.seconds, 3),
        **column_lineage(lake.catalog, result.name, result.compiled),
    }
    return dg.MaterializeResult(asset_key=key_of(table), metadata=metadata)


def _test_result(lake: Session, result: NodeResult) -> dg.AssetCheckResult:
    node = lake.catalog.manifest["nodes"][result.unique_id]
    key = get_asset_check_key_for_test(lake.catalog.manifest, Translator(), result.unique_id, None)
    if key is None:
        raise dg.DagsterInvariantViolationError(f"dbt test {result.name} belongs to no asset")
    is_error = str(node["config"].get("severity", "error")).lower() == "error"
    passed = result.status == "pass"
    summary = f"{result.failures} rows fail" if not passed else "no row fails"
    parents = [lake.catalog.manifest["nodes"][i]["name"] for i in node["depends_on"]["nodes"]]
    rule = Rule(result.name, "0 rows", f"{result.failures} rows", passed)
    outcome = CheckResult(
        table_of_key(key.asset_key),
        key.name,
        passed,
        f"{summary}. {result.message}".strip(),
        (rule,),
        tuple(table_name(parent) for parent in parents),
        is_error,
    )
    record(lake.connection, outcome, lake.run_id)
    return dg.AssetCheckResult(
        passed=passed,
        asset_key=key.asset_key,
        check_name=key.name,
        severity=dg.AssetCheckSeverity.ERROR if is_error else dg.AssetCheckSeverity.WARN,
        description=outcome.summary,
        metadata={"failures": result.failures, "sql": dg.MetadataValue.md(f"```sql\n{result.compiled}\n```")},
    )
