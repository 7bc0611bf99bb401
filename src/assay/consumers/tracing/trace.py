"""Traces a row of a published table to the rows, files and loads that it comes from; a pure function of a state."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import duckdb

from assay.base.errors import UserError
from assay.consumers.tables import find_table, shown_tables
from assay.consumers.tracing.inputs import TRACED, InputRows, has_narrowing, input_rows, unpublished
from assay.consumers.tracing.proof import prove
from assay.consumers.tracing.records import files_of, records_of
from assay.consumers.tracing.result import FileOfRows, Proof, RecordOfRow, Trace, TracedRow, TracedRows
from assay.contract.catalog import Catalog
from assay.contract.names import TableName, listed, quoted, table_of
from assay.contract.own_columns import FILE
from assay.contract.personal import masked
from assay.tables.column_origins import Origins, column_origins

SHOWN = 10
"""Rows of an input that are shown, with their records."""


class CannotTrace(UserError):
    """What was asked for names no row."""


class _Tracer:
    """One trace over one connection."""

    def __init__(
        self,
        connection: duckdb.DuckDBPyConnection,
        catalog: Catalog,
        landing: Path,
        compiled: Mapping[str, str],
        shown: int,
    ) -> None:
        self._connection, self._catalog, self._landing = connection, catalog, landing
        self._compiled, self._shown = compiled, shown

    def trace(self, name: TableName, key: Mapping[str, str]) -> Trace:
        """The trace of the first row with some values."""
        matching = self._keep_traced(name, key)
        model, version = name.model, self._catalog.contract_version(name.table)
        if self._takes_in_a_source(model, TRACED):
            rows, files = self._rows(model, TRACED)
            return Trace(name.table, version, rows[0], matching, files, (), None)
        origins = column_origins(self._catalog, model, self._compiled[model]) if self._compiled.get(model) else {}
        inputs, proof = self._proved(model, origins)
        [row], _ = self._plain(model, TRACED)
        traced = tuple(self._traced_rows(item) for item in inputs)
        return Trace(name.table, version, row, matching, (), traced, proof)

    def _keep_traced(self, name: TableName, key: Mapping[str, str]) -> int:
        """Keep the first row with some values; gives how many there are."""
        columns = dict(row[:2] for row in self._connection.execute(f"describe {name.sql}").fetchall())
        if unknown := [column for column in key if column not in columns]:
            raise CannotTrace(f"{name} has no column {unknown[0]!r}; it has {listed(list(columns))}")
        for column, value in key.items():
            [(is_one,)] = self._connection.execute(
                f"select try_cast(? as {columns[column]}) is not null", [value]
            ).fetchall()
            if not is_one:
                raise CannotTrace(f"{column} of {name} is {columns[column]}, and {value!r} is not one")
        conditions = " and ".join(f"{quoted(column)} = cast(? as {columns[column]})" for column in key) or "true"
        order = ", ".join(map(quoted, self._catalog.promises[name.model].key)) or "all"
        query = f"from {name.sql} where {conditions}"
        [(count,)] = self._connection.execute(f"select count(*) {query}", list(key.values())).fetchall()
        if not count:
            wanted = ", ".join(f"{column} = {value!r}" for column, value in key.items())
            raise CannotTrace(f"no row of {name} has {wanted}; `assay query` shows which there are")
        self._connection.execute(
            f"create or replace temp table {TRACED.removeprefix('temp.')} as {query} order by {order} limit 1",
            list(key.values()),
        )
        return int(count)

    def _proved(self, model: str, origins: Origins) -> tuple[list[InputRows], Proof]:
        """The narrowest rows of the inputs that give a row of this key again, and what they prove."""
        key = self._catalog.promises[model].key
        if hidden := unpublished(self._catalog.rebuild_key(model)):
            inputs = input_rows(self._connection, self._catalog, model, {}, is_narrowed=False)
            return inputs, Proof(why_not=f"it reads {table_of(hidden[0])}, which is not published")
        if has_narrowing(self._catalog, model, origins):
            inputs = input_rows(self._connection, self._catalog, model, origins, is_narrowed=True)
            proof = prove(self._connection, model, self._compiled[model], key, inputs)
            if set(proof.same) - set(key):
                return inputs, proof
        inputs = input_rows(self._connection, self._catalog, model, origins, is_narrowed=False)
        return inputs, prove(self._connection, model, self._compiled.get(model, ""), key, inputs)

    def _traced_rows(self, item: InputRows) -> TracedRows:
        is_source = self._takes_in_a_source(item.model, item.relation)
        rows, files = self._rows(item.model, item.relation) if is_source else self._plain(item.model, item.relation)
        further = () if is_source else tuple(map(table_of, self._catalog.parents(item.model)))
        return TracedRows(table_of(item.model), item.count, item.is_cut, tuple(rows), files, further)

    def _takes_in_a_source(self, model: str, relation: str) -> bool:
        """Whether rows of a model come from files by themselves, and say from which."""
        parents = self._catalog.parents(model)
        columns = {row[0] for row in self._connection.execute(f"describe {relation}").fetchall()}
        return len(parents) == 1 and TableName.of_model(parents[0]).is_bronze and FILE in columns

    def _plain(self, model: str, relation: str) -> tuple[list[TracedRow], tuple[FileOfRows, ...]]:
        return [TracedRow(self._masked(row)) for row in self._first(model, relation)], ()

    def _rows(self, model: str, relation: str) -> tuple[list[TracedRow], tuple[FileOfRows, ...]]:
        """Rows of a model that takes in a source, with their records, and the files of all of them."""
        [parent] = self._catalog.parents(model)
        contract = self._catalog.contracts[TableName.of_model(parent).entity]
        first = self._first(model, relation)
        records: Sequence[RecordOfRow] = records_of(
            self._connection,
            self._landing,
            contract,
            self._catalog.rebuild_key(model),
            first,
            self._catalog.personal,
        )
        rows = [TracedRow(self._masked(row), record) for row, record in zip(first, records, strict=True)]
        return rows, files_of(self._connection, relation, contract.source)

    def _first(self, model: str, relation: str) -> list[dict[str, Any]]:
        order = ", ".join(map(quoted, self._catalog.promises[model].key)) or "all"
        cursor = self._connection.execute(f"from {relation} order by {order} limit {self._shown}")
        names = [column[0] for column in cursor.description or ()]
        return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]

    def _masked(self, row: Mapping[str, object]) -> Mapping[str, object]:
        return masked(row, self._catalog.personal)


def trace(
    connection: duckdb.DuckDBPyConnection,
    catalog: Catalog,
    landing: Path,
    table: str,
    key: Mapping[str, str],
    *,
    compiled: Mapping[str, str] | None = None,
    shown: int = SHOWN,
) -> Trace:
    """Where a row of a published table comes from.

    Args:
        connection: What is published, as `open_published` gives it; temporary tables are made in it.
        catalog: The project.
        landing: The landing zone, whose files are read again for the lines of records.
        table: A silver or gold table, e.g. `gold.daily_sales`.
        key: Values of the row as texts, by column; where several rows have them, the first is traced.
        compiled: Compiled SQL by model, as `compile_models` gives it; without it nothing is narrowed and proved.
        shown: Rows of each input that are shown.

    Raises:
        UnknownTable: Readers see no such table.
        CannotTrace: The table is not made by a model, or no row has these values.
    """
    name = find_table(shown_tables(connection), table)
    if name.model not in catalog.promises:
        raise CannotTrace(f"rows of {name} name their file and line themselves: its columns path and line")
    return _Tracer(connection, catalog, landing, compiled or {}, shown).trace(name, key)
