"""Read one file into bronze and count what became of its records; transactions and the ledger are the caller's.

A fast way reads a file once and is accepted only when the number of rows equals the number of records that were
counted in the file's bytes, by other code. Anything else goes the careful way: the file is split into records, each
with its line, and every record ends up as a row or as a malformed record with its reasons.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import duckdb

from assay.base import clock
from assay.base.duckdb_errors import first_line, raise_unless_about_file
from assay.base.memory import limit_in_bytes
from assay.contract.contract import Contract
from assay.contract.names import listed
from assay.ledger.inspect_file import stands_in_both, values_at
from assay.ledger.pending import File
from assay.loading.bronze_table import READING, BronzeTable
from assay.loading.malformed import spooled, write_bad_values
from assay.loading.new_names import new_names
from assay.reading.arrow_csv import ArrowCsv, is_readable
from assay.reading.json_lines import (
    expected_names,
    jsonl_copy_view,
    jsonl_view,
    round_trip,
    round_trip_view,
    wide_jsonl,
    wide_jsonl_copy,
)
from assay.reading.parquet import parquet_rows, parquet_view, wide_parquet
from assay.reading.path_values import with_path_values
from assay.reading.read_views import arrow_view, csv_view, once, readable_path
from assay.reading.wide_reading import Texts, WideReading, is_wide, wide_csv, wide_csv_copy
from assay.text import JSON_SEPARATOR, Unreadable, first_object, refuse_misfit, write_clean

_ARROW = "assay_arrow"
_KEPT = 8
"""Part of a load's memory up to which the typed rows of a clean copy are kept for the three queries of them."""


class NeedsStrictParse(Exception):
    """A fast way did not account for every record."""


@dataclass(frozen=True)
class Counted:
    """Records of one file: read by the count of its bytes, loaded as rows, kept as malformed."""

    read: int
    loaded: int
    malformed: int


Ways = tuple[Callable[[File], Counted], ...]


class FileLoad:
    """Reads files of one source.

    Args:
        connection: dbt's connection to the warehouse.
        contract: The source's contract.
        table: Its bronze table.
        scratch: A folder that belongs to this load alone.
        load_id: The number of the load.
    """

    def __init__(
        self, connection: duckdb.DuckDBPyConnection, contract: Contract, table: BronzeTable, scratch: Path, load_id: int
    ) -> None:
        self._connection = connection
        self._contract = contract.of_records
        self._whole = contract
        self._table = table
        self._scratch = scratch
        self._load_id = load_id
        self._wide: WideReading | None = None
        self.aliases: frozenset[tuple[str, str]] = frozenset()
        """(column, other name) in the records of the file that was read last, as far as its header does not say it."""
        self.is_careful = False
        """Whether that file was read so that its records may have names that the contract does not have."""
        self.at = clock.now()

    @property
    def ways(self) -> Ways:
        """How to read a file, the fastest way first; each is for files that those before it left in doubt."""
        if self._contract.format.is_converted:
            return (self.careful,)
        if self._contract.format.shapes:
            return (self.round_trips, self.careful)
        fast = (self.round_trips, self.fast) if self._contract.format.type == "jsonl" else (self.fast,)
        return (*fast, self.careful)

    def round_trips(self, file: File) -> Counted:
        """Read JSON lines once, each of which is the very text that DuckDB writes of its row.

        Raises:
            NeedsStrictParse: As of `fast`.
        """
        return self._read_once(file, lambda name: self._round_trip_view(file, name))

    def fast(self, file: File) -> Counted:
        """Read the file once.

        Raises:
            NeedsStrictParse: Its records could not be counted for sure, or are not as many as the rows.
        """
        return self._read_once(file, lambda name: self._fast_view(file, name))

    def _read_once(self, file: File, view: Callable[[str], str]) -> Counted:
        self._wide, self.aliases, self.is_careful = None, frozenset(), False
        if file.plain_records is None:
            raise NeedsStrictParse
        with readable_path(file.path) as name:
            try:
                self._read(file, view(name))
                inserted = self._table.insert("true", file.file_id, self._load_id, self.at)
            except duckdb.Error as error:
                raise_unless_about_file(self._cause(error), name)
                raise NeedsStrictParse from error
        if inserted != file.plain_records:
            raise NeedsStrictParse
        self._refuse_names_of_path(file)
        return Counted(file.plain_records, inserted, 0)

    def careful(self, file: File, *, had_rows: bool = False) -> Counted:
        """Read the file so that each record is known by its line.

        Args:
            file: The file.
            had_rows: Whether it gave rows under an earlier contract.

        Raises:
            Misfit: Its records are all malformed for one reason of their structure.
            Unreadable: The file as a whole cannot be read.
            FileNotFoundError: It is gone.
        """
        self._wide, self.aliases, self.is_careful = None, frozenset(), True
        if self._contract.format.type == "parquet":
            with readable_path(file.path) as name:
                return self._careful_parquet(file, name)
        shutil.rmtree(self._scratch, ignore_errors=True)
        self._scratch.mkdir(parents=True)
        try:
            with readable_path(self._scratch) as folder:
                return self._careful_text(file, Path(folder), had_rows)
        finally:
            shutil.rmtree(self._scratch, ignore_errors=True)

    def _careful_text(self, file: File, folder: Path, had_rows: bool) -> Counted:
        width = len(file.header) if file.header is not None else len(self._contract.columns)
        good, bad, values = (folder / name for name in ("good", "bad", "values"))
        split = write_clean(file.path, self._contract.format, width, good, bad)
        self._refuse_miscounted(file, split.good + split.bad)
        refuse_misfit(split, had_rows=had_rows, is_shown=not self._contract.is_personal)
        self.aliases = split.aliases
        clean = replace(file, has_quoted_line_ends=split.has_quoted_line_ends)
        with self._blaming_rows(str(folder)):
            is_small = good.stat().st_size <= limit_in_bytes(self._connection) // _KEPT
            self._read(file, self._text_view(clean, str(good)), is_kept=is_small)
            self._refuse_new_keys()
            write_bad_values(self._connection, file.path, self._contract.format, width, values)
            for spool in (path for path in (bad, values) if path.stat().st_size):
                self._keep_malformed(f"line, raw, problems from read_json(?, {spooled(spool)})", file, [str(spool)])
            inserted = self._table.insert(once("_reasons is null"), file.file_id, self._load_id, self.at)
            self._connection.execute("drop table if exists temp.assay_kept")  # what comes needs the memory
        self._refuse_names_of_path(file)
        return self._counted(file, split.good + split.bad, inserted)

    def _refuse_miscounted(self, file: File, records: int) -> None:
        """Refuse a file of which one reader counted other records than the other made lines of."""
        if self._contract.format.is_converted and records != file.plain_records:
            raise Unreadable(
                f"{file.plain_records or 0:,} records were counted in it, but {records:,} were read, so it is not "
                "loaded. Please report the file"
            )

    @contextmanager
    def _blaming_rows(self, folder: str) -> Iterator[None]:
        """Raise errors over the clean copy as `Unreadable`, about a value, unless they are about the machine."""
        try:
            yield
        except duckdb.IOException:
            raise
        except duckdb.Error as error:
            raise_unless_about_file(self._cause(error), folder)
            raise Unreadable(f"its rows cannot be judged by the contract's rules: {first_line(error)}") from error

    def _cause(self, error: duckdb.Error) -> Exception:
        """The error itself, or the one in a wide reading that it came of."""
        return self._wide.error if self._wide is not None and self._wide.error is not None else error

    def _careful_parquet(self, file: File, name: str) -> Counted:
        try:
            self._read(file, self._parquet_view(file, name, has_lines=True))
            bad = f"_line, _record, _reasons from {READING} where {once('_reasons is not null')}"
            self._keep_malformed(bad, file, [])
            inserted = self._table.insert(once("_reasons is null"), file.file_id, self._load_id, self.at)
        except duckdb.Error as error:
            cause = self._cause(error)
            raise_unless_about_file(cause, name)
            raise Unreadable(f"cannot be read as Parquet: {first_line(cause)}") from error
        return self._counted(file, file.plain_records or 0, inserted)

    def _keep_malformed(self, selection: str, file: File, values: list[str]) -> None:
        self._connection.execute(
            "insert into ops.malformed (source, file_id, contract_version, load_id, loaded_at, line, record, reasons) "
            f"select ?, ?, ?, ?, ?, {selection} order by all",
            [self._contract.source, file.file_id, self._contract.version, self._load_id, self.at, *values],
        )

    def _counted(self, file: File, read: int, inserted: int) -> Counted:
        kept = self._connection.execute("select count(*) from ops.malformed where file_id = ?", [file.file_id])
        malformed = int(kept.fetchall()[0][0])
        if read != inserted + malformed:
            raise Unreadable(
                f"{read:,} records were counted in it, but {inserted:,} rows and {malformed:,} malformed records were "
                f"read, so it is not loaded. A model of {self._table.name} that drops rows does this; if it does not, "
                "please report the file"
            )
        return Counted(read, inserted, malformed)

    def _fast_view(self, file: File, name: str) -> str:
        form = self._contract.format
        if form.type == "parquet":
            return self._parquet_view(file, name, has_lines=False)
        if form.type == "jsonl":
            if is_wide(self._contract, None):
                return self._wide_view(wide_jsonl(name, self._contract, file.compression), has_lines=False)
            return jsonl_view(name, self._contract, file.compression)
        if not is_readable(form):
            raise NeedsStrictParse
        has_long = file.has_quoted_line_ends
        scanned = ArrowCsv(file.path, self._contract, file.header, has_quoted_line_ends=has_long)
        if is_wide(self._contract, file.header):
            return self._wide_view(wide_csv(scanned, self._contract, file.header), has_lines=False)
        self._connection.register(_ARROW, scanned)
        return arrow_view(_ARROW, self._contract, file.header)

    def _round_trip_view(self, file: File, name: str) -> str:
        """The view of a file whose first object is written back, by which the others are judged."""
        first = first_object(file.path)
        if not expected_names(self._contract, first):
            raise NeedsStrictParse
        self.aliases = self._contract.others_in(first.names)
        query = f"select is_same from ({round_trip(self._contract, '(select ? as j)', first)})"
        if self._connection.execute(query, [first.line]).fetchall() != [(True,)]:
            raise NeedsStrictParse
        return round_trip_view(name, self._contract, file.compression, first)

    def _text_view(self, file: File, name: str) -> str:
        if is_wide(self._contract, file.header):
            return self._wide_view(self._wide_texts(file, name), has_lines=True)
        if self._contract.format.type == "csv":
            return csv_view(name, self._contract, file.header, is_parallel=not file.has_quoted_line_ends)
        return jsonl_copy_view(name, self._contract, first_object(Path(name), JSON_SEPARATOR))

    def _wide_texts(self, file: File, name: str) -> Texts:
        if self._contract.format.type == "csv":
            return wide_csv_copy(name, self._contract, file.header, is_parallel=not file.has_quoted_line_ends)
        return wide_jsonl_copy(name, self._contract, first_object(Path(name), JSON_SEPARATOR))

    def _wide_view(self, texts: Texts, *, has_lines: bool) -> str:
        self._wide = WideReading(self._connection, self._contract, texts, has_lines=has_lines)
        self._connection.register(_ARROW, self._wide)
        return self._wide.view(_ARROW)

    def _parquet_view(self, file: File, name: str, *, has_lines: bool) -> str:
        rows = parquet_rows(self._connection, file.path, name, has_lines=has_lines)
        self.aliases = rows.others_of(self._contract)
        if is_wide(self._contract, list(rows.places)) and not self._contract.format.is_rearranged:
            return self._wide_view(wide_parquet(rows, self._contract), has_lines=has_lines)
        return parquet_view(rows, self._contract, has_lines=has_lines)

    def _read(self, file: File, view: str, *, is_kept: bool = False) -> None:
        """Make a view the present reading, with what the path says; one that is kept is worked out once, here."""
        if is_kept:
            self._connection.execute(f"create or replace temp table assay_kept as {view}")
            view = "select * from temp.assay_kept"
        view = with_path_values(view, self._whole.path_columns, values_at(file.name, self._whole))
        self._connection.execute(f"create or replace temp view {READING.split('.')[1]} as {view}")

    def _refuse_names_of_path(self, file: File) -> None:
        """Refuse JSON lines that name what the path says; of other formats the header shows it before the load."""
        names = [column.name for column in self._whole.path_columns]
        if names and self._contract.format.type == "jsonl":
            for name in self._table.rescued_names([file.file_id], names).get(file.file_id, ()):
                raise Unreadable(stands_in_both(name))

    def _refuse_new_keys(self) -> None:
        if self._contract.format.type != "jsonl" or self._contract.new_columns != "refuse":
            return
        if names := new_names(self._connection, self._contract, READING):
            words = f"unexpected columns: {listed(names)}"
            raise Unreadable(f"does not match contract {self._contract.version}: {words}")
