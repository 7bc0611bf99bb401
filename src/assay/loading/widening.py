"""Adds optional columns that the contract has since to a bronze table; no file is read again for it.

What earlier files said of such a column was rescued, so it is taken from `_rescued`, exactly as a load would have taken
it: typed without loss, judged by the rules of today. Where that is not possible, nothing is changed.
"""

from __future__ import annotations

import secrets
from collections.abc import Collection, Sequence
from typing import Any

import duckdb

from assay.contract.contract import Column, Contract, Rule
from assay.contract.names import TableName, literal, quoted
from assay.reading.exact_casts import from_text
from assay.reading.json_lines import json_key, marked, unmarked
from assay.tables.versions import ChangedWithData, changed_with_data

RESCUED = "temp.assay_widened"
"""Rows that hold a value of a new column, with that value in its place."""
SHOWN = 3
MOST_EXACT = 2**53
"""Up to here a double holds every whole number."""
ENDLESS = "'NaN', 'Infinity', '-Infinity'"


def add_columns(
    connection: duckdb.DuckDBPyConnection, contract: Contract, columns: Sequence[Column], known_rules: Collection[str]
) -> list[int]:
    """Add optional columns to a bronze table, and put the rows whose values were rescued into `RESCUED` instead.

    Args:
        connection: The warehouse, in a transaction.
        contract: The source's contract.
        columns: Those of it that the table does not have.
        known_rules: Names of the rules that the stored rows were judged by.

    Returns:
        The files whose rows were taken out, for the caller to judge and insert again.

    Raises:
        ChangedWithData: A rescued value does not fit its column's type, or rows without a value break a new rule.
    """
    bronze = TableName.of_source(contract.source).sql
    for column in columns:
        connection.execute(f"alter table {bronze} add column {quoted(column.name)} {column.type.sql}")
    holds = " or ".join(f"list_contains(json_keys(_rescued), {literal(column.name)})" for column in columns)
    new_rules = [rule for rule in contract.rules if rule.name not in known_rules]
    _stop_when_rows_break_rules(connection, contract, new_rules, f"coalesce({holds}, false)")
    names = ", ".join(quoted(column.name) for column in contract.columns if column not in columns)
    connection.execute(
        f"create or replace temp table {RESCUED.split('.')[1]} as "
        f"select {names}, {_taken(contract, columns)}, _file_id, _load_id, _loaded_at from {bronze} where {holds}"
    )
    _stop_when_values_do_not_fit(connection, contract, columns)
    connection.execute(f"delete from {bronze} where {holds}")
    return [int(row[0]) for row in _rows(connection, f"select distinct _file_id from {RESCUED} order by _file_id")]


def _taken(contract: Contract, columns: Sequence[Column]) -> str:
    """SQL of the new columns, of their texts as they were rescued, and of what stays rescued."""
    mark = secrets.token_hex(8)
    structure = literal("{" + ", ".join(f'"{json_key(column.name)}": "varchar"' for column in columns) + "}")
    mask = literal("{" + ", ".join(f'"{json_key(column.name)}": null' for column in columns) + "}")
    text = marked("_rescued::varchar", mark)
    parts = []
    for place, column in enumerate(columns):
        raw = f"({unmarked(f'from_json({text}, {structure}).{quoted(column.name)}', mark)})"
        value = from_text(raw, column.type)
        if contract.format.type == "parquet":
            value = f"case when {_says_its_type(column, raw, value)} then {value}{_endless(column, raw)} end"
        parts += [f"{raw} as r{place}", f"({value}) as {quoted(column.name)}"]
    rest = unmarked(f"json_merge_patch({text}, {mask})::varchar", mark)
    return ", ".join([*parts, f"nullif({rest}, '{{}}')::json as _rescued"])


def _says_its_type(column: Column, raw: str, value: str) -> str:
    """SQL for whether the JSON of a Parquet value tells the value exactly, whatever type it had in the file.

    A number that becomes a text had a scale there, which is gone; a whole number may be more than a double holds.
    """
    if column.type.kind == "text":
        kind = f"json_type(_rescued, {literal(_pointer(column.name))})"
        return f"{kind} = 'VARCHAR' and {raw} not in ({ENDLESS})"
    if column.type.kind == "double":
        is_small = f"regexp_full_match({raw}, '-?[0-9]+') and abs({value}) <= {MOST_EXACT}"
        return f"(to_json({value})::varchar = {raw} or {is_small})"
    return "true"


def _endless(column: Column, raw: str) -> str:
    """SQL for NaN and infinity, which JSON does not have and a double of Parquet does."""
    return f" when {raw} in ({ENDLESS}) then {raw}::double" if column.type.kind == "double" else ""


def _pointer(name: str) -> str:
    return "/" + name.replace("~", "~0").replace("/", "~1")


def _stop_when_values_do_not_fit(
    connection: duckdb.DuckDBPyConnection, contract: Contract, columns: Sequence[Column]
) -> None:
    for place, column in enumerate(columns):
        wrong = f"from {RESCUED} where r{place} is not null and {quoted(column.name)} is null"
        [(count,)] = _rows(connection, f"select count(*) {wrong}")
        if count:
            examples = [
                row[0] for row in _rows(connection, f"select distinct r{place} {wrong} order by 1 limit {SHOWN}")
            ]
            bronze = TableName.of_source(contract.source)
            raise ChangedWithData(
                f"{bronze}: the new column {column.name} is {column.type.sql}, but {count:,} stored "
                f"rows hold something else in _rescued, such as {', '.join(map(repr, examples))}. Give it a type that "
                f"holds these, or load the files anew with `assay run --full-refresh {bronze}`; "
                "nothing was changed"
            )


def _stop_when_rows_break_rules(
    connection: duckdb.DuckDBPyConnection, contract: Contract, rules: Sequence[Rule], holds: str
) -> None:
    """Refuse new rules that stored rows without a value break, as these keep the verdict that they were loaded with."""
    bronze = TableName.of_source(contract.source)
    for rule in rules:
        broken = f"select 1 from {bronze.sql} where ({rule.expression}) is false and not ({holds})"
        if _rows(connection, f"{broken} limit 1"):
            raise changed_with_data(
                bronze.table, [f"rule {rule.name} does not hold for all stored rows without a value"]
            )


def _rows(connection: duckdb.DuckDBPyConnection, sql: str) -> list[tuple[Any, ...]]:
    return connection.execute(sql).fetchall()
