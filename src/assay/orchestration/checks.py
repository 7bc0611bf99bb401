"""Checks of tables: one definition per layer, each result with its evidence, kept in `ops.check_results`."""

import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

import dagster as dg

from assay.base import clock
from assay.checks.conservation_check import check_conservation
from assay.checks.consistency_check import check_consistency
from assay.checks.contract_check import check_contract
from assay.checks.load_checks import check_load
from assay.checks.moving_checks import moves_of_check
from assay.checks.results import CheckResult
from assay.checks.session import Session
from assay.checks.validity import Check, Covered, as_built, covered, still_valid
from assay.checks.versions_check import check_versions
from assay.contract.catalog import Catalog
from assay.contract.names import TableName, table_of
from assay.ledger.check_definition import BY_CHANGE, LOAD_CHECKS, definition
from assay.orchestration.keys import key_of, table_of_key
from assay.orchestration.metadata_tables import coverage, evidence, severity_of

DESCRIPTIONS = {
    "contract": "Columns and types are as promised, the key is unique, and every rule of the yml holds for every row.",
    "conservation": (
        "Records read = rows in bronze + malformed, and rows in bronze = rows in silver + quarantined + superseded + "
        "duplicates; each term is kept exactly, on its own, and counted anew in `assay check`."
    ),
    "versions_are_ordered": (
        "Of each key the newest files that hold it say one thing: between rows that no moment in a name orders, the "
        "greatest values would win."
    ),
    "consistency": "The table agrees with others: what it refers to is there, and its totals are those of its inputs.",
    "validity": "Few records of the newest files are malformed or break a rule of the contract.",
    "volume": "The newest files hold about as many records as earlier files of the same weekday.",
    "completeness": "The newest files leave about as many values of each column empty as earlier files did.",
    "distribution": "Values of the newest files are spread as in earlier files, and add up to about as much.",
    "freshness": "The source is not silent: its newest file is no older than its yml says.",
}


def layer_checks(catalog: Catalog, layer: str) -> Iterator[dg.AssetChecksDefinition]:
    """The checks of all tables of a layer: a step for each domain, so that one does not hold up the others."""
    for suffix, domain in catalog.named_domains.items():
        models = [model for model in catalog.of_layer(layer) if model in domain]
        specs = [
            dg.AssetCheckSpec(check, asset=key_of(table_of(model)), blocking=True, description=DESCRIPTIONS[check])
            for model in models
            for check in catalog.checks[table_of(model)]
        ]
        if specs:
            yield _checks(f"{layer}_checks{suffix}", specs)


def _checks(name: str, specs: Sequence[dg.AssetCheckSpec]) -> dg.AssetChecksDefinition:
    @dg.multi_asset_check(name=name, specs=specs, can_subset=True, required_resource_keys={"lake"})
    def checks(context: dg.AssetCheckExecutionContext) -> Iterator[dg.AssetCheckResult]:
        lake: Session = context.resources.lake
        results: list[CheckResult] = []
        try:
            chosen = [(table_of_key(key.asset_key), key.name) for key in context.selected_asset_check_keys]
            results.extend(check_or_keep(lake, chosen))
        finally:  # what was found before an error is known, and one transaction costs as much as each would
            shown = lake.keep(*results)
        yield from map(as_asset_check, shown)

    return checks


def check_or_keep(lake: Session, checks: Iterable[Check]) -> Iterator[CheckResult]:
    """Results of checks: the last one where it passed and is still valid, else a new one.

    The clock is asked in every run; so is a rule that chance decides. One that looks at the clock is asked again once
    its time is over. What is `BY_CHANGE` is asked of all rows in a run that is asked for that.
    """
    definitions = {(table, check): definition(lake.catalog, table, check) for table, check in sorted(checks)}
    by_change = {check: asked for check, asked in definitions.items() if check[1] in BY_CHANGE}
    again = by_change.keys() if lake.has_full_checks else ()
    kept = still_valid(lake.connection, {check: a for check, a in definitions.items() if a and check not in again})
    stands_for = {} if lake.has_full_checks else covered(lake.connection, by_change)
    for (table, check), asked in definitions.items():
        began = time.monotonic()
        result = kept.get((table, check)) or run_check(lake, table, check, stands_for.get((table, check)))
        seconds = 0.0 if (table, check) in kept else time.monotonic() - began
        yield replace(result, definition=asked, seconds=seconds)


def run_check(lake: Session, table: str, check: str, covers: Covered | None = None) -> CheckResult:
    """Evaluate one check of one table.

    Args:
        lake: The open lake.
        table: e.g. `silver.products`.
        check: e.g. `contract`.
        covers: What the last result stands for, of a check that is `BY_CHANGE`; None to look at every row.
    """
    name = TableName.parse(table)
    model = name.model
    if check in LOAD_CHECKS:
        return check_load(lake, name.entity, check)
    if check == "consistency" and table in lake.catalog.lagging and (kept := as_built(lake.connection, table, check)):
        return kept
    if check == "conservation":
        return check_conservation(lake, model, covers.whole_at if covers else None)
    if check == "versions_are_ordered":
        return check_versions(lake, model)
    at = clock.now()
    result = check_contract(lake, model, covers) if check == "contract" else check_consistency(lake, model)
    ends = [moves_of_check(lake, model, check).until(at), covers.expires_at if covers and not result.is_whole else None]
    return replace(result, expires_at=min(filter(None, ends), default=None))


def as_asset_check(result: CheckResult) -> dg.AssetCheckResult:
    """The result as Dagster shows it: the sentence, and a table of the rules with what was expected and found."""
    return dg.AssetCheckResult(
        passed=result.passed,
        asset_key=key_of(result.table),
        check_name=result.check,
        severity=severity_of(result),
        description=result.summary,
        metadata={**evidence(result.rules), **coverage(result)},
    )
