"""Names in what was rescued that a contract does not have: for the message that refuses a file, and to be told."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import duckdb

from assay.contract.contract import Contract
from assay.contract.names import literal
from assay.contract.places import OF_RECORD, POSITION
from assay.contract.pointer import pointer_of
from assay.contract.types import ColumnType

_MOST = 20
_STRUCTURES = 1_000
"""Outlines of what was rescued inside of one member that are looked at: keys that are values give new ones for ever."""

Way = tuple[str, ...]
Inside = Mapping[Way, ColumnType | None]
"""Ways to what has columns inside of it, with the types of those that are columns and hold others themselves."""


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
    inside = _inside(contract)
    ways = {way for (structure,) in rows for way in _ways(json.loads(structure), (), inside)}
    return sorted(way[0] if len(way) == 1 else pointer_of(*way) for way in ways)[:_MOST]


def new_places(connection: duckdb.DuckDBPyConnection, contract: Contract, reading: str) -> dict[str, str]:
    """Pointers, without positions in lists, to what is no column and stands inside of columns or beside them.

    What stands in a column that the file calls by another name has the pointer that it has by the column's own.

    Args:
        connection: The warehouse.
        contract: The contract of the records.
        reading: SQL of a table with what was rescued of them.

    Returns:
        The last name of each, by the pointer; sorted.
    """
    inside = _inside(contract)
    ways: set[Way] = set()
    for top in sorted({way[0] for way in inside}):
        member = f"json_extract(_rescued, {literal(pointer_of(top))})"
        rows = connection.execute(
            f"select distinct json_structure({member})::varchar as s from {reading} where {member} is not null "
            f"order by s limit {_STRUCTURES}"
        ).fetchall()
        ways |= {way for (structure,) in rows for way in _ways({top: json.loads(structure)}, (), inside)}
    own = {way: ways[0] for ways in _ways_of_rows(contract).values() for way in ways[1:]}
    starts = {way: next((way[:n] for n in range(1, len(way)) if way[:n] in own), ()) for way in ways}
    named = sorted((own.get(start, ()) + way[len(start) :]) for way, start in starts.items() if len(way) > 1)
    return {pointer_of(*way): way[-1] for way in named}


def known_names(contract: Contract) -> set[str]:
    """Names of columns, and those at the top of a record that lead to one."""
    return {way[0] for ways in _ways_of_rows(contract).values() for way in ways if way} | {*contract.names}


def _ways_of_rows(contract: Contract) -> Mapping[str, Sequence[Way]]:
    """The ways to columns as of `Contract.ways`, but for those that do not begin at the record that makes a row."""
    of_records = contract.of_records
    outer = {name for name, place in contract.format.places if place.startswith((OF_RECORD, POSITION))}
    if not outer:
        return of_records.ways
    columns = tuple(column for column in of_records.columns if column.name not in outer)
    places = tuple((name, place) for name, place in contract.format.places if name not in outer)
    return replace(of_records, columns=columns, format=replace(contract.format, places=places)).ways


def has_insides(contract: Contract) -> bool:
    """Whether a column holds others, or stands in an object with others."""
    return bool(_inside(contract))


def _inside(contract: Contract) -> Inside:
    ways = _ways_of_rows(contract)
    inside: dict[Way, ColumnType | None] = {
        way[:depth]: None for each in ways.values() for way in each for depth in range(1, len(way))
    }
    nested = [column for column in contract.of_records.columns if column.type.is_nested]
    return inside | {way: column.type for column in nested for way in ways.get(column.name, ()) if way}


def _ways(structure: Any, way: Way, inside: Inside) -> Iterator[Way]:
    """Ways from outside to what the contract does not name."""
    for name, part in structure.items() if isinstance(structure, dict) else ():
        at = (*way, name)
        if at not in inside:
            yield at
        elif (wanted := inside[at]) is None:
            yield from _ways(part, at, inside)
        else:
            yield from _left(part, at, wanted)


def _left(structure: Any, way: Way, wanted: ColumnType) -> Iterator[Way]:
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
