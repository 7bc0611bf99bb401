"""Tables that are never built from nothing unasked (`strict: true`), because that would take too long."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from assay.contract.names import listed


class StrictTable(Exception):
    """A table would have to be built from nothing, and its yml forbids that unless somebody asks for it."""


def is_strict(node: Mapping[str, Any]) -> bool:
    """Whether a model's yml says `strict: true`.

    Args:
        node: The model as in dbt's manifest.
    """
    return bool(node["config"].get("meta", {}).get("strict"))


def stop_when_strict(node: Mapping[str, Any], table: str, rebuilt: Sequence[str]) -> None:
    """Refuse to build a table from nothing.

    Args:
        node: The model.
        table: e.g. `gold.daily_sales`.
        rebuilt: Its inputs that were built from nothing, or whose changes are not known any more.

    Raises:
        StrictTable: It is strict; the message names the command.
    """
    if is_strict(node):
        raise StrictTable(
            f"{table} is strict, and would be built from nothing because {listed(rebuilt)} was. Ask for it with "
            f"`assay run --full-refresh {table}`; until then nothing of it is changed"
        )
