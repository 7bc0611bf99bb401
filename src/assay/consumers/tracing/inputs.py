"""The rows of its inputs that a row of a table is made of.

The key by which a table is rebuilt says which changed rows lead to which of its keys, so it also says which rows a key
is made of. It may be wider than the key of the table: a day of a store is redone with all its departments. So the rows
are narrowed by each column of the key that comes from one column of an input, and the table's own SQL is the judge of
whether that was right (`proof.py`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import duckdb

from assay.contract.catalog import Catalog
from assay.contract.names import TableName, quoted, relation, table_of
from assay.contract.rebuild_key import Input, RebuildKey
from assay.tables.column_origins import Origins

TRACED = "temp.assay_traced"
"""The row that is traced, in the columns of its table."""
MOST = 200_000
"""Rows of an input that are looked at; of more, the first ones are shown and nothing is proved."""
_KEY = "_assay_key_"
Pairs = tuple[tuple[str, str], ...]
"""(column or expression of an input, column of the traced row) that have to be the same."""


@dataclass(frozen=True)
class InputRows:
    """Rows of one input as a temporary table.

    Attributes:
        model: The input's dbt model.
        relation: The temporary table.
        count: Its rows.
        is_cut: Whether there are more.
    """

    model: str
    relation: str
    count: int
    is_cut: bool


def input_rows(
    connection: duckdb.DuckDBPyConnection,
    catalog: Catalog,
    model: str,
    origins: Origins,
    *,
    is_narrowed: bool,
) -> list[InputRows]:
    """The rows that lead to the rebuild key of the traced row, of the inputs that readers see.

    Args:
        connection: What is published, with the traced row.
        catalog: The project.
        model: Of the traced row.
        origins: Which columns of the inputs each of its columns is made from; empty where that is not known.
        is_narrowed: Whether to leave out rows that have other values in columns that the table's key is taken from.
    """
    rebuild_key = catalog.rebuild_key(model)
    narrowing = _narrowing(catalog, model, rebuild_key, origins) if is_narrowed else {}
    hidden = unpublished(rebuild_key)
    inputs = [item for item in rebuild_key.inputs if item.model not in hidden and item.via not in hidden]
    made: dict[str, InputRows] = {}
    for item in sorted(inputs, key=lambda item: bool(item.via)):
        pairs = narrowing.get(item.model, ())
        sql = _via(item, made[item.via].relation, pairs) if item.via else _direct(rebuild_key, item, pairs)
        made[item.model] = _kept(connection, item.model, sql)
    for item in inputs:  # a row with none of the narrowed rows beside it is not part of the key either
        if item.via and item.by and narrowing.get(item.model):
            via, narrow = made[item.via].relation, made[item.model].relation
            beside = f"exists (select 1 from {narrow} as changed where {_agree(item)})"
            made[item.via] = _kept(connection, item.via, f"select via.* from {via} as via where {beside}")
    return [made[item.model] for item in inputs]


def unpublished(rebuild_key: RebuildKey) -> list[str]:
    """The inputs that readers do not see: tables of bronze."""
    return [item.model for item in rebuild_key.inputs if TableName.of_model(item.model).is_bronze]


def has_narrowing(catalog: Catalog, model: str, origins: Origins) -> bool:
    """Whether a column of the table's key beyond its rebuild key comes from one column of an input."""
    return bool(_narrowing(catalog, model, catalog.rebuild_key(model), origins))


def _narrowing(catalog: Catalog, model: str, rebuild_key: RebuildKey, origins: Origins) -> Mapping[str, Pairs]:
    """(column of the input, column of the table) by input."""
    by_table = {table_of(item.model): item.model for item in rebuild_key.inputs}
    pairs: dict[str, Pairs] = {}
    for column in catalog.promises[model].key:
        places = origins.get(column, ())
        if column not in rebuild_key.key and len(places) == 1 and places[0][0] in by_table:
            table, name = places[0]
            pairs[by_table[table]] = (*pairs.get(by_table[table], ()), (name, column))
    return pairs


def _direct(rebuild_key: RebuildKey, item: Input, pairs: Pairs) -> str:
    """Rows whose expressions give the rebuild key; what narrows them goes first, as an expression may unnest."""
    condition = f"where {_equal('changed', pairs)}" if pairs else ""
    keys = [f"{_KEY}{place}" for place in range(len(item.keys))]
    worked_out = ", ".join(f"{expression} as {name}" for expression, name in zip(item.keys, keys, strict=True))
    return (
        f"select * exclude ({', '.join(keys)}) "
        f"from (select *, {worked_out} from {relation(table_of(item.model))} as changed {condition}) as with_keys "
        f"where {_equal('with_keys', tuple(zip(keys, rebuild_key.key, strict=True)))}"
    )


def _via(item: Input, via: str, pairs: Pairs) -> str:
    """Rows whose change leads to the key by way of rows of another input."""
    condition = f" and {_equal('changed', pairs)}" if pairs else ""
    return (
        f"select changed.* from {relation(table_of(item.model))} as changed "
        f"where exists (select 1 from {via} as via where {item.where or _agree(item)}\n){condition}"
    )


def _agree(item: Input) -> str:
    """SQL for whether `changed` and `via` have the same values in the columns by which they belong together."""
    return " and ".join(f"changed.{quoted(name)} is not distinct from via.{quoted(name)}" for name in item.by)


def _equal(alias: str, pairs: Pairs) -> str:
    """SQL for whether columns have the values of columns of the traced row."""
    return " and ".join(
        f"{alias}.{quoted(name)} is not distinct from (select {quoted(column)} from {TRACED})" for name, column in pairs
    )


def _kept(connection: duckdb.DuckDBPyConnection, model: str, query: str) -> InputRows:
    """Keep rows in a temporary table; of an input that was kept already its narrower rows."""
    name, aside = f"temp.{quoted(f'assay_rows_{model}')}", "temp.assay_rows_aside"
    connection.execute(f"create or replace temp table {aside.removeprefix('temp.')} as from ({query}) limit {MOST + 1}")
    connection.execute(f"create or replace temp table {name.removeprefix('temp.')} as from {aside} limit {MOST}")
    [(count,)] = connection.execute(f"select count(*) from {aside}").fetchall()
    connection.execute(f"drop table {aside}")
    return InputRows(model, name, min(int(count), MOST), int(count) > MOST)
