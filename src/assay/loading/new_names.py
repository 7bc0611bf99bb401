"""Names in JSON that a contract does not have, for the message that refuses their file."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

import duckdb

from assay.contract.contract import Contract
from assay.contract.pointer import pointer_of
from assay.contract.types import ColumnType

_MOST = 20


def new_names(connection: duckdb.DuckDBPyConnection, contract: Contract, reading: str) -> list[str]:
    """Names of a record's members that are no columns, and pointers to those inside of others; sorted, not all of many.

    Args:
        connection: The warehouse.
        contract: The contract of the records.
        reading: SQL of a table with what was rescued of them.
    """
    rows = connection.execute(
        f"select distinct json_structure(_rescued)::varchar as s from {reading} where _rescued is not null "
        f"order by s limit {_MOST}"
    ).fetchall()
    inside: dict[tuple[str, ...], ColumnType | None] = {
        way[:depth]: None for way in contract.origins.values() for depth in range(1, len(way))
    }
    inside |= {contract.origins[column.name]: column.type for column in contract.columns if column.type.is_nested}
    ways = {way for (structure,) in rows for way in _ways(json.loads(structure), (), inside)}
    return sorted(way[0] if len(way) == 1 else pointer_of(*way) for way in ways)[:_MOST]


def _ways(
    structure: Any, way: tuple[str, ...], inside: Mapping[tuple[str, ...], ColumnType | None]
) -> Iterator[tuple[str, ...]]:
    """Ways from outside to what the contract does not name."""
    for name, part in structure.items() if isinstance(structure, dict) else ():
        at = (*way, name)
        if at not in inside:
            yield at
        elif (wanted := inside[at]) is None:
            yield from _ways(part, at, inside)
        else:
            yield from _left(part, at, wanted)


def _left(structure: Any, way: tuple[str, ...], wanted: ColumnType) -> Iterator[tuple[str, ...]]:
    if wanted.kind == "list" and isinstance(structure, list):
        for part in structure:
            yield from _left(part, way, wanted.inner)
    elif wanted.is_nested and isinstance(structure, dict):
        known = dict(wanted.parts)
        for name, part in structure.items():
            if wanted.kind == "map":
                yield from _left(part, way, wanted.inner)
            elif name in known:
                yield from _left(part, (*way, name), known[name])
            else:
                yield (*way, name)
