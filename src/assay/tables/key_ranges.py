"""SQL for whether a key is among some keys, written so that DuckDB skips the row groups that hold none of them.

A NULL-safe `exists` is all that decides; DuckDB reads every row for it. So the least and the greatest value of each
column of the keys stand beside it as literals, which the statistics of row groups are held against.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import duckdb

from assay.contract.names import literal, quoted

_ORDERED = re.compile(r"U?(TINY|SMALL|BIG|HUGE)?INT(EGER)?|DECIMAL\(.*\)|DATE|TIMESTAMP(_S|_MS|_NS)?")
"""Types that have one order whatever they are compared with: a text may meet a number, and a double may be NaN."""


def is_among(connection: duckdb.DuckDBPyConnection, keys: str, columns: Sequence[str], asked: Sequence[str]) -> str:
    """SQL for whether a key is one of those in a table, where NULL is a value like others.

    Args:
        connection: The warehouse.
        keys: The relation with the keys, as it is now; a key that is added later may not be seen.
        columns: Its columns.
        asked: SQL of the key in question, an expression for each column.
    """
    same = " and ".join(f"{quoted(name)} is not distinct from {key}" for name, key in zip(columns, asked, strict=True))
    ranges = _ranges(connection, keys, columns, asked)
    return " and ".join([*ranges, f"exists (select 1 from {keys} where {same})"])


def _ranges(
    connection: duckdb.DuckDBPyConnection, keys: str, columns: Sequence[str], asked: Sequence[str]
) -> list[str]:
    """A condition for each column that has an order and no NULL: one that is NULL in a key would prune nothing."""
    figures = ", ".join(
        f"min({name})::varchar, max({name})::varchar, count(*) - count({name}), any_value(typeof({name}))"
        for name in map(quoted, columns)
    )
    row = connection.execute(f"select {figures} from {keys}").fetchall()[0]
    ranges = []
    for place, key in enumerate(asked):
        least, greatest, nulls, kind = row[4 * place : 4 * place + 4]
        if least is not None and not nulls and _ORDERED.fullmatch(kind):
            typed = f"try_cast({key} as {kind})"  # nothing for a key of that type, which alone can prune
            ranges.append(f"{typed} between {literal(least)}::{kind} and {literal(greatest)}::{kind}")
    return ranges
