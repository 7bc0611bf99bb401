"""Load what has arrived into bronze: rows, malformed records and the ledger in one transaction per file.

The fast way reads a file once and is accepted only when the number of rows equals the number of records that were
counted in the file's bytes, by other code. Anything else goes the careful way: the file is split into records, each
with its line, and every record ends up as a row or as a malformed record with its reasons.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb

from contracts.contract import Contract
from contracts.parse import parse_contract
from resources.arrivals import hint_of
from resources.arrived import File, files, files_to_read_again, next_load_id, note
from resources.blame import first_line, raise_unless_about_file
from resources.bronze_table import BronzeTable
from resources.malformed import SPOOLED, write_bad_values
from resources.reading import csv_options, csv_view, jsonl_view, parquet_view, readable_path
from resources.text import Unreadable, write_clean
from resources.warehouse import transaction

DIRECT = ("utf-8", "utf8", "ascii")  # encodings that DuckDB reads as they are


@dataclass(frozen=True)
class _Counted:
    """Records of one file: read by the count of its bytes, loaded as rows, kept as malformed."""

    read: int
    loaded: int
    malformed: int


class _Doubt(Exception):
    """The fast way did not account for every record."""


class _Changed(Exception):
    """The file is not the one that was hashed."""


def load_landed(connection: duckdb.DuckDBPyConnection, payload: str) -> None:
    """Load all files of a source that have arrived. Called by the materialization `landed` on dbt's connection.

    Args:
        connection: dbt's connection to the warehouse.
        payload: JSON with `model` (the node), `sql` (its compiled SQL), `home`, `run_id` and `is_full_refresh`.

    Raises:
        ChangedWithData: The contract is not the one that the stored rows were loaded under.
        NeedsFiles: A full refresh would lose rows whose files are gone.
    """
    said = json.loads(payload)
    loader = _Loader(connection, said)
    if said["is_full_refresh"]:
        loader.refresh()
    else:
        loader.load()


class _Loader:
    def __init__(self, connection: duckdb.DuckDBPyConnection, said: Mapping[str, Any]) -> None:
        self._connection = connection
        self._contract: Contract = parse_contract(said["model"])
        self._run_id = str(said["run_id"])
        self._table = BronzeTable(connection, self._contract, str(said["sql"]), self._run_id)
        self._landing = Path(said["home"]) / "landing"
        self._scratch = Path(said["home"]) / "scratch" / "load"
        self._now = datetime.now(UTC)

    def load(self) -> None:
        with transaction(self._connection):
            self._table.prepare()
        load_id = next_load_id(self._connection)
        for file in files(self._connection, self._landing, self._contract.source, "arrived"):
            self._load_or_refuse(file, load_id)
        with transaction(self._connection):
            self._table.note_current()

    def refresh(self) -> None:
        """Read every file again and replace the table in one transaction."""
        again = files_to_read_again(self._connection, self._landing, self._contract.source)
        load_id = next_load_id(self._connection)
        with transaction(self._connection):
            self._table.drop()
            self._table.prepare()
            for file in again:
                self._load_file(file, load_id, is_plain=False)
            self._table.note_current()
            self._table.note_change(is_rebuilt=True)

    def _load_or_refuse(self, file: File, load_id: int) -> None:
        """Load one file in a transaction of its own; what is wrong with it is written to the ledger instead."""
        try:
            try:
                with transaction(self._connection):
                    self._load_file(file, load_id, is_plain=True)
            except _Doubt:
                with transaction(self._connection):
                    self._load_file(file, load_id, is_plain=False)
        except Unreadable as error:
            note(self._connection, file, status="refused", reason=str(error), run_id=self._run_id)
        except _Changed:
            if hint_of(file.path) is None:
                note(self._connection, file, status="missing", reason="was gone before it was loaded")

    def _load_file(self, file: File, load_id: int, *, is_plain: bool) -> None:
        if not file.is_as_hashed:
            raise _Changed(file.name)
        with readable_path(file.path) as name:
            counted = self._fast(file, name, load_id) if is_plain else self._careful(file, name, load_id)
        if not file.is_as_hashed:
            raise _Changed(file.name)
        note(
            self._connection,
            file,
            status="loaded",
            reason=None,
            records_read=counted.read,
            records_loaded=counted.loaded,
            records_malformed=counted.malformed,
            loaded_at=self._now,
            load_id=load_id,
            run_id=self._run_id,
            contract_version=self._contract.version,
            contract_fingerprint=self._contract.fingerprint,
        )
        self._table.note_change()

    def _fast(self, file: File, name: str, load_id: int) -> _Counted:
        """Read the file once.

        Raises:
            _Doubt: Its records could not be counted for sure, or are not as many as the rows.
        """
        if file.plain_records is None or self._contract.format.encoding.lower() not in DIRECT:
            raise _Doubt
        try:
            self._read(self._view(file, name, has_lines=False))
            inserted = self._table.insert("true", file.file_id, load_id, self._now)
        except duckdb.Error as error:
            raise_unless_about_file(error)
            raise _Doubt from error
        if inserted != file.plain_records:
            raise _Doubt
        return _Counted(file.plain_records, inserted, 0)

    def _careful(self, file: File, name: str, load_id: int) -> _Counted:
        """Read the file so that each record is known by its line.

        Raises:
            Unreadable: The file as a whole cannot be read.
        """
        if self._contract.format.type == "parquet":
            return self._careful_parquet(file, name, load_id)
        shutil.rmtree(self._scratch, ignore_errors=True)
        self._scratch.mkdir(parents=True)
        try:
            return self._careful_text(file, load_id)
        finally:
            shutil.rmtree(self._scratch, ignore_errors=True)

    def _careful_text(self, file: File, load_id: int) -> _Counted:
        width = len(file.header) if file.header is not None else len(self._contract.columns)
        good, bad, values = (self._scratch / name for name in ("good", "bad", "values"))
        split = write_clean(file.path, self._contract.format, width, good, bad)
        clean = replace(file, is_gzip=False, has_quoted_line_ends=split.has_quoted_line_ends)
        with readable_path(good) as name:
            self._read(self._view(clean, name, has_lines=True))
            self._refuse_new_keys()
            write_bad_values(self._connection, file.path, self._contract.format, width, values)
            for spool in (bad, values):
                self._keep_malformed(f"line, raw, problems from read_json(?, {SPOOLED})", file, load_id, [str(spool)])
            inserted = self._table.insert("_reasons is null", file.file_id, load_id, self._now)
        return self._counted(file, split.good + split.bad, inserted)

    def _careful_parquet(self, file: File, name: str, load_id: int) -> _Counted:
        try:
            self._read(self._view(file, name, has_lines=True))
            bad = "_line, _record, _reasons from temp.landing_reading where _reasons is not null"
            self._keep_malformed(bad, file, load_id, [])
            inserted = self._table.insert("_reasons is null", file.file_id, load_id, self._now)
        except duckdb.Error as error:
            raise_unless_about_file(error)
            raise Unreadable(f"cannot be read as Parquet: {first_line(error)}") from error
        return self._counted(file, file.plain_records or 0, inserted)

    def _keep_malformed(self, found: str, file: File, load_id: int, values: list[str]) -> None:
        self._connection.execute(
            "insert into ops.malformed (source, file_id, contract_version, load_id, loaded_at, line, record, reasons) "
            f"select ?, ?, ?, ?, ?, {found} order by all",
            [self._contract.source, file.file_id, self._contract.version, load_id, self._now, *values],
        )

    def _counted(self, file: File, read: int, inserted: int) -> _Counted:
        kept = self._connection.execute("select count(*) from ops.malformed where file_id = ?", [file.file_id])
        malformed = int(kept.fetchall()[0][0])
        if read != inserted + malformed:
            raise Unreadable(
                f"{read:,} records were counted in it, but {inserted:,} rows and {malformed:,} malformed records were "
                f"read, so it is not loaded. A model of {self._table.name} that drops rows does this; if it does not, "
                "please report the file"
            )
        return _Counted(read, inserted, malformed)

    def _view(self, file: File, name: str, *, has_lines: bool) -> str:
        form = self._contract.format
        if form.type == "csv":
            has_header = form.header and not has_lines
            is_parallel = not file.has_quoted_line_ends
            options = csv_options(form, has_header=has_header, is_gzip=file.is_gzip, is_parallel=is_parallel)
            return csv_view(name, self._contract, file.header, options, has_lines=has_lines)
        if form.type == "jsonl":
            return jsonl_view(name, self._contract, is_gzip=file.is_gzip, has_lines=has_lines)
        described = self._connection.execute(
            "select column_name, column_type from (describe from read_parquet(?))", [name]
        )
        return parquet_view(name, self._contract, dict(described.fetchall()), has_lines=has_lines)

    def _read(self, view: str) -> None:
        self._connection.execute(f"create or replace temp view landing_reading as {view}")

    def _refuse_new_keys(self) -> None:
        if self._contract.format.type != "jsonl" or self._contract.new_columns == "rescue":
            return
        found = self._connection.execute(
            "select distinct unnest(json_keys(_rescued)) as name from temp.landing_reading "
            "where _rescued is not null order by name limit 20"
        ).fetchall()
        if found:
            names = ", ".join(row[0] for row in found)
            raise Unreadable(f"does not match contract {self._contract.version}: unexpected columns: {names}")
