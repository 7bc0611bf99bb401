"""A reference to a table that was never built names the table that is missing."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

from assay.base.settings import Settings
from assay.base.warehouse import prepare
from assay.checks.consistency_check import check_consistency
from assay.checks.results import Rule
from assay.checks.session import Session
from assay.contract.catalog import Catalog
from assay.contract.declared_checks import Level, Reference
from tests.source import bronze_node

IN_OPEN_SHOPS = 'exists (select 1 from silver."opening-hours" as hours where hours.shop = shop)'


@pytest.fixture
def warehouse() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as connection:
        prepare(connection)
        connection.execute("create table silver.sales (shop bigint); insert into silver.sales values (1), (2)")
        yield connection


def known_shops(connection: duckdb.DuckDBPyConnection, where: str, column: str = "shop") -> Rule:
    """The one rule: sales refer to shops."""
    reference = {"columns": [column], "to": "silver_shops", "where": where, "because": "A test."}
    models = {f"silver_{name}": bronze_node(name, {column: "bigint"}, [column]) for name in ("sales", "shops")}
    for name, node in models.items():
        node["name"] = name
    models["silver_sales"]["config"]["meta"]["checks"] = {"consistency": {"shops_are_known": reference}}
    lake = Session(Settings(home=Path()), Catalog({"nodes": {}}, models), connection, "run")
    [rule] = check_consistency(lake, "silver_sales").rules
    return rule


@pytest.mark.parametrize(
    ("there", "missing"),
    [
        ((), "silver.opening-hours, silver.shops"),
        (("shops",), "silver.opening-hours"),
        (("opening-hours",), "silver.shops"),
    ],
)
def test_the_table_that_is_missing_is_named(
    warehouse: duckdb.DuckDBPyConnection, there: tuple[str, ...], missing: str
) -> None:
    for name in there:
        warehouse.execute(f'create table silver."{name}" (shop bigint)')
    rule = known_shops(warehouse, IN_OPEN_SHOPS)
    assert (rule.passed, rule.observed) == (False, f"{missing} was never built")


def test_it_may_be_the_table_itself(warehouse: duckdb.DuckDBPyConnection) -> None:
    warehouse.execute("alter table silver.sales rename to shops")
    assert known_shops(warehouse, "true").observed == "silver.sales was never built"


def test_what_else_is_not_in_the_catalog_is_no_missing_table(warehouse: duckdb.DuckDBPyConnection) -> None:
    warehouse.execute("create table silver.shops (shop bigint)")
    with pytest.raises(duckdb.CatalogException, match="nosuch"):
        known_shops(warehouse, "nosuch(shop)")


def test_nothing_is_missing_when_all_is_there(warehouse: duckdb.DuckDBPyConnection) -> None:
    warehouse.execute("create table silver.shops as select 1::bigint as shop")
    warehouse.execute('create table silver."opening-hours" as from silver.shops')
    assert known_shops(warehouse, "true").observed == "1 of 2 rows without (50.00 %)"
    assert known_shops(warehouse, IN_OPEN_SHOPS).observed == "1 of 2 rows without (50.00 %)"


@pytest.mark.parametrize("kind", ["bigint", "varchar", "double", "decimal(9,2)"])
def test_a_value_is_known_in_whatever_type_and_however_often_it_is_there(
    warehouse: duckdb.DuckDBPyConnection, kind: str
) -> None:
    warehouse.execute("insert into silver.sales values (3), (3), (null), (4)")
    warehouse.execute(f"create table silver.shops as select unnest([1, 1, 2, null])::{kind} as shop")
    rule = known_shops(warehouse, "shop is null or shop < 4")
    assert rule.observed == "2 of 5 rows without (40.00 %)"
    assert rule.examples == ({"shop": 3}, {"shop": 3})


def test_several_columns_are_known_together(warehouse: duckdb.DuckDBPyConnection) -> None:
    warehouse.execute(
        "create table silver.lines as from (values (1, 'a'), (1, 'b'), (2, 'a'), (null, 'a')) as t (n, v)"
    )
    warehouse.execute("create table silver.shops as from (values (1, 'a'), (2, 'b'), (null, 'a')) as t (n, v)")
    reference = Reference("known", ("n", "v"), "silver_shops", "true", Level())
    rows = warehouse.execute(f"select * from ({reference.broken('silver.lines')}) order by all").fetchall()
    assert rows == [(1, "b"), (2, "a")]


@pytest.mark.parametrize("column", ["first", "broken", "this", "that", "row"])
def test_a_column_may_be_called_as_the_query_calls_its_own(warehouse: duckdb.DuckDBPyConnection, column: str) -> None:
    warehouse.execute(f'alter table silver.sales rename shop to "{column}"')
    warehouse.execute(f'create table silver.shops as select 1::bigint as "{column}"')
    rule = known_shops(warehouse, "true", column)
    assert (rule.observed, rule.examples) == ("1 of 2 rows without (50.00 %)", ({column: 2},))
