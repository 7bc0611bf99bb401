"""What a change builds anew: which tables, by which command, how many rows they have, and about how long it takes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from assay.contract.catalog import Catalog
from assay.contract.names import TableName
from assay.planning.shapes import Shape, Shapes
from assay.planning.type_check import in_order
from assay.tables.build_costs import Costs
from assay.tables.generated_models import is_written_here
from assay.tables.strict import is_strict
from assay.tables.table_definition import is_judged_otherwise, is_widened
from assay.tables.widened_table import is_widened_alone

How = Literal["new", "widened", "judged again", "full refresh", "follows", "stops", "unknown"]


@dataclass(frozen=True)
class Work:
    """What a change means for one table.

    Attributes:
        table: e.g. `silver.products`.
        how: `new`: it is built for the first time. `widened`: what is stored gets columns, or types that hold more.
            `judged again`: by other rules or another key, on command; no file is read. `full refresh`: it stops until
            it is asked to be built from nothing. `follows`: the next run builds it from nothing, because a table that
            it is made of was. `stops`: it would, and is strict. `unknown`: the lake kept no account of what it was
            built with.
        rows: Rows that are stored, or of a table that is new those of its largest input.
        seconds: About how long its build and its checks take; None where nothing like it was ever measured.
        because: Tables that it follows.
    """

    table: str
    how: How
    rows: int
    seconds: float | None
    because: tuple[str, ...] = ()


def work_of(catalog: Catalog, built: Shapes, declared: Shapes, costs: Costs) -> list[Work]:
    """The tables that a change builds, each after those that it is made of.

    Args:
        catalog: The project as it is to be.
        built: What the lake was built with.
        declared: What the project declares.
        costs: What builds of the lake's tables took.
    """
    works: dict[str, Work] = {}
    for model in in_order(catalog):
        table = TableName.of_model(model).table
        how = _how(catalog, model, built.tables.get(table), declared.tables[table], is_built=table in built.rows)
        parents = [TableName.of_model(parent).table for parent in catalog.parents(model)]
        because = tuple(p for p in parents if p in works and works[p].how in ("full refresh", "follows", "unknown"))
        if how is None and not because:
            continue
        rows = built.rows.get(table) or (max((built.rows.get(p, 0) for p in parents), default=0) if how == "new" else 0)
        seconds = 0.0 if how == "widened" else costs.seconds_of(table, rows)
        follows: How = "stops" if is_strict(catalog.models[model]) else "follows"
        works[table] = Work(table, how or follows, rows, seconds, because)
    return list(works.values())


def _how(catalog: Catalog, model: str, built: Shape | None, declared: Shape, *, is_built: bool) -> How | None:
    """What a table's own change means; None where it has none."""
    if built is None:
        return "unknown" if is_built else "new"
    if built.form == declared.form:
        return None
    if built.is_source and declared.is_source:
        contract = catalog.contracts[str(declared.form["contract"]["source"])]
        is_wider = is_widened(contract, declared.form, built.form)
        if is_written_here(catalog.models[model]) and is_judged_otherwise(declared.form, built.form):
            return "judged again"
    else:
        is_wider = is_widened_alone(catalog.models[model], declared.form, built.form)
    return "widened" if is_wider else "full refresh"


def refreshed(works: Sequence[Work]) -> list[str]:
    """The tables that have to be named in `--full-refresh`."""
    return [work.table for work in works if work.how in ("judged again", "full refresh", "stops", "unknown")]


def downstream(
    changed: Mapping[str, list[str]], made_from: Mapping[str, Mapping[str, list[tuple[str, str]]]]
) -> Iterator[tuple[str, str, str]]:
    """(table, column, the changed column that it is made of) for each column further down.

    Args:
        changed: The columns that mean something else, are of another type or are gone, by table.
        made_from: Of each table, in an order in which each comes after its inputs: the columns that each of its columns
            is made of.
    """
    touched = {(table, column): f"{table}.{column}" for table, columns in changed.items() for column in columns}
    for table, columns in made_from.items():
        for column, origins in columns.items():
            first = next((touched[origin] for origin in origins if origin in touched), None)
            if first and (table, column) not in touched:
                touched[table, column] = first
                yield table, column, first
