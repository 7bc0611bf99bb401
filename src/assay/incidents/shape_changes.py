"""Tells the owner of a source that its files changed their shape; nothing is broken by it, so it is told and over."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from itertools import groupby

from assay.contract.names import TableName
from assay.incidents.inputs import Inputs
from assay.incidents.reconcile import Cause
from assay.ledger.schema_changes import SchemaChange

TOLD_FOR = timedelta(days=1)
"""How long a notice is open: whoever looks the morning after still sees it."""
NAMED = 5
"""Changes that a message names."""


def shape_changes(inputs: Inputs) -> Iterator[Cause]:
    """One cause for all changes that one load of a source brought, for a day."""
    recent = [change for change in inputs.facts.changes if inputs.now - change.changed_at < TOLD_FOR]
    recent.sort(key=lambda change: (change.source, change.changed_at))
    for (source, at), group in groupby(recent, key=lambda change: (change.source, change.changed_at)):
        changes = list(group)
        if source in inputs.catalog.contracts:
            yield Cause(
                kind="shape_changed",
                subject=f"{source} {at:%Y-%m-%d %H:%M:%S}",
                owner=inputs.catalog.contracts[source].owner,
                problem=_problem(changes),
                tried=f"what the contract says was done: new_columns: {inputs.catalog.contracts[source].new_columns}",
                affects=inputs.affects(TableName.of_source(source).model),
                where=f"landing/{changes[0].path} → {TableName.of_source(source)}",
                since=at,
            )


def _problem(changes: list[SchemaChange]) -> str:
    named = "; ".join(f"{change.path}: {change.words}" for change in changes[:NAMED])
    return named + (f"; and {len(changes) - NAMED:,} more changes" if len(changes) > NAMED else "")
