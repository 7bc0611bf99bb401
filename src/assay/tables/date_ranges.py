"""Read of an input only the dates that can lie in a key that is made of them.

`affected('product_id', "date_trunc('week', sales_date)::date")` asks for the week of a row. DuckDB works the week out
of every row, because the least and greatest `sales_date` of a row group say nothing about an expression. Asked of the
column itself, from the Monday of the first week to the end of the last, it skips row groups.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import duckdb

from assay.contract.names import literal, quoted

_NAME = r'(?:[A-Za-z_]\w*|"[^"]+")'
_COLUMN = rf"(?P<column>{_NAME}(?:\s*\.\s*{_NAME})*)"
_TRUNC = rf"date_trunc\(\s*'(?P<unit>\w+)'\s*,\s*{_COLUMN}\s*\)"
_DATES = [rf"{_COLUMN}\s*::\s*date", rf"cast\(\s*{_COLUMN}\s+as\s+date\s*\)"]
_DATES += [rf"{_TRUNC}\s*::\s*date", rf"cast\(\s*{_TRUNC}\s+as\s+date\s*\)"]
_FORMS = [(re.compile(form, re.IGNORECASE), form in _DATES) for form in (*_DATES, _TRUNC)]
"""How a key is made of a column, and whether a date comes out."""
_WITHIN_A_DAY = {"second": "1 second", "minute": "1 minute", "hour": "1 hour"}
_DAYS = {"day": "1 day", "week": "7 days", "month": "1 month", "quarter": "3 months", "year": "1 year"}
_PIECE = re.compile(r"'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\"|[(\[{]|[)\]}]|,|[^'\"(\[{)\]},]+")


def narrowed(connection: duckdb.DuckDBPyConnection, sql: str, asks: str, keys: str, columns: Sequence[str]) -> str:
    """A model's SQL, in which each question for affected keys also says which dates its columns can have.

    Args:
        connection: The warehouse.
        sql: SQL of the model.
        asks: How a question begins, up to its opening bracket.
        keys: The relation with the affected keys.
        columns: Its columns, in the order of the question's arguments.
    """
    made, rest = "", sql
    while asks in rest:
        before, after = rest.split(asks, 1)
        arguments, rest = _arguments(after)
        question = f"{asks}{','.join(arguments)})"
        dates = [
            condition
            for column, argument in zip(columns, arguments, strict=False)
            if (condition := _dates(connection, keys, column, argument))
        ]
        made += before + (f"({' and '.join([question, *dates])})" if dates else question)
    return made + rest


def _arguments(text: str) -> tuple[list[str], str]:
    """The arguments up to the bracket that closes them, and what comes after it."""
    arguments, depth = [""], 0
    for piece in _PIECE.finditer(text):
        part = piece.group()
        if not depth and part in {")", ","}:
            if part == ")":
                return arguments, text[piece.end() :]
            arguments.append("")
            continue
        depth += (part in "([{") - (part in ")]}")
        arguments[-1] += part
    raise ValueError(f"no bracket closes the arguments in {text[:80]!r}")


def _dates(connection: duckdb.DuckDBPyConnection, keys: str, column: str, argument: str) -> str:
    """What the column in an argument lies between; nothing where the argument or the keys do not tell."""
    matches = [(match, is_date) for form, is_date in _FORMS if (match := form.fullmatch(argument.strip()))]
    if not matches:
        return ""
    match, is_date = matches[0]
    unit = (match.groupdict().get("unit") or "day").lower()
    unit = "day" if is_date and unit in _WITHIN_A_DAY else unit
    length = {**_DAYS, **_WITHIN_A_DAY}.get(unit)
    between = _between(connection, keys, quoted(column), length) if length else None
    if between is None:
        return ""
    kind, least, end = between
    kind = "DATE" if kind == "DATE" and unit in _DAYS else "TIMESTAMP"  # as the column, or DuckDB converts each value
    return f"{match['column']} >= {least}::{kind} and {match['column']} < {end}::{kind}"


def _between(connection: duckdb.DuckDBPyConnection, keys: str, name: str, length: str) -> tuple[str, str, str] | None:
    """Type of the keys, the least as a literal, and the end of the greatest; none where one is NULL or infinite."""
    kinds = connection.execute(f"select distinct typeof({name}) from {keys}").fetchall()
    if kinds not in ([("DATE",)], [("TIMESTAMP",)]):
        return None
    least, end, are_all = connection.execute(
        f"select try(least::timestamp)::varchar, try(greatest + interval '{length}')::varchar, are_all from "
        f"(select min({name}) as least, max({name}) as greatest, "
        f"bool_and({name} is not null and isfinite({name})) as are_all from {keys})"
    ).fetchall()[0]
    if least is None or end is None or not are_all:
        return None
    return kinds[0][0], f"{literal(least)}::timestamp", f"{literal(end)}::timestamp"
