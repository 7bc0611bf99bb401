"""Look into one file before it is loaded: its hash, its header, how many records it holds."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path, PurePath

from assay.base.duckdb_errors import first_line
from assay.base.memory import NOT_ENOUGH
from assay.contract.aliases import two_names
from assay.contract.contract import Contract
from assay.contract.header_names import as_declared, folded
from assay.contract.moments import example, pattern
from assay.contract.names import listed
from assay.ledger.content_identity import bytes_of, content_identity
from assay.reading.path_values import PathValues, path_values
from assay.text import Compression, Unreadable, scan
from assay.text.stream import open_regular

_PIECE = 1 << 20  # bytes that are hashed at a time


@dataclass(frozen=True)
class Examined:
    """The result of one pass over a file's bytes.

    Attributes:
        content_hash: What the content is known by; see `assay.ledger.content_identity`.
        header: The file's columns in its order; None where the format has none (JSON lines, CSV without header).
        plain_records: Records counted in that pass, where that count is certain; None sends the file the careful way.
        file_date: The moment in the file's name, where the contract names a pattern.
        compression: What wraps the bytes.
        has_quoted_line_ends: Whether a CSV record goes over several lines.
        left_out: Lines with something in them that are no records by the format; None where it says nothing of lines.
        problem: Why the file is refused; empty when it is not.
        not_enough: Why it could not be looked into with the memory that there is; empty when it could.
        is_for_now: Whether the problem is one of the disk, which may have room the next time.
    """

    content_hash: str | None
    header: tuple[str, ...] | None = None
    plain_records: int | None = None
    file_date: datetime | None = None
    compression: Compression = "none"
    has_quoted_line_ends: bool = False
    left_out: int | None = None
    problem: str = ""
    not_enough: str = ""
    is_for_now: bool = False


def examine(path: Path, contract: Contract, memory: int, name: str) -> Examined:
    """Hash the file, verify what wraps it, and hold path and header against the contract. Never raises for a bad file.

    Args:
        path: The file.
        contract: Its contract.
        memory: Bytes that this may take; see `assay.base.memory.load_share`.
        name: Its path below the landing zone, as the ledger writes it.

    Raises:
        FileNotFoundError: It is gone.
    """
    try:
        values, misfit = values_at(name, contract), file_date(path, contract)[1]
    except Unreadable as error:
        values, misfit = {}, str(error)
    try:
        is_parquet, of_records = contract.format.type == "parquet", contract.of_records
        seen = _parquet(path, of_records, memory) if is_parquet else _text(path, contract)
    except Unreadable as error:
        seen = Examined(_hash_or_none(path), problem=str(error))
    except NOT_ENOUGH as error:
        seen = Examined(_hash_or_none(path), not_enough=first_line(error))
    content = seen.content_hash and content_identity(seen.content_hash, values)
    if seen.problem or seen.not_enough:
        return replace(seen, content_hash=content)
    problem = misfit or _header_problem(seen.header, contract)
    return replace(seen, content_hash=content, file_date=file_date(path, contract)[0], problem=problem)


def _text(path: Path, contract: Contract) -> Examined:
    seen = scan(path, contract.format, len(contract.of_records.columns))
    return Examined(
        seen.sha256,
        None if seen.header is None else _declared_names(seen.header, contract),
        seen.records,
        compression=seen.compression,
        has_quoted_line_ends=seen.has_quoted_line_ends,
        left_out=seen.left_out,
    )


def _declared_names(header: tuple[str, ...], contract: Contract) -> tuple[str, ...]:
    """The names in a header as the contract writes them, where its format lets files write them otherwise.

    Raises:
        Unreadable: Two of them are one to the contract.
    """
    names = tuple(as_declared(contract, header))
    for name in names if len(set(names)) < len(names) else ():
        if names.count(name) > 1:
            own = [there for there, known in zip(header, names, strict=True) if known == name]
            raise Unreadable(
                f"in its header {listed(own)} are names of one column, {name}, without regard to case and blanks "
                "(`names: loose`), and nobody can say which one is meant; send one of them"
            )
    return names


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


def identity_at(name: str, contract: Contract, content: str) -> str:
    """What a known content is known by at a path; by its bytes alone where the path does not fit the contract.

    Args:
        name: The path below the landing zone.
        contract: As it is now.
        content: What it was known by.
    """
    try:
        return content_identity(bytes_of(content), values_at(name, contract))
    except Unreadable:
        return bytes_of(content)


def values_at(name: str, contract: Contract) -> PathValues:
    """The values that a path gives to the records of its file; none where the contract asks nothing of it.

    Args:
        name: The path below the landing zone.
        contract: The file's contract.

    Raises:
        Unreadable: The path does not fit the contract.
    """
    if not contract.path_columns:
        return {}
    dated, undated = file_date(PurePath(name), contract)
    values, misfit = path_values(name, contract, dated)
    if undated or misfit:
        raise Unreadable(undated or misfit)
    return values


def _header_problem(header: tuple[str, ...] | None, contract: Contract) -> str:
    if header is None:
        return ""
    of_records = contract.of_records
    tops = {name: list(dict.fromkeys(way[0] for way in ways)) for name, ways in of_records.ways.items()}
    known, there = set().union(*tops.values()), set(header)
    both = [column.name for column in contract.path_columns if column.name in there - known]
    if both:
        return stands_in_both(both[0])
    for column, names in tops.items():
        if len(there.intersection(names)) > 1:
            return f"in its header {two_names(column, [name for name in header if name in names])}"
    missing = [tops[c.name][0] for c in of_records.columns if not (c.is_optional or there.intersection(tops[c.name]))]
    unexpected = [name for name in header if name not in known]
    problems = []
    of_csv = contract.format.type == "csv"  # of others, names are read by what reads the records
    if missing:
        problems.append(f"missing columns: {listed(list(dict.fromkeys(missing)))}")
    if unexpected and (missing or contract.new_columns == "refuse"):
        problems.append(f"unexpected columns: {listed(unexpected)}")
    if not problems:
        return ""
    if of_csv and {folded(name) for name in unexpected} & {folded(name) for name in missing}:
        problems.append("where case or blanks alone differ, `names: loose` of the format takes them for one")
    elif missing and unexpected:
        problems.append("if one of these is a missing column by another name, list it in `aliases` of that column")
    return f"its header does not match contract {contract.version}: {'; '.join(problems)}"


def stands_in_both(column: str) -> str:
    """Why a file is refused whose records have a column that its path says."""
    return (
        f"its records have a column {column}, which its path says too, and the two may differ; take it from the "
        f"records (write * in place of {{{column}}} in `files`, and no `from`), or send files without it"
    )
