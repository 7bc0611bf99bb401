"""The record of a file that a row of a silver table came from, read again from landing with its line.

Bronze is not published, and a run may be writing it. Its rows are what a reader makes of the files, so the files are
read again by the same readers: no reader waits for a run, and a line is where the record stands.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import duckdb

from assay.base.duckdb_errors import first_line
from assay.consumers.tracing.result import FileOfRows, RecordOfRow
from assay.contract.contract import Contract
from assay.contract.names import quoted
from assay.contract.own_columns import FILE
from assay.contract.personal import masked
from assay.contract.rebuild_key import RebuildKey
from assay.ledger.inspect_file import values_at
from assay.ledger.pending import File, files
from assay.reading.json_lines import jsonl_copy_view
from assay.reading.parquet import parquet_rows, parquet_view
from assay.reading.path_values import with_path_values
from assay.reading.read_views import csv_view, readable_path
from assay.text import JSON_SEPARATOR, NoRoom, Unreadable, first_object, write_clean

FILES = 5
"""Files that are read again for one trace."""
LARGEST = 200_000_000
"""Bytes of a file that is read again: some seconds."""
GONE = "the file is not in landing any more as it was loaded"


def files_of(connection: duckdb.DuckDBPyConnection, relation: str, source: str) -> tuple[FileOfRows, ...]:
    """The files that some rows came with, those with the most rows first.

    Args:
        connection: What is published.
        relation: A table with the rows and their `_file_id`.
        source: Of all of them.
    """
    rows = connection.execute(
        "select rows_of_file._file_id, $source, files.path, rows_of_file.n, files.landed_at, files.loaded_at, "
        "files.load_id, files.run_id, files.contract_version, files.content_hash "
        f"from (select _file_id, count(*) as n from {relation} group by _file_id) as rows_of_file "
        "inner join (select file_id, min_by(path, sighting_id) as path, min(landed_at) as landed_at, "
        "max(loaded_at) as loaded_at, max(load_id) as load_id, max_by(run_id, sighting_id) as run_id, "
        "max_by(contract_version, sighting_id) as contract_version, any_value(content_hash) as content_hash "
        "from ops.loaded_files where source = $source group by file_id) as files "
        "on files.file_id = rows_of_file._file_id "
        "order by rows_of_file.n desc, files.path",
        {"source": source},
    ).fetchall()
    return tuple(FileOfRows(*row) for row in rows)


def records_of(
    connection: duckdb.DuckDBPyConnection,
    landing: Path,
    contract: Contract,
    rebuild_key: RebuildKey,
    rows: Sequence[Mapping[str, object]],
    hidden: frozenset[str],
) -> list[RecordOfRow]:
    """The record of each row.

    Args:
        connection: What is published.
        landing: The landing zone.
        contract: Of the source that the rows' table takes in.
        rebuild_key: Of that table.
        rows: Rows of it as they are.
        hidden: Columns about people.
    """
    keys = dict(zip(rebuild_key.key, rebuild_key.inputs[0].keys, strict=True))
    if reason := _not_traceable(contract, rebuild_key):
        return [RecordOfRow(_file_id(row), None, {}, reason) for row in rows]
    wanted = list(dict.fromkeys(_file_id(row) for row in rows))
    on_disk = _present(connection, landing, contract)
    records: dict[tuple[int, int], RecordOfRow] = {}
    for number, file_id in enumerate(wanted):
        places = [place for place, row in enumerate(rows) if _file_id(row) == file_id]
        file = on_disk.get(file_id)
        if number >= FILES:
            problem = f"no more than {FILES} files are read again"
        elif file is None:
            problem = GONE
        else:
            problem = ""
            try:
                with _reading(connection, file, contract) as view:
                    for place in places:
                        records[file_id, place] = _record(connection, view, contract, keys, rows[place], hidden)
            except (Unreadable, NoRoom, OSError) as error:
                problem = f"the file cannot be read now: {error}"
            except duckdb.Error as error:
                problem = f"the file cannot be read now: {first_line(error)}"
        for place in places if problem else ():
            records[file_id, place] = RecordOfRow(file_id, None, {}, problem)
    return [records[_file_id(row), place] for place, row in enumerate(rows)]


def _not_traceable(contract: Contract, rebuild_key: RebuildKey) -> str:
    """Why no record of the source can be told from another by a row; empty where one can."""
    if rebuild_key.key == (FILE,):
        return "the table has no key by which a record could be told from the others of its file"
    if contract.load == "changes":
        return "a row of changes is made of several records"
    return ""


def _file_id(row: Mapping[str, object]) -> int:
    return int(str(row[FILE]))


def _present(connection: duckdb.DuckDBPyConnection, landing: Path, contract: Contract) -> dict[int, File]:
    """A file in landing that shows what was loaded, by content."""
    present: dict[int, File] = {}
    for file in files(connection, landing, contract.source, "loaded", "duplicate"):
        if file.file_id not in present and file.is_as_hashed:
            present[file.file_id] = file
    return present


@contextmanager
def _reading(connection: duckdb.DuckDBPyConnection, file: File, contract: Contract) -> Iterator[str]:
    """SQL of a file's records with `_line`, for the block.

    Raises:
        Unreadable: The file cannot be read as a whole, or is too large.
    """
    of_records = contract.of_records
    with (
        tempfile.TemporaryDirectory(prefix="assay-trace-") as folder,
        replace(file, scratch=Path(folder) / "member").readable() as whole,
        readable_path(whole.path if contract.format.type == "parquet" else Path(folder)) as name,
    ):
        if whole.path.stat().st_size > LARGEST:
            raise Unreadable(f"it is larger than {LARGEST // 1_000_000} MB")
        if contract.format.type == "parquet":
            view = parquet_view(parquet_rows(connection, whole.path, name, has_lines=True), of_records, has_lines=True)
        else:
            view = _text_view(whole, of_records, Path(name))
        yield with_path_values(view, contract.path_columns, values_at(whole.name, contract))


def _text_view(file: File, contract: Contract, folder: Path) -> str:
    good, bad = folder / "good", folder / "bad"
    width = len(file.header) if file.header is not None else len(contract.columns)
    split = write_clean(file.path, contract.format, width, good, bad)
    if contract.format.type == "csv":
        return csv_view(str(good), contract, file.header, is_parallel=not split.has_quoted_line_ends)
    return jsonl_copy_view(str(good), contract, first_object(good, JSON_SEPARATOR))


def _record(
    connection: duckdb.DuckDBPyConnection,
    view: str,
    contract: Contract,
    keys: Mapping[str, str],
    row: Mapping[str, object],
    hidden: frozenset[str],
) -> RecordOfRow:
    """The clean record of a key that wins over the others of its file, as it does when the table is built."""
    same = " and ".join(f"{expression} is not distinct from ?" for expression in keys.values())
    clean = " and ".join(["_reasons is null", *(f"({rule.expression}) is not false" for rule in contract.rules)])
    newest = [contract.newest_by] if contract.newest_by else []
    order = ", ".join(f"{quoted(name)} desc nulls last" for name in [*newest, *contract.names])
    cursor = connection.execute(
        f"select _line, {', '.join(map(quoted, contract.names))} from ({view}) where {same} and {clean} "
        f"order by {order} limit 1",
        [row[name] for name in keys],
    )
    records = cursor.fetchall()
    if not records:
        return RecordOfRow(_file_id(row), None, {}, "no record of the file has this key under the contract of today")
    line, *values = records[0]
    return RecordOfRow(_file_id(row), int(line), masked(dict(zip(contract.names, values, strict=True)), hidden))
