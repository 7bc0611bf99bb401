"""Names of tables and how they are quoted."""

from __future__ import annotations

from contracts.errors import ContractError

LAYERS = ("bronze", "silver", "gold", "quarantine")


def quoted(name: str) -> str:
    """A name as SQL identifier."""
    return '"' + name.replace('"', '""') + '"'


def literal(text: str) -> str:
    """A text as SQL literal."""
    return "'" + text.replace("'", "''") + "'"


def table_of(model: str) -> str:
    """`silver_transactions` (the dbt model) → `silver.transactions` (the table).

    Raises:
        ContractError: The model's name does not start with a layer.
    """
    layer, _, entity = model.partition("_")
    if layer not in LAYERS or not entity:
        raise ContractError(f"model {model!r} is not called <layer>_<entity>; layers are {', '.join(LAYERS)}")
    return f"{layer}.{entity}"


def relation(table: str) -> str:
    """`silver.transactions` → `"silver"."transactions"`."""
    return ".".join(quoted(part) for part in table.split(".", 1))
