"""Load what has arrived into bronze: a file's rows, malformed records and ledger entry in one transaction.

Small files share one. What is wrong with one file is written to the ledger and the load goes on; one that needs more
memory than there is waits for the next run and is refused when it fails there too. What is wrong with the machine (a
full disk) or with our own SQL ends the run, and the file waits as it was.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack, suppress
from dataclasses import astuple
from functools import partial
from pathlib import Path
from typing import Any

import duckdb

from assay.base import log
from assay.base.memory import ATTEMPTS, NOT_ENOUGH, NotEnoughMemory, limit_in_bytes, limit_of, limited_load, reason
from assay.base.warehouse import transaction
from assay.contract.contract import Contract
from assay.contract.parse import parse_contract
from assay.ledger.file_counts import count_files, count_unless_kept
from assay.ledger.identities import identify_again
from assay.ledger.inspect_file import examine
from assay.ledger.pending import (
    File,
    NeedsFiles,
    as_examined,
    copies_to_load,
    files,
    next_load_id,
    note,
    note_counts,
    rows_loaded,
)
from assay.loading.bronze_table import BronzeTable
from assay.loading.file_load import Counted, FileLoad, NeedsStrictParse, Ways
from assay.loading.rejudge import READING
from assay.loading.shape import ShapeChanges
from assay.loading.together import FilesTogether
from assay.reading.wide_plans import plain_plans
from assay.tables.build_costs import BUILD, note_cost
from assay.tables.first_fingerprints import first_bronze
from assay.tables.full_refresh import date_again, note_replaced, plan
from assay.tables.generated_models import is_written_here
from assay.tables.table_definition import Definition, bronze_form
from assay.tables.versions import ChangedWithData
from assay.text import Misfit, NoRoom, Unreadable


class _Changed(Exception):
    """The file is not the one that was hashed."""


def load_landed(connection: duckdb.DuckDBPyConnection, payload: str) -> None:
    """Load all files of a source that have arrived. Called by the materialization `landed` on dbt's connection.

    Args:
        connection: dbt's connection to the warehouse.
        payload: JSON with `model` (the node), `sql` (its compiled SQL), `home`, `run_id`, `is_full_refresh` and
            `rebuilds_changed`.

    Raises:
        ChangedWithData: The contract is not the one that the stored rows were loaded under.
        NeedsFiles: A full refresh would lose rows whose files are gone.
    """
    arguments = json.loads(payload)
    loader = _Loader(connection, arguments)
    with limited_load(connection), plain_plans(connection, loader.width):
        if arguments["is_full_refresh"] and not loader.judge_again():
            loader.refresh()
        try:
            loader.load()
        except ChangedWithData:
            if not arguments.get("rebuilds_changed"):
                raise
            if not loader.judge_again():
                loader.refresh()
            loader.load()


class _Loader:
    def __init__(self, connection: duckdb.DuckDBPyConnection, arguments: Mapping[str, Any]) -> None:
        self._connection = connection
        self._contract: Contract = parse_contract(arguments["model"])
        self._run_id = str(arguments["run_id"])
        sql = str(arguments["sql"])
        first = first_bronze(self._contract, arguments["model"], sql)
        definition = Definition(bronze_form(self._contract, sql), first)
        self._table = BronzeTable(connection, self._contract, sql, definition, self._run_id)
        self._landing = Path(arguments["home"]) / "landing"
        self._load_id = next_load_id(connection)
        self._loaded: list[tuple[int, float]] = []
        self._is_written_here = is_written_here(arguments["model"])
        self._limit = limit_of(connection)
        scratch = Path(arguments["home"]) / "scratch" / "load"
        self._load = FileLoad(connection, self._contract, self._table, scratch, self._load_id)
        self._shapes = ShapeChanges(connection, self._contract, self._table, self._run_id, self._load.at)
        self._together = FilesTogether(connection, self._contract, self._table, self._load_id, self._load.at)

    @property
    def width(self) -> int:
        """Columns of the contract."""
        return len(self._contract.of_records.columns)

    def load(self) -> None:
        """Load what waits; a copy takes the place of a file that went away before its content was loaded."""
        with transaction(self._connection):
            count_unless_kept(self._connection, self._contract.source)
            self._table.prepare()
            date_again(self._connection, self._contract)
        waiting = self._files("arrived")
        tried = {f.sighting_id for f in waiting if f.failures and f.run_id == self._run_id}  # by this run's look
        for batch in self._together.batches(file for file in waiting if file.sighting_id not in tried):
            self._load_batch(batch)
        while copies := copies_to_load(self._connection, self._landing, self._contract.source):
            for file in copies:
                note(self._connection, file, status="arrived")
                self._load_or_refuse(file)
        rows, seconds = (sum(figures) for figures in zip(*self._loaded, strict=True)) if self._loaded else (0, 0.0)
        with transaction(self._connection):
            self._table.note_current()
            note_cost(self._connection, self._table.name, BUILD, rows, seconds)

    def judge_again(self) -> bool:
        """Judge the stored rows again where that is all that a changed contract asks; gives whether it is."""
        if not self._is_written_here:
            return False
        with transaction(self._connection):
            return self._table.judge_again()

    def refresh(self) -> None:
        """Read every loaded file again and replace the table in one transaction."""
        done: list[tuple[File, Counted, float]] = []
        with transaction(self._connection):
            parted = identify_again(self._connection, self._contract)
            again = plan(self._connection, self._landing, self._contract, parted)
            loaded = {file.sighting_id for file in self._files("loaded")}
            self._table.drop()
            self._table.prepare()
            note_replaced(self._connection, self._contract.source, again.replaced)
            date_again(self._connection, self._contract)
            for file in again.files:
                if file.sighting_id in loaded:
                    began = time.perf_counter()
                    if counted := self._load_again(file):
                        done.append((file, counted, time.perf_counter() - began))
            self._table.note_current()
            self._table.note_change(is_rebuilt=True)
        for file, counted, seconds in done:
            self._log_loaded(file, counted, seconds)

    def _files(self, *statuses: str) -> list[File]:
        return files(self._connection, self._landing, self._contract.source, *statuses)

    def _load_again(self, file: File) -> Counted | None:
        """Load one file of a full refresh; what is wrong with it stops the whole, and names it.

        One whose records are all malformed alike is refused, where no row is lost by it.
        """
        had_rows = rows_loaded(self._connection, file) > 0
        try:
            return self._load_file(file, partial(self._load.careful, had_rows=had_rows), is_again=True)
        except Unreadable as error:
            if isinstance(error, Misfit) and not had_rows and file.is_as_hashed:
                self._note_refused(file, error)
                return None
            raise NeedsFiles(f"{self._table.name}: {file.name}: {error}; nothing was changed") from error
        except (_Changed, FileNotFoundError) as error:
            raise NeedsFiles(f"{file.name} changed while it was read; run again, nothing was changed") from error
        except (*NOT_ENOUGH, NoRoom) as error:
            why = reason(error, self._limit, ATTEMPTS)
            raise NeedsFiles(f"{self._table.name}: {file.name}: {why}; nothing was changed") from error

    def _load_batch(self, files: Sequence[File]) -> None:
        """Load files at once, and alone those of which that does not work; half of them at a time where none does."""
        if len(files) == 1:
            self._load_or_refuse(files[0])
            return
        began = time.perf_counter()
        try:
            with transaction(self._connection):
                loaded = self._load_together(files)
        except (NeedsStrictParse, Unreadable, _Changed, FileNotFoundError, NoRoom, *NOT_ENOUGH):
            self._load_batch(files[: len(files) // 2])
            self._load_batch(files[len(files) // 2 :])
            return
        seconds = (time.perf_counter() - began) / len(files)
        for file in files:
            if file.file_id in loaded:
                self._log_loaded(file, loaded[file.file_id], seconds)
        for file in files:
            if file.file_id not in loaded:
                self._load_or_refuse(file, self._load.ways[1:])

    def _load_together(self, files: Sequence[File]) -> Mapping[int, Counted]:
        if not all(file.is_as_hashed for file in files):
            raise _Changed
        with ExitStack() as unpacked:
            loaded = self._together.load([unpacked.enter_context(file.readable()) for file in files])
        if not all(file.is_as_hashed for file in files):
            raise _Changed
        counts = {f.sighting_id: loaded[f.file_id] for f in files if f.file_id in loaded}
        if counts:
            count_files(self._connection, self._contract.source, list(loaded))
            note_counts(self._connection, {at: astuple(counted) for at, counted in counts.items()}, **self._as_loaded)
            stored = [file for file in files if file.file_id in loaded]
            self._shapes.note_many(stored, self._together.aliases)
            self._table.note_change()
        return loaded

    def _load_or_refuse(self, file: File, ways: Ways | None = None) -> None:
        """Load one file in a transaction of its own; what is wrong with it is written to the ledger instead.

        Args:
            file: The file.
            ways: Those that are left to try; None for all.
        """
        began = time.perf_counter()
        try:
            counted = self._load_one(self._under_this_contract(file), ways or self._load.ways)
        except (Unreadable, _Changed, FileNotFoundError) as error:
            self._note_not_loaded(file, error)
        except (*NOT_ENOUGH, NoRoom) as error:
            self._note_not_enough(file, error)
        else:
            self._log_loaded(file, counted, time.perf_counter() - began)

    def _load_one(self, file: File, ways: Ways) -> Counted:
        *fast, careful = ways
        for way in fast:
            with suppress(NeedsStrictParse), transaction(self._connection):
                return self._load_file(file, way)
        with transaction(self._connection):
            return self._load_file(file, careful)

    def _note_not_loaded(self, file: File, error: Exception) -> None:
        """Say that the file is gone or refused; one that changed meanwhile is left to the next look at landing."""
        there = file.shown
        if there is None:
            note(self._connection, file, status="missing", reason="was gone before it was loaded", run_id=self._run_id)
            self._log(file, status="missing")
        elif there == file.hint and isinstance(error, Unreadable):
            self._note_refused(file, error)
        elif there == file.hint and isinstance(error, FileNotFoundError):
            raise error  # it is there: what is missing is ours

    def _note_refused(self, file: File, error: Unreadable) -> None:
        none = dict.fromkeys(("records_read", "records_loaded", "records_malformed", "loaded_at"))
        note(self._connection, file, status="refused", reason=str(error), **none, **self._by)
        self._log(file, status="refused", bytes=file.hint.size_bytes, reason=log.brief(str(error)))

    def _note_not_enough(self, file: File, error: Exception) -> None:
        """Let the file wait for the next run, or refuse it where that was the last attempt under this limit."""
        is_tried_before = file.failed_limit == self._limit and file.fingerprint == self._contract.fingerprint
        attempt = 1 + (file.failures if is_tried_before else 0)
        status = "arrived" if attempt < ATTEMPTS else "refused"
        outcome = {"status": status, "reason": reason(error, self._limit, attempt)}
        note(self._connection, file, **outcome, failures=attempt, failed_limit=self._limit, **self._by)
        self._log(file, status=status, bytes=file.hint.size_bytes, reason=log.brief(outcome["reason"]))

    @property
    def _by(self) -> dict[str, object]:
        """Who writes to the ledger, and under which contract."""
        return {
            "run_id": self._run_id,
            "contract_version": self._contract.version,
            "contract_fingerprint": self._contract.fingerprint,
        }

    @property
    def _as_loaded(self) -> dict[str, object]:
        """What the ledger says of each file that this loads."""
        nothing = dict.fromkeys(("reason", "failures", "failed_limit"))
        loaded = {"status": "loaded", "loaded_at": self._load.at, "load_id": self._load_id, "reading": READING}
        return {**nothing, **loaded, **self._by}

    def _under_this_contract(self, file: File) -> File:
        """The file as this contract sees it, when it arrived under another, or could not be looked into, and waited.

        Raises:
            Unreadable: It does not fit this contract.
            NotEnoughMemory: It cannot be looked into.
            _Changed: It is another content now, which the next look at landing notes.
        """
        if file.fingerprint == self._contract.fingerprint and not file.failures:
            return file
        with file.readable() as readable:
            seen = examine(readable.path, self._contract, limit_in_bytes(self._connection), file.name)
        if seen.problem:
            raise Unreadable(seen.problem)
        if seen.not_enough:
            raise NotEnoughMemory(seen.not_enough)
        if seen.content_hash != file.content_hash:
            raise _Changed(file.name)
        note(self._connection, file, file_date=seen.file_date)
        return as_examined(file, seen)

    def _log_loaded(self, file: File, counted: Counted, seconds: float) -> None:
        self._loaded.append((counted.loaded, seconds))
        figures = {"rows": counted.loaded, "malformed": counted.malformed, "seconds": round(seconds, 3)}
        self._log(file, status="loaded", **figures)

    def _log(self, file: File, **fields: object) -> None:
        log.info("file", run=self._run_id, source=self._contract.source, file=file.name, **fields)

    def _load_file(self, file: File, way: Callable[[File], Counted], *, is_again: bool = False) -> Counted:
        if not file.is_as_hashed:
            raise _Changed(file.name)
        with file.readable() as readable:
            counted = way(readable)
        if not file.is_as_hashed:
            raise _Changed(file.name)
        self._shapes.note(file, self._load.aliases, is_careful=self._load.is_careful, is_again=is_again)
        self._note_loaded(file, counted)
        count_files(self._connection, self._contract.source, [file.file_id])
        self._table.note_change()
        return counted

    def _note_loaded(self, file: File, counted: Counted) -> None:
        note(
            self._connection,
            file,
            records_read=counted.read,
            records_loaded=counted.loaded,
            records_malformed=counted.malformed,
            header=file.header,
            plain_records=file.plain_records,
            compression=file.compression,
            has_quoted_line_ends=file.has_quoted_line_ends,
            lines_left_out=file.lines_left_out,
            **self._as_loaded,
        )
