"""SQL of the reading of a Parquet file (see `assay.reading.read_views`).

DuckDB reads the file itself, unless it would change a value of a column; then it scans what pyarrow reads.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import duckdb

from assay.base.memory import limit_in_bytes
from assay.contract.contract import Contract
from assay.contract.names import literal, quoted
from assay.contract.types import ColumnType
from assay.reading.exact_casts import from_text, from_value, json_object
from assay.reading.parquet.batches import LINE, ExactParquet, columns_in, plan_reading, text_columns
from assay.reading.parquet.exact import OUT_OF_RANGE
from assay.reading.parquet.ranges import out_of_range
from assay.reading.parquet.schema import FileColumn
from assay.reading.read_views import Field, absent_field, reading

_ARROW = "assay_parquet"


def parquet_reading(
    connection: duckdb.DuckDBPyConnection, path: Path, name: str, contract: Contract, *, has_lines: bool
) -> str:
    """SQL of the reading of one file.

    Args:
        connection: Where it is read.
        path: The file.
        name: The file, readable by DuckDB as it stands (see `readable_path`).
        contract: The file's contract.
        has_lines: Whether records are known by their position and what cannot be held is explained.

    Raises:
        Unreadable: Its footer cannot be read.
        NotEnoughMemory: It cannot be read within the connection's limit.
    """
    plan = plan_reading(path, limit_in_bytes(connection))
    columns = columns_in(path, plan)
    names = [column.name for column in columns]
    texts = text_columns(columns)
    if has_lines:
        texts += out_of_range(path, [column for column in columns if column.name not in texts], plan)
    if texts:
        connection.register(_ARROW, ExactParquet(path, columns, names, texts, plan))
        rows = f"(select {', '.join(_places(columns))}, {LINE} from {_ARROW})"
    elif has_lines:
        rows = numbered_rows(name, names, list(_places(columns)))
    else:
        plain = ", ".join(f"{quoted(column)} as {place}" for column, place in zip(names, _places(columns), strict=True))
        rows = f"(select {plain} from {parquet_source(name)})"
    rows = _without_json_type(rows, columns)
    described = connection.execute(f"select column_name, column_type from (describe from {rows})").fetchall()
    return _view(rows, contract, columns, frozenset(texts), dict(described), has_lines=has_lines)


def numbered_rows(name: str, names: Sequence[str], places: Sequence[str]) -> str:
    """SQL of a file's columns by their place, with the number of the record.

    Args:
        name: The file.
        names: All its columns.
        places: Those that are read: `c0`, `c1`, …
    """
    is_taken = any(column.lower() == "file_row_number" for column in names)
    line = "row_number() over ()" if is_taken else "file_row_number + 1"
    read = ", ".join(f"{quoted(names[int(place[1:])])} as {place}" for place in places)
    return f"(select {read}, {line} as {LINE} from {parquet_source(name, has_row_number=not is_taken)})"


def parquet_source(name: str, *, has_row_number: bool = False) -> str:
    """SQL of the table that a Parquet file is; what stands in the names of its folders is no data."""
    more = ", file_row_number = true" if has_row_number else ""
    return f"read_parquet({literal(name)}, hive_partitioning = false{more})"


def _view(
    rows: str,
    contract: Contract,
    columns: Sequence[FileColumn],
    texts: frozenset[str],
    types: Mapping[str, str],
    *,
    has_lines: bool,
) -> str:
    places = dict(zip((column.name for column in columns), _places(columns), strict=True))
    by_name = {column.name: column for column in columns}
    fields = []
    for wanted in contract.columns:
        place = places.get(wanted.name)
        if place is None:
            fields.append(absent_field(wanted))
            continue
        value = (
            _exact_value(place, by_name[wanted.name], wanted.type)
            if wanted.name in texts
            else from_value(place, types[place], wanted.type)
        )
        fields.append(Field(wanted.name, place, value, wanted.type.sql))
    extra = {name: place for name, place in places.items() if name not in contract.names}
    rescued = f"{json_object(extra, types)}::json" if extra else "null::json"
    if not has_lines:
        return reading(rows, fields, rescued, has_lines=False)
    source = f"(select *, {json_object(places, types)} as _record from {rows})"
    return reading(source, fields, rescued, has_lines=True, has_record=True)


def _places(columns: Sequence[FileColumn]) -> list[str]:
    return [f"c{at}" for at in range(len(columns))]


def _without_json_type(rows: str, columns: Sequence[FileColumn]) -> str:
    """JSON as the text that it is: written into another JSON, DuckDB takes its numbers for doubles."""
    texts = [
        f"{place}::varchar as {place}" for place, c in zip(_places(columns), columns, strict=True) if c.shape == "json"
    ]
    return f"(select * replace ({', '.join(texts)}) from {rows})" if texts else rows


def _exact_value(text: str, column: FileColumn, wanted: ColumnType) -> str:
    """SQL for the value of an exact text, with the same rules as for a value of DuckDB's own types."""
    if wanted.kind == "text":
        return f"case when not starts_with({text}, {literal(OUT_OF_RANGE)}) then {text} end"
    if column.shape == "decimal":
        return _decimal_value(text, column, wanted)
    if column.shape == "time" or wanted.kind not in ("date", "timestamp", "timestamptz"):
        return f"null::{wanted.sql}"
    if wanted.kind == "timestamptz":
        return from_text(text, wanted)
    moment = f"regexp_replace({text}, '\\+00$', '')"
    if wanted.kind == "timestamp":
        return from_text(moment, wanted)
    return f"case when ends_with({moment}, ' 00:00:00') then {from_text(f'left({text}, 10)', wanted)} end"


def _decimal_value(text: str, column: FileColumn, wanted: ColumnType) -> str:
    """A double has to give the decimal back, as in `from_value`."""
    value = from_text(text, wanted)
    if wanted.kind != "double":
        return value
    return f"case when format('{{:.{column.leaves[0].scale}f}}', {value}) = {text} then {value} end"
