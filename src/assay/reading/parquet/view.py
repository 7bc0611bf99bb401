"""SQL of the reading of a Parquet file (see `assay.reading.read_views`).

DuckDB reads the file itself, unless it would change a value of a column; then it scans what pyarrow reads.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path

import duckdb

from assay.base.memory import limit_in_bytes
from assay.contract.contract import Column, Contract
from assay.contract.names import literal, quoted
from assay.contract.types import ColumnType
from assay.reading.exact_casts import from_text, from_value, json_object
from assay.reading.nested import from_nested, nested_reasons
from assay.reading.parquet.batches import LINE, ExactParquet, columns_in, plan_reading, text_columns
from assay.reading.parquet.change_fields import change_field
from assay.reading.parquet.exact import OUT_OF_RANGE
from assay.reading.parquet.ranges import out_of_range
from assay.reading.parquet.schema import FileColumn, leads_somewhere
from assay.reading.parquet.structs import field_sql, field_type, rest_sql
from assay.reading.read_views import Field, absent_field, file_ids, reading, whole_rows

ARROW = "assay_parquet"
"""The table that DuckDB scans of what pyarrow reads."""


@dataclass(frozen=True)
class ParquetRows:
    """The rows of a file as they come, before they are given the contract's types.

    Attributes:
        name: The file, readable by DuckDB as it stands.
        columns: What the file declares, in its order; they are called by their place, `c0`, `c1`, …
        types: DuckDB's types of the columns, by their place.
        texts: Names of those that come as exact text.
        exact: What pyarrow reads, where DuckDB does not read the file itself.
        most: Rows of a batch within the memory.
    """

    name: str
    columns: Sequence[FileColumn]
    types: Mapping[str, str]
    texts: frozenset[str]
    exact: ExactParquet | None
    most: int

    @cached_property
    def places(self) -> dict[str, str]:
        """The places of the columns, by name."""
        return dict(zip((column.name for column in self.columns), _places(self.columns), strict=True))

    def sql(self, places: Sequence[str], *, has_lines: bool) -> str:
        """SQL of a table of some columns, and of `_line` where lines are known."""
        return _rows(self.name, self.columns, places, is_exact=self.exact is not None, has_lines=has_lines)

    def value(self, column: Column, name: str, raw: str) -> str:
        """SQL of the value of a column, which the file calls `name`; NULL where it cannot be held."""
        return self._typed(column, name, raw)

    def way(self, ways: Sequence[Sequence[str]]) -> Sequence[str]:
        """The one of some ways that leads to something in the file; the first where none does."""
        return next((way for way in ways if self._leads_somewhere(*way)), ways[0])

    def others_of(self, contract: Contract) -> frozenset[tuple[str, str]]:
        """(column, other name) of the columns of a contract that the file calls otherwise."""
        ways = {column: (self.way(each), each[0]) for column, each in contract.ways.items()}
        return frozenset((column, way[-1]) for column, (way, own) in ways.items() if way != own)

    def _leads_somewhere(self, name: str, *inner: str) -> bool:
        return leads_somewhere({column.name: column for column in self.columns}, (name, *inner))

    def field(self, column: Column, way: Sequence[str]) -> Field:
        """A column of the contract whose value stands at the end of a way; an absent one where nothing does."""
        name, *inner = way
        if name not in self.places:
            return absent_field(column)
        place = self.places[name]
        if not inner and not column.type.is_nested:
            return Field(column.name, place, self._typed(column, name, place), column.type.sql)
        if field_type(self.columns[int(place[1:])].target, inner) is None:
            return absent_field(column)
        raw, kind = field_sql(place, self.types[place], inner)
        if column.type.is_nested:
            reasons = partial(nested_reasons, source_type=kind, wanted=column.type, name=column.name)
            return Field(column.name, raw, from_nested(raw, kind, column.type), column.type.shown, reasons=reasons)
        return Field(column.name, raw, from_value(raw, kind, column.type), column.type.sql)

    def _typed(self, column: Column, name: str, raw: str) -> str:
        at = int(self.places[name][1:])
        if name in self.texts:
            return _exact_value(raw, self.columns[at], column.type)
        return from_value(raw, self.types[f"c{at}"], column.type)


def plain_columns(connection: duckdb.DuckDBPyConnection, path: Path) -> Sequence[FileColumn]:
    """The columns of a file that DuckDB reads together with others like it; none where it does not.

    Raises:
        Unreadable: Its footer cannot be read.
        NotEnoughMemory: It cannot be read within the connection's limit.
    """
    columns = columns_in(path, plan_reading(path, limit_in_bytes(connection)))
    is_plain = not text_columns(columns) and all(column.name.lower() != "file_index" for column in columns)
    return columns if is_plain else ()


def parquet_rows(connection: duckdb.DuckDBPyConnection, path: Path, name: str, *, has_lines: bool) -> ParquetRows:
    """The rows of one file.

    Args:
        connection: Where it is read.
        path: The file.
        name: The file, readable by DuckDB as it stands (see `readable_path`).
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
    exact = ExactParquet(path, columns, names, texts, plan) if texts else None
    if exact:
        connection.register(ARROW, exact)
    rows = _rows(name, columns, _places(columns), is_exact=exact is not None, has_lines=has_lines)
    described = connection.execute(f"select column_name, column_type from (describe from {rows})").fetchall()
    return ParquetRows(name, columns, dict(described), frozenset(texts), exact, plan.rows)


def _rows(name: str, columns: Sequence[FileColumn], places: Sequence[str], *, is_exact: bool, has_lines: bool) -> str:
    names = [column.name for column in columns]
    if is_exact:
        rows = f"(select {', '.join(places)}, {LINE} from {ARROW})"
    elif has_lines:
        rows = numbered_rows(name, names, places)
    else:
        plain = ", ".join(f"{quoted(names[int(place[1:])])} as {place}" for place in places)
        rows = f"(select {plain} from {parquet_source(name)})"
    return _without_json_type(rows, {place: columns[int(place[1:])] for place in places})


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
    """SQL of the table that a Parquet file is; what stands in the names of its folders is not data."""
    more = ", file_row_number = true" if has_row_number else ""
    return f"read_parquet({literal(name)}, hive_partitioning = false{more})"


def parquet_view(rows: ParquetRows, contract: Contract, *, has_lines: bool) -> str:
    """SQL of the reading of a file; what pyarrow reads of it is registered where the rows were asked for."""
    fields, rescued = _fields(rows, contract)
    places = rows.places
    source = rows.sql(list(places.values()), has_lines=has_lines)
    if not has_lines:
        return reading(source, fields, rescued, has_lines=False)
    source = f"(select *, {json_object(places, rows.types)} as _record from {source})"
    return reading(source, fields, rescued, has_lines=True, has_record=True)


def parquet_view_of_many(rows: ParquetRows, files: Mapping[int, str], contract: Contract) -> str:
    """SQL of the reading of files at once that DuckDB reads itself and that declare the same (see `whole_rows`).

    Args:
        rows: The rows of one of them.
        files: Their names, by `_file_id`.
        contract: Their contract.
    """
    fields, rescued = _fields(rows, contract)
    plain = ", ".join(f"{quoted(name)} as {place}" for name, place in rows.places.items())
    names = ", ".join(map(literal, files.values()))
    source = f"(select {plain}, {file_ids(files)} as _file_id from read_parquet([{names}], hive_partitioning = false))"
    return whole_rows(
        _without_json_type(source, dict(zip(rows.places.values(), rows.columns, strict=True))), fields, rescued
    )


def _fields(rows: ParquetRows, contract: Contract) -> tuple[Sequence[Field], str]:
    """The contract's columns in a file, and SQL of what is rescued of it."""
    origins = {column.name: rows.way(contract.ways[column.name]) for column in contract.columns}
    fields = [rows.field(column, origins[column.name]) for column in contract.columns]
    if contract.load == "changes":
        fields = [change_field(field, rows.types) for field in fields]
    ways: dict[str, list[Sequence[str]]] = {name: [] for name in rows.places}
    for name, *inner in origins.values():
        ways.setdefault(name, []).append(inner)
    typed = {tuple(origins[column.name]): column.type for column in contract.columns if column.type.is_nested}
    rests = {
        name: rest_sql(place, rows.types[place], ways[name], {way[1:]: typed[way] for way in typed if way[0] == name})
        for name, place in rows.places.items()
    }
    extra = {name: rest for name, rest in rests.items() if rest}
    types = {rest: rows.types[rows.places[name]] for name, rest in extra.items()}
    return fields, f"{json_object(extra, types)}::json" if extra else "null::json"


def _places(columns: Sequence[FileColumn]) -> list[str]:
    return [f"c{at}" for at in range(len(columns))]


def _without_json_type(rows: str, columns: Mapping[str, FileColumn]) -> str:
    """JSON as the text that it is: written into another JSON, DuckDB takes its numbers for doubles."""
    texts = [f"{place}::varchar as {place}" for place, column in columns.items() if column.shape == "json"]
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
    """SQL for the value of a decimal; a double has to give it back, as in `from_value`."""
    value = from_text(text, wanted)
    if wanted.kind != "double":
        return value
    return f"case when format('{{:.{column.leaves[0].scale}f}}', {value}) = {text} then {value} end"
