"""What is wrong with data: checks that failed, files that were refused, records that broke a rule."""

from __future__ import annotations

from collections.abc import Iterator

from assay.base.log import brief
from assay.contract.names import TableName
from assay.incidents.inputs import Inputs
from assay.incidents.lineage import owner_of
from assay.incidents.published_problems import Refused, Verdict
from assay.incidents.reconcile import Cause

NAMED = 3
"""Refused files that a message names, of which the first with its reason."""


def failed_checks(inputs: Inputs) -> Iterator[Cause]:
    """One cause for each blocking check that failed; some have kinds of their own."""
    tests = {str(test["name"]) for test in inputs.catalog.tests(inputs.catalog.models).values()}
    for verdict in inputs.facts.verdicts:
        name = TableName.parse(verdict.table)
        is_own = verdict.is_miscounted or (verdict.check in ("validity", "freshness") and name.is_bronze)
        known = {*inputs.catalog.checks.get(verdict.table, ()), *tests}
        model = name.model
        if verdict.verdict == "warn" or is_own or verdict.check not in known or model not in inputs.catalog.models:
            continue
        outcome = "failed" if verdict.verdict == "fail" else "could not be evaluated"
        yield Cause(
            kind="failed_check",
            subject=f"{verdict.table} {verdict.check}",
            owner=owner_of(inputs.catalog, model),
            problem=f"check {verdict.check} of {verdict.table} {outcome}: {verdict.summary}",
            tried="nothing is built on it, and readers keep the last good state",
            affects=inputs.affects(model),
            where=_place(verdict),
            since=verdict.checked_at,
        )


def counts_that_differ(inputs: Inputs) -> Iterator[Cause]:
    """One cause for each source whose kept counts are not those of its rows, as a recount of all of them says."""
    for verdict in inputs.facts.verdicts:
        model = TableName.parse(verdict.table).model
        if verdict.is_miscounted and model in inputs.catalog.models:
            yield Cause(
                kind="counts_differ",
                subject=verdict.table,
                owner=owner_of(inputs.catalog, model),
                problem=f"the counts kept for {verdict.table} and its source differ from a recount: {verdict.summary}",
                tried="every run counts all rows again until both agree; readers keep the last good state",
                affects=inputs.affects(model),
                where=_place(verdict),
                since=verdict.checked_at,
            )


def refused_files(inputs: Inputs) -> Iterator[Cause]:
    """One cause for each source with refused files, however many there are."""
    for source, contract in inputs.catalog.contracts.items():
        files = [f for f in inputs.facts.refused.get(source, ()) if inputs.lies_there(source, f.archive or f.path)]
        if files:
            yield Cause(
                kind="refused_file",
                subject=source,
                owner=contract.owner,
                problem=_refused(files),
                tried="nothing: a refused file is not tried again until it or its contract changes",
                affects=inputs.affects(TableName.of_source(source).model),
                where=f"landing/{files[0].path} → {TableName.of_source(source)}, run {files[0].run_id}",
                since=min(file.first_seen for file in files),
            )


def _refused(files: list[Refused]) -> str:
    first = f"{files[0].path}: {brief(files[0].reason)}"
    if len(files) == 1:
        return f"1 file was refused: {first}"
    others = ", ".join(file.path for file in files[1:NAMED])
    return f"{len(files):,} files were refused: {first}; also {others}" + (" and more" if len(files) > NAMED else "")


def broken_records(inputs: Inputs) -> Iterator[Cause]:
    """One cause for each source of which more records broke a rule than its yml allows."""
    for verdict in inputs.facts.verdicts:
        name = TableName.parse(verdict.table)
        source = name.entity
        if name.is_bronze and verdict.check == "validity" and source in inputs.catalog.contracts:
            yield Cause(
                kind="quarantine_over_budget",
                subject=source,
                owner=inputs.catalog.contracts[source].owner,
                problem=verdict.summary,
                tried="the broken records are kept in quarantine, the others are loaded",
                affects=inputs.affects(TableName.of_source(source).model),
                where=_place(verdict),
                since=verdict.checked_at,
            )


def _place(verdict: Verdict) -> str:
    return f"{verdict.table}, check {verdict.check}, run {verdict.run_id}"
