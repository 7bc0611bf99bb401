"""What a materialization hands over to Python: it is called, and noted for whoever calls it again without dbt."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from typing import Any

import duckdb

OF_THE_RUN = ("home", "is_full_refresh", "rebuilds_changed", "run_id")
"""What a payload says of the run; all else is said by the project."""


@dataclass(frozen=True)
class HandedOver:
    """One call.

    Attributes:
        module: Where the function is.
        function: Its name.
        payload: What it was given, without what is `OF_THE_RUN`.
    """

    module: str
    function: str
    payload: Mapping[str, Any]


_notes: list[dict[str, HandedOver]] = []


def call(connection: duckdb.DuckDBPyConnection, module: str, function: str, payload: str) -> None:
    """Call a function with what a materialization hands over, on a connection.

    Args:
        connection: To the warehouse.
        module: e.g. `assay.tables.keyed`.
        function: e.g. `build_keyed`.
        payload: JSON with the node as `model`, its compiled SQL as `sql`, and what is `OF_THE_RUN`.
    """
    for notes in _notes:
        fixed: dict[str, Any] = json.loads(payload)
        fixed = {name: value for name, value in fixed.items() if name not in OF_THE_RUN}
        notes[str(fixed["model"]["name"])] = HandedOver(module, function, fixed)
    getattr(import_module(module), function)(connection, payload)


@contextmanager
def noting() -> Iterator[dict[str, HandedOver]]:
    """What is handed over within the block, by model; dbt calls from a thread of its own."""
    notes: dict[str, HandedOver] = {}
    _notes.append(notes)
    try:
        yield notes
    finally:
        _notes.remove(notes)
