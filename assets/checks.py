"""Checks of tables: one definition per layer, each result with its evidence, kept in `ops.check_results`."""

from collections.abc import Iterator

import dagster as dg

from assets.conservation_check import check_conservation
from assets.contract_check import check_contract
from assets.keys import key_of, table_of_key
from assets.shown import evidence
from contracts.catalog import Catalog
from contracts.names import table_of
from resources.results import CheckResult, record
from resources.session import Session

DESCRIPTIONS = {
    "contract": "Columns and types are as promised, the key is unique, and every rule of the yml holds for every row.",
    "conservation": (
        "Records read = rows in bronze + malformed, and rows in bronze = rows in silver + quarantined + superseded + "
        "duplicates; each term is counted on its own."
    ),
}


def layer_checks(catalog: Catalog, layer: str) -> dg.AssetChecksDefinition:
    """The blocking checks of all tables of a layer, in one step."""
    specs = [
        dg.AssetCheckSpec(check, asset=key_of(table_of(model)), blocking=True, description=DESCRIPTIONS[check])
        for model in catalog.of_layer(layer)
        for check in catalog.blocking_checks[table_of(model)]
        if check in DESCRIPTIONS
    ]

    @dg.multi_asset_check(name=f"{layer}_checks", specs=specs, can_subset=True, required_resource_keys={"lake"})
    def checks(context: dg.AssetCheckExecutionContext) -> Iterator[dg.AssetCheckResult]:
        lake: Session = context.resources.lake
        for key in sorted(context.selected_asset_check_keys, key=lambda key: (key.asset_key, key.name)):
            result = run_check(lake, table_of_key(key.asset_key), key.name)
            record(lake.connection, result, lake.run_id)
            yield as_asset_check(result)

    return checks


def run_check(lake: Session, table: str, check: str) -> CheckResult:
    """Evaluate one check of one table."""
    model = table.replace(".", "_", 1)
    if check == "conservation":
        return check_conservation(lake, model)
    return check_contract(lake, model)


def as_asset_check(result: CheckResult) -> dg.AssetCheckResult:
    """The result as Dagster shows it: the sentence, and a table of the rules with what was expected and found."""
    return dg.AssetCheckResult(
        passed=result.passed,
        asset_key=key_of(result.table),
        check_name=result.check,
        severity=dg.AssetCheckSeverity.ERROR,
        description=result.summary,
        metadata=evidence(result.rules),
    )
