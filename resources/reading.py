"""SQL that reads one file: each contract column in its type, what is rescued, and what cannot be held.

A *reading* is a temporary view over one file. Its columns are the contract's columns, `_rescued`, and, the careful
way, `_line` and `_reasons` (why the record is malformed; NULL when it is not).
"""

from __future__ import annotations

import secrets
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from contracts.contract import Column, Contract
from contracts.format import Format
from contracts.names import literal, quoted
from resources.arrow_csv import whole_numbers
from resources.text import MAX_JSON_LINE, Compression
from resources.typed import from_text, from_value, is_plain, plain_cast

_GLOB = frozenset("*?[{")
LINE_NUMBER = 64  # bytes that a line number and its separator may take before a record
SHOWN = 100  # characters of a value that a reason quotes
_SUSPICIOUS = r",\s*[}\]]|[:\[,]\s*-?(?i:nan|inf)|\\u[dD][89a-fA-F]|\{[^\"]*\{|:\s*[\[{]"
_LONG = "|".join([rf"[0-9]{{{n},}}\.[0-9]{{{16 - n},}}" for n in range(1, 16)] + [r"[0-9]{16,}\."])
_INEXACT = rf"[:\[,]\s*(-0\s*[,}}]|-?([0-9.]+[eE]|[0-9]+\.[0-9]+0\s*[,}}]|0\.0000|{_LONG}))"
"""Numbers that DuckDB's JSON does not give back as they are written: 1e2, 2.50, -0, 16 digits with a point."""
_LEXEME = r'("(?:[^"\\]|\\.)*")|(-?[0-9][-+.eE0-9]*)'
"""A string or a number of a JSON text; read from the left, a number inside a string is never taken for one."""


@contextmanager
def readable_path(path: Path) -> Iterator[str]:
    """A name of the file that DuckDB does not take for a pattern."""
    if not _GLOB & set(str(path)):
        yield str(path)
        return
    with tempfile.TemporaryDirectory(prefix="assay-") as folder:
        link = Path(folder) / "file"
        link.symlink_to(path.resolve())
        yield str(link)


@dataclass(frozen=True)
class _Field:
    """One contract column in a file.

    Attributes:
        name: Of the column.
        raw: SQL of its text.
        value: SQL of its typed value; NULL when it cannot be held.
        sql_type: The contract's type.
        is_plain: SQL that holds where `plain` is the value; empty where `value` always has to be worked out.
        plain: SQL of the value of most texts.
    """

    name: str
    raw: str
    value: str
    sql_type: str
    is_plain: str = ""
    plain: str = ""


def arrow_view(source: str, contract: Contract, header: Sequence[str] | None) -> str:
    """SQL of the reading of a CSV file that Arrow scans.

    Args:
        source: The name under which an `ArrowCsv` is registered.
        contract: The file's contract.
        header: The file's columns in its order; None when it has no header.
    """
    return _csv_reading(source, contract, header, whole_numbers(contract), has_lines=False)


def csv_view(name: str, contract: Contract, header: Sequence[str] | None, *, is_parallel: bool) -> str:
    """SQL of the reading of a clean copy of a CSV file: no header, and each record starts with its line number.

    Args:
        name: The copy, readable as it stands (see `readable_path`).
        contract: The file's contract.
        header: The file's columns in its order; None when it had no header.
        is_parallel: False when a record goes over several lines; DuckDB then fails on large files.
    """
    read = ["_line", *_places(contract.names if header is None else header)]
    typed = ", ".join(f"{literal(column)}: 'VARCHAR'" for column in read)
    options = _csv_options(contract.format, is_parallel=is_parallel)
    source = f"read_csv({literal(name)}, columns = {{{typed}}}, {options})"
    return _csv_reading(source, contract, header, frozenset(), has_lines=True)


def _places(columns: Sequence[str]) -> list[str]:
    return [f"c{index}" for index in range(len(columns))]


def _csv_reading(
    source: str, contract: Contract, header: Sequence[str] | None, typed: frozenset[str], *, has_lines: bool
) -> str:
    """A reading of columns by their place, of which some have their type already and all others are text."""
    columns = contract.names if header is None else header
    positions = dict(zip(columns, _places(columns), strict=True))
    decimal = contract.format.decimal
    fields = [
        _Field(column.name, positions[column.name], positions[column.name], column.type.sql)
        if column.name in typed
        else _text_field(column, positions[column.name], decimal)
        for column in contract.columns
    ]
    extra = [column for column in columns if column not in contract.names]
    rescued = _json_object(extra, positions) if extra else "null::json"
    return _reading(source, fields, rescued, has_lines=has_lines)


def _csv_options(form: Format, *, is_parallel: bool) -> str:
    """The options under which DuckDB reads a clean copy and guesses nothing."""
    return (
        f"auto_detect = false, header = false, delim = {literal(form.delimiter)}, "
        f"quote = {literal(form.quote)}, escape = {literal(form.escape)}, "
        f"nullstr = [{', '.join(map(literal, form.nulls)) or 'chr(0)'}], allow_quoted_nulls = false, "
        "strict_mode = true, null_padding = false, compression = 'none', hive_partitioning = false, "
        rf"parallel = {str(is_parallel).lower()}, new_line = '\n'"
    )


def jsonl_view(name: str, contract: Contract, *, compression: Compression, has_lines: bool) -> str:
    """SQL of the reading of a JSON lines file; without line numbers only lines that are beyond doubt come through.

    Args:
        name: The file.
        contract: Its contract.
        compression: What DuckDB has to take off.
        has_lines: Whether this is a clean copy, each line after its number.
    """
    read = "'_line': 'VARCHAR', 'j': 'VARCHAR'" if has_lines else "'j': 'VARCHAR'"
    source = (
        f"read_csv({literal(name)}, columns = {{{read}}}, auto_detect = false, header = false, delim = chr(1), "
        f"quote = '', escape = '', nullstr = [''], strict_mode = true, max_line_size = {MAX_JSON_LINE + LINE_NUMBER}, "
        f"compression = '{compression}', hive_partitioning = false)"
    )
    if not has_lines:
        fields = [_json_field(column, "") for column in contract.columns]
        return _reading(f"({_plain_objects(contract, source)})", fields, "null::json", has_lines=False)
    mark = secrets.token_hex(8)
    fields = [_json_field(column, mark) for column in contract.columns]
    return _reading(
        f"({_all_objects(contract, source, mark)})", fields, f"({_unmarked('r', mark)})::json", has_lines=True
    )


def _plain_objects(contract: Contract, source: str) -> str:
    """Objects of known, single names and flat values, of which nobody can doubt how they are read."""
    known = f"[{', '.join(literal(name) for name in contract.names)}]"
    is_known = f"json_type(j) = 'OBJECT' and list_has_all({known}, k) and len(list_distinct(k)) = len(k)"
    text = f"case when is_inexact then {_marked('j', '')} else j end"
    # Most lines are neither suspicious nor inexact, which one look for both tells; what is no JSON ends the reading.
    is_doubtful = f"regexp_matches(j, {literal(f'{_SUSPICIOUS}|{_INEXACT}')})"
    is_suspicious, is_inexact = (f"regexp_matches(j, {literal(marks)})" for marks in (_SUSPICIOUS, _INEXACT))
    return (
        f"select try(from_json({text}, {_json_structure(contract)})) as s from ("
        f"select j, json_keys(j) as k, case when is_doubtful then {is_inexact} else false end as is_inexact "
        f"from (select j, {is_doubtful} as is_doubtful from {source}) "
        f"where case when is_doubtful then not {is_suspicious} else true end"
        f") where k = {known} or ({is_known})"
    )


def _all_objects(contract: Contract, source: str, mark: str) -> str:
    """Objects of a clean copy: what the contract names in `s`, all else in `r`, numbers in both with their mark."""
    known = f"[{', '.join(literal(name) for name in contract.names)}]"
    mask = "{" + ", ".join(f'"{_json_key(name)}": null' for name in contract.names) + "}"
    return (
        f"select _line, from_json(j, {_json_structure(contract)}) as s, "
        f"case when not list_has_all({known}, json_keys(j)) "
        f"then json_merge_patch(j, {literal(mask)})::varchar end as r "
        f"from (select _line, {_marked('j', mark)} as j from {source})"
    )


def _json_structure(contract: Contract) -> str:
    return literal("{" + ", ".join(f'"{_json_key(name)}": "VARCHAR"' for name in contract.names) + "}")


def _json_field(column: Column, mark: str) -> _Field:
    raw = f"s.{quoted(column.name)}"
    return _text_field(column, _unmarked(raw, mark) if mark else raw)


def _text_field(column: Column, raw: str, decimal: str = ".") -> _Field:
    wanted = column.type
    value, plain = from_text(raw, wanted, decimal), plain_cast(raw, wanted)
    return _Field(column.name, raw, value, wanted.sql, is_plain(raw, wanted, decimal), plain)


def _marked(json: str, mark: str) -> str:
    """SQL for a JSON text with each number as a string after a mark, so that its digits stay as they are written."""
    parted = rf"regexp_replace({json}, {literal(_LEXEME)}, '\1' || chr(1) || '\2' || chr(2), 'g')"
    strings = f"replace({parted}, chr(1) || chr(2), '')"
    return f"""replace(replace({strings}, chr(1), '"{mark}'), chr(2), '"')"""


def _unmarked(text: str, mark: str) -> str:
    """SQL for a value, or a JSON text, with its marked numbers as they were written."""
    numbers = rf"""regexp_replace({text}, '"{mark}([^"]*)"', '\1', 'g')"""
    return f"case when contains({text}, '{mark}') then replace({numbers}, '{mark}', '') else {text} end"


def parquet_view(name: str, contract: Contract, types: dict[str, str], *, has_lines: bool) -> str:
    """SQL of the reading of a Parquet file; `types` are the file's columns with their DuckDB types."""
    positions = {column: f"c{index}" for index, column in enumerate(types)}
    plain = ", ".join(f"{quoted(column)} as {position}" for column, position in positions.items())
    fields = [
        _Field(c.name, positions[c.name], from_value(positions[c.name], types[c.name], c.type), c.type.sql)
        for c in contract.columns
    ]
    extra = [column for column in types if column not in contract.names]
    rescued = _json_object(extra, positions) if extra else "null::json"
    if not has_lines:
        return _reading(f"(select {plain} from {parquet_source(name)})", fields, rescued, has_lines=False)
    is_taken = any(column.lower() == "file_row_number" for column in types)
    line = "row_number() over ()" if is_taken else "file_row_number + 1"
    rows = f"(select {plain}, {line} as _line from {parquet_source(name, has_row_number=not is_taken)})"
    record = f"{_json_object(list(types), positions)}::varchar"
    return _reading(f"(select *, {record} as _record from {rows})", fields, rescued, has_lines=True, has_record=True)


def parquet_source(name: str, *, has_row_number: bool = False) -> str:
    """SQL of the table that a Parquet file is; what stands in the names of its folders is no data."""
    more = ", file_row_number = true" if has_row_number else ""
    return f"read_parquet({literal(name)}, hive_partitioning = false{more})"


def _json_object(columns: Sequence[str], positions: Mapping[str, str]) -> str:
    return f"json_object({', '.join(f'{literal(column)}, {positions[column]}' for column in columns)})"


def _json_key(name: str) -> str:
    return name.replace("\\", "\\\\").replace('"', '\\"')


def _reading(source: str, fields: Sequence[_Field], rescued: str, *, has_lines: bool, has_record: bool = False) -> str:
    """The outer query: typed values; a value that cannot be held is an error, or explained when lines are known."""
    if not has_lines:
        held = ", ".join(f"{_held(field)} as {quoted(field.name)}" for field in fields)
        return f"select {held}, {rescued} as _rescued from {source}"
    values = ", ".join(f"{field.value} as v{index}" for index, field in enumerate(fields))
    raws = ", ".join(f"{field.raw} as r{index}" for index, field in enumerate(fields))
    named = ", ".join(f"v{index} as {quoted(field.name)}" for index, field in enumerate(fields))
    checked = [index for index, field in enumerate(fields) if field.value != field.raw]
    reasons = ", ".join(_reason(index, fields[index]) for index in checked) or "null::varchar"
    position = "_line::bigint as _line" + (", _record" if has_record else "")
    kept = "_line" + (", _record" if has_record else "")
    return (
        f"select {named}, _rescued, {kept}, nullif(list_filter([{reasons}], lambda x: x is not null), []) as _reasons "
        f"from (select {values}, {raws}, {rescued} as _rescued, {position} from {source})"
    )


def _held(field: _Field) -> str:
    """The value, or an error that ends the reading; each value is worked out once."""
    if field.value == field.raw:
        return field.value
    held = f"coalesce({field.value}, case when {field.raw} is not null then error('malformed') end)"
    return f"case when {field.is_plain} then {field.plain} else {held} end" if field.is_plain else held


def _reason(index: int, field: _Field) -> str:
    head, tail = literal(f"{field.name}: '"), literal(f"' is no {field.sql_type}")
    said = f"{head} || left(r{index}::varchar, {SHOWN}) || {tail}"
    return f"case when v{index} is null and r{index} is not null then {said} end"
