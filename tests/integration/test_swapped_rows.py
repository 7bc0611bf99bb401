"""What differs between the rows of keys before and after: as many times as one has a row more often than the other."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import duckdb
import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.tables.swapped_rows import TIMES, find_changed, forget_swapped

Row = tuple[int | None, float | None]
ROWS = st.lists(st.tuples(st.sampled_from([None, 0, 1]), st.sampled_from([None, 0.5, float("inf")])), max_size=6)


@pytest.fixture(scope="module")
def connection() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as connection:
        yield connection


@given(ROWS, ROWS)
def test_the_differences_are_those_of_bags_of_rows(
    connection: duckdb.DuckDBPyConnection, old: list[Row], new: list[Row]
) -> None:
    for table, rows in (("keyed_old", old), ("keyed_new", new)):
        connection.execute(f'create temp table {table} ("a b" bigint, times double)')
        if rows:
            connection.executemany(f"insert into {table} values (?, ?)", rows)
    swap = find_changed(connection, ["a b", "times"])
    query = f'select "a b", times, sum({TIMES}) from temp.keyed_changed group by all'
    expected = Counter(new)
    expected.subtract(old)
    assert {(a, b): int(n) for a, b, n in connection.execute(query).fetchall()} == {
        row: times for row, times in expected.items() if times
    }
    assert (swap.gone, swap.come, swap.differs) == (len(old), len(new), Counter(old) != Counter(new))
    forget_swapped(connection, swap)
    assert connection.execute("select count(*) from duckdb_tables() where temporary").fetchall() == [(0,)]
    assert connection.execute("select count(*) from duckdb_views() where not internal").fetchall() == [(0,)]
