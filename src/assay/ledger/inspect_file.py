"""Look into one file before it is loaded: its hash, its header, how many records it holds."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path, PurePath

from assay.base.duckdb_errors import first_line
from assay.base.memory import NOT_ENOUGH
from assay.contract.contract import Contract
from assay.contract.moments import example, pattern
from assay.contract.names import listed
from assay.text import Compression, Unreadable, scan
from assay.text.stream import open_regular

_PIECE = 1 << 20  # bytes that are hashed at a time


@dataclass(frozen=True)
class Examined:
    """The result of one pass over a file's bytes.

    Attributes:
        content_hash: sha256 of the bytes as received, in hex.
        header: The file's columns in its order; None where the format has none (JSON lines, CSV without header).
        plain_records: Records counted in that pass, where that count is certain; None sends the file the careful way.
        file_date: The moment in the file's name, where the contract names a pattern.
        compression: What wraps the bytes.
        has_quoted_line_ends: Whether a CSV record goes over several lines.
        problem: Why the file is refused; empty when it is not.
        not_enough: Why it could not be looked into with the memory that there is; empty when it could.
    """

    content_hash: str | None
    header: tuple[str, ...] | None = None
    plain_records: int | None = None
    file_date: datetime | None = None
    compression: Compression = "none"
    has_quoted_line_ends: bool = False
    problem: str = ""
    not_enough: str = ""


def examine(path: Path, contract: Contract, memory: int) -> Examined:
    """Hash the file, verify what wraps it, and hold its header against the contract. Never raises for a bad file.

    Args:
        path: The file.
        contract: Its contract.
        memory: Bytes that this may take; see `assay.base.memory.load_share`.

    Raises:
        FileNotFoundError: It is gone.
    """
    try:
        seen = _parquet(path, contract, memory) if contract.format.type == "parquet" else _text(path, contract)
    except Unreadable as error:
        return Examined(_hash_or_none(path), problem=str(error))
    except NOT_ENOUGH as error:
        return Examined(_hash_or_none(path), not_enough=first_line(error))
    dated, problem = file_date(path, contract)
    problem = problem or _header_problem(seen.header, contract)
    return replace(seen, file_date=dated, problem=problem)


def _text(path: Path, contract: Contract) -> Examined:
    seen = scan(path, contract.format, len(contract.columns))
    return Examined(
        seen.sha256,
        seen.header,
        seen.records,
        compression=seen.compression,
        has_quoted_line_ends=seen.has_quoted_line_ends,
    )


def _parquet(path: Path, contract: Contract, memory: int) -> Examined:
    from assay.reading.parquet import look_into_parquet  # noqa: PLC0415 - pyarrow: 0.2 s that only a load should cost

    content = _hash(path)
    seen = look_into_parquet(path, contract, memory)
    return Examined(content, seen.header, seen.records)


def _hash(path: Path) -> str:
    digest = hashlib.sha256()
    with open_regular(path) as file:
        while piece := file.read(_PIECE):
            digest.update(piece)
    return digest.hexdigest()


def _hash_or_none(path: Path) -> str | None:
    try:
        return _hash(path)
    except Unreadable:
        return None


def file_date(path: PurePath, contract: Contract) -> tuple[datetime | None, str]:
    """The moment in a file's name, and what is wrong with it; neither when the contract names no pattern."""
    if contract.file_date is None:
        return None, ""
    moment = pattern(contract.file_date).read(path.name)
    if moment is not None:
        return moment, ""
    expected = f"expected {contract.file_date!r}, such as {example(contract.file_date)!r}"
    return None, f"its name does not say its date unambiguously: {expected}"


def _header_problem(header: tuple[str, ...] | None, contract: Contract) -> str:
    if header is None:
        return ""
    known, there = set(contract.names), set(header)
    missing = [column.name for column in contract.columns if column.name not in there and not column.is_optional]
    unexpected = [name for name in header if name not in known]
    problems = []
    if missing:
        problems.append(f"missing columns: {listed(missing)}")
    if unexpected and (missing or contract.new_columns == "refuse"):
        problems.append(f"unexpected columns: {listed(unexpected)}")
    if not problems:
        return ""
    return f"its header does not match contract {contract.version}: {'; '.join(problems)}"
