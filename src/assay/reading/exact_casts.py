"""SQL that turns a value into its contract's type, or says that it cannot be held exactly.

DuckDB's own casts round (`1.5` as BIGINT is 2) and accept what is not a plain number (`0x10`, `1_000`). Here the text
of a value must match a pattern first; what does not match becomes NULL, and a NULL that was no NULL is malformed. A
double is the nearest one that there is, as everywhere; only what would become infinite or vanish is malformed. A value
that comes typed, as in Parquet, may be NaN or infinity: the file says so itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from assay.contract.names import literal
from assay.contract.spelling import PLAIN, Spelling
from assay.contract.types import ColumnType
from assay.reading.spelled import moment, plainly

_YEAR = "([1-9][0-9]{3}|0[1-9][0-9]{2}|00[1-9][0-9]|000[1-9])"  # DuckDB takes the year 0 for 1 BC
_DATE = f"{_YEAR}-[0-9]{{2}}-[0-9]{{2}}"
_TIME = r"([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9](\.[0-9]{1,6}0*)?)?"
_OFFSET = "(Z|[+-](0[0-9]|1[0-5])(:?[0-5][0-9])?)"  # DuckDB takes +99:99 too
_PATTERNS = {
    "integer": r"\s*[+-]?[0-9]+(\.0*)?\s*",
    "double": r"\s*[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?\s*",
    "boolean": "(?i)true|false|t|f|yes|no|y|n|1|0",
    "date": _DATE,
    "timestamp": rf"{_DATE}([ T]{_TIME}Z?)?",
    "timestamptz": rf"{_DATE}[ T]{_TIME}{_OFFSET}",
}
_NOT_FINITE = "('NaN', 'Infinity', '-Infinity')"
_NOT_ZERO = r"\s*[+-]?[0-9.]*[1-9].*"
_FOUR_DIGITS = {
    "date": ("date '0001-01-01'", "date '9999-12-31'"),
    "timestamp": ("timestamp '0001-01-01'", "timestamp '9999-12-31 23:59:59.999999'"),
}
"""The years that a pattern takes; beyond them are infinity, years before Christ and years of five digits."""
_WITHOUT_EXPONENT = 6
"""Digits after the mark up to which no decimal is written with an exponent."""
_ENDS = {
    "date": ("date '5877642-06-25 (BC)'", "date 'infinity'"),
    "timestamp": ("timestamp '290309-12-22 (BC) 00:00:00'", "timestamp 'infinity'"),
    "timestamptz": ("timestamptz '290309-12-22 (BC) 00:00:00+00'", "timestamptz 'infinity'"),
}
"""The first value, and the one after the last; a number beyond them fails whatever is done with it."""
_WITHOUT_END = {
    "DATE": ("days since 1970-01-01", 2**31 - 1),
    "TIMESTAMP": ("microseconds since 1970-01-01", 2**63 - 1),
    "TIMESTAMP WITH TIME ZONE": ("microseconds since 1970-01-01", 2**63 - 1),
}
"""Types of which DuckDB takes the last number, and its negative, for infinity: what they count, and that number."""
_HAS_ZONE = "TIMESTAMP WITH TIME ZONE"
_MOMENT = {"date": "TIMESTAMP", "timestamp": "TIMESTAMP", "timestamptz": _HAS_ZONE}
"""What a text is parsed to, by the kind of its column."""
_NOT_JSON = r'("(?:[^"\\]|\\.)*")|(-?(?:NaN|Infinity))'
"""A string of a JSON text, or a number that JSON does not have; read from the left, so never inside a string."""


def from_text(text: str, wanted: ColumnType) -> str:
    """SQL for the value of a text expression in the wanted type; NULL when it cannot be held exactly.

    Args:
        text: SQL of type VARCHAR.
        wanted: The contract's type, with how its values are written.
    """
    if wanted.kind == "text":
        return text
    if wanted.is_nested:  # a text holds no others; what JSON holds comes in its shape, see `assay.reading.nested`
        return f"null::{wanted.sql}"
    if wanted.spelling.dates:
        return from_value(moment(text, wanted.spelling), _MOMENT[wanted.kind], wanted)
    if wanted.takes_nan:
        finite = from_text(text, replace(wanted, takes_nan=False))
        return f"case when {text} in {_NOT_FINITE} then {plain_cast(text, wanted)} else {finite} end"
    if wanted.is_spelled:
        return _from_spelled(text, wanted)
    value = plain_cast(text, wanted)
    matches = f"regexp_full_match({text}, {literal(_pattern(wanted))})"
    if wanted.kind == "decimal":
        # `2.5` for 2.50, of which only zeros are not written: it does not need the pattern, which is dearer.
        matches = f"(starts_with({value}::varchar, {text}) or {matches})"
    if wanted.kind == "double":
        vanished = f"{value} = 0 and regexp_full_match({text}, {literal(_NOT_ZERO)})"
        return f"case when not isfinite({value}) or ({vanished}) then null when {matches} then {value} end"
    return f"case when {matches} then {value} end"


def _from_spelled(text: str, wanted: ColumnType) -> str:
    """SQL for a number that is written otherwise; where only its decimal mark is, the shorter way."""
    mark, plain = wanted.spelling.decimal, replace(wanted, spelling=PLAIN)
    if wanted.spelling != Spelling(mark):
        return from_text(plainly(text, wanted.spelling), plain)
    dotted = f"replace({text}, {literal(mark)}, '.')"
    return f"case when not contains({text}, '.') then {from_text(dotted, plain)} end"


def plain_cast(text: str, wanted: ColumnType) -> str:
    """SQL for what DuckDB takes a text for, rounded where it has to be."""
    return f"try_cast({text} as {wanted.sql})"


def is_plain(text: str, wanted: ColumnType) -> str:
    """SQL that holds for a text that DuckDB itself would write for `plain_cast`: nothing was rounded.

    It takes a third of the time of `from_text`, which is then asked for the other texts only. Empty where it is not
    known to be enough: how a time with a zone is written depends on the session, and a double takes longer to write.
    """
    if wanted.kind in ("text", "double", "timestamptz") or wanted.is_spelled or wanted.is_nested:
        return ""
    value = plain_cast(text, wanted)
    is_same = f"{value}::varchar = {text}"
    return f"{is_same} and {limit}" if (limit := _years(value, wanted)) else is_same


def limits(value: str, wanted: ColumnType) -> str:
    """SQL that holds for a value which a text stands for, when JSON writes the value back as that text; "" for always.

    DuckDB writes what no contract takes, NaN, infinity and years beyond 9999, and decimals below a millionth as `1e-7`.
    """
    if wanted.is_spelled:
        return ""
    if wanted.kind == "decimal" and wanted.scale > _WITHOUT_EXPONENT:
        return f"({value} = 0 or abs({value}) >= 0.{'0' * (_WITHOUT_EXPONENT - 1)}1)"
    return f"isfinite({value})" if wanted.kind == "double" else _years(value, wanted)


def _years(value: str, wanted: ColumnType) -> str:
    return f"{value} between {' and '.join(_FOUR_DIGITS[wanted.kind])}" if wanted.kind in _FOUR_DIGITS else ""


def from_value(value: str, source_type: str, wanted: ColumnType) -> str:
    """SQL for a typed (Parquet) value in the wanted type; NULL when the way there and back changes it.

    Args:
        value: SQL of the type `source_type`.
        source_type: The DuckDB type of the file's column.
        wanted: The contract's type.
    """
    if source_type == "BLOB":
        return from_text(f"try(decode({value}))", wanted)
    if source_type == "VARCHAR":
        return from_text(value, wanted)
    if wanted.kind == "text":
        if source_type in _WITHOUT_END:  # to DuckDB the last number of all is infinity, which no file holds
            return f"case when isfinite({value}) then cast({value} as varchar) end"
        is_nested = _is_nested(source_type)
        return _strict(f"to_json({value})::varchar", source_type) if is_nested else f"cast({value} as varchar)"
    if wanted.kind == "timestamptz" and source_type != _HAS_ZONE:
        return f"null::{wanted.sql}"
    if source_type.lower() == wanted.sql:
        return f"case when {limit} then {value} end" if (limit := _is_in_range(value, wanted)) else value
    cast = plain_cast(value, wanted)
    is_same = f"try_cast({cast} as {source_type}) is not distinct from {value}"
    if limit := _is_in_range(cast, wanted):
        is_same = f"{limit} and {is_same}"
    return f"case when {is_same} then {cast} end"


def _is_in_range(value: str, wanted: ColumnType) -> str:
    """SQL that holds for what DuckDB can work with; "" for always. NaN and infinity are values of a double."""
    if wanted.kind not in _ENDS:
        return ""
    first, end = _ENDS[wanted.kind]
    return f"{value} >= {first} and {value} < {end}"


def json_object(columns: Mapping[str, str], types: Mapping[str, str]) -> str:
    """SQL for the JSON text of an object; NaN and infinity, which JSON does not have, are strings in it.

    Args:
        columns: SQL of typed values, by name.
        types: The DuckDB types of the values, by their SQL.
    """
    values = ", ".join(f"{literal(name)}, {_json_value(value, types[value])}" for name, value in columns.items())
    return _strict(
        f"json_object({values})::varchar", " ".join(filter(_is_nested, map(types.__getitem__, columns.values())))
    )


def json_value(value: str, source_type: str) -> str:
    """SQL for the JSON text of a typed value, `null` of NULL, as it stands in `json_object`."""
    array = f"json_array({_json_value(value, source_type)})::varchar"
    return f"({_strict(array, source_type) if _is_nested(source_type) else array})[2:-2]"


def _json_value(value: str, source_type: str) -> str:
    """SQL of a value that `json_object` writes exactly; of JSON it would read all numbers as doubles."""
    if source_type in _WITHOUT_END:
        unit, last = _WITHOUT_END[source_type]
        number = f"case when {value} > date '1970-01-01' then '' else '-' end || '{last}"
        return (
            f"case when isfinite({value}) is not false then to_json({value}) else to_json('<' || {number} {unit}') end"
        )
    if source_type not in ("FLOAT", "DOUBLE"):
        return value
    text = f"case when isnan({value}) then 'NaN' when {value} > 0 then 'Infinity' else '-Infinity' end"
    return f"case when isfinite({value}) is not false then to_json({value}) else to_json({text}) end"


def _strict(text: str, source_type: str) -> str:
    """SQL for a JSON text of nested values without the numbers that JSON does not have."""
    if "FLOAT" not in source_type and "DOUBLE" not in source_type:
        return text
    parted = rf"regexp_replace({text}, {literal(_NOT_JSON)}, '\1' || chr(1) || '\2' || chr(2), 'g')"
    strings = f"""replace(replace(replace({parted}, chr(1) || chr(2), ''), chr(1), '"'), chr(2), '"')"""
    return f"case when regexp_matches({text}, 'NaN|Infinity') then {strings} else {text} end"


def _is_nested(source_type: str) -> bool:
    return source_type.endswith("]") or source_type.startswith(("STRUCT(", "MAP(", "UNION("))


def _pattern(wanted: ColumnType) -> str:
    if wanted.kind != "decimal":
        return _PATTERNS[wanted.kind]
    if wanted.scale == 0:
        return _PATTERNS["integer"]
    return rf"\s*[+-]?([0-9]+(\.[0-9]{{0,{wanted.scale}}}0*)?|\.[0-9]{{1,{wanted.scale}}}0*)\s*"
