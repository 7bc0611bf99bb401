"""Who answers for a table, and what hangs on it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from contracts.catalog import Catalog
from contracts.names import table_of
from resources.incidents.reconcile import in_words

LAKE_OWNER = "lake"
"""The owner of what is about no table: whoever runs the lake."""
NAMED = 6
"""Tables that a message names."""


def owner_of(catalog: Catalog, model: str) -> str:
    """The team that a model's yml names, or the teams of the sources behind it."""
    said = catalog.models[model]["config"].get("meta", {}).get("owner")
    if said:
        return str(said)
    sources = sorted(name for name in {model, *ancestors(catalog, model)} if catalog.layer(name) == "bronze")
    owners = dict.fromkeys(catalog.contracts[name.split("_", 1)[1]].owner for name in sources)
    return ", ".join(owners) or LAKE_OWNER


def ancestors(catalog: Catalog, model: str) -> set[str]:
    """Every model that a model is made of."""
    found: set[str] = set()
    waiting = [model]
    while waiting:
        new = set(catalog.parents(waiting.pop())) - found
        found |= new
        waiting += new
    return found


def downstream(catalog: Catalog, models: set[str]) -> list[str]:
    """The gold and silver models that are made of some models, themselves included; gold first."""
    return [
        model
        for layer in ("gold", "silver")
        for model in catalog.of_layer(layer)
        if models & {model, *ancestors(catalog, model)}
    ]


def affects(
    catalog: Catalog,
    models: set[str],
    shown: Mapping[str, datetime],
    now: datetime,
    promised: Mapping[str, str],
) -> str:
    """The tables downstream, each with the age of what readers see of it and, where there is one, its promise.

    Args:
        catalog: The project.
        models: What is wrong.
        shown: Since when readers see the state of each table that they see.
        now: The time.
        promised: What each table promises about its age.
    """
    tables = [table_of(model) for model in downstream(catalog, models)]
    said = []
    for table in tables[:NAMED]:
        age = f"{in_words(now - shown[table])} old" if table in shown else "not shown yet"
        said.append(f"{table} ({age}, promised {promised[table]})" if table in promised else f"{table} ({age})")
    more = f" and {len(tables) - NAMED} more" if len(tables) > NAMED else ""
    return ", ".join(said) + more if said else "no table"
