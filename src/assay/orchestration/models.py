"""The dbt models as assets: one definition per layer, so that the checks of a layer run before the next is built."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import dagster as dg

from assay.base import log
from assay.checks.data_test import as_check
from assay.checks.results import in_words
from assay.checks.session import Session
from assay.checks.validity import reasons_against
from assay.contract.catalog import Catalog
from assay.contract.names import table_of
from assay.contract.parse import yml_of
from assay.contract.personal import without_values
from assay.orchestration.column_lineage import column_lineage
from assay.orchestration.keys import key_of, table_of_key
from assay.orchestration.metadata_tables import severity_of, text_table
from assay.orchestration.model_specs import check_specs, model_specs
from assay.orchestration.table_metadata import facts_of
from assay.tables.dbt import build
from assay.tables.generated_models import BUILD
from assay.tables.node_result import NodeResult
from assay.tables.versions import seqs

LAYERS: Mapping[str, tuple[str, ...]] = {
    "bronze": ("bronze",),
    "silver": ("silver", "quarantine"),
    "gold": ("gold",),
}
"""The steps of a run and the layers of dbt models that each builds."""

_OF_DUCKDB = re.compile(r"[A-Z]\w+(Exception|Error): ")
Event = dg.MaterializeResult[None] | dg.AssetCheckResult


def layer_assets(catalog: Catalog, step: str) -> Iterator[dg.AssetsDefinition]:
    """The models of a layer as assets, with dbt's data tests as their checks: a step for each domain."""
    for suffix, domain in catalog.named_domains.items():
        models = [model for model in catalog.of_layer(*LAYERS[step]) if model in domain]
        if models:
            yield _assets(catalog, f"{step}{suffix}", models)


def _assets(catalog: Catalog, name: str, selected: Sequence[str]) -> dg.AssetsDefinition:
    @dg.multi_asset(
        name=name,
        specs=model_specs(catalog, selected),
        check_specs=check_specs(catalog, selected),
        can_subset=True,
        required_resource_keys={"lake"},
    )
    def models(context: dg.AssetExecutionContext) -> Iterator[Event]:
        tests = sorted(key.name for key in context.selected_asset_check_keys)
        yield from build_models(context.resources.lake, sorted(context.selected_asset_keys), tests, context.log)

    return models


def build_models(
    lake: Session, keys: Sequence[dg.AssetKey], tests: Sequence[str], run_log: dg.DagsterLogManager
) -> Iterator[Event]:
    """Build the models behind some keys, run some of their data tests, and say what became of each.

    Raises:
        dagster.Failure: A table that is read has no passing checks, or a model failed; the others were built.
    """
    names = {table_of(name): name for name in lake.catalog.models}
    selected = [names[table_of_key(key)] for key in keys]
    _stop_on_unchecked_input(lake, selected)
    refresh = [name for name in selected if name in lake.full_refresh]
    run_log.info(f"builds {', '.join(selected)}")
    before = seqs(lake.connection)
    results = build(lake.settings, [*selected, *tests], run_id=lake.run_id, full_refresh=refresh)
    failed = []
    for result in results:
        if result.is_test and result.status == "skipped":
            continue  # its model failed, which is said below; a result that is not there is not a pass
        if result.is_test:
            yield _test_result(lake, result)
        elif result.status == "success":
            yield _materialized(lake, result, before)
        else:
            fields = {"run": lake.run_id, "table": table_of(result.name), "seconds": round(result.seconds, 3)}
            message = without_values(result.message) if lake.catalog.personal else result.message
            log.error(log.brief(message), dbt=result.status, **fields)
            failed.append(f"{table_of(result.name)}: {_where(lake, result)}{message}")
    if failed:
        raise dg.Failure("\n".join(failed), allow_retries=False)


def _where(lake: Session, result: NodeResult) -> str:
    """The file with the SQL that DuckDB rejects; the yml where Assay generated that SQL."""
    if not _OF_DUCKDB.match(result.message):
        return ""
    node = lake.catalog.models[result.name]
    path = str(node["original_file_path"])
    return f"{yml_of(node) if path.startswith(f'{BUILD}/') else path}: "


def _stop_on_unchecked_input(lake: Session, selected: Sequence[str]) -> None:
    parents = {table_of(parent) for name in selected for parent in lake.catalog.parents(name)}
    inputs = parents - {table_of(name) for name in selected}
    against = reasons_against(lake.connection, inputs, lake.expected, lake.catalog.lagging, lake.began)
    if against:
        raise dg.Failure(
            "Nothing is built on tables that have not passed their blocking checks: " + "; ".join(against),
            allow_retries=False,
        )


def _materialized(lake: Session, result: NodeResult, before: Mapping[str, int]) -> dg.MaterializeResult[None]:
    table = table_of(result.name)
    metadata: dict[str, Any] = {
        **facts_of(lake, table),
        "seconds": round(result.seconds, 3),
        **column_lineage(lake.catalog, result.name, result.compiled),
    }
    if log.is_on():
        shown = {"rows": metadata["dagster/row_count"], "seconds": metadata["seconds"]}
        now = seqs(lake.connection)
        is_changed = now[table] != before.get(table) if table in now else None  # nobody counts the changes of a view
        log.info("table", run=lake.run_id, table=table, changed=is_changed, **shown)
    return dg.MaterializeResult(asset_key=key_of(table), metadata=metadata)


def _test_result(lake: Session, result: NodeResult) -> dg.AssetCheckResult:
    [outcome] = lake.keep(as_check(lake, result))
    examples = outcome.rules[0].examples
    return dg.AssetCheckResult(
        passed=outcome.passed,
        asset_key=key_of(outcome.table),
        check_name=result.name,
        severity=severity_of(outcome),
        description=outcome.summary,
        metadata={
            "failures": result.failures,
            **({"examples": text_table(("row",), [(in_words(row),) for row in examples])} if examples else {}),
            "sql": dg.MetadataValue.md(f"```sql\n{result.compiled}\n```"),
        },
    )
