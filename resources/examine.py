"""Look into one file before it is loaded: its hash, its header, how many records it holds."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from datetime import date, datetime
from pathlib import Path, PurePath

import duckdb

from contracts.contract import Contract
from resources.blame import first_line
from resources.reading import readable_path
from resources.text import Unreadable, scan


@dataclass(frozen=True)
class Examined:
    """What one pass over a file's bytes shows.

    Attributes:
        content_hash: sha256 of the bytes as received, in hex.
        header: The file's columns in its order; None where the format has none (JSON lines, CSV without header).
        plain_records: Records counted in that pass, where that count is certain; None sends the file the careful way.
        file_date: The date in the file's name, where the contract names a pattern.
        is_gzip: Whether the bytes are gzipped.
        has_quoted_line_ends: Whether a CSV record goes over several lines.
        problem: Why the file is refused; empty when it is not.
    """

    content_hash: str | None
    header: tuple[str, ...] | None = None
    plain_records: int | None = None
    file_date: date | None = None
    is_gzip: bool = False
    has_quoted_line_ends: bool = False
    problem: str = ""


def examine(path: Path, contract: Contract) -> Examined:
    """Hash the file, verify what wraps it, and hold its header against the contract. Never raises for a bad file."""
    try:
        seen = _parquet(path) if contract.format.type == "parquet" else _text(path, contract)
    except Unreadable as error:
        return Examined(_hash_or_none(path), problem=str(error))
    dated, problem = _file_date(path, contract)
    problem = problem or _header_problem(seen.header, contract)
    return replace(seen, file_date=dated, problem=problem)


def _text(path: Path, contract: Contract) -> Examined:
    seen = scan(path, contract.format)
    if contract.format.type == "csv" and not contract.format.header:
        expected, found = len(contract.columns), seen.fields
        if found is not None and found != expected:
            raise Unreadable(f"its first record has {found} fields, the contract has {expected} columns")
    return Examined(
        seen.sha256,
        seen.header,
        seen.records,
        is_gzip=seen.is_gzip,
        has_quoted_line_ends=seen.has_quoted_line_ends,
    )


def _parquet(path: Path) -> Examined:
    with readable_path(path) as name, duckdb.connect() as connection:
        try:
            described = connection.execute("select name from (describe select * from read_parquet(?))", [name])
            header = tuple(row[0] for row in described.fetchall())
            counted = connection.execute("select num_rows from parquet_file_metadata(?)", [name]).fetchall()
        except duckdb.Error as error:
            raise Unreadable(f"is no readable Parquet file: {first_line(error)}") from error
        except OSError as error:
            raise Unreadable(f"cannot be read: {error.strerror}") from error
    return Examined(_hash(path), header, int(counted[0][0]))


def _hash(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _hash_or_none(path: Path) -> str | None:
    try:
        return _hash(path) if path.is_file() else None
    except OSError:
        return None


def _file_date(path: PurePath, contract: Contract) -> tuple[date | None, str]:
    if contract.file_date is None:
        return None, ""
    try:
        return datetime.strptime(path.name, contract.file_date).date(), ""
    except ValueError:
        return None, f"its name does not say its date: expected {contract.file_date!r}"


def _header_problem(header: tuple[str, ...] | None, contract: Contract) -> str:
    if header is None:
        return ""
    missing = [name for name in contract.names if name not in header]
    unexpected = [name for name in header if name not in contract.names]
    said = []
    if missing:
        said.append(f"missing columns: {', '.join(missing)}")
    if unexpected and (missing or contract.new_columns == "refuse"):
        said.append(f"unexpected columns: {', '.join(unexpected)}")
    if not said:
        return ""
    return f"its header does not match contract {contract.version}: {'; '.join(said)}"
