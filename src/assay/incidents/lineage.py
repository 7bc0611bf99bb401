"""The owner of a table, and the tables downstream of it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from assay.contract.catalog import Catalog
from assay.contract.names import TableName, table_of
from assay.incidents.reconcile import in_words

LAKE_OWNER = "lake"
"""The owner of what is about no table: whoever runs the lake."""
NAMED = 6
"""Tables that a message names."""


def owner_of(catalog: Catalog, model: str) -> str:
    """The team that a model's yml names, or the teams of the sources behind it."""
    owner = catalog.models[model]["config"].get("meta", {}).get("owner")
    if owner:
        return str(owner)
    sources = sorted(name for name in {model, *catalog.ancestors(model)} if catalog.layer(name) == "bronze")
    owners = dict.fromkeys(catalog.contracts[TableName.of_model(name).entity].owner for name in sources)
    return ", ".join(owners) or LAKE_OWNER


def downstream(catalog: Catalog, models: set[str]) -> list[str]:
    """The gold and silver models that are made of some models, themselves included; gold first."""
    return [
        model
        for layer in ("gold", "silver")
        for model in catalog.of_layer(layer)
        if models & {model, *catalog.ancestors(model)}
    ]


def affects(catalog: Catalog, models: set[str], shown: Mapping[str, datetime], now: datetime) -> str:
    """The tables downstream, each with the age of what readers see of it, and gold with what it promises.

    Args:
        catalog: The project.
        models: What is wrong.
        shown: Since when readers see the state of each table that they see.
        now: The time.
    """
    entries = []
    affected = downstream(catalog, models)
    for model in affected[:NAMED]:
        table = table_of(model)
        age = f"{in_words(now - shown[table])} old" if table in shown else "not shown yet"
        promise = f", promised {catalog.policies[model]}" if catalog.layer(model) == "gold" else ""
        entries.append(f"{table} ({age}{promise})")
    more = f" and {len(affected) - NAMED} more" if len(affected) > NAMED else ""
    return ", ".join(entries) + more if entries else "no table"
