"""Whether the moments in file names order the rows of each key, of a source whose newest file wins."""

from __future__ import annotations

from collections.abc import Mapping

from assay.checks.results import CheckResult, Rule, in_words
from assay.checks.session import Session
from assay.checks.ties import Tie, Ties, find_ties
from assay.contract.declared_checks import FILES_AGREE, ROWS_AGREE, Level
from assay.contract.names import TableName, listed, table_of
from assay.contract.parse import yml_of
from assay.contract.personal import masked
from assay.contract.rebuild_key import parse_redo

WAYS_OUT = {
    FILES_AGREE: (
        "send a corrected file under one of these names, or one of a newer moment; or put the time into the names and "
        "into file_date; or name a column in newest_by"
    ),
    ROWS_AGREE: "send a corrected file under this name, or one of a newer moment; or name a column in newest_by",
}


def check_versions(lake: Session, model: str) -> CheckResult:
    """Check that no key has different rows in the newest files that hold it.

    Args:
        lake: The open lake.
        model: A silver model of `lake.catalog.ordered_by_names`.
    """
    table = table_of(model)
    contract = lake.catalog.contracts[lake.catalog.ordered_by_names[model]]
    bronze = TableName.of_source(contract.source).model
    redo = parse_redo(lake.catalog.models[model], {bronze: lake.catalog.models[bronze]})
    between, within, rows = find_ties(lake.connection, contract, table, redo)
    levels = lake.catalog.table_checks[model].levels
    rules = tuple(
        _rule(lake, model, name, ties, levels.get(name, Level()), rows)
        for name, ties in ((FILES_AGREE, between), (ROWS_AGREE, within))
    )
    holds = f"the names of files order the rows of each of {rows:,} keys"
    return CheckResult(table, "versions_are_ordered", rules, holds, (table_of(bronze), table))


def _rule(lake: Session, model: str, name: str, ties: Ties, level: Level, rows: int) -> Rule:
    share = 100 * ties.keys / rows if rows else 0.0
    is_regression = level.severity == "regression"
    passed = share <= level.accepted_pct if is_regression else not ties.keys
    most = f", but for {level.accepted_pct:g} %" if is_regression else ""
    where = "the newest files that hold it" if name == FILES_AGREE else "one file"
    return Rule(
        name,
        f"no key with different rows in {where}{most}",
        _in_words(lake, model, name, ties) if ties.keys else "none",
        passed,
        tuple(map(_example, ties.first)),
        level.severity,
        share if is_regression else float(ties.keys),
        level.accepted_pct,
        1 - share / 100,
    )


def _in_words(lake: Session, model: str, name: str, ties: Ties) -> str:
    """How many keys, the first with its moment and files, and what to do."""
    tie = ties.first[0]
    shown = masked(tie.key, lake.catalog.personal)
    moment = f"{tie.moment}, which nothing orders" if name == FILES_AGREE else f"{tie.moment}"
    return (
        f"{ties.keys:,}, such as {in_words(shown)} in {listed(tie.paths)} of {moment}; {WAYS_OUT[name]}; or let the "
        f"greatest values win by `checks: rules: {name}: {{severity: warn, because: …}}` in "
        f"{yml_of(lake.catalog.models[model])}"
    )


def _example(tie: Tie) -> Mapping[str, object]:
    """A tie as a row of evidence; the first underscore keeps its names apart from those of columns."""
    return {**tie.key, "_moment": str(tie.moment), "_files": listed(tie.paths)}
