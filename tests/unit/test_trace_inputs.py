"""The rows of inputs that lead to a row: by expressions, by way of another input, narrowed by columns of the key."""

from __future__ import annotations

from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import duckdb
import pytest

from assay.consumers.tracing.inputs import TRACED, input_rows, unpublished
from assay.consumers.tracing.proof import prove
from assay.contract.rebuild_key import Input, RebuildKey

SQL = """
    select lines.day, products.kind, sum(lines.usd) as usd, (select max(usd) from "w"."silver"."lines") as most
    from "w"."silver"."lines" as lines
    inner join "w"."silver"."products" as products on lines.product = products.product
    where temp.main.is_affected_gold_days(lines.day)
    group by lines.day, products.kind
"""
KEY = RebuildKey(
    ("day",), (Input("silver_lines", ("day",)), Input("silver_products", via="silver_lines", by=("product",)))
)
ORIGINS = {"day": (("silver.lines", "day"),), "kind": (("silver.products", "kind"),)}


def catalog(key: RebuildKey = KEY) -> Any:
    """As much of a project as tracing asks."""
    return SimpleNamespace(rebuild_key=lambda _: key, promises={"gold_days": SimpleNamespace(key=("day", "kind"))})


@pytest.fixture
def connection() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as connection:
        connection.execute("create schema silver")
        connection.execute(
            "create table silver.lines as select * from (values (1, 10, 5), (1, 11, 7), (1, null, 1), (2, 10, 9)) "
            "as t(day, product, usd)"
        )
        connection.execute(
            "create table silver.products as select * from (values (10, 'food'), (11, 'drink'), (null, 'food')) "
            "as t(product, kind)"
        )
        connection.execute(
            f"create temp table {TRACED.removeprefix('temp.')} as select 1 as day, 'food' as kind, 5 as usd, 5 as most"
        )
        yield connection


def values(connection: duckdb.DuckDBPyConnection, relation: str) -> list[tuple[Any, ...]]:
    return connection.execute(f"from {relation} order by all").fetchall()


def test_narrowed_rows_are_those_of_the_key_and_of_nothing_else(connection: duckdb.DuckDBPyConnection) -> None:
    lines, products = input_rows(connection, catalog(), "gold_days", ORIGINS, is_narrowed=True)
    assert values(connection, lines.relation) == [(1, 10, 5), (1, None, 1)]
    assert values(connection, products.relation) == [(10, "food"), (None, "food")]


def test_without_narrowing_all_rows_of_the_rebuild_key_are_given(connection: duckdb.DuckDBPyConnection) -> None:
    lines, products = input_rows(connection, catalog(), "gold_days", ORIGINS, is_narrowed=False)
    assert (lines.count, products.count) == (3, 3)


def test_sql_tells_which_columns_depend_on_further_rows(connection: duckdb.DuckDBPyConnection) -> None:
    narrowed = input_rows(connection, catalog(), "gold_days", ORIGINS, is_narrowed=True)
    assert prove(connection, "gold_days", SQL, ("day", "kind"), narrowed).other == ()
    wide = input_rows(connection, catalog(), "gold_days", ORIGINS, is_narrowed=False)
    proof = prove(connection, "gold_days", SQL, ("day", "kind"), wide)
    assert (proof.same, proof.other) == (("day", "kind", "usd"), ("most",))
    assert "did not run" in prove(connection, "gold_days", "select no_column", ("day", "kind"), wide).why_not


def test_an_expression_that_unnests_gives_each_row_once(connection: duckdb.DuckDBPyConnection) -> None:
    key = RebuildKey(("day",), (Input("silver_lines", ("unnest([day - 1, day])",)),))
    [lines] = input_rows(connection, catalog(key), "gold_days", {}, is_narrowed=False)
    assert values(connection, lines.relation) == [(1, 10, 5), (1, 11, 7), (1, None, 1), (2, 10, 9)]


def test_bronze_which_readers_do_not_see_is_left_out(connection: duckdb.DuckDBPyConnection) -> None:
    bronze = (Input("bronze_raw", ("day",)), Input("silver_products", via="bronze_raw", by=("product",)))
    key = RebuildKey(("day",), (*bronze, Input("silver_lines", ("day",))))
    assert unpublished(key) == ["bronze_raw"]
    assert [rows.model for rows in input_rows(connection, catalog(key), "gold_days", {}, is_narrowed=False)] == [
        "silver_lines"
    ]
