"""SQL that reads one file: each contract column in its type, what is rescued, and what cannot be held.

A *reading* is a temporary view over one file. Its columns are the contract's columns, `_rescued`, and, the careful
way, `_line` and `_reasons` (why the record is malformed; NULL when it is not).
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from assay.contract.contract import Column, Contract
from assay.contract.format import Format
from assay.contract.names import literal, quoted
from assay.reading.arrow_csv import whole_numbers
from assay.reading.exact_casts import from_text, is_plain, plain_cast

_GLOB = frozenset("*?[{")
SHOWN = 100  # characters of a value that a reason quotes


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
class Field:
    """One contract column in a file.

    Attributes:
        name: Of the column.
        raw: SQL of its text.
        value: SQL of its typed value; NULL when it cannot be held.
        sql_type: The contract's type.
        is_plain: SQL that holds where `plain` is the value; empty where `value` always has to be worked out.
        plain: SQL of the value of most texts.
        reasons: Makes SQL of a list of all that is wrong with a value of SQL of its `raw`; for what holds several.
    """

    name: str
    raw: str
    value: str
    sql_type: str
    is_plain: str = ""
    plain: str = ""
    reasons: Callable[[str], str] | None = None


def arrow_view(source: str, contract: Contract, header: Sequence[str] | None) -> str:
    """SQL of the reading of a CSV file that Arrow scans.

    Args:
        source: The name under which an `ArrowCsv` is registered.
        contract: The file's contract.
        header: The file's columns in its order; None when it has no header.
    """
    return _csv_reading(source, contract, header, whole_numbers(contract), has_lines=False)


def arrow_view_of_many(source: str, contract: Contract, header: Sequence[str] | None) -> str:
    """SQL of the reading of CSV files that Arrow scans as one table (see `whole_rows`).

    Args:
        source: The name under which a `ManyCsv` is registered.
        contract: The files' contract.
        header: Their columns in their order; None when they have no header.
    """
    fields, rescued = _csv_fields(contract, header, whole_numbers(contract))
    return whole_rows(source, fields, rescued)


def csv_view(name: str, contract: Contract, header: Sequence[str] | None, *, is_parallel: bool) -> str:
    """SQL of the reading of a clean copy of a CSV file: no header, and each record starts with its line number.

    Args:
        name: The copy, readable as it stands (see `readable_path`).
        contract: The file's contract.
        header: The file's columns in its order; None when it had no header.
        is_parallel: False when a record goes over several lines; DuckDB then fails on large files.
    """
    source = csv_source(name, contract, header, is_parallel=is_parallel)
    return _csv_reading(source, contract, header, frozenset(), has_lines=True)


def csv_source(name: str, contract: Contract, header: Sequence[str] | None, *, is_parallel: bool) -> str:
    """SQL of the texts of a clean copy: `_line`, and its columns by their place, `c0`, `c1`, …; as of `csv_view`."""
    read = ["_line", *_places(contract.names if header is None else header)]
    typed = ", ".join(f"{literal(column)}: 'VARCHAR'" for column in read)
    options = _csv_options(contract.format, is_parallel=is_parallel)
    return f"read_csv({literal(name)}, columns = {{{typed}}}, {options})"


def _places(columns: Sequence[str]) -> list[str]:
    return [f"c{index}" for index in range(len(columns))]


def _csv_reading(
    source: str, contract: Contract, header: Sequence[str] | None, typed: frozenset[str], *, has_lines: bool
) -> str:
    """A reading of columns by their place, of which some have their type already and all others are text."""
    fields, rescued = _csv_fields(contract, header, typed)
    return reading(source, fields, rescued, has_lines=has_lines)


def _csv_fields(contract: Contract, header: Sequence[str] | None, typed: frozenset[str]) -> tuple[Sequence[Field], str]:
    """The contract's columns in a CSV file, and SQL of what is rescued of it."""
    columns = contract.names if header is None else contract.named(header)
    positions = dict(zip(columns, _places(columns), strict=True))
    fields = [
        Field(column.name, positions[column.name], positions[column.name], column.type.sql)
        if column.name in typed and column.name in positions
        else text_field(column, positions[column.name])
        if column.name in positions
        else absent_field(column)
        for column in contract.columns
    ]
    extra = _unknown(columns, contract)
    return fields, _json_object(extra, positions) if extra else "null::json"


def _unknown(columns: Iterable[str], contract: Contract) -> list[str]:
    known = set(contract.names)
    return [column for column in columns if column not in known]


def _csv_options(form: Format, *, is_parallel: bool) -> str:
    """The options under which DuckDB reads a clean copy and guesses nothing."""
    form = form.clean
    return (
        f"auto_detect = false, header = false, delim = {literal(form.delimiter)}, "
        f"quote = {literal(form.quote)}, escape = {literal(form.escape)}, "
        f"nullstr = [{', '.join(map(literal, form.nulls)) or 'chr(0)'}], "
        f"allow_quoted_nulls = {str(form.quoted_nulls).lower()}, "
        "strict_mode = true, null_padding = false, compression = 'none', hive_partitioning = false, "
        rf"parallel = {str(is_parallel).lower()}, new_line = '\n'"
    )


def text_field(column: Column, raw: str) -> Field:
    """A column whose values are text; `raw` is SQL of the text, `decimal` the mark of its numbers."""
    wanted = column.type
    value, plain = from_text(raw, wanted), plain_cast(raw, wanted)
    return Field(column.name, raw, value, wanted.shown, is_plain(raw, wanted), plain)


def absent_field(column: Column) -> Field:
    """An optional column that a file does not have."""
    nothing = f"null::{column.type.sql}"
    return Field(column.name, nothing, nothing, column.type.sql)


def _json_object(columns: Sequence[str], positions: Mapping[str, str]) -> str:
    return f"json_object({', '.join(f'{literal(column)}, {positions[column]}' for column in columns)})"


def reading(source: str, fields: Sequence[Field], rescued: str, *, has_lines: bool, has_record: bool = False) -> str:
    """SQL of the outer query: typed values. One that cannot be held is an error, or explained when lines are known."""
    if not has_lines:
        certain = ", ".join(f"{_held(field)} as {quoted(field.name)}" for field in fields)
        return f"select {certain}, {rescued} as _rescued from {source}"
    values = ", ".join(f"{_either(field, field.value)} as v{index}" for index, field in enumerate(fields))
    raws = ", ".join(f"{field.raw} as r{index}" for index, field in enumerate(fields))
    named = ", ".join(f"v{index} as {quoted(field.name)}" for index, field in enumerate(fields))
    checked = [index for index, field in enumerate(fields) if field.value != field.raw]
    reasons = _reasons([(index, fields[index]) for index in checked])
    is_odd = " or ".join(f"(v{index} is null and r{index} is not null)" for index in checked) or "false"
    position = "_line::bigint as _line" + (", _record" if has_record else "")
    kept = "_line" + (", _record" if has_record else "")
    return (
        f"select {named}, _rescued, {kept}, "  # a list is made for the few rows alone that have reasons
        f"case when {is_odd} then nullif(list_filter({reasons}, lambda x: x is not null), []) end as _reasons "
        f"from (select {values}, {raws}, {rescued} as _rescued, {position} from {source})"
    )


def whole_rows(source: str, fields: Sequence[Field], rescued: str) -> str:
    """SQL of the reading of several files at once: the records whose values can all be held, each with its `_file_id`.

    A file with any other record gives fewer rows than it has records, and the other files are as if it were not there.

    Args:
        source: SQL of a table of all files, with `_file_id`.
        fields: The contract's columns.
        rescued: SQL of what the contract does not name.
    """
    values = ", ".join(f"{_either(field, field.value)} as v{index}" for index, field in enumerate(fields))
    raws = "".join(f", {field.raw} as r{index}" for index, field in enumerate(fields) if field.value != field.raw)
    checked = [index for index, field in enumerate(fields) if field.value != field.raw]
    is_whole = " and ".join(f"(v{index} is not null or r{index} is null)" for index in checked) or "true"
    named = ", ".join(f"v{index} as {quoted(field.name)}" for index, field in enumerate(fields))
    return (
        f"select {named}, _rescued, _file_id from (select {values}{raws}, {rescued} as _rescued, _file_id "
        f"from {source}) where {once(is_whole)}"
    )


def file_ids(files: Iterable[int]) -> str:
    """SQL of the `_file_id` of a row that DuckDB reads of a list of files, from their numbers in its order."""
    return f"[{', '.join(map(str, files))}][file_index::bigint + 1]::bigint"


def once(condition: str) -> str:
    """SQL of a condition on chance: of another, DuckDB works out all that it rests on once more, below the rows."""
    return f"case when {condition} then random() >= 0 else false end"


def _held(field: Field) -> str:
    """The value, or an error that ends the reading; each value is worked out once."""
    if field.value == field.raw:
        return field.value
    return _either(field, f"coalesce({field.value}, case when {field.raw} is not null then error('malformed') end)")


def _either(field: Field, value: str) -> str:
    """The value by its short way where that is enough, else by another."""
    return f"case when {field.is_plain} then {field.plain} else {value} end" if field.is_plain else value


def _reasons(fields: Sequence[tuple[int, Field]]) -> str:
    """SQL of the list of all reasons, NULL where a field has none."""
    if not any(field.reasons for _, field in fields):
        return f"[{', '.join(_reason(index, field) for index, field in fields) or 'null::varchar'}]"
    lists = (
        f"case when v{index} is null and r{index} is not null then {field.reasons(f'r{index}')} end"
        if field.reasons
        else f"[{_reason(index, field)}]"
        for index, field in fields
    )
    return f"flatten([{', '.join(lists)}])"


def _reason(index: int, field: Field) -> str:
    head, tail = map(literal, around_value(field.name, field.sql_type))
    reason = f"{head} || left(r{index}::varchar, {SHOWN}) || {tail}"
    return f"case when v{index} is null and r{index} is not null then {reason} end"


def around_value(name: str, sql_type: str) -> tuple[str, str]:
    """What a reason says before and after the value that its column cannot hold."""
    return f"{name}: '", f"' is no {sql_type}"
