"""A full build compares only the rows whose key stands in several; the table is as if each had been compared."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import duckdb
import pytest

from assay.tables import keyed
from assay.tables.lone_rows import lone_rows_apart
from tests.lab import Lab, receipt

SHOWN = "from silver.transactions order by all"
FULL = ["silver.transactions"]
FILES = {
    "a": [receipt(basket_id=number) for number in range(100, 140)],
    "b": [receipt(basket_id=101), receipt(basket_id=102, quantity=7), receipt(basket_id=102, quantity=8)],
    "c": [receipt(basket_id=103, sales_value="oops"), receipt(basket_id=104, quantity=-1), receipt(basket_id=200)],
    "d": [receipt(basket_id=200), receipt(basket_id=200), receipt(basket_id=201, product_id=11)],
}


@pytest.mark.slow  # six real runs
def test_the_rows_and_what_is_counted_of_them_are_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    @contextmanager
    def noted(connection: duckdb.DuckDBPyConnection, sql: str, inputs: Any) -> Iterator[str]:
        with lone_rows_apart(connection, sql, inputs) as apart:
            asked.append(apart)
            yield apart

    @contextmanager
    def together(_: object, sql: str, __: object) -> Iterator[str]:
        yield sql

    at_once, one_by_one = Lab(tmp_path / "at once"), Lab(tmp_path / "one by one")
    monkeypatch.setattr(keyed, "lone_rows_apart", noted)
    for name, rows in FILES.items():
        at_once.receipts(name, rows)
    at_once.good_run()
    assert [sql.count("anti join") for sql in asked if '"bronze"."transactions"' in sql] == [1]
    apart = at_once.rows(SHOWN)
    assert len(apart) == 42
    assert {row[-2:] for row in apart} == {(0, 0), (1, 0), (0, 2), (2, 0)}
    assert at_once.stored("select table_name from duckdb_tables() where table_name like 'assay_repeated%'") == []

    monkeypatch.setattr(keyed, "lone_rows_apart", together)
    at_once.good_run(full_refresh=FULL)
    assert at_once.rows(SHOWN) == apart

    for name, rows in FILES.items():
        one_by_one.receipts(name, rows)
        one_by_one.good_run()
    assert [row[:-3] + row[-2:] for row in one_by_one.rows(SHOWN)] == [row[:-3] + row[-2:] for row in apart]


def contract(key: str) -> dict[str, Any]:
    """As much of a node as its key is read from."""
    block = {"version": "1.0.0", "owner": "tests", "new_columns": "refuse"}
    block |= {"format": {"type": "csv"}, "load": "events", "files": "x/*.csv"}
    return {
        "name": "bronze_x",
        "config": {"meta": {"contract": block}},
        "columns": {name: {"name": name, "data_type": "varchar"} for name in ("a", "b")},
        "constraints": [{"type": "primary_key", "columns": [key]}],
        "original_file_path": "models/x.yml",
    }


NEWEST = (
    "select * from (/*assay:newest_rows bronze_x*/ select * exclude (_rescued_pairs), 0 as _duplicates_identical, "
    "0 as _duplicates_conflicting from (select *, row_number() over newest as _rank, true as _is_same from ("
    "/*rows that count*/ select *, null as _rescued_pairs from x /*end of rows*/) window newest as "
    "(partition by a order by b desc)) where _rank = 1 /*assay:end*/)"
)


@pytest.mark.parametrize(("repeated", "is_apart"), [(0, True), (5, True), (25, True), (26, False), (80, False)])
def test_rows_are_kept_apart_where_few_keys_stand_in_several(repeated: int, is_apart: bool) -> None:
    """A window over all rows is faster where many do; a key that is null is one as any other."""
    with duckdb.connect() as connection:
        half = repeated // 2
        keys = f"select nullif(if(i < {repeated}, i // 2, i), 0)::varchar as a, i::varchar as b from range(100) as t(i)"
        connection.execute(f"create table x as {keys}")
        if repeated % 2:  # the last of them is the third of its key
            connection.execute(f"update x set a = {half - 1} where b = '{repeated - 1}'")
        with lone_rows_apart(connection, NEWEST, {"bronze_x": contract("a")}) as sql:
            assert ("anti join" in sql) == is_apart
            rows = connection.execute(f"select a, b, _rank, _is_same from ({sql}) order by all").fetchall()
        assert rows == connection.execute(f"select a, b, _rank, _is_same from ({NEWEST}) order by all").fetchall()


@pytest.mark.parametrize("inputs", [{}, {"bronze_x": contract("a")}])
def test_what_an_earlier_version_compiled_is_left_as_it_is(inputs: dict[str, Any]) -> None:
    sql = "select * from (/*assay:newest_rows bronze_x*/ select * from x qualify _rank = 1 /*assay:end*/)"
    with duckdb.connect() as connection, lone_rows_apart(connection, sql, inputs) as left:
        assert left == sql
