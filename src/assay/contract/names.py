"""Names of tables and how they are quoted."""

from __future__ import annotations

from collections.abc import Sequence

from assay.contract.errors import ContractError

_MANY = 20
_LONG = 100
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


def listed(names: Sequence[str]) -> str:
    """Names as a message shows them: few, and none at full length where a file may have named it."""
    shown = [name if len(name) <= _LONG else f"{name[:_LONG]}… ({len(name):,} characters)" for name in names[:_MANY]]
    more = [f"and {len(names) - _MANY:,} more"] if len(names) > _MANY else []
    return ", ".join([*shown, *more])


def relation(table: str) -> str:
    """`silver.transactions` → `"silver"."transactions"`."""
    return ".".join(quoted(part) for part in table.split(".", 1))
