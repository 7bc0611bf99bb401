"""Some rows of a published table, and what its columns look like; values about people are never in either."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import duckdb

from assay.contract.catalog import Catalog
from assay.contract.masking import hidden_columns
from assay.contract.names import quoted, relation
from assay.contract.personal import MASKED
from assay.trust.asking import ask
from assay.trust.through import published_columns

PROFILED_CELLS = 5_000_000
"""As many values are looked at for a profile, of the first rows; the sum of some tenths of a second."""
_PLAIN = re.compile(r"(U?(TINY|SMALL|BIG|HUGE)?INT(EGER)?|DECIMAL\(.*\)|DOUBLE|FLOAT|DATE|TIME.*|VARCHAR|BOOLEAN)")
"""Types whose least and greatest value say something."""
LONGEST_VALUE = 60
"""Characters of a least or greatest value."""


@dataclass(frozen=True)
class Sample:
    """Rows as they may be shown.

    Attributes:
        columns: Names.
        rows: Values, `masked` in the place of those that nobody is shown.
        hidden: The columns that are masked.
        row_count: How many rows the table has.
    """

    columns: Sequence[str]
    rows: Sequence[Sequence[object]]
    hidden: frozenset[str]
    row_count: int


@dataclass(frozen=True)
class Profile:
    """What a column of a published table looks like.

    Attributes:
        nulls: Share of rows without a value, from 0 to 1.
        distinct: About how many values it has.
        low: The least value as text; empty where it is not shown.
        high: The greatest.
    """

    nulls: float
    distinct: int
    low: str = ""
    high: str = ""


def read_sample(connection: duckdb.DuckDBPyConnection, catalog: Catalog, table: str, most: int) -> Sample:
    """The first rows of a published table, in the order in which it is stored.

    Args:
        connection: A connection to what is published.
        catalog: The project.
        table: One that readers see.
        most: How many rows.
    """
    columns = [name for name, _ in published_columns(connection, table)]
    hidden = hidden_columns(catalog, table, columns)
    shown = ", ".join(_masked(name) if name in hidden else quoted(name) for name in columns)
    rows = connection.execute(f"select {shown} from {relation(table)} limit $most", {"most": most}).fetchall()
    [(count,)] = ask(connection, f"select count(*) from {relation(table)}")
    return Sample(columns, rows, hidden, int(count))


def read_profiles(
    connection: duckdb.DuckDBPyConnection, catalog: Catalog, table: str
) -> tuple[dict[str, Profile], int]:
    """What each column looks like, and of how many of the first rows that was worked out.

    Args:
        connection: A connection to what is published.
        catalog: The project.
        table: One that readers see.
    """
    typed = published_columns(connection, table)
    hidden = hidden_columns(catalog, table, [name for name, _ in typed])
    figures = ["count(*)"]
    for name, kind in typed:
        column = quoted(name)
        is_shown = name not in hidden and _PLAIN.fullmatch(kind) is not None
        figures += [f"count({column})", f"approx_count_distinct({column})"]
        figures += [f"min({column})::varchar", f"max({column})::varchar"] if is_shown else ["null", "null"]
    most = max(1, PROFILED_CELLS // max(1, len(typed)))
    query = f"select {', '.join(figures)} from (select * from {relation(table)} limit {most})"
    [(count, *values)] = ask(connection, query)
    profiles = {}
    for place, (name, _) in enumerate(typed):
        present, distinct, low, high = values[4 * place : 4 * place + 4]
        nulls = 1 - present / count if count else 0.0
        profiles[name] = Profile(nulls, distinct, _short(low), _short(high))
    return profiles, count


def _masked(name: str) -> str:
    return f"case when {quoted(name)} is not null then '{MASKED}' end as {quoted(name)}"


def _short(text: str | None) -> str:
    text = text or ""
    return text if len(text) <= LONGEST_VALUE else f"{text[: LONGEST_VALUE - 1]}\u2026"
