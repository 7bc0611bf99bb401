"""A bronze table: its columns, what it was made with, and which files of it count."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

import duckdb

from assay.contract.change_columns import UNCHANGED
from assay.contract.contract import Contract
from assay.contract.names import TableName, literal, quoted
from assay.ledger.contents import has_loaded, set_judged
from assay.ledger.file_counts import count_files, forget_counts
from assay.ledger.rows import forget_broken, forget_profiles
from assay.ledger.snapshots import decide_again, forget_losses
from assay.loading.change_verdict import violations
from assay.loading.judged_again import judge_again
from assay.loading.widening import RESCUED, widen
from assay.tables.table_definition import Definition, is_judged_otherwise, is_widened
from assay.tables.versions import (
    changed_with_data,
    is_changed_while_empty,
    note_built,
    stop_when_changed,
    stored_form,
)

ADDED = (
    ("_rescued", "json"),
    ("_violations", "varchar[]"),
    ("_file_id", "bigint"),
    ("_load_id", "bigint"),
    ("_loaded_at", "timestamptz"),
)
"""Columns that every bronze table has after those of its contract."""

READING = "temp.assay_reading"
"""The view of the file that is being read; a source's own view is `temp.landing_<source>`."""

_NOTE_CURRENT = """
    update ops.sources set current_files = now.said
    from (
        select coalesce(string_agg(concat_ws(' ', file_id, moment), ',' order by file_id), '') as said
        from (
            select file_id, replace(file_date::varchar, ' 00:00:00', '') as moment -- a day is said as it always was
            from ops.current_files
            where source = $source
        )
    ) as now
    where source = $source and current_files <> now.said
"""


_OF_FILES = "where _file_id between $first and $last and list_contains($files::bigint[], _file_id)"
"""The range lets DuckDB pass over all that was stored before."""

_RESCUED = """
    with keys as (select _file_id, unnest(json_keys(_rescued)) as name from {rows} where _rescued is not null),
    counted as materialized (select _file_id, name, count(*) as n from keys group by all)
    select * from counted where list_contains($names::varchar[], name)
    union all (
        select * from counted where not list_contains($names::varchar[], name) order by name, _file_id limit {further}
    )
"""

_WHOLE = """
    with assay_judged as materialized ({judged}),
    assay_whole as (
        select _file_id from assay_judged left join (values {pairs}) as asked (_asked, _records) on _file_id = _asked
        group by _file_id, _records having _records is null or count(*) = _records
    )
    select * from assay_judged where _file_id in (select _file_id from assay_whole)
"""
"""Rows of a content that gave others than were counted are not stored at all: what a transaction appends and deletes
again makes DuckDB store the rest of it row by row."""


class BronzeTable:
    """The bronze table of one source on dbt's connection.

    Args:
        connection: dbt's connection to the warehouse.
        contract: The source's contract.
        sql: The model's compiled SQL, which reads the temporary view `landing_<source>`.
        definition: What decides its rows.
        run_id: The run that writes.
    """

    def __init__(
        self,
        connection: duckdb.DuckDBPyConnection,
        contract: Contract,
        sql: str,
        definition: Definition,
        run_id: str,
    ) -> None:
        self._connection = connection
        self._contract = contract
        self.sql = sql
        self._run_id = run_id
        self._definition = definition
        self.name = TableName.of_source(contract.source).table
        self._relation = TableName.of_source(contract.source).sql

    def prepare(self) -> None:
        """Create the table when it is missing, and note how its source is loaded.

        Raises:
            ChangedWithData: The stored rows were made under another contract.
        """
        self._widen()
        stop_when_changed(self._connection, self.name, self._definition)
        if is_changed_while_empty(self._connection, self.name, self._definition):
            if has_loaded(self._connection, self._contract.source):
                raise changed_with_data(self.name)  # every record was malformed; under this contract it may not be
            self.drop()
        typed = [(c.name, c.type.sql) for c in self._contract.columns] + list(ADDED)
        columns = ", ".join(f"{quoted(name)} {kind}" for name, kind in typed)
        self._connection.execute(f"create table if not exists {self._relation} ({columns})")
        self._note_source()
        if not self._rows("select 1 from ops.tables where table_name = ?", [self.name]):
            self.note_change()

    def _widen(self) -> None:
        """Take in what the contract takes in since the rows were stored, such as columns; that is not a rebuild."""
        stored = self._rows("select fingerprint, definition from ops.tables where table_name = ?", [self.name])
        if not stored or not self._is_widened(*stored[0]):
            return
        form = json.loads(stored[0][1]) if stored[0][1] else None
        files = widen(self._connection, self._contract, form, self._known_rules(stored[0][1]))
        for file_id in files:
            self._insert_again(file_id)
        self._take_as_changed(files)

    def judge_again(self) -> bool:
        """Judge the stored rows again where no more than rules and the key changed; gives whether that was so."""
        form = stored_form(self._connection, self.name)
        if form is None or not is_judged_otherwise(json.loads(self._definition.text), form):
            return False
        files = judge_again(self._connection, self._contract, self.sql)
        self._take_as_changed(files)
        forget_broken(self._connection, self._contract.source, files)
        set_judged(self._connection, self._contract)
        return True

    def _take_as_changed(self, files: Sequence[int]) -> None:
        """Write down the definition of now, and that rows of some contents are not what they were."""
        files = sorted({*files, *self._incomplete()})
        count_files(self._connection, self._contract.source, files)
        self._connection.execute(
            "update ops.tables set fingerprint = ?, definition = ? where table_name = ?",
            [self._definition.fingerprint, self._definition.text, self.name],
        )
        if files:  # whoever has taken these files in takes them in once more, and their clean keys may be others
            forget_losses(self._connection, self._contract.source)
            self._connection.execute(
                "delete from ops.seen_files where input = ? and list_contains(?::bigint[], file_id)", [self.name, files]
            )
            self.note_change()

    def _incomplete(self) -> list[int]:
        """Contents with changes that silver completes, and judges by the rules of now."""
        if self._contract.load != "changes":
            return []
        rows = self._rows(f"select distinct _file_id from {self._relation} where len({UNCHANGED}) > 0")
        return [int(file_id) for (file_id,) in rows]

    def _known_rules(self, definition: str | None) -> set[str]:
        """Rules that the stored rows were judged by; of the first lakes, all but those on optional columns."""
        if definition is not None:
            return {name for name, _ in json.loads(definition)["contract"]["rules"]}
        return {rule.name for rule in self._contract.rules if rule.column not in self._contract.optional}

    def _is_widened(self, fingerprint: str, definition: str | None) -> bool:
        if self._definition.is_of(fingerprint):
            return fingerprint != self._definition.fingerprint  # of the first lakes, which had no optional columns
        return definition is not None and is_widened(self._contract, self._definition.form, json.loads(definition))

    def _insert_again(self, file_id: int) -> None:
        """Judge and append the widened rows of one file, which came with as many loads as it was read by."""
        for load_id, at, count in self._rows(
            f"select _load_id, _loaded_at, count(*) from {RESCUED} where _file_id = ? group by all", [file_id]
        ):
            self._connection.execute(
                f"create or replace temp view {READING.split('.')[1]} as "
                f"select * from {RESCUED} where _file_id = {file_id} and _load_id = {load_id}"
            )
            inserted = self.insert("true", file_id, load_id, at)
            if inserted != count:
                raise changed_with_data(self.name, [f"its SQL gives {inserted:,} of {count:,} rows"])

    def drop(self) -> None:
        """Delete all rows, and what they were made with."""
        self._connection.execute(f"drop table if exists {self._relation}")
        self._connection.execute("delete from ops.malformed where source = ?", [self._contract.source])
        forget_counts(self._connection, self._contract.source)
        forget_profiles(self._connection, self._contract.source)
        forget_losses(self._connection, self._contract.source)
        self._connection.execute(
            "update ops.tables set row_count = 0, fingerprint = ?, definition = ? where table_name = ?",
            [self._definition.fingerprint, self._definition.text, self.name],
        )

    def insert(self, where: str, file_id: int, load_id: int, now: datetime) -> int:
        """Judge and append the rows of the present reading.

        Args:
            where: SQL over the reading that picks the records that became rows.
            file_id: The content that they come from.
            load_id: The load.
            now: When they are loaded.

        Returns:
            How many rows the model's SQL gave.
        """
        return self._insert("_rescued", where, str(file_id), load_id, now)

    def insert_many(self, load_id: int, now: datetime, records: Mapping[int, int]) -> None:
        """Judge and append the rows of a reading of several files, which has the `_file_id` of each.

        Args:
            load_id: The load.
            now: When they are loaded.
            records: How many rows a content has to give, or none of it is appended; of others, all are. To know, the
                rows of all are held.
        """
        pairs = ", ".join(f"({file_id}, {count})" for file_id, count in records.items())
        self._insert("_rescued, _file_id", "true", "_file_id", load_id, now, _WHOLE if records else "{judged}", pairs)

    def _insert(
        self, added: str, where: str, file_id: str, load_id: int, now: datetime, rows: str = "{judged}", pairs: str = ""
    ) -> int:
        names = ", ".join(quoted(name) for name in self._contract.names)
        landing = quoted(f"landing_{self._contract.source}")
        self._connection.execute(
            f"create or replace temp view {landing} as select {names}, {added} from {READING} where {where}"
        )
        verdict = f"{violations(self._contract)} as _violations"
        judged = f"select {names}, _rescued, {verdict}, {file_id} as _file_id from ({self.sql}\n)"
        at = f"{literal(now.isoformat())}::timestamptz"
        done = self._rows(
            f"insert into {self._relation} ({names}, _rescued, _violations, _file_id, _load_id, _loaded_at) "
            f"select *, {load_id}, {at} from ({rows.format(judged=judged, pairs=pairs)})"
        )
        return int(done[0][0])

    def rows_of(self, files: Sequence[int]) -> dict[int, int]:
        """Stored rows of each of some contents."""
        counted = self._rows(f"select _file_id, count(*) from {self._relation} {_OF_FILES} group by all", _range(files))
        return {**dict.fromkeys(files, 0), **dict(counted)}

    def rescued_names(self, files: Sequence[int], names: Sequence[str]) -> dict[int, list[str]]:
        """Which of some names stand in what was rescued of each of some contents; of most in none."""
        listed = ", ".join(map(literal, names))
        rows = self._rows(
            f"select _file_id, list_sort(list_distinct(flatten(list(list_intersect(json_keys(_rescued), [{listed}])))))"
            f" from {self._relation} {_OF_FILES} and _rescued is not null group by all",
            _range(files),
        )
        return {file_id: stored for file_id, stored in rows if stored}

    def rescued_of(self, file_id: int) -> str:
        """SQL of what was rescued of a content."""
        return f"select _rescued from {self._relation} where _file_id = {file_id} and _rescued is not null"

    def values_of(
        self, files: Sequence[int], names: Sequence[str], most: int = 0
    ) -> dict[int, tuple[int, dict[str, int]]]:
        """Stored rows of each of some contents, and how many of them have a value of each of some columns.

        Args:
            files: The contents.
            names: The columns.
            most: Rows that are looked at; 0 for all.
        """
        none = (0, dict.fromkeys(names, 0))
        if not files:
            return {}
        counts = "".join(f", count({quoted(name)})" for name in names)
        counted = self._rows(
            f"select _file_id, count(*){counts} from {self._of_files(most)} group by _file_id", _range(files)
        )
        return dict.fromkeys(files, none) | {
            file_id: (rows, dict(zip(names, values, strict=True))) for file_id, rows, *values in counted
        }

    def rescued_counts(
        self, files: Sequence[int], names: Collection[str], further: int, most: int = 0
    ) -> dict[int, dict[str, int]]:
        """How many rows of each of some contents have rescued names.

        Args:
            files: The contents.
            names: Names that are counted wherever they are.
            further: Others that are, the first of them in their order.
            most: Rows that are looked at; 0 for all.
        """
        counts: dict[int, dict[str, int]] = {file_id: {} for file_id in files}
        if files:
            values = {**_range(files), "names": list(names)}
            for file_id, name, rows in self._rows(_RESCUED.format(rows=self._of_files(most), further=further), values):
                counts[file_id][name] = rows
        return counts

    def _of_files(self, most: int) -> str:
        limit = f" limit {most}" if most else ""
        return f"(select * from {self._relation} {_OF_FILES}{limit})"

    def take_back(self, files: Sequence[int]) -> None:
        """Delete the rows of contents that turned out not to be loaded by them, in the transaction that put them in."""
        if files:
            self._connection.execute(f"delete from {self._relation} {_OF_FILES}", _range(files))

    def note_change(self, *, is_rebuilt: bool = False) -> None:
        """Count a change of the table's rows."""
        note_built(self._connection, self.name, self._definition, self._run_id, is_changed=True, is_rebuilt=is_rebuilt)

    def note_current(self) -> None:
        """Decide which files count; that they are others than before is a change, though none was loaded."""
        decide_again(self._connection, self._contract)
        if self._rows(_NOTE_CURRENT, {"source": self._contract.source})[0][0]:
            self.note_change()

    def _note_source(self) -> None:
        values = [self._contract.load, self._contract.version, self._contract.source]
        known = self._rows("update ops.sources set load = ?, contract_version = ? where source = ?", values)
        if not known[0][0]:
            self._connection.execute(
                "insert into ops.sources (source, load, contract_version, current_files, dated_by) "
                "values (?, ?, ?, '', ?)",
                [self._contract.source, self._contract.load, self._contract.version, self._contract.file_date],
            )

    def _rows(self, sql: str, values: object = None) -> list[tuple[Any, ...]]:
        return self._connection.execute(sql, values).fetchall()


def _range(files: Sequence[int]) -> dict[str, object]:
    return {"first": min(files), "last": max(files), "files": list(files)}
