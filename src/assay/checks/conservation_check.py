"""The check `conservation` of a silver table, which proves promise 1 for the source that it takes in."""

from __future__ import annotations

from assay.checks import conservation
from assay.checks.results import CheckResult, Rule
from assay.checks.session import Session
from assay.contract.names import TableName, table_of


def check_conservation(lake: Session, model: str) -> CheckResult:
    """Count every term of the source behind a silver model and check both equations of promise 1.

    Args:
        lake: The open lake.
        model: The silver model.
    """
    source = TableName.of_model(lake.catalog.parents(model)[0]).entity
    table = table_of(model)
    counted = conservation.count(lake.connection, source, table)
    conservation.record(lake.connection, source, counted, lake.run_id)
    duplicates = counted.duplicates_identical + counted.duplicates_conflicting
    odd = conservation.files_that_disagree(lake.connection, source, lake.run_id)
    rules = (
        Rule(
            "records_are_rows_or_malformed",
            f"records read {counted.records_read:,}",
            f"rows in bronze {counted.rows_bronze:,} + malformed {counted.records_malformed:,}",
            counted.records_read == counted.rows_bronze + counted.records_malformed,
        ),
        Rule(
            "ledger_knows_every_row",
            f"records loaded {counted.records_loaded:,} as the ledger says",
            f"rows in bronze {counted.rows_bronze:,}",
            counted.records_loaded == counted.rows_bronze,
        ),
        Rule(
            "rows_are_accounted_for",
            f"rows in bronze {counted.rows_bronze:,}",
            f"silver {counted.rows_silver:,} + quarantined {counted.rows_quarantined:,} + "
            f"superseded {counted.rows_superseded:,} + duplicates {duplicates:,}",
            counted.rows_bronze
            == counted.rows_silver + counted.rows_quarantined + counted.rows_superseded + duplicates,
        ),
        Rule(
            "files_of_this_run_add_up",
            "read = rows + malformed in each file",
            f"{len(odd)} files disagree" if odd else "all files agree",
            not odd,
            tuple(dict(zip(("path", "read", "rows", "malformed"), row, strict=True)) for row in odd),
        ),
    )
    holds = f"{counted.records_read:,} records read, every one accounted for"
    return CheckResult(table, "conservation", rules, holds, (TableName.of_source(source).table, table))
