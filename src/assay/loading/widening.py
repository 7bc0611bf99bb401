"""Brings a bronze table up to a contract that takes in more than it did; no file is read again for it.

Optional columns are added, types get wider, and columns get further names. What earlier files said under the name of a
column was rescued, so it is taken from `_rescued`, exactly as a load would have taken it: typed without loss, judged by
the rules of today. Where that is not possible, nothing is changed.
"""

from __future__ import annotations

import secrets
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import duckdb

from assay.contract.aliases import two_names
from assay.contract.contract import Column, Contract, Rule
from assay.contract.header_names import loose_names
from assay.contract.names import TableName, literal, quoted
from assay.ledger.contents import loaded_with_several, names_in_headers
from assay.reading.exact_casts import from_text
from assay.reading.json_lines import marked, member, unmarked
from assay.tables.table_definition import Form, names_in
from assay.tables.versions import ChangedWithData, changed_with_data
from assay.text.json_parts import json_key

RESCUED = "temp.assay_widened"
"""Rows that hold a value of a column under a name of it, with that value in its place."""
SHOWN = 3
MOST_EXACT = 2**53
"""Up to here a double holds every whole number."""
ENDLESS = "'NaN', 'Infinity', '-Infinity'"

Names = Mapping[Column, Sequence[str]]
"""Columns with the names under which values of theirs may have been rescued."""


def widen(
    connection: duckdb.DuckDBPyConnection, contract: Contract, stored: Form | None, known_rules: Collection[str]
) -> list[int]:
    """Change a bronze table in place, and put the rows whose values were rescued into `RESCUED` instead.

    Args:
        connection: The warehouse, in a transaction.
        contract: The source's contract.
        stored: The form that the rows were stored under; None of the first lakes.
        known_rules: Names of the rules that the stored rows were judged by.

    Returns:
        The files whose rows were taken out, for the caller to judge and insert again.

    Raises:
        ChangedWithData: A rescued value does not fit its column's type, a row has values under two names of a column,
            or rows without a value break a new rule.
    """
    bronze = TableName.of_source(contract.source)
    there = {name for name, *_ in _rows(connection, f"describe {bronze.sql}")}
    new = [column for column in contract.columns if column.name not in there]
    for column in new:
        connection.execute(f"alter table {bronze.sql} add column {quoted(column.name)} {column.type.sql}")
    before = {name: sql for name, sql, *_ in stored["contract"]["columns"]} if stored else {}
    for column in contract.columns:
        if before.get(column.name, column.type.sql) != column.type.sql:
            connection.execute(f"alter table {bronze.sql} alter column {quoted(column.name)} type {column.type.sql}")
    known = names_in(stored["contract"]["format"]) if stored else set()
    loose = loose_names(
        contract, names_in_headers(connection, contract.source) if contract.format.names == "loose" else ()
    )
    names = _new_names(contract, new, known, loose)
    return _take_out(connection, contract, names, new, known_rules) if names else []


def _new_names(
    contract: Contract, new: Sequence[Column], known: Collection[tuple[str, str]], loose: Mapping[str, Sequence[str]]
) -> Names:
    """The names that columns have since the rows were stored.

    Args:
        contract: As it is now.
        new: Columns that the table did not have.
        known: (column, other name) that the contract had.
        loose: Names in headers of loaded files that stand for each column and that none did when these were loaded.
    """
    others = dict(contract.format.aliases)
    names = {
        column: [
            *([column.name] if column in new else []),
            *(name for name in others.get(column.name, ()) if column in new or (column.name, name) not in known),
            *loose.get(column.name, ()),
        ]
        for column in contract.columns
    }
    return {column: these for column, these in names.items() if these}


def _take_out(
    connection: duckdb.DuckDBPyConnection,
    contract: Contract,
    names: Names,
    new: Sequence[Column],
    known_rules: Collection[str],
) -> list[int]:
    bronze = TableName.of_source(contract.source).sql
    listed = ", ".join(literal(name) for these in names.values() for name in these)
    holds = f"coalesce(list_has_any(json_keys(_rescued), [{listed}]), false)"
    new_rules = [rule for rule in contract.rules if new and rule.name not in known_rules]
    _stop_when_rows_break_rules(connection, contract, new_rules, holds)
    _stop_when_files_have_several(connection, contract, names)
    others = ", ".join(quoted(column.name) for column in contract.columns if column not in names)
    connection.execute(
        f"create or replace temp table {RESCUED.split('.')[1]} as select {f'{others}, ' if others else ''}"
        f"{_taken(contract, names)}, _file_id, _load_id, _loaded_at from {bronze} where {holds}"
    )
    _stop_when_rows_have_several(connection, contract, names)
    _stop_when_values_do_not_fit(connection, contract, names)
    connection.execute(f"delete from {bronze} where {holds}")
    return [int(row[0]) for row in _rows(connection, f"select distinct _file_id from {RESCUED} order by _file_id")]


def _taken(contract: Contract, names: Names) -> str:
    """SQL of the columns, of their texts as they were rescued and how many there are, and of what stays rescued."""
    mark = secrets.token_hex(8)
    every = [name for these in names.values() for name in these]
    mask = literal("{" + ", ".join(f'"{json_key(name)}": null' for name in every) + "}")
    text = marked("_rescued::varchar", mark)
    parts = []
    for place, (column, these) in enumerate(names.items()):
        raws = [f"({unmarked(member(text, name), mark)})" for name in these]
        values = [_value(contract, column, name, raw) for name, raw in zip(these, raws, strict=True)]
        stored = quoted(column.name)
        parts += [f"coalesce({', '.join(raws)}) as r{place}"]
        parts += [f"len(list_filter([{stored}::varchar, {', '.join(raws)}], lambda x: x is not null)) as n{place}"]
        parts += [f"coalesce({stored}, {', '.join(values)}) as {stored}"]
    rest = unmarked(f"json_merge_patch({text}, {mask})::varchar", mark)
    return ", ".join([*parts, f"nullif({rest}, '{{}}')::json as _rescued"])


def _value(contract: Contract, column: Column, name: str, raw: str) -> str:
    """SQL of the value of a column that was rescued under a name; NULL where it cannot be told exactly."""
    value = from_text(raw, column.type)
    if contract.format.type == "parquet":
        value = f"case when {_says_its_type(column, name, raw, value)} then {value}{_endless(column, raw)} end"
    return f"({value})"


def _says_its_type(column: Column, name: str, raw: str, value: str) -> str:
    """SQL for whether the JSON of a Parquet value tells the value exactly, whatever type it had in the file.

    A number that becomes a text had a scale there, which is gone; a whole number may be more than a double holds.
    """
    if column.type.kind == "text":
        kind = f"json_type(_rescued, {literal(_pointer(name))})"
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


def _stop_when_values_do_not_fit(connection: duckdb.DuckDBPyConnection, contract: Contract, names: Names) -> None:
    for place, column in enumerate(names):
        wrong = f"from {RESCUED} where r{place} is not null and {quoted(column.name)} is null"
        [(count,)] = _rows(connection, f"select count(*) {wrong}")
        if count:
            examples = [
                row[0] for row in _rows(connection, f"select distinct r{place} {wrong} order by 1 limit {SHOWN}")
            ]
            bronze = TableName.of_source(contract.source)
            if column.type.is_nested:
                raise ChangedWithData(
                    f"{bronze}: the new column {column.name} is {column.type.declared}, and {count:,} stored rows hold "
                    "a value of it in _rescued, from which types that hold others are not taken. Load the files anew "
                    f"with `assay run --full-refresh {bronze}`; nothing was changed"
                )
            shown = "" if column.is_personal else f", such as {', '.join(map(repr, examples))}"
            raise ChangedWithData(
                f"{bronze}: the new column {column.name} is {column.type.sql}, but {count:,} stored "
                f"rows hold something else in _rescued{shown}. Give it a type that "
                f"holds these, or load the files anew with `assay run --full-refresh {bronze}`; "
                "nothing was changed"
            )


def _stop_when_rows_have_several(connection: duckdb.DuckDBPyConnection, contract: Contract, names: Names) -> None:
    """Refuse a name under which stored rows have a value beside that of their column."""
    for place, (column, these) in enumerate(names.items()):
        [(count,)] = _rows(connection, f"select count(*) from {RESCUED} where n{place} > 1")
        if count:
            bronze = TableName.of_source(contract.source)
            raise ChangedWithData(
                f"{bronze}: {count:,} stored rows have values under several names of a column: "
                f"{two_names(column.name, dict.fromkeys([column.name, *these]))}; nothing was changed"
            )


def _stop_when_files_have_several(connection: duckdb.DuckDBPyConnection, contract: Contract, names: Names) -> None:
    """Refuse a name that the header of a loaded file has beside another name of its column."""
    for column, these in names.items():
        every = list(dict.fromkeys([*(way[0] for way in contract.ways[column.name]), *these]))
        if paths := loaded_with_several(connection, contract.source, every):
            raise ChangedWithData(
                f"{TableName.of_source(contract.source)}: the header of {paths[0]}, which is loaded, has several names "
                f"of a column: {two_names(column.name, every)}; nothing was changed"
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
