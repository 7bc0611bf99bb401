"""Small files that are read at once into bronze: which of them may be, and what became of each.

Of a file that is read with others nothing is kept unless it gave as many rows as records were counted in its bytes; it
is then loaded as if it had been alone. Any other is left as it was, to be loaded alone. Transactions and the ledger are
the caller's.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from datetime import datetime
from functools import cached_property

import duckdb

from assay.base.duckdb_errors import raise_unless_about_file
from assay.contract.contract import Contract
from assay.ledger.inspect_file import values_at
from assay.ledger.pending import File
from assay.loading.bronze_table import READING, BronzeTable
from assay.loading.file_load import Counted, NeedsStrictParse
from assay.loading.row_wise import is_row_wise
from assay.reading.arrow_csv import ArrowCsv, ManyCsv, is_readable
from assay.reading.json_lines import expected_names, round_trip_view_of_many
from assay.reading.parquet import parquet_rows, parquet_view_of_many, plain_columns
from assay.reading.path_values import with_path_values_of_many
from assay.reading.read_views import arrow_view_of_many, readable_path
from assay.reading.wide_reading import is_wide
from assay.text import first_object

_MOST_FILES = 64
_MOST_BYTES = 64 << 20
"""Of files as received: what a kill may cost, and about what one such file takes to load."""
_SMALL = 8 << 20
"""Bytes of a file up to which a commit of its own is a good part of what it costs."""
_MOST_RECORDS = 4_000_000
_MOST_HELD = 500_000
"""Records of a batch up to which its rows are held until they are counted by file; of more, they may not fit."""
_WORTH = 0.5
"""The share of files that have to be loaded together; of a source that gives fewer, each is loaded alone."""
_ARROW = "assay_arrow"


class FilesTogether:
    """Reads small files of one source at once.

    Args:
        connection: dbt's connection to the warehouse.
        contract: The source's contract.
        table: Its bronze table.
        load_id: The number of the load.
        at: When rows are loaded.
    """

    def __init__(
        self, connection: duckdb.DuckDBPyConnection, contract: Contract, table: BronzeTable, load_id: int, at: datetime
    ) -> None:
        self._connection = connection
        self._whole = contract
        self._contract = contract.of_records
        self._table = table
        self._load_id = load_id
        self._at = at
        self._is_worth_it = True
        self.aliases: frozenset[tuple[str, str]] = frozenset()
        """(column, other name) in the records of the files that were read last, where they have no header."""

    def batches(self, files: Iterable[File]) -> Iterator[list[File]]:
        """The files in their order, those that may be read at once together; most often each on its own."""
        batch: list[File] = []
        kind: Hashable | None = None
        for file in files:
            this = self._kind(file)
            if batch and (this is None or this != kind or not _has_room(batch, file)):
                yield batch
                batch = []
            batch, kind = [*batch, file], this
        if batch:
            yield batch

    def _kind(self, file: File) -> Hashable | None:
        """What the files of a batch share; None for one that has to be loaded alone."""
        is_known = file.fingerprint == self._whole.fingerprint and not file.failures
        if not is_known or file.plain_records is None or file.hint.size_bytes > _SMALL or not self._is_worth_it:
            return None
        if is_wide(self._contract, file.header) or not self._is_row_wise:
            return None
        form = self._contract.format
        if form.is_converted:
            return None
        if form.type == "csv":
            return tuple(file.header or ()) if is_readable(form) else None
        return file.compression

    @cached_property
    def _is_row_wise(self) -> bool:
        return is_row_wise(self._connection, self._whole, self._table.sql)

    def load(self, files: Sequence[File]) -> dict[int, Counted]:
        """Read files at once, within the caller's transaction.

        Returns:
            What was counted, by `file_id`; of a file that is missing in it nothing is kept.

        Raises:
            NeedsStrictParse: Something is wrong with them together; the transaction has to be rolled back.
        """
        try:
            self._insert(files)
            rows = self._table.rows_of([file.file_id for file in files])
            whole = {
                f.file_id: Counted(rows[f.file_id], rows[f.file_id], 0)
                for f in files
                if rows[f.file_id] == f.plain_records
            }
            for file_id in self._names_of_path(files):
                whole.pop(file_id, None)
            self._table.take_back([file_id for file_id in rows if file_id not in whole])
        except duckdb.Error as error:
            if not isinstance(error, duckdb.IOException):  # which may quote a name: alone, each file has its own
                raise_unless_about_file(error, "")
            raise NeedsStrictParse from error
        self._is_worth_it = len(whole) >= _WORTH * len(files)
        return whole

    def _insert(self, files: Sequence[File]) -> None:
        with ExitStack() as links:
            names = {file.file_id: links.enter_context(readable_path(file.path)) for file in files}
            view = self._csv_view(files) if self._contract.format.type == "csv" else self._view(files, names)
            values = {file.file_id: values_at(file.name, self._whole) for file in files}
            view = with_path_values_of_many(view, self._whole.path_columns, values)
            self._connection.execute(f"create or replace temp view {READING.split('.')[1]} as {view}")
            self._table.insert_many(self._load_id, self._at, self._asked(files))

    def _asked(self, files: Sequence[File]) -> Mapping[int, int]:
        """The records of files whose rows are few enough to be held until they are counted."""
        records = {file.file_id: file.plain_records or 0 for file in files}
        return records if sum(records.values()) <= _MOST_HELD else {}

    def _names_of_path(self, files: Sequence[File]) -> Iterable[int]:
        """Contents of JSON lines that name what their path says; alone, each is refused for it."""
        names = [column.name for column in self._whole.path_columns]
        is_asked = names and self._contract.format.type == "jsonl"
        return self._table.rescued_names([file.file_id for file in files], names) if is_asked else ()

    def _csv_view(self, files: Sequence[File]) -> str:
        scanned = {
            f.file_id: ArrowCsv(f.path, self._contract, f.header, has_quoted_line_ends=f.has_quoted_line_ends)
            for f in files
        }
        self._connection.register(_ARROW, ManyCsv(scanned))
        return arrow_view_of_many(_ARROW, self._contract, files[0].header)

    def _view(self, files: Sequence[File], names: Mapping[int, str]) -> str:
        if self._contract.format.type == "parquet":
            return self._parquet_view(files, names)
        first = first_object(files[0].path)
        if not expected_names(self._contract, first):
            raise NeedsStrictParse
        self.aliases = self._contract.others_in(first.names)
        return round_trip_view_of_many(names, self._contract, files[0].compression, first)

    def _parquet_view(self, files: Sequence[File], names: Mapping[int, str]) -> str:
        """The reading of those that declare what the first one does; the others are short of their rows."""
        first = files[0]
        columns = plain_columns(self._connection, first.path)
        if not columns:
            raise NeedsStrictParse
        alike = [file.file_id for file in files if plain_columns(self._connection, file.path) == columns]
        rows = parquet_rows(self._connection, first.path, names[first.file_id], has_lines=False)
        return parquet_view_of_many(rows, {file_id: names[file_id] for file_id in alike}, self._contract)


def _has_room(batch: Sequence[File], file: File) -> bool:
    """Whether a batch may take one more file."""
    files = [*batch, file]
    return (
        len(files) <= _MOST_FILES
        and sum(each.hint.size_bytes for each in files) <= _MOST_BYTES
        and sum(each.plain_records or 0 for each in files) <= _MOST_RECORDS
    )
