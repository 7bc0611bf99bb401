"""Rebuild the keys of a table that its inputs changed, and no others.

A *keyed* table declares the key that it is redone by. What is redone are the keys that stand in the old or the new
values of everything its inputs changed and it has not yet seen: of bronze the rows of files that came or stopped
counting, of a keyed table the rows in `changes.<model>`. What a table has seen is written in the transaction that
takes it in, so a crash between two tables loses nothing, and nothing depends on times or on "this run".

All comparisons of keys are NULL-safe: `(a, b) in (…)` would neither delete nor insert a key that holds a NULL.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from typing import Any

import duckdb

from assay.base.warehouse import transaction
from assay.contract.names import TableName, literal, quoted, table_of
from assay.contract.own_columns import OWN_TYPE, undeclared
from assay.contract.part_choice import parse_part_choice
from assay.contract.rebuild_key import Input, RebuildKey, parse_redo
from assay.contract.table_schema import version_of
from assay.contract.types import sql_type
from assay.ledger.change_cuts import have_cuts
from assay.tables.build_costs import BUILD, note_cost
from assay.tables.change_log import has_consumers, log_changes, log_wider
from assay.tables.change_views import with_change_views
from assay.tables.date_ranges import narrowed
from assay.tables.first_fingerprints import first_keyed
from assay.tables.key_ranges import is_among
from assay.tables.lone_rows import lone_rows_apart
from assay.tables.part_column import columns_of, part_column
from assay.tables.parts import build_within_memory, each_part, is_in_part
from assay.tables.rebuilds import forget_rebuild, note_rebuild
from assay.tables.seen_inputs import is_stored, note_seen, prune_inputs, seen_seq
from assay.tables.silver_counts import count_whole, move_counts
from assay.tables.strict import stop_when_strict
from assay.tables.superseded_changes import LeftOut
from assay.tables.swapped_rows import find_changed, forget_swapped
from assay.tables.table_columns import stop_unless_as_declared
from assay.tables.table_definition import Definition, keyed_form
from assay.tables.touched_parts import note_touched
from assay.tables.versions import is_changed, is_changed_while_empty, note_built, seqs, stop_when_changed
from assay.tables.widened_table import widen_table
from assay.tables.written_keys import forget_written, log_written

_KEY = "assay_key_"
"""Before the number of a key column, in names that no model uses: an argument of `affected()` must not find them."""


def build_keyed(connection: duckdb.DuckDBPyConnection, payload: str) -> None:
    """Replace the rows of the keys that changed by what the model's SQL gives for them, in one transaction.

    Called by the materialization `keyed` on dbt's connection, on which it makes the temporary table
    `affected_<model>` and the macro `is_affected_<model>(key…)` that the model's SQL asks.

    Args:
        connection: dbt's connection to the warehouse.
        payload: JSON with `model` (the node), `inputs` (the nodes that it reads), `sql` (its compiled SQL), `run_id`,
            `is_full_refresh` and `rebuilds_changed`.

    Raises:
        ChangedWithData: The model is not the one that its rows were made with.
        ColumnsDiffer: Its SQL does not give the columns that its yml declares.
    """
    keyed = _Keyed(connection, payload)
    build_within_memory(keyed.build, keyed.table) if keyed.is_full else keyed.build()


class _Keyed:
    def __init__(self, connection: duckdb.DuckDBPyConnection, payload: str) -> None:
        arguments: Mapping[str, Any] = json.loads(payload)
        self._connection = connection
        self._node: Mapping[str, Any] = arguments["model"]
        self._model = str(self._node["name"])
        self._name = TableName.of_model(self._model)
        self.table = self._name.table
        self._rebuild_key: RebuildKey = parse_redo(arguments["model"], arguments["inputs"])
        self._part_choice = parse_part_choice(arguments["model"], self._rebuild_key.key)
        declared = [(str(c["name"]), sql_type(str(c["data_type"]))) for c in arguments["model"]["columns"].values()]
        own = undeclared([name for name, _ in declared], list(arguments["inputs"]))
        self._columns = [*declared, *((name, OWN_TYPE) for name in own)]
        compiled = str(arguments["sql"])
        self._inputs: Mapping[str, Mapping[str, Any]] = arguments["inputs"]
        self._sql, self._views = with_change_views(compiled, self._model, self._inputs)
        self._run_id = str(arguments["run_id"])
        self._definition = Definition(
            keyed_form(compiled, self._columns, self._rebuild_key),
            first_keyed(arguments["model"], compiled, self._columns, self._rebuild_key, arguments["inputs"]),
            version_of(self._node),
        )
        self._is_asked_full = bool(arguments["is_full_refresh"])
        self._rebuilds_changed = bool(arguments.get("rebuilds_changed"))
        if self._rebuilds_changed:
            self._is_asked_full |= is_changed(connection, self.table, self._definition)
        self._seqs = seqs(connection)
        self.is_full = self._is_full()

    def build(self, parts: int = 1) -> None:
        if not self.is_full:
            self._widen()
            stop_when_changed(self._connection, self.table, self._definition)
        self._make_affected(parts)
        stop_unless_as_declared(self._connection, self.table, self._sql, self._columns)
        with transaction(self._connection):
            if self.is_full:
                self._rebuild(parts)
            else:
                self._redo_affected()
            note_seen(self._connection, self.table, self._sql, self._rebuild_key, self._seqs)
            prune_inputs(self._connection, self._rebuild_key)
        for view in self._views:
            view.forget(self._connection)

    def _widen(self) -> None:
        """Take in what the table's columns hold more since it was built; a change of no row, of which readers hear."""
        with transaction(self._connection):
            seq = widen_table(self._connection, self._node, self._definition, self._run_id)
            if seq is not None and has_consumers(self._connection, self.table):
                log_wider(self._connection, self._name, self._columns, seq)

    def _make_affected(self, parts: int) -> None:
        affected = self._no_keys() if self.is_full else self._affected()
        places = range(len(self._rebuild_key.key))
        names = ", ".join(f"{_KEY}{place}" for place in places)
        self._connection.execute(
            f"create or replace temp table {self._affected_name} as select * from ({affected}) as t({names})"
        )
        asked = [f"{_KEY}asked_{place}" for place in places]
        condition = self._is_in_part(asked, parts) if self.is_full else self._is_affected(asked)
        self._connection.execute(
            f"create or replace temp macro {quoted(f'is_affected_{self._model}')}({', '.join(asked)}) as ({condition})"
        )
        for view in self._views:
            view.make(self._connection, lambda key: f"{self._asks}({', '.join(key)})", is_stored=not self.is_full)

    def _is_affected(self, asked: list[str]) -> str:
        """SQL for whether a key, of which each column is an expression, is to be redone."""
        columns = [f"{_KEY}{place}" for place in range(len(asked))]
        return is_among(self._connection, f"temp.{self._affected_name}", columns, asked)

    def _narrowed(self) -> str:
        """The model's SQL, which reads of its inputs only the dates that affected keys can be made of."""
        asks = f"temp.main.is_affected_{self._model}("
        columns = [f"{_KEY}{place}" for place in range(len(self._rebuild_key.key))]
        sql = narrowed(self._connection, self._sql, asks, f"temp.{self._affected_name}", columns)
        try:
            if sql != self._sql:
                self._connection.execute(f"explain {sql}")
        except duckdb.BinderException:  # where the column itself may not stand, as in `having`
            return self._sql
        return sql

    @property
    def _asks(self) -> str:
        """The macro that says whether a key is redone."""
        return f"temp.main.{quoted(f'is_affected_{self._model}')}"

    @property
    def _left_out(self) -> tuple[LeftOut, str] | None:
        """What is kept of changes that the table leaves out, and the relation with their states; None of others."""
        views = [view for view in self._views if not view.has_versions]
        is_one = len(self._rebuild_key.inputs) == len(views) == 1
        return (LeftOut(self._connection, self._name, views[0].contract), views[0].relation) if is_one else None

    @property
    def _affected_name(self) -> str:
        return quoted(f"affected_{self._model}")

    @property
    def _changes(self) -> str:
        return self._name.changes_sql

    def _is_full(self) -> bool:
        if self._is_asked_full or self.table not in self._seqs:
            return True
        if not is_stored(self._connection, self._name.layer, self._name.entity):
            return True
        if is_changed_while_empty(self._connection, self.table, self._definition):
            return True
        unseen_rebuilds = self._connection.execute(
            "select tables.table_name from ops.tables as tables left join ops.seen as seen "
            "on seen.input = tables.table_name and seen.consumer = $table "
            "where list_contains($inputs, tables.table_name) and tables.rebuilt_seq > coalesce(seen.seq, -1)",
            {"table": self.table, "inputs": [table_of(item.model) for item in self._rebuild_key.inputs]},
        ).fetchall()
        rebuilt = [str(name) for (name,) in unseen_rebuilds]
        rebuilt += [table_of(item.model) for item in self._rebuild_key.inputs if self._lost_changes(item)]
        if rebuilt and not self._rebuilds_changed:
            stop_when_strict(self._node, self.table, sorted(set(rebuilt)))
        return bool(rebuilt)

    def _lost_changes(self, item: Input) -> bool:
        """Whether an input changed and nothing says how, because somebody dropped the table that did."""
        name = TableName.of_model(item.model)
        is_unseen = self._seqs.get(name.table, 0) > seen_seq(self._connection, self.table, name.table)
        return not name.is_bronze and is_unseen and not is_stored(self._connection, "changes", name.model)

    def _no_keys(self) -> str:
        types = dict(self._columns)
        return "select " + ", ".join(f"null::{types[k]} as {quoted(k)}" for k in self._rebuild_key.key) + " where false"

    def _affected(self) -> str:
        inputs = [item for item in self._rebuild_key.inputs if item.keys or item.via]
        return " union ".join([self._no_keys(), *map(self._affected_by, inputs)])

    def _affected_by(self, item: Input) -> str:
        name = TableName.of_model(item.model)
        if name.is_bronze:
            return self._affected_by_files(item)
        if not is_stored(self._connection, "changes", name.model):
            return self._no_keys()
        changed = (
            f"(select * from {name.changes_sql} where _seq > {seen_seq(self._connection, self.table, name.table)})"
        )
        return self._rebuild_key.affected(item, changed)

    def _affected_by_files(self, item: Input) -> str:
        """Keys of rows whose file came, stopped counting, or got another date since this table last looked.

        Rows that break a rule too: they may have been clean when the table looked.
        """
        name = TableName.of_model(item.model)
        current = f"select file_id, file_date from ops.current_files where source = {literal(name.entity)}"
        seen = (
            "select file_id, file_date from ops.seen_files "
            f"where consumer = {literal(self.table)} and input = {literal(name.table)}"
        )
        changed = (
            f"select file_id from (({current}) except ({seen})) union select file_id from (({seen}) except ({current}))"
        )
        files = [int(row[0]) for row in self._connection.execute(changed).fetchall()]
        listed = ", ".join(map(str, files)) or "null"
        if have_cuts(self._connection, name.entity, files):  # which may take out, or bring back, the row of any key
            return self._rebuild_key.affected(item, name.sql)
        rows = f"(select * from {name.sql} where _file_id in ({listed}))"
        return self._rebuild_key.affected(item, rows)

    def _is_in_part(self, keys: list[str], parts: int) -> str:
        types = dict(self._columns)
        return is_in_part(keys, [types[name] for name in self._rebuild_key.key], parts)

    def _rebuild(self, parts: int) -> None:
        typed = ", ".join(f"{quoted(name)} {kind}" for name, kind in self._columns)
        self._connection.execute(f"create or replace table {self._name.sql} ({typed})")
        where = self._is_in_part([f"made.{quoted(name)}" for name in self._rebuild_key.key], parts)
        along = part_column(columns_of(self._connection, self._name.sql), self._part_choice)
        order = f" order by made.{quoted(along.name)}" if along else ""  # what looks for some dates reads their blocks
        began = time.monotonic()
        for _ in each_part(self._connection, parts):
            with lone_rows_apart(self._connection, self._sql, self._inputs) as sql:
                self._connection.execute(
                    f"insert into {self._name.sql} by name select * from ({sql}\n) as made where {where}{order}"
                )
        count_whole(self._connection, self.table, dict(self._columns))
        if self._left_out:
            left_out, states = self._left_out
            left_out.count_whole(states, parts)
        forget_written(self._connection, self._name)
        forget_rebuild(self._connection, self.table)
        self._connection.execute(f"drop table if exists {self._changes}")
        note_built(self._connection, self.table, self._definition, self._run_id, is_changed=True, is_rebuilt=True)
        rows = self._connection.execute(f"select count(*) from {self._name.sql}").fetchall()[0][0]
        note_cost(self._connection, self.table, BUILD, rows, time.monotonic() - began)

    def _redo_affected(self) -> None:
        target = self._name.sql
        names = ", ".join(quoted(name) for name, _ in self._columns)
        where = self._is_affected([f"made.{quoted(name)}" for name in self._rebuild_key.key])
        if not self._connection.execute(f"select 1 from temp.{self._affected_name} limit 1").fetchall():
            note_built(self._connection, self.table, self._definition, self._run_id, is_changed=False)
            return
        began = time.monotonic()
        sql = self._narrowed()
        self._connection.execute(
            f"create or replace temp table keyed_new as select {names} from ({sql}\n) as made where {where}"
        )
        self._connection.execute(
            f"create or replace temp table keyed_old as select {names} from {target} as made where {where}"
        )
        swap = find_changed(self._connection, [name for name, _ in self._columns])
        if swap.differs:
            if swap.gone:
                self._connection.execute(f"delete from {target} as made where {where}")
            self._connection.execute(f"insert into {target} by name select * from temp.keyed_new")
            move_counts(self._connection, self.table, dict(self._columns))
        if self._left_out:
            left_out, states = self._left_out
            left_out.move(states, self._asks, f"temp.{self._affected_name}")
        note_rebuild(self._connection, self.table, f"temp.{self._affected_name}", time.monotonic() - began)
        seq = note_built(self._connection, self.table, self._definition, self._run_id, is_changed=swap.differs)
        if swap.differs:
            log_written(self._connection, self._name, self._rebuild_key.key, seq)
            note_touched(self._connection, self.table, seq, self._part_choice)
            if has_consumers(self._connection, self.table):
                log_changes(self._connection, self._name, self._columns, seq)
        forget_swapped(self._connection, swap)
