"""SQL that reads one file: each contract column in its type, what is rescued, and what cannot be held.

A *reading* is a temporary view over one file. Its columns are the contract's columns, `_rescued`, and, the careful
way, `_line` and `_reasons` (why the record is malformed; NULL when it is not).
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from contracts.contract import Contract
from contracts.format import Format
from resources.names import literal, quoted
from resources.text import MAX_JSON_LINE
from resources.typed import from_text, from_value

_GLOB = frozenset("*?[{")
SHOWN = 100  # characters of a value that a reason quotes
_SUSPICIOUS = r",\s*[}\]]|[:\[,]\s*-?(?i:nan|inf)|\\u[dD][89a-fA-F]|\{[^\"]*\{|:\s*[\[{]"


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
    """One contract column in a file: the SQL of its raw text and of its typed value."""

    name: str
    raw: str
    value: str
    sql_type: str


def csv_view(name: str, contract: Contract, header: Sequence[str] | None, options: str, *, has_lines: bool) -> str:
    """SQL of the reading of a CSV file.

    Args:
        name: The file, readable as it stands (see `readable_path`).
        contract: The file's contract.
        header: The file's columns in its order; None when it has no header.
        options: Of `csv_options`.
        has_lines: Whether this is a clean copy: no header, and each record starts with its line number.
    """
    columns = list(header) if header is not None else contract.names
    raw = [f"c{index}" for index in range(len(columns))]
    positions = {column: raw[index] for index, column in enumerate(columns)}
    read = ["_line", *raw] if has_lines else raw
    fields = [
        _Field(c.name, positions[c.name], from_text(positions[c.name], c.type, contract.format.decimal), c.type.sql)
        for c in contract.columns
    ]
    extra = {column: positions[column] for column in columns if column not in contract.names}
    rescued = f"json_object({', '.join(f'{literal(k)}, {v}' for k, v in extra.items())})" if extra else "null::json"
    typed = ", ".join(f"{literal(column)}: 'VARCHAR'" for column in read)
    source = f"read_csv({literal(name)}, columns = {{{typed}}}, {options})"
    return _reading(source, fields, rescued, has_lines=has_lines)


def csv_options(form: Format, *, has_header: bool, is_gzip: bool, is_parallel: bool) -> str:
    """The options under which DuckDB reads a CSV file as its contract says and guesses nothing."""
    return (
        f"auto_detect = false, header = {str(has_header).lower()}, delim = {literal(form.delimiter)}, "
        f"quote = {literal(form.quote)}, escape = {literal(form.escape)}, "
        f"nullstr = [{', '.join(literal(null) for null in form.nulls)}], allow_quoted_nulls = false, "
        f"strict_mode = true, null_padding = false, compression = '{'gzip' if is_gzip else 'none'}', "
        f"parallel = {str(is_parallel).lower()}"
    )


def jsonl_view(name: str, contract: Contract, *, is_gzip: bool, has_lines: bool) -> str:
    """SQL of the reading of a JSON lines file; without line numbers only lines that are beyond doubt come through.

    Args:
        name: The file.
        contract: Its contract.
        is_gzip: Whether DuckDB has to decompress.
        has_lines: Whether this is a clean copy, each line after its number.
    """
    read = "'_line': 'VARCHAR', 'j': 'VARCHAR'" if has_lines else "'j': 'VARCHAR'"
    source = (
        f"read_csv({literal(name)}, columns = {{{read}}}, auto_detect = false, header = false, delim = '\\x01', "
        f"quote = '', escape = '', nullstr = [''], strict_mode = true, max_line_size = {MAX_JSON_LINE}, "
        f"compression = '{'gzip' if is_gzip else 'none'}')"
    )
    structure = "{" + ", ".join(f'"{_json_key(name)}": "VARCHAR"' for name in contract.names) + "}"
    known = f"[{', '.join(literal(name) for name in contract.names)}]"
    if has_lines:
        mask = "{" + ", ".join(f'"{_json_key(name)}": null' for name in contract.names) + "}"
        extracted = (
            f"select *, from_json(j, {literal(structure)}) as s, "
            f"case when not list_has_all({known}, json_keys(j)) then json_merge_patch(j, {literal(mask)}) end as r "
            f"from {source}"
        )
    else:
        extracted = (
            f"select *, try(from_json(j, {literal(structure)})) as s, null::json as r from {source} "
            f"where not regexp_matches(j, {literal(_SUSPICIOUS)}) and json_valid(j) and json_type(j) = 'OBJECT' "
            f"and list_has_all({known}, json_keys(j)) and len(list_distinct(json_keys(j))) = len(json_keys(j))"
        )
    fields = []
    for column in contract.columns:
        raw = f"s.{quoted(column.name)}"
        fields.append(_Field(column.name, raw, from_text(raw, column.type), column.type.sql))
    return _reading(f"({extracted})", fields, "r", has_lines=has_lines)


def parquet_view(name: str, contract: Contract, types: dict[str, str], *, has_lines: bool) -> str:
    """SQL of the reading of a Parquet file; `types` are the file's columns with their DuckDB types."""
    source = f"read_parquet({literal(name)}, file_row_number = {str(has_lines).lower()})"
    fields = [
        _Field(c.name, quoted(c.name), from_value(quoted(c.name), types[c.name], c.type), c.type.sql)
        for c in contract.columns
    ]
    extra = [column for column in types if column not in contract.names]
    pairs = ", ".join(f"{literal(column)}, {quoted(column)}" for column in extra)
    rescued = f"json_object({pairs})" if extra else "null::json"
    if has_lines:
        kept = ", ".join(f"{literal(column)}, {quoted(column)}" for column in types)
        source = f"(select *, file_row_number + 1 as _line, json_object({kept})::varchar as _record from {source})"
    return _reading(source, fields, rescued, has_lines=has_lines)


def _json_key(name: str) -> str:
    return name.replace("\\", "\\\\").replace('"', '\\"')


def _reading(source: str, fields: Sequence[_Field], rescued: str, *, has_lines: bool) -> str:
    """The outer query: typed values; records that cannot be held are left out, or explained when lines are known."""
    values = ", ".join(f"{field.value} as v{index}" for index, field in enumerate(fields))
    raws = ", ".join(f"{field.raw} as r{index}" for index, field in enumerate(fields))
    named = ", ".join(f"v{index} as {quoted(field.name)}" for index, field in enumerate(fields))
    checked = [index for index, field in enumerate(fields) if field.value != field.raw]
    if not has_lines:
        bad = " or ".join(f"(v{index} is null and r{index} is not null)" for index in checked) or "false"
        inner = f"select {values}, {raws}, {rescued} as _rescued from {source}"
        return f"select {named}, _rescued from ({inner}) where not ({bad})"
    reasons = ", ".join(_reason(index, fields[index]) for index in checked) or "null::varchar"
    position = "_line::bigint as _line" + (", _record" if "_record" in source else "")
    kept = "_line" + (", _record" if "_record" in source else "")
    return (
        f"select {named}, _rescued, {kept}, nullif(list_filter([{reasons}], lambda x: x is not null), []) as _reasons "
        f"from (select {values}, {raws}, {rescued} as _rescued, {position} from {source})"
    )


def _reason(index: int, field: _Field) -> str:
    head, tail = literal(f"{field.name}: '"), literal(f"' is no {field.sql_type}")
    said = f"{head} || left(r{index}::varchar, {SHOWN}) || {tail}"
    return f"case when v{index} is null and r{index} is not null then {said} end"
