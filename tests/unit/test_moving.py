"""Which rules give another answer tomorrow though no row changed is read from their SQL."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import duckdb
import ibis
import pytest

from assay.checks.validity import is_over
from assay.contract.errors import ContractError
from assay.contract.moving_rules import (
    AT_ONCE,
    Moves,
    moves_of,
    moves_of_python,
    moves_of_rules,
    refuse_moving_verdicts,
)
from assay.contract.parse import parse_contract, place_of
from assay.contract.sql_validation import empty_database
from tests.source import bronze_node

AT = datetime(2026, 11, 25, 23, 30, tzinfo=UTC)
MIDNIGHT = datetime(2026, 11, 26, tzinfo=UTC)
COLUMNS = ("sold", "shipped", "name", "today")
DATES = [
    "sold <= current_date",
    "sold <= CURRENT_DATE",
    "sold <= today()",
    "age(sold) < interval 3 year",
    "sold between current_date - 7 and current_date",
    "exists (select 1 from (select current_date as day) where day > sold)",
]
TIMES = {
    "shipped < now()": timedelta(hours=1),
    "shipped < current_timestamp": timedelta(hours=1),
    "shipped < localtimestamp": timedelta(hours=1),
    "shipped < current_localtimestamp()": timedelta(hours=1),
    "shipped < get_current_timestamp()": timedelta(hours=1),
    "shipped < transaction_timestamp()": timedelta(hours=1),
    "pg_postmaster_start_time() > shipped": timedelta(hours=1),  # a macro of DuckDB that stands for the time
    "shipped > now() - interval 5 minute": timedelta(minutes=5),
    "shipped > now() - interval '90 minutes'": timedelta(minutes=90),
    "shipped > now() - to_hours(2) or shipped > now() - interval 3 hours": timedelta(hours=2),
    "shipped > now() - interval 1 second": timedelta(minutes=5),
    "shipped > now() - interval 2 month": timedelta(days=1),
    "shipped > now() - to_minutes(len(name))": timedelta(hours=1),
}
CHANCE = [
    "random() < 0.5",
    "uuid() <> name",
    "name = current_setting('timezone')",
    "name = getvariable('x')",
    "nextval('numbers') > 1",
    "exists (from duckdb_tables())",
    "exists (select 1 from information_schema.tables)",
    "name in (select content from read_text('/tmp/x'))",
]
STILL = [
    "sold <= date '2026-01-01'",
    "name = 'now()'",
    "today > 1",
    "name = 'current_date'",
    "age(sold, shipped) < interval 1 day",
    "date_add(sold, interval 1 day) > shipped",
    "nullif(name, '') is not null",
    "name in (select unnest(['a', 'b']))",
    "len(list_filter([1, 2], number -> number > 1)) = 1",
    "regexp_full_match(name, '[a-z]+') and name not ilike 'x%' and round(1.5) = 2 and current_user = name",
]


@pytest.mark.parametrize("rule", DATES)
def test_a_rule_about_today_ends_with_the_day(rule: str) -> None:
    assert moves_of_rules([rule], COLUMNS).until(AT) == MIDNIGHT


@pytest.mark.parametrize("rule", TIMES)
def test_a_rule_about_now_ends_after_its_own_unit(rule: str) -> None:
    assert moves_of_rules([rule], COLUMNS).until(AT) == AT + TIMES[rule]


@pytest.mark.parametrize("rule", CHANCE)
def test_what_chance_or_a_setting_decides_says_nothing_of_the_next_run(rule: str) -> None:
    assert moves_of_rules([rule], COLUMNS).until(AT) == AT_ONCE


@pytest.mark.parametrize("rule", STILL)
def test_a_rule_about_rows_alone_never_ends(rule: str) -> None:
    assert moves_of_rules([rule], COLUMNS) == Moves()


def test_a_column_is_no_clock_whatever_it_is_called() -> None:
    assert moves_of_rules(["current_date > 1"], ["Current_Date"]) == Moves()
    assert moves_of_rules(["current_date > date '2026-01-01'"], ["sold"]).names == ("current_date",)


def test_of_many_rules_the_first_to_end_counts() -> None:
    rules = ["sold <= current_date", "shipped > now() - interval 10 minutes", "name <> ''"]
    noon = AT.replace(hour=12)
    assert moves_of_rules(rules, COLUMNS).until(noon) == noon + timedelta(minutes=10)
    assert moves_of_rules(rules, COLUMNS).until(MIDNIGHT - timedelta(minutes=1)) == MIDNIGHT
    assert moves_of_rules([*rules, "random() > 0"], COLUMNS).until(noon) == AT_ONCE


def test_what_cannot_be_looked_into_is_asked_in_every_run() -> None:
    assert moves_of(["pivot sales on name using sum(x)"]).until(AT) == AT_ONCE


def test_every_function_that_duckdb_calls_unstable_is_recognised() -> None:
    """The catalogue of a newer DuckDB may have more of them."""
    with duckdb.connect() as connection:
        asked = "select distinct function_name from duckdb_functions() where function_type = 'scalar' and "
        unstable = connection.execute(f"{asked} stability <> 'CONSISTENT'").fetchall()
    assert len(unstable) > 20
    still = [name for (name,) in unstable if not moves_of([f"select {name}()"]).names]
    assert still == []


def test_rules_of_business_sense_are_read_from_the_sql_that_they_become() -> None:
    gold = ibis.table({"sold": "date", "shipped": "timestamp"}, name="days")
    expected = {
        gold.filter(gold.sold > ibis.today()): MIDNIGHT,
        gold.filter(gold.shipped < ibis.now().cast("timestamp")): AT + timedelta(hours=1),
        gold.filter(ibis.random() < 1): AT_ONCE,
        gold.filter(gold.sold > ibis.date("2026-01-01")): None,
    }
    for rows, until in expected.items():
        assert moves_of([str(ibis.to_sql(rows, dialect="duckdb"))]).until(AT) == until


def test_a_module_that_asks_python_for_the_time_is_recognised() -> None:
    """The SQL holds a date by then, as if somebody had written it there."""
    for source in (
        "import datetime\nx = datetime.date.today()",
        "from datetime import datetime\nx = datetime.now(UTC)",
    ):
        assert moves_of_python(source).until(AT) == MIDNIGHT
    assert moves_of_python("import time\nx = time.time()").until(AT) == MIDNIGHT
    assert moves_of_python("from random import choice\nx = choice([1])").until(AT) == AT_ONCE
    assert moves_of_python("import os.path").until(AT) == AT_ONCE
    assert moves_of_python("import ibis\nx = ibis.now()\ny = gold.shipped.time()\nz = gold.now") == Moves()


@pytest.mark.parametrize("rule", ["sold <= current_date", "sold <= now()::date", "random() < 0.5"])
def test_a_verdict_that_would_be_another_one_later_is_refused(rule: str) -> None:
    """It is evaluated once, when the row is loaded, and stored."""
    node = bronze_node("sales", {"id": "bigint", "sold": "date"}, ["id"])
    node["constraints"].append({"type": "check", "name": "not_ahead", "expression": rule})
    with (
        empty_database() as connection,
        pytest.raises(ContractError, match=r"bronze_sales.yml: rule not_ahead: .* depends on .*silver or gold"),
    ):
        refuse_moving_verdicts(connection, [parse_contract(node)], {node["name"]: place_of(node)})


def test_a_verdict_over_a_column_that_is_called_like_a_clock_is_fine() -> None:
    node = bronze_node("sales", {"id": "bigint", "current_date": "date"}, ["id"])
    node["constraints"].append({"type": "check", "name": "late", "expression": "current_date > date '2020-01-01'"})
    with empty_database() as connection:
        refuse_moving_verdicts(connection, [parse_contract(node)], {node["name"]: place_of(node)})


def test_a_clock_that_was_put_back_ends_a_result_once() -> None:
    ends = AT + timedelta(hours=1)
    assert not is_over(ends, AT, AT)
    assert is_over(ends, AT, ends)
    assert is_over(ends, AT, AT - timedelta(days=3))
    assert not is_over(None, AT, AT - timedelta(days=3))
    assert not is_over(ends, AT, AT - timedelta(seconds=5))  # the services and a run need not read one clock
