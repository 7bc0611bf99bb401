"""SQL that reads one file of JSON lines: see `assay.reading.read_views`.

Most lines are the very text that DuckDB writes of the typed row that it read from them, so nothing was lost on the way
and nothing else stands there. DuckDB's JSON reader alone rounds, holds numbers as doubles and forgets what it does not
expect; other lines are read as text, each value with its guard.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from assay.contract.contract import Column, Contract
from assay.contract.names import literal, quoted
from assay.reading.exact_casts import from_text, limits
from assay.reading.nested import from_nested, from_shape, shape_reasons
from assay.reading.read_views import Field, file_ids, once, reading, text_field, whole_rows
from assay.reading.wide_plans import MANY
from assay.reading.wide_reading import Texts, query
from assay.reading.written_back import ENDLESS, examples_in, raw_type, without_blanks, written_type
from assay.text import MAX_JSON_LINE, Compression, FirstObject
from assay.text.json_parts import json_key
from assay.text.nested import REST

LINE_NUMBER = 64  # bytes that a line number and its separator may take before a record
_TEXT = "'j': 'VARCHAR'"
_BUFFER = 2 * MAX_JSON_LINE
"""Bytes that each thread reads at a time; unless it is told, DuckDB takes sixteen times the longest line."""
_SUSPICIOUS = r",\s*[}\]]|[:\[,]\s*-?(?i:nan|inf)|\\u[dD][89a-fA-F]|\{[^\"]*\{|:\s*[\[{]"
_LONG = "|".join([rf"[0-9]{{{n},}}\.[0-9]{{{16 - n},}}" for n in range(1, 16)] + [r"[0-9]{16,}\."])
INEXACT = rf"[:\[,]\s*(-0\s*[,}}]|-?([0-9.]+[eE]|[0-9]+\.[0-9]+0\s*[,}}]|0\.0000|{_LONG}))"
"""Numbers that DuckDB's JSON does not give back as they are written: 1e2, 2.50, -0, 16 digits with a point."""
_LEXEME = r'("(?:[^"\\]|\\.)*")|(-?[0-9][-+.eE0-9]*)'
"""A string or a number of a JSON text; read from the left, a number inside a string is never taken for one."""


def round_trip_view(name: str, contract: Contract, compression: Compression, first: FirstObject) -> str:
    """SQL of the reading of a JSON lines file of which each line is written back; any other line is an error.

    Args:
        name: The file.
        contract: Its contract.
        compression: What DuckDB has to take off.
        first: Its first object.
    """
    names = expected_names(contract, first)
    lines = round_trip(contract, _json_lines([name], _TEXT, compression), first)
    # A condition, because a column that nobody reads is not worked out; one on chance, because DuckDB would work out
    # once more, below the rows, all that another rests on.
    is_same = "case when is_same and random() >= 0 then true else error('another text') end"
    source = f"(select t from (select t, {is_same} as is_sure from ({lines})) where is_sure)"
    examples = examples_in(contract, first)
    fields = [_written_back_field(contract, column, examples, names) for column in contract.columns]
    return reading(source, fields, "null::json", has_lines=False)


def round_trip_view_of_many(
    files: Mapping[int, str], contract: Contract, compression: Compression, first: FirstObject
) -> str:
    """SQL of the reading of JSON lines files at once, of lines that are written back (see `whole_rows`).

    Args:
        files: Their names, by `_file_id`.
        contract: Their contract.
        compression: What DuckDB has to take off all of them.
        first: The first object of one of them; there has to be a name in it for `expected_names`.
    """
    names = expected_names(contract, first)
    lines = f"(select j, {file_ids(files)} as _file_id from {_json_lines(list(files.values()), _TEXT, compression)})"
    same = f"(select t, _file_id from ({round_trip(contract, lines, first)}) where {once('is_same')})"
    examples = examples_in(contract, first)
    fields = [_written_back_field(contract, column, examples, names) for column in contract.columns]
    return whole_rows(same, fields, "null::json")


def jsonl_view(name: str, contract: Contract, compression: Compression) -> str:
    """SQL of the reading of a JSON lines file; only lines that are beyond doubt come through.

    Args:
        name: The file.
        contract: Its contract.
        compression: What DuckDB has to take off.
    """
    source = _json_lines([name], _TEXT, compression)
    fields = [text_field(column, _value(column)) for column in contract.columns]
    return reading(f"({_plain_objects(contract, source)})", fields, "null::json", has_lines=False)


def jsonl_copy_view(name: str, contract: Contract, first: FirstObject) -> str:
    """SQL of the reading of a clean copy of a JSON lines file, each line after its number.

    Args:
        name: The copy.
        contract: The file's contract.
        first: The file's first object; lines like it take a third of the time.
    """
    source = _json_lines([name], "'_line': 'VARCHAR', 'j': 'VARCHAR'", "none")
    mark = secrets.token_hex(8)
    names = expected_names(contract, first)
    fields = [_any_field(column, _value(column), mark, _typed(contract, column, names)) for column in contract.columns]
    rescued = f"({unmarked('r', mark)})::json"
    return reading(f"({_all_objects(contract, source, first, mark)})", fields, rescued, has_lines=True)


def wide_jsonl(name: str, contract: Contract, compression: Compression) -> Texts:
    """What `jsonl_view` reads, for a contract of many columns."""
    lines = _json_lines([name], _TEXT, compression)
    return Texts(query(f"select s0 from ({_plain_objects(contract, lines)})", len(contract.columns)), contract.names)


def wide_jsonl_copy(name: str, contract: Contract, first: FirstObject) -> Texts:
    """What `jsonl_copy_view` reads, for a contract of many columns."""
    lines = _json_lines([name], "'_line': 'VARCHAR', 'j': 'VARCHAR'", "none")
    mark = secrets.token_hex(8)
    objects = _all_objects(contract, lines, first, mark)
    rows = f"select _line::bigint as _line, {unmarked('r', mark)} as _rescued, s0 from ({objects})"
    return Texts(query(rows, len(contract.columns)), contract.names, mark=partial(unmarked, mark=mark))


def _json_lines(names: Sequence[str], columns: str, compression: Compression) -> str:
    files = ", ".join(map(literal, names))
    return (
        f"read_csv([{files}], columns = {{{columns}}}, auto_detect = false, header = false, delim = chr(1), "
        f"quote = '', escape = '', nullstr = [''], strict_mode = true, max_line_size = {MAX_JSON_LINE + LINE_NUMBER}, "
        f"buffer_size = {_BUFFER}, compression = '{compression}', hive_partitioning = false)"
    )


def expected_names(contract: Contract, first: FirstObject) -> Sequence[str]:
    """The names of a file's first object, where lines like it may be written back; none where they may not.

    They are all in the contract, which has not many, each of a column of its own, and none has a mark behind which a
    file has blanks, which would be put into it too.
    """
    own = contract.named(first.names)
    is_known = set(own) <= set(contract.names) and len(set(own)) == len(own) and len(contract.names) <= MANY
    return first.names if is_known and not any(mark in name for name in first.names for mark in ":,") else ()


def round_trip(contract: Contract, source: str, first: FirstObject, *, is_clean: bool = False) -> str:
    """SQL of lines `j`, their typed rows `t`, and whether a row, written as JSON, `is_same` as its line.

    Args:
        contract: The file's contract.
        source: SQL of a table of lines, `j`.
        first: An object as the lines are expected to be: its names, and whether blanks follow `:` and `,`.
        is_clean: Whether they are those of a clean copy, in which a value of a nested type is the text of its shape.
    """
    names = expected_names(contract, first)
    columns = {column.name: column.type for column in contract.columns}
    types = {name: columns[own] for name, own in zip(names, contract.named(names), strict=True)}
    if not names:
        return f"select *, null as t, false as is_same from {source} where j is not null"
    examples = examples_in(contract, first)
    structure = _structure(
        {name: written_type(types[name]) if is_clean else raw_type(types[name], examples.get(name)) for name in names}
    )
    within = list(filter(None, (limits(f"t.{quoted(name)}", types[name]) for name in names)))
    text, line = "w", "j"
    if not is_clean and contract.format.shapes:
        line = without_blanks("j") if first.is_spaced else "j"
        within.append(f"not regexp_matches(j, {literal(ENDLESS)})")
    elif first.is_spaced:
        text = """replace(replace(w, '":', '": '), ',"', ', "')"""
    is_same = " and ".join([f"{text} = {line}", *(f"({limit}) is not false" for limit in within)])
    return (  # the line `null` is not a row, and comes back as none
        f"select *, coalesce({is_same}, false) as is_same from (select *, to_json(t)::varchar as w "
        f"from (select *, from_json(j, {structure}) as t from {source} where j is not null))"
    )


def _name_in_file(contract: Contract, column: Column, names: Sequence[str]) -> str | None:
    """The one of a file's names that is a column's; None where the file has none."""
    return dict(zip(contract.named(names), names, strict=True)).get(column.name)


def _typed(contract: Contract, column: Column, names: Sequence[str]) -> str:
    """SQL of a column of a row that is written back."""
    name = _name_in_file(contract, column, names)
    return f"null::{written_type(column.type)}" if name is None else f"t.{quoted(name)}"


def _written_back_field(contract: Contract, column: Column, examples: Mapping[str, Any], names: Sequence[str]) -> Field:
    """A column of a line that is written back as it stands in the file."""
    value, wanted = _typed(contract, column, names), column.type
    name = _name_in_file(contract, column, names)
    if wanted.is_nested and name is not None:
        kind = raw_type(wanted, examples.get(name))
        return Field(column.name, value, from_nested(value, kind, wanted), wanted.sql)
    is_text = written_type(wanted) == "varchar"
    return text_field(column, value) if is_text else Field(column.name, value, value, wanted.sql)


def _plain_objects(contract: Contract, source: str) -> str:
    """SQL of objects of known, single names and flat values, which are read in only one way."""
    known = f"[{', '.join(literal(name) for name in contract.names)}]"
    is_known = f"json_type(j) = 'OBJECT' and list_has_all({known}, k) and len(list_distinct(k)) = len(k)"
    text = f"case when is_inexact then {marked('j', '')} else j end"
    # Most lines are neither suspicious nor inexact, which one look for both tells; what is no JSON ends the reading.
    is_doubtful = f"regexp_matches(j, {literal(f'{_SUSPICIOUS}|{INEXACT}')})"
    is_suspicious, is_inexact = (f"regexp_matches(j, {literal(marks)})" for marks in (_SUSPICIOUS, INEXACT))
    return (
        f"select {_object(contract, text, 'try')} from ("
        f"select j, json_keys(j) as k, case when is_doubtful then {is_inexact} else false end as is_inexact "
        f"from (select j, {is_doubtful} as is_doubtful from {source}) "
        f"where case when is_doubtful then not {is_suspicious} else true end"
        f") where k = {known} or ({is_known})"
    )


def _all_objects(contract: Contract, source: str, first: FirstObject, mark: str) -> str:
    """Objects of a clean copy: typed in `t` where they are written back; of others what the contract names in `s`,
    and all else in `r`, numbers in both with their mark.
    """
    known = f"[{', '.join(literal(name) for name in contract.names)}]"
    return (
        f"select _line, t, is_same, {_object(contract, 'm', '')}, "
        f"case when not list_has_all({known}, json_keys(m)) then {_rest(contract)}::varchar end as r "
        f"from (select *, case when not is_same then {marked('j', mark)} end as m "
        f"from ({round_trip(contract, source, first, is_clean=True)}))"
    )


def _rest(contract: Contract) -> str:
    """SQL of what the contract does not name of an object `m`."""
    if contract.format.places:
        return f"json_extract(m, '/{REST}')"
    mask = "{" + ", ".join(f'"{json_key(name)}": null' for name in contract.names) + "}"
    return f"json_merge_patch(m, {literal(mask)})"


def _object(contract: Contract, text: str, guard: str) -> str:
    """SQL of the column s0: the values that the contract names, as text."""
    return f"{guard}(from_json({text}, {_structure(dict.fromkeys(contract.names, 'varchar'))})) as s0"


def _value(column: Column) -> str:
    """SQL of a column's value in `_object`."""
    return f"s0.{quoted(column.name)}"


def _structure(types: Mapping[str, str]) -> str:
    """The structure that gives `from_json` the types of an object's values."""
    return literal("{" + ", ".join(f'"{json_key(name)}": "{json_key(kind)}"' for name, kind in types.items()) + "}")


def shape_field(column: Column, raw: str) -> Field:
    """A column of a nested type whose values are texts of their shape."""
    wanted = column.type

    def reasons(text: str) -> str:
        return shape_reasons(text, wanted, column.name)

    return Field(column.name, raw, from_shape(raw, wanted), wanted.shown, reasons=reasons)


def _any_field(column: Column, value: str, mark: str, typed: str) -> Field:
    """A column of a clean copy; a line that is written back has nothing to explain."""
    raw = unmarked(value, mark)
    if column.type.is_nested:
        return shape_field(column, f"case when is_same then {typed} else {raw} end")
    if written_type(column.type) == "varchar":
        return text_field(column, f"case when is_same then {typed} else {raw} end")
    value = f"case when is_same then {typed} else {from_text(raw, column.type)} end"
    return Field(column.name, f"case when not is_same then {raw} end", value, column.type.shown)


def marked(json: str, mark: str) -> str:
    """SQL for a JSON text with each number as a string after a mark, so that its digits stay as they are written."""
    parted = rf"regexp_replace({json}, {literal(_LEXEME)}, '\1' || chr(1) || '\2' || chr(2), 'g')"
    strings = f"replace({parted}, chr(1) || chr(2), '')"
    return f"""replace(replace({strings}, chr(1), '"{mark}'), chr(2), '"')"""


def unmarked(text: str, mark: str) -> str:
    """SQL for a value, or a JSON text, with its marked numbers as they were written."""
    numbers = rf"""regexp_replace({text}, '"{mark}([^"]*)"', '\1', 'g')"""
    return f"case when contains({text}, '{mark}') then replace({numbers}, '{mark}', '') else {text} end"


def member(text: str, name: str) -> str:
    """SQL for the text of a member of a JSON text; alone, as DuckDB takes names for one that differ in case."""
    return f"from_json({text}, {_structure({name: 'varchar'})}).{quoted(name)}"
