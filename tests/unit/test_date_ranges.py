"""What a model's question for affected keys says about the dates that its inputs can have."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest

from assay.tables.date_ranges import narrowed
from tests.scans import scanned

ASKS = "temp.main.is_affected_m("
TYPES = ("date", "timestamp", "timestamptz")


def with_keys(*keys: str, kind: str = "date") -> duckdb.DuckDBPyConnection:
    connection = duckdb.connect()
    connection.execute("set TimeZone = 'America/New_York'")
    connection.execute(f"create table keys (number bigint, k {kind})")
    for key in keys:
        connection.execute(f"insert into keys values (1, {key})")
    return connection


def narrow(connection: duckdb.DuckDBPyConnection, *arguments: str) -> str:
    sql = f"select * from input where {ASKS}{', '.join(arguments)}) and true"
    made = narrowed(connection, sql, ASKS, "keys", ["number", "k"][-len(arguments) :])
    assert made.startswith("select * from input where ")
    assert made.endswith(" and true")
    return made.removeprefix("select * from input where ").removesuffix(" and true")


@pytest.mark.parametrize(
    "argument",
    [
        "date_trunc('week', sales_date)::date",
        "cast( DATE_TRUNC('week', sales_date) as date)",
        "date_trunc('week', sales_date)",
    ],
)
def test_a_week_is_asked_for_by_its_days_too(argument: str) -> None:
    with with_keys("date '2024-01-08'", "date '2024-01-01'") as connection:
        assert narrow(connection, argument) == (
            f"({ASKS}{argument}) and sales_date >= '2024-01-01 00:00:00'::timestamp::DATE "
            "and sales_date < '2024-01-15 00:00:00'::timestamp::DATE)"
        )


def test_only_the_argument_that_is_made_of_a_date_is_narrowed() -> None:
    with with_keys("date '2024-01-08'") as connection:
        made = narrow(connection, "coalesce(a, ')', 0)", 'readings."at"::date')
        assert made.startswith(f'({ASKS}coalesce(a, \')\', 0), readings."at"::date) and readings."at" >= ')


@pytest.mark.parametrize(
    "argument",
    [
        "sales_date",
        "date_trunc('week', sales_date + 1)::date",
        "lower(x)::date",
        "date_trunc('decade', d)",
        "'2024-01-01'::date",
    ],
)
def test_what_is_no_date_made_of_a_column_stays_as_it_is(argument: str) -> None:
    with with_keys("date '2024-01-08'") as connection:
        assert narrow(connection, argument) == f"{ASKS}{argument})"


@pytest.mark.parametrize("keys", [(), ("null", "date '2024-01-08'"), ("date 'infinity'",), ("date '5881580-07-10'",)])
def test_keys_without_two_ends_narrow_nothing(keys: tuple[str, ...]) -> None:
    with with_keys(*keys) as connection:
        assert narrow(connection, "d::date") == f"{ASKS}d::date)"


@pytest.mark.parametrize("kind", TYPES)
@pytest.mark.parametrize("key", ["date", "timestamp"])
@pytest.mark.parametrize("cast", ["", "::date"])
def test_no_row_of_an_affected_key_is_narrowed_away(kind: str, key: str, cast: str) -> None:
    """A quarter of hours with a leap day and a change of the clock, asked with and without the dates."""
    with with_keys() as connection:
        connection.execute(
            f"create table input as select seen::{kind} as seen from (select unnest(range("
            "timestamp '2023-12-29', timestamp '2024-04-03', interval '47 minutes 13 seconds')) as seen union all "
            "select unnest([null, '2023-12-31 23:59:59.999999', '2024-03-01']::timestamp[]))"
        )
        connection.execute("create temp macro is_affected_m(a) as exists (select 1 from keys where k = a)")
        for unit in ("second", "minute", "hour", "day", "week", "month", "quarter", "year"):
            made_of = f"date_trunc('{unit}', seen){cast}"
            connection.execute(
                f"create or replace table keys as select distinct {made_of}::{key} as k from input "
                "where seen::date in ('2024-01-01', '2024-03-01', '2024-03-10')"
            )
            where = narrow(connection, made_of)
            assert " and seen >= " in where
            counts = [
                connection.execute(f"select count(*) from input where {sql}").fetchall()
                for sql in (f"{ASKS}{made_of})", where)
            ]
            assert counts[0] == counts[1] != [(0,)]


def test_days_of_a_week_are_read_and_no_others(tmp_path: Path) -> None:
    with duckdb.connect(str(tmp_path / "x.duckdb")) as connection:
        connection.execute(
            "create table rows as select date '2000-01-01' + (i // 1000)::int as d from range(1000000) t(i)"
        )
        connection.execute("checkpoint; create table keys as select date '2001-01-01' as k")
        connection.execute("create temp macro is_affected_m(a) as exists (select 1 from keys where k = a)")
        made_of = "date_trunc('week', d)::date"
        for where, rows in ((f"{ASKS}{made_of})", 1_000_000), (narrow(connection, made_of), 2 * 122_880)):
            sql = f"select count(*) from rows where {where}"
            assert connection.execute(sql).fetchall() == [(7000,)]
            assert scanned(connection, sql, "rows", tmp_path) <= rows
