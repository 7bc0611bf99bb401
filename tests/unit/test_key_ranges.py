"""Keys are looked for by ranges that skip row groups, and never a row that is one of them."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest

from assay.tables.key_ranges import is_among
from tests.scans import scanned

LAST = 1_000_000


@pytest.mark.parametrize("kind", ["bigint", "decimal(18,2)", "date", "timestamp"])
def test_few_keys_of_many_are_found_in_the_row_groups_that_may_hold_them(tmp_path: Path, kind: str) -> None:
    value = f"(date '2000-01-01' + i::integer)::{kind}" if kind in ("date", "timestamp") else f"i::{kind}"
    with duckdb.connect(str(tmp_path / "x.duckdb")) as connection:
        connection.execute(f"create table rows as select {value} as k, i from range({LAST}) as t(i); checkpoint")
        connection.execute(f"create temp table keys as select k as a from rows where i in ({LAST - 1}, {LAST - 5})")
        where = is_among(connection, "temp.keys", ["a"], ["rows.k"])
        assert connection.execute(f"select i from rows where {where} order by i").fetchall() == [
            (LAST - 5,),
            (LAST - 1,),
        ]
        assert scanned(connection, f"select sum(i) from rows where {where}", "rows", tmp_path) <= LAST / 5


ROWS = "(values (1, 'a'), (2, null), (null, 'b'), (null, null), (3, 'a')) as t(n, s)"


@pytest.mark.parametrize("keys", ["n > 0", "s is null", "n is null", "true", "false", "n = 2 or s = 'b'"])
def test_keys_with_null_are_found_as_any_other(keys: str) -> None:
    with duckdb.connect() as connection:
        connection.execute(f"create table rows as select * from {ROWS}")
        connection.execute(f"create temp table keys as select n as a, s as b from rows where {keys}")
        where = is_among(connection, "temp.keys", ["a", "b"], ["rows.n", "rows.s"])
        wanted = connection.execute(f"select * from rows where {keys} order by all").fetchall()
        assert connection.execute(f"select * from rows where {where} order by all").fetchall() == wanted


def test_keys_that_are_compared_as_another_type_are_found() -> None:
    """Texts have another order than the numbers that they are compared with."""
    with duckdb.connect() as connection:
        connection.execute("create table rows as select unnest([9, 10, 11]) as n")
        connection.execute("create temp table keys as select unnest(['9', '10']) as a")
        where = is_among(connection, "temp.keys", ["a"], ["rows.n"])
        assert connection.execute(f"select n from rows where {where} order by n").fetchall() == [(9,), (10,)]
        connection.execute("create or replace temp table keys as select unnest([9, 10]) as a")
        where = is_among(connection, "temp.keys", ["a"], ["rows.n::varchar"])
        assert connection.execute(f"select n from rows where {where} order by n").fetchall() == [(9,), (10,)]
