"""What the sensors know of a lake decides what they ask for."""

from __future__ import annotations

from collections.abc import Iterator

import duckdb
import pytest

from contracts.catalog import Catalog
from resources.results import CheckResult, Rule, record
from resources.warehouse import prepare
from sensors.known import Known, read_known
from tests.source import bronze_node, built, catalog

FINE = Rule("rule", "fine", "fine", True, (), "error", 0.0, 0.0, 1.0)
BROKEN = Rule("rule", "fine", "broken", False, (), "error", 1.0, 0.0, 0.5)
PROJECT = catalog(
    {**bronze_node("sales", {"id": "bigint"}, ["id"]), "depends_on": {"nodes": []}},
    built("silver_sales", "bronze_sales"),
    built("gold_days", "silver_sales"),
    built("gold_slow", "silver_sales", freshness={"lag": "6 hours"}),
)
TABLES = ("bronze.sales", "silver.sales", "gold.days", "gold.slow")


@pytest.fixture
def lake() -> Iterator[duckdb.DuckDBPyConnection]:
    """All tables are there, checked and shown."""
    with duckdb.connect() as connection:
        prepare(connection)
        for table in TABLES:
            connection.execute("insert into ops.tables values (?, 1, 1, 'x', 1, now(), 'run')", [table])
            ask(connection, table, FINE)
        for table, source in zip(TABLES[1:], ("bronze.sales", "silver.sales", "silver.sales"), strict=True):
            connection.execute("insert into ops.seen values (?, ?, 1)", [table, source])
        show(connection, dict.fromkeys(TABLES[1:], 1))
        yield connection


def ask(connection: duckdb.DuckDBPyConnection, table: str, rule: Rule, *also: str) -> None:
    """All blocking checks of a table, as they came out."""
    for check in PROJECT.blocking_checks[table]:
        record(connection, [CheckResult(table, check, (rule,), "so", (table, *also), True, "asked")], "run")


def show(connection: duckdb.DuckDBPyConnection, seqs: dict[str, int]) -> None:
    """What readers see."""
    connection.execute(
        "insert into ops.publications values ((select count(*) from ops.publications), now(), 'run', true, [], ?)",
        [[{"table_name": table, "seq": seq} for table, seq in seqs.items()]],
    )


def change(connection: duckdb.DuckDBPyConnection, table: str) -> None:
    connection.execute("update ops.tables set seq = 2 where table_name = ?", [table])


def known(connection: duckdb.DuckDBPyConnection, project: Catalog = PROJECT) -> Known:
    return read_known(connection, project)


def test_of_a_lake_that_is_as_it_should_be_nothing_is_wanted(lake: duckdb.DuckDBPyConnection) -> None:
    found = known(lake)
    assert (found.waiting, found.behind, found.lags, found.bad, found.unpublished) == (set(), set(), {}, set(), set())


def test_a_table_that_may_lag_waits_and_another_is_behind(lake: duckdb.DuckDBPyConnection) -> None:
    change(lake, "silver.sales")
    ask(lake, "silver.sales", FINE)
    found = known(lake)
    assert found.behind == {"gold.days"}
    assert set(found.lags) == {"gold.slow"}


def test_a_bad_table_that_may_lag_is_rebuilt_as_soon_as_it_may_be_better(
    lake: duckdb.DuckDBPyConnection,
) -> None:
    ask(lake, "gold.slow", BROKEN)
    assert known(lake).behind == set()  # nothing has changed: it would be as bad
    change(lake, "silver.sales")
    ask(lake, "silver.sales", FINE)
    assert known(lake).behind == {"gold.days", "gold.slow"}


def test_what_readers_do_not_see_though_nothing_speaks_against_it_is_known(lake: duckdb.DuckDBPyConnection) -> None:
    for table in TABLES[1:]:
        change(lake, table)
        ask(lake, table, FINE)
    lake.execute("update ops.seen set seq = 2 where input like 'silver.%'")
    assert known(lake).unpublished == set(TABLES[1:])
    show(lake, dict.fromkeys(TABLES[1:], 2))
    assert known(lake).unpublished == set()


def test_a_table_whose_checks_were_not_asked_runs_again(lake: duckdb.DuckDBPyConnection) -> None:
    change(lake, "gold.days")
    assert known(lake).behind == {"gold.days"}
    assert known(lake).unpublished == set()
