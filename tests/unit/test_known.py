"""What the sensors know of a lake decides what they ask for."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import duckdb
import pytest

from assay.base import clock
from assay.base.warehouse import prepare
from assay.checks.results import CheckResult, Rule, record
from assay.contract.catalog import Catalog
from assay.contract.moving_rules import AT_ONCE
from assay.ledger.check_definition import definition
from assay.orchestration.arrivals_sensor import selection, wanted_now
from assay.triggers.published_state import Known, read_known
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
            connection.execute("insert into ops.tables values (?, 1, 1, 'x', 1, now(), 'run', null, null)", [table])
            ask(connection, table, FINE)
        for table, source in zip(TABLES[1:], ("bronze.sales", "silver.sales", "silver.sales"), strict=True):
            connection.execute("insert into ops.seen values (?, ?, 1, null)", [table, source])
        show(connection, dict.fromkeys(TABLES[1:], 1))
        yield connection


def ask(connection: duckdb.DuckDBPyConnection, table: str, rule: Rule, *also: str) -> None:
    """All blocking checks of a table, as they came out."""
    for check in PROJECT.blocking_checks[table]:
        asked = definition(PROJECT, table, check)
        record(connection, [CheckResult(table, check, (rule,), "so", (table, *also), True, asked)], "run")


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
    state = known(lake)
    assert (state.waiting, state.behind, state.lags, state.bad, state.unpublished) == (set(), set(), {}, set(), set())


def test_a_table_that_may_lag_waits_and_another_is_behind(lake: duckdb.DuckDBPyConnection) -> None:
    change(lake, "silver.sales")
    ask(lake, "silver.sales", FINE)
    state = known(lake)
    assert state.behind == {"gold.days"}
    assert set(state.lags) == {"gold.slow"}


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


def end(connection: duckdb.DuckDBPyConnection, table: str, at: datetime) -> None:
    """Results of a table say something until a time only."""
    connection.execute("update ops.checks set expires_at = ? where table_name = ?", [at, table])


@pytest.mark.parametrize("table", ["gold.days", "gold.slow", "silver.sales"])
def test_a_result_whose_time_is_over_asks_for_one_run_of_its_table_without_a_file(
    lake: duckdb.DuckDBPyConnection, table: str
) -> None:
    ends = datetime.now(UTC) + timedelta(hours=1)
    end(lake, table, ends)
    state = known(lake)
    assert (state.behind, state.bad, state.unpublished) == (set(), set(), set())
    assert wanted_now(PROJECT, {}, state) == set()
    with clock.told_by(lambda: ends):
        assert wanted_now(PROJECT, {}, state) == {table}
        assert table.replace(".", "/") in {key.to_user_string() for key in selection(PROJECT, [table], state)}
        ask(lake, table, FINE)  # what the run does, whatever comes of it
        end(lake, table, ends + timedelta(hours=1))
        assert wanted_now(PROJECT, {}, known(lake)) == set()
        ask(lake, table, BROKEN)
        assert wanted_now(PROJECT, {}, known(lake)) == set()


def test_a_clock_that_was_put_back_asks_once_and_not_for_ever(lake: duckdb.DuckDBPyConnection) -> None:
    before = datetime.now(UTC) - timedelta(days=400)
    end(lake, "gold.days", datetime.now(UTC) + timedelta(hours=1))
    with clock.told_by(lambda: before):
        assert wanted_now(PROJECT, {}, known(lake)) == {"gold.days"}
        ask(lake, "gold.days", FINE)
        end(lake, "gold.days", before + timedelta(hours=1))
        assert wanted_now(PROJECT, {}, known(lake)) == set()


def test_chance_alone_starts_no_run(lake: duckdb.DuckDBPyConnection) -> None:
    end(lake, "gold.days", AT_ONCE)
    assert wanted_now(PROJECT, {}, known(lake)) == set()


def test_a_result_that_has_ended_waits_while_an_input_is_bad(lake: duckdb.DuckDBPyConnection) -> None:
    end(lake, "gold.days", datetime.now(UTC) - timedelta(hours=1))
    ask(lake, "silver.sales", BROKEN)
    assert wanted_now(PROJECT, {}, known(lake)) == set()


@pytest.mark.parametrize("table", ["gold.days", "gold.slow", "silver.sales"])
def test_a_pass_of_other_versions_asks_for_a_run(lake: duckdb.DuckDBPyConnection, table: str) -> None:
    lake.execute("update ops.checks set definition = '0123456789abcdef-00000000' where table_name = ?", [table])
    assert known(lake).behind == {table}
    ask(lake, table, FINE)
    assert known(lake).behind == set()


def test_a_result_of_a_check_that_left_the_project_asks_for_nothing(lake: duckdb.DuckDBPyConnection) -> None:
    ended = datetime.now(UTC) - timedelta(hours=1)
    past = CheckResult("gold.days", "not_null_days_id", (FINE,), "so", ("gold.days",), expires_at=ended)
    record(lake, [past], "run")
    assert wanted_now(PROJECT, {}, known(lake)) == set()


def sight(connection: duckdb.DuckDBPyConnection, status: str, failures: int) -> None:
    connection.execute("delete from ops.files")
    connection.execute(
        "insert into ops.files by name select 1 as sighting_id, 1 as file_id, 'sales' as source, 'sales/a' as path, "
        "'x' as content_hash, 1 as size_bytes, 2 as mtime_ns, 3 as ctime_ns, 4 as inode, ? as status, ? as failures, "
        "'1.0 GiB' as failed_limit, ? as contract_fingerprint, 'csv' as format, now() as first_seen, 'run' as run_id, "
        "'1.0.0' as contract_version",
        [status, failures, PROJECT.contracts["sales"].fingerprint],
    )


def test_a_file_that_lacked_memory_once_is_waited_for_and_a_refused_one_is_not(
    lake: duckdb.DuckDBPyConnection,
) -> None:
    sight(lake, "arrived", 1)
    assert known(lake).waiting == {"sales"}
    sight(lake, "refused", 2)
    state = known(lake)
    assert state.waiting == set()
    assert state.hints == {"sales": {"sales/a": (1, 2, 3, 4)}}  # and is no new file
