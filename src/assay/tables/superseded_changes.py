"""What a silver table of changes leaves out, by key: kept beside it, moved in the transaction that rebuilds keys.

A key whose row was deleted has no row of silver that could carry its counts, as `_duplicates_…` do. So
`superseded.<model>` has the keys whose changes newer ones replaced or took out, with how many; `ops.held_changes` has
each change that is held. Their sums are terms of promise 1, and stand in `ops.table_counts`.
"""

from __future__ import annotations

from dataclasses import dataclass

import duckdb

from assay.contract.contract import Column, Contract
from assay.contract.names import TableName, literal, quoted
from assay.tables.change_states import HELD, SUPERSEDED, change_states, everything
from assay.tables.parts import each_part

_LEFT_OUT = "assay_left_out"


@dataclass(frozen=True)
class LeftOut:
    """The changes that one silver table leaves out.

    Attributes:
        connection: The warehouse.
        name: The silver table.
        contract: Of the source that it takes in.
    """

    connection: duckdb.DuckDBPyConnection
    name: TableName
    contract: Contract

    def count_whole(self, states: str | None = None, parts: int = 1) -> None:
        """Count all, in the transaction that rebuilds the table, after its own terms were counted.

        Args:
            states: The relation of the changes with their states; None to work them out anew, of all keys.
            parts: In how many parts of the keys.
        """
        relation = states or f"({change_states(self.contract, everything)})"
        typed = ", ".join(f"{quoted(c.name)} {c.type.sql}" for c in self._key_columns)
        self.connection.execute(f"create or replace table {self.name.superseded_sql} ({typed}, _superseded bigint)")
        self.connection.execute("delete from ops.held_changes where table_name = ?", [self.name.table])
        for _ in each_part(self.connection, parts):
            self._insert(relation)
        superseded, held = self._sums("true", "true")
        self._set(f"{superseded}", f"{held}")

    def move(self, states: str, is_affected: str, affected: str) -> None:
        """Count the keys that are redone anew, and move the sums by what was counted of them before and is now.

        Args:
            states: The relation of the changes of these keys with their states.
            is_affected: The macro that says whether a key is redone.
            affected: The relation of these keys.
        """
        if not self._is_kept():
            self.count_whole()
            return
        of_keys = f"{is_affected}({', '.join(f'kept.{quoted(name)}' for name in self.contract.key)})"
        of_texts = f"key in (select {_text('keys', self._affected_columns(affected))} from {affected} as keys)"
        went = self._sums(of_keys, of_texts)
        self.connection.execute(f"delete from {self.name.superseded_sql} as kept where {of_keys}")
        self.connection.execute(f"delete from ops.held_changes where table_name = ? and {of_texts}", [self.name.table])
        self._insert(states)
        came = self._sums(of_keys, of_texts)
        self._set(
            f"coalesce(rows_superseded, 0) + {came[0]} - {went[0]}", f"coalesce(rows_held, 0) + {came[1]} - {went[1]}"
        )

    @property
    def _key_columns(self) -> list[Column]:
        types = {column.name: column for column in self.contract.columns}
        return [types[name] for name in self.contract.key]

    def _affected_columns(self, affected: str) -> list[tuple[str, str]]:
        described = self.connection.execute(f"select column_name from (describe {affected})").fetchall()
        return [(name, c.type.sql) for (name,), c in zip(described, self._key_columns, strict=True)]

    def _insert(self, states: str) -> None:
        key = ", ".join(map(quoted, self.contract.key))
        self.connection.execute(
            f"create or replace temp table {_LEFT_OUT} as select {key}, _state, _file_id, _position, _reasons "
            f"from {states} as states where _state in ('{SUPERSEDED}', '{HELD}')"
        )
        self.connection.execute(
            f"insert into {self.name.superseded_sql} select {key}, count(*) from temp.{_LEFT_OUT} "
            f"where _state = '{SUPERSEDED}' group by all"
        )
        text = _text("states", [(c.name, c.type.sql) for c in self._key_columns])
        self.connection.execute(
            "insert into ops.held_changes (table_name, source, key, file_id, position, reasons) "
            f"select {literal(self.name.table)}, {literal(self.contract.source)}, {text}, _file_id, _position, "
            f"_reasons from temp.{_LEFT_OUT} as states where _state = '{HELD}'"
        )
        self.connection.execute(f"drop table temp.{_LEFT_OUT}")

    def _sums(self, of_keys: str, of_texts: str) -> tuple[int, int]:
        rows = self.connection.execute(
            f"select (select coalesce(sum(_superseded), 0) from {self.name.superseded_sql} as kept where {of_keys}), "
            f"(select count(*) from ops.held_changes where table_name = {literal(self.name.table)} and {of_texts})"
        ).fetchall()
        return int(rows[0][0]), int(rows[0][1])

    def _set(self, superseded: str, held: str) -> None:
        self.connection.execute(
            f"update ops.table_counts set rows_superseded = {superseded}, rows_held = {held} where table_name = ?",
            [self.name.table],
        )

    def _is_kept(self) -> bool:
        rows = self.connection.execute(
            "select 1 from duckdb_tables() where schema_name = 'superseded' and table_name = ? "
            "and database_name = current_database()",
            [self.name.model],
        )
        return bool(rows.fetchall())


def forget_left_out(connection: duckdb.DuckDBPyConnection, name: TableName) -> None:
    """Forget what is kept of the changes that a table leaves out, where it has any."""
    connection.execute(f"drop table if exists {name.superseded_sql}")
    connection.execute("delete from ops.held_changes where table_name = ?", [name.table])


def _text(relation: str, columns: list[tuple[str, str]]) -> str:
    """SQL of a key as one text."""
    values = ", ".join(f"({relation}.{quoted(name)}::{kind})::varchar" for name, kind in columns)
    return f"json_array({values})::varchar"
