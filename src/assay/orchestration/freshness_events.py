"""Reports tables with nothing new upstream as fresh: Dagster's policies ask only when a table was built last.

What Snowflake's dynamic tables call a refresh without data: an event of the table, of no run, which says that it was
looked at and contains everything that has landed.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from datetime import UTC, datetime, timedelta

import dagster as dg

from assay.contract.catalog import Catalog
from assay.contract.freshness import Policy
from assay.contract.names import TableName, model_of, table_of
from assay.incidents.published_problems import Facts
from assay.orchestration.keys import key_of

EARLY = 0.1
"""Share of a window before whose end a table is confirmed."""


def confirm(
    instance: dg.DagsterInstance, catalog: Catalog, facts: Facts, unlike: Collection[str], now: datetime
) -> list[str]:
    """Report tables as fresh that are up to date and that Dagster would soon show as stale; returns them.

    Args:
        instance: The lake's.
        catalog: The project.
        facts: What is published.
        unlike: Tables and sources of which that may not be so: something stands still for them.
        now: The time.
    """
    confirmed = []
    for table, policy in _followed(catalog):
        model = model_of(table)
        made_of = {table, *(table_of(name) for name in catalog.ancestors(model))}
        made_of |= {TableName.parse(name).subject for name in made_of}
        if table in facts.late or table not in facts.shown or made_of & set(unlike):
            continue
        event = instance.get_latest_materialization_event(key_of(table))
        if event is not None and is_over(policy, datetime.fromtimestamp(event.timestamp, UTC), now):
            description = "Nothing has landed that the table does not contain."
            instance.report_runless_asset_event(
                dg.AssetMaterialization(key_of(table), description=description, metadata={"nothing_new": True})
            )
            confirmed.append(table)
    return confirmed


def is_over(policy: Policy, last: datetime, now: datetime) -> bool:
    """Whether the window of a policy is nearly used up since a table was built or confirmed last."""
    window = timedelta(hours=24) if policy.by is not None else policy.lag
    return now - last > (1 - EARLY) * window


def _followed(catalog: Catalog) -> Iterator[tuple[str, Policy]]:
    """Gold tables of which Dagster shows a policy."""
    for model in catalog.of_layer("gold"):
        policy = catalog.policies[model]
        if not policy.is_immediate:
            yield table_of(model), policy
