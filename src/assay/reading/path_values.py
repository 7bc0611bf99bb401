"""The values that a file's path gives its records, by the same casts as values in records."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import cache, lru_cache
from itertools import islice

import duckdb

from assay.contract.contract import Column, Contract
from assay.contract.names import literal, quoted
from assay.contract.path_template import path_template
from assay.contract.types import ColumnType
from assay.reading.exact_casts import from_text

PathValues = Mapping[str, str | None]
"""By column, each as DuckDB writes it in its type; None for NULL."""
_MOST_CUTS = 1_000
"""Ways in which a path may be cut that are looked at; a path with more is as good as ambiguous."""


def path_values(path: str, contract: Contract, dated: datetime | None) -> tuple[PathValues, str]:
    """The values of the columns from outside of a file's records, and what is wrong with its path.

    Args:
        path: Relative to the landing zone, `/` between folders.
        contract: Its contract.
        dated: The moment that its name says, where the contract has a pattern.
    """
    moments = {column.name: _moment(column, dated) for column in contract.path_columns if column.origin == "file_date"}
    if not contract.path_template:
        return moments, ""
    template = path_template(contract.path_template)
    types = {column.name: column.type for column in contract.path_columns}
    cuts = list(islice(template.cuts(path), _MOST_CUTS))
    wrong = [_wrong(cut, contract, types) for cut in cuts]
    fitting = {
        tuple(_typed(template.value(name, cut[name]), types[name]) for name in template.columns)
        for cut, problem in zip(cuts, wrong, strict=True)
        if not problem
    }
    does_not_fit = f"its path {path!r} does not fit {contract.path_template!r}"
    if len(fitting) > 1 or len(cuts) == _MOST_CUTS:
        ways = " or ".join(sorted(", ".join(map(str, values)) for values in fitting)[:2])
        return moments, f"{does_not_fit} in one way alone: {', '.join(template.columns)} may be {ways or 'many things'}"
    if not fitting:
        return moments, f"{does_not_fit}{f': {wrong[0]}' if wrong else ''}"
    return {**moments, **dict(zip(template.columns, fitting.pop(), strict=True))}, ""


def with_path_values(view: str, columns: Sequence[Column], values: PathValues) -> str:
    """SQL of a reading with the columns that the path of its file gives."""
    given = "".join(f", {_sql(values[column.name], column)} as {quoted(column.name)}" for column in columns)
    return f"select *{given} from ({view})" if given else view


def with_path_values_of_many(view: str, columns: Sequence[Column], values: Mapping[int, PathValues]) -> str:
    """SQL of a reading of several files with the columns that the path of each gives, by its `_file_id`."""

    def each(column: Column) -> str:
        cases = " ".join(
            f"when {file_id} then {_sql(of_file[column.name], column)}" for file_id, of_file in values.items()
        )
        return f", case _file_id {cases} end as {quoted(column.name)}"

    return f"select *{''.join(map(each, columns))} from ({view})" if columns else view


def _sql(value: str | None, column: Column) -> str:
    return f"{'null' if value is None else literal(value)}::{column.type.sql}"


def _moment(column: Column, dated: datetime | None) -> str | None:
    if dated is None:
        return None  # the name says none, for which the file is refused
    if column.type.kind == "date":
        return dated.date().isoformat()
    return dated.isoformat(" ") + ("+00" if column.type.kind == "timestamptz" else "")


def _wrong(cut: Mapping[str, str], contract: Contract, types: Mapping[str, ColumnType]) -> str:
    """The first value of a cut that its column cannot hold, in words; empty where all can be held."""
    template = path_template(contract.path_template)
    for name, text in cut.items():
        try:
            value = template.value(name, text)
        except UnicodeDecodeError:
            return f"{name}: {text!r} is not UTF-8 behind its percent signs"
        if value is not None and ("\0" in value or _typed(value, types[name]) is None):
            return f"{name}: {value!r} is no {types[name].shown}"
    return ""


@lru_cache(maxsize=8192)
def _typed(text: str | None, wanted: ColumnType) -> str | None:
    """A value as DuckDB writes it in its type; None where that cannot hold it."""
    if text is None or wanted.kind == "text":
        return text
    query = f"select ({from_text('t', wanted)})::{wanted.sql}::varchar from (select ?::varchar as t)"
    value: str | None = _database().cursor().execute(query, [text]).fetchall()[0][0]
    return value


@cache
def _database() -> duckdb.DuckDBPyConnection:
    """A database in memory, for nothing but casts; one for all, because to open it costs more than a cast."""
    connection = duckdb.connect(config={"threads": 1})
    connection.execute("set global timezone = 'UTC'")
    return connection
