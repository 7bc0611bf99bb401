"""The check `conservation` of a silver table, which proves promise 1 for the source that it takes in."""

from __future__ import annotations

from datetime import datetime

from assay.checks import conservation
from assay.checks.conservation import Conservation
from assay.checks.results import KEPT_COUNTS, CheckResult, Rule
from assay.checks.session import Session
from assay.contract.names import TableName, table_of


def check_conservation(lake: Session, model: str, whole_at: datetime | None = None) -> CheckResult:
    """Check both equations of promise 1 for the source behind a silver model.

    Counts that are kept and do not add up are never the last word: all rows are counted then, which says what is wrong.

    Args:
        lake: The open lake.
        model: The silver model.
        whole_at: When every row was counted last and agreed with the counts that are kept, so that these may stand for
            it; None to count every row, and hold the kept counts against that.
    """
    source = TableName.of_model(lake.catalog.parents(model)[0]).entity
    table = table_of(model)
    kept = conservation.kept(lake.connection, source, table)
    if whole_at is not None:
        terms, rules = kept, (*_equations(kept), _files(lake, source, lake.run_id), _rows(lake, source, table, kept))
    if whole_at is None or not all(rule.passed for rule in rules):
        whole_at, terms = None, conservation.count(lake.connection, lake.catalog.contracts[source], table)
        rules = (*_equations(terms), _files(lake, source, None), _kept_counts(lake, source, kept, terms))
    conservation.record(lake.connection, source, terms, lake.run_id)
    how = "as kept beside files and tables" if whole_at else "every row counted again"
    return CheckResult(
        table,
        "conservation",
        rules,
        f"{terms.records_read:,} records read, every one accounted for; {how}",
        (TableName.of_source(source).table, table),
        is_whole=whole_at is None,
        rows_checked=0 if whole_at else terms.rows_bronze + terms.rows_silver,
        whole_at=whole_at,
    )


def _equations(terms: Conservation) -> tuple[Rule, ...]:
    duplicates = terms.duplicates_identical + terms.duplicates_conflicting
    return (
        Rule(
            "records_are_rows_or_malformed",
            f"records read {terms.records_read:,}",
            f"rows in bronze {terms.rows_bronze:,} + malformed {terms.records_malformed:,}",
            terms.records_read == terms.rows_bronze + terms.records_malformed,
        ),
        Rule(
            "ledger_knows_every_row",
            f"records loaded {terms.records_loaded:,} as the ledger says",
            f"rows in bronze {terms.rows_bronze:,}",
            terms.records_loaded == terms.rows_bronze,
        ),
        Rule(
            "rows_are_accounted_for",
            f"rows in bronze {terms.rows_bronze:,}",
            f"silver {terms.rows_silver:,} + quarantined {terms.rows_quarantined:,} + "
            f"superseded {terms.rows_superseded:,} + duplicates {duplicates:,}",
            terms.rows_bronze == terms.rows_silver + terms.rows_quarantined + terms.rows_superseded + duplicates,
        ),
    )


def _files(lake: Session, source: str, run_id: str | None) -> Rule:
    odd = conservation.files_that_disagree(lake.connection, source, run_id)
    return Rule(
        "files_of_this_run_add_up" if run_id else "all_files_add_up",
        "read = rows + malformed in each file",
        f"{len(odd)} files disagree" if odd else "all files agree",
        not odd,
        tuple(dict(zip(("path", "read", "rows", "malformed"), row, strict=True)) for row in odd),
    )


def _rows(lake: Session, source: str, table: str, kept: Conservation) -> Rule:
    """Whether the tables had as many rows as are kept count of when they were built last; reads none of them."""
    bronze, silver = conservation.stored_rows(lake.connection, source, table)
    return Rule(
        "tables_have_the_rows_that_are_kept_count_of",
        f"{kept.rows_bronze:,} rows in bronze, {kept.rows_silver:,} in silver",
        f"{bronze:,} and {silver:,}",
        (bronze, silver) == (kept.rows_bronze, kept.rows_silver),
    )


def _kept_counts(lake: Session, source: str, kept: Conservation, counted: Conservation) -> Rule:
    terms = kept.differences(counted)
    files = conservation.files_kept_otherwise(lake.connection, source)
    wrong = [f"{term['term']} ({term['kept']:,} are kept, {term['counted']:,} were counted)" for term in terms]
    wrong += [f"the counts of {path or f'content {file_id}'}" for file_id, path in files]
    return Rule(
        KEPT_COUNTS,
        "the counts kept beside files and tables are those of their rows",
        f"others in {', '.join(wrong)}" if wrong else "they are",
        not wrong,
        tuple(terms),
    )
