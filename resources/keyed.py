"""Rebuild the keys of a table that its inputs changed, and no others.

A *keyed* table declares the key that it is redone by. What is redone are the keys that stand in the old or the new
values of everything its inputs changed and it has not yet seen: of bronze the rows of files that came or stopped
counting, of a keyed table the rows in `changes.<model>`. What a table has seen is written in the transaction that
takes it in, so a crash between two tables loses nothing, and nothing depends on times or on "this run".
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import duckdb

from contracts.names import literal, quoted, relation, table_of
from contracts.redo import Input, Redo, parse_redo
from resources.tables import fingerprint, is_changed_while_empty, note_built, seqs, stop_when_changed
from resources.warehouse import transaction


def prepare_keyed(connection: duckdb.DuckDBPyConnection, payload: str) -> None:
    """Work out which keys are redone; called by the materialization `keyed` before the model's SQL is run.

    Makes on this connection the temporary table `affected_<model>` and the macro `is_affected_<model>(key…)`.

    Raises:
        ChangedWithData: The model is not the one that its rows were made with.
    """
    _Keyed(connection, payload).prepare()


def apply_keyed(connection: duckdb.DuckDBPyConnection, payload: str) -> None:
    """Replace the rows of the affected keys by what the model's SQL gives for them, in one transaction."""
    _Keyed(connection, payload).apply()


class _Keyed:
    def __init__(self, connection: duckdb.DuckDBPyConnection, payload: str) -> None:
        said: Mapping[str, Any] = json.loads(payload)
        self._connection = connection
        self._model = str(said["model"]["name"])
        self._table = table_of(self._model)
        self._redo: Redo = parse_redo(said["model"], said["inputs"])
        self._columns = [(str(c["name"]), str(c["data_type"])) for c in said["model"]["columns"].values()]
        self._sql = str(said["sql"])
        self._run_id = str(said["run_id"])
        self._fingerprint = fingerprint(self._sql, self._columns, self._redo)
        self._is_asked_full = bool(said["is_full_refresh"])
        self._seqs = seqs(connection)

    def prepare(self) -> None:
        is_full = self._is_full()
        if not is_full:
            stop_when_changed(self._connection, self._table, self._fingerprint)
        affected = self._affected() if not is_full else self._no_keys()
        self._connection.execute(f"create or replace temp table {self._affected_name} as {affected}")
        names = [f"k{index}" for index in range(len(self._redo.key))]
        condition = f"({', '.join(names)}) in (select * from temp.{self._affected_name})" if not is_full else "true"
        self._connection.execute(
            f"create or replace temp macro is_{self._affected_name}({', '.join(names)}) as ({condition})"
        )
        self._connection.execute("create or replace temp table keyed_mode as select ? as is_full", [is_full])

    def apply(self) -> None:
        is_full = bool(self._connection.execute("select is_full from temp.keyed_mode").fetchall()[0][0])
        with transaction(self._connection):
            if is_full:
                self._rebuild()
            else:
                self._redo_affected()
            self._note_seen()
            self._prune_inputs()

    @property
    def _affected_name(self) -> str:
        return f"affected_{self._model}"

    @property
    def _changes(self) -> str:
        return f"changes.{quoted(self._model)}"

    def _is_full(self) -> bool:
        if self._is_asked_full or not self._exists(self._table) or self._table not in self._seqs:
            return True
        if is_changed_while_empty(self._connection, self._table, self._fingerprint):
            return True
        unseen_rebuilds = self._connection.execute(
            "select count(*) from ops.tables as tables left join ops.seen as seen "
            "on seen.input = tables.table_name and seen.consumer = $table "
            "where list_contains($inputs, tables.table_name) and tables.rebuilt_seq > coalesce(seen.seq, -1)",
            {"table": self._table, "inputs": [table_of(item.model) for item in self._redo.inputs]},
        ).fetchall()
        return bool(unseen_rebuilds[0][0]) or any(self._lost_changes(item) for item in self._redo.inputs)

    def _lost_changes(self, item: Input) -> bool:
        """Whether an input changed and nothing says how, because somebody dropped the table that did."""
        table = table_of(item.model)
        is_keyed = not item.model.startswith("bronze_")
        return is_keyed and self._seqs.get(table, 0) > self._seen(table) and not self._exists(f"changes.{item.model}")

    def _exists(self, table: str) -> bool:
        schema, name = table.split(".", 1)
        found = self._connection.execute(
            "select count(*) from duckdb_tables() "
            "where schema_name = ? and table_name = ? and database_name = current_database()",
            [schema, name],
        )
        return bool(found.fetchall()[0][0])

    def _seen(self, table: str) -> int:
        found = self._connection.execute(
            "select seq from ops.seen where consumer = ? and input = ?", [self._table, table]
        ).fetchall()
        return int(found[0][0]) if found else -1

    def _no_keys(self) -> str:
        types = dict(self._columns)
        return "select " + ", ".join(f"null::{types[k]} as {quoted(k)}" for k in self._redo.key) + " where false"

    def _affected(self) -> str:
        parts = [self._affected_by(item) for item in self._redo.inputs if item.keys or item.via]
        return " union ".join(parts) if parts else self._no_keys()

    def _affected_by(self, item: Input) -> str:
        if item.model.startswith("bronze_"):
            return self._affected_by_files(item)
        if not self._exists(f"changes.{item.model}"):
            return self._no_keys()
        changed = f"(select * from changes.{quoted(item.model)} where _seq > {self._seen(table_of(item.model))})"
        return self._redo.affected(item, changed)

    def _affected_by_files(self, item: Input) -> str:
        """Keys of clean rows whose file came, stopped counting, or got another date since this table last looked."""
        table = table_of(item.model)
        current = f"select file_id, file_date from ops.current_files where source = {literal(table.split('.')[1])}"
        seen = (
            "select file_id, file_date from ops.seen_files "
            f"where consumer = {literal(self._table)} and input = {literal(table)}"
        )
        changed = (
            f"select file_id from (({current}) except ({seen})) union select file_id from (({seen}) except ({current}))"
        )
        files = [int(row[0]) for row in self._connection.execute(changed).fetchall()]
        listed = ", ".join(map(str, files)) or "null"
        rows = f"(select * from {relation(table)} where _file_id in ({listed}) and _violations is null)"
        return self._redo.affected(item, rows)

    def _rebuild(self) -> None:
        typed = ", ".join(f"{quoted(name)} {kind}" for name, kind in self._columns)
        self._connection.execute(f"create or replace table {relation(self._table)} ({typed})")
        self._connection.execute(f"insert into {relation(self._table)} by name select * from ({self._sql}\n)")
        self._connection.execute(f"drop table if exists {self._changes}")
        note_built(self._connection, self._table, self._fingerprint, self._run_id, is_changed=True, is_rebuilt=True)

    def _redo_affected(self) -> None:
        target = relation(self._table)
        key = ", ".join(quoted(name) for name in self._redo.key)
        names = ", ".join(quoted(name) for name, _ in self._columns)
        where = f"({key}) in (select * from temp.{self._affected_name})"
        if not self._connection.execute(f"select 1 from temp.{self._affected_name} limit 1").fetchall():
            note_built(self._connection, self._table, self._fingerprint, self._run_id, is_changed=False)
            return
        self._connection.execute(
            f"create or replace temp table keyed_new as select {names} from ({self._sql}\n) where {where}"
        )
        self._connection.execute(
            f"create or replace temp table keyed_old as select {names} from {target} where {where}"
        )
        differs = self._differ("keyed_old", "keyed_new", names) or self._differ("keyed_new", "keyed_old", names)
        if differs:
            self._connection.execute(f"delete from {target} where {where}")
            self._connection.execute(f"insert into {target} by name select * from temp.keyed_new")
        seq = note_built(self._connection, self._table, self._fingerprint, self._run_id, is_changed=differs)
        if differs and self._has_consumers():
            self._log_changes(seq)
        self._connection.execute("drop table temp.keyed_old; drop table temp.keyed_new")

    def _differ(self, left: str, right: str, names: str) -> bool:
        found = self._connection.execute(
            f"select 1 from (select {names} from temp.{left} except all select {names} from temp.{right}) limit 1"
        )
        return bool(found.fetchall())

    def _has_consumers(self) -> bool:
        found = self._connection.execute("select count(*) from ops.seen where input = ?", [self._table]).fetchall()
        return bool(found[0][0])

    def _log_changes(self, seq: int) -> None:
        """Keep old and new values of rows that differ in what they say (columns of ours, `_…`, do not count)."""
        names = ", ".join(quoted(name) for name, _ in self._columns if not name.startswith("_"))
        changed = " union all ".join(
            f"(select {names} from temp.{left} except all select {names} from temp.{right})"
            for left, right in (("keyed_old", "keyed_new"), ("keyed_new", "keyed_old"))
        )
        self._connection.execute(
            f"create table if not exists {self._changes} as "
            f"select {names}, 0::bigint as _seq from {relation(self._table)} limit 0"
        )
        self._connection.execute(f"insert into {self._changes} by name select *, {seq} as _seq from ({changed})")

    def _note_seen(self) -> None:
        """Write down what of each input is in this table now."""
        self._connection.execute("delete from ops.seen where consumer = ?", [self._table])
        self._connection.execute("delete from ops.seen_files where consumer = ?", [self._table])
        for item in self._redo.inputs:
            table = table_of(item.model)
            self._connection.execute(
                "insert into ops.seen values (?, ?, ?)", [self._table, table, self._seqs.get(table, 0)]
            )
            if item.model.startswith("bronze_"):
                self._connection.execute(
                    "insert into ops.seen_files "
                    "select ?, ?, file_id, file_date from ops.current_files where source = ?",
                    [self._table, table, table.split(".")[1]],
                )

    def _prune_inputs(self) -> None:
        """Drop changes that every table that reads them has seen."""
        for item in self._redo.inputs:
            if self._exists(f"changes.{item.model}"):
                self._connection.execute(
                    f"delete from changes.{quoted(item.model)} where _seq <= "
                    "(select min(seq) from ops.seen where input = ?)",
                    [table_of(item.model)],
                )
