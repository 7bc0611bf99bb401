"""A pass stands for as long as nothing that decides it changes, and not a moment longer."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import duckdb
import pytest

from assay.base import clock
from assay.base.warehouse import prepare
from assay.checks.results import CheckResult, Rule, record
from assay.checks.validity import reasons_against, still_valid
from assay.contract.moving_rules import AT_ONCE

RULES = (Rule("positive", "price > 0", "holds", True, (), "error", 0.0, 0.0, 1.0),)


@pytest.fixture
def warehouse() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as connection:
        prepare(connection)
        for table in ("silver.sales", "silver.shops"):
            connection.execute("insert into ops.tables values (?, 1, 1, 'x', 1, now(), 'run', null, null)", [table])
        note(connection, RULES)
        yield connection


def note(connection: duckdb.DuckDBPyConnection, rules: tuple[Rule, ...], *, evaluated: bool = True) -> None:
    looked_at = ("silver.sales", "silver.shops")
    record(connection, [CheckResult("silver.sales", "contract", rules, "fine", looked_at, evaluated, "asked")], "run")


def kept(connection: duckdb.DuckDBPyConnection, definition: str = "asked") -> CheckResult | None:
    check = ("silver.sales", "contract")
    return still_valid(connection, {check: definition}).get(check)


def test_it_stands_as_it_was(warehouse: duckdb.DuckDBPyConnection) -> None:
    looked_at = ("silver.sales", "silver.shops")
    result = kept(warehouse)
    assert result is not None
    assert result.whole_at is not None, "a result that says nothing of changes looked at every row when it was found"
    expected = CheckResult("silver.sales", "contract", RULES, "fine", looked_at, True, "asked")
    assert replace(result, whole_at=None) == expected


@pytest.mark.parametrize("table", ["silver.sales", "silver.shops"])
def test_it_falls_with_any_table_that_it_looked_at(warehouse: duckdb.DuckDBPyConnection, table: str) -> None:
    warehouse.execute("update ops.tables set seq = 2 where table_name = ?", [table])
    assert kept(warehouse) is None


def test_it_falls_with_a_table_that_is_gone(warehouse: duckdb.DuckDBPyConnection) -> None:
    warehouse.execute("delete from ops.tables where table_name = 'silver.shops'")
    assert kept(warehouse) is None


def test_it_falls_when_something_else_is_asked(warehouse: duckdb.DuckDBPyConnection) -> None:
    assert kept(warehouse, "something else") is None


@pytest.mark.parametrize("severity", ["error", "warn"])
def test_what_did_not_pass_is_asked_again(warehouse: duckdb.DuckDBPyConnection, severity: str) -> None:
    note(warehouse, (Rule("positive", "", "", False, severity=severity),))  # type: ignore[arg-type]
    assert kept(warehouse) is None


def test_what_could_not_be_asked_is_asked_again(warehouse: duckdb.DuckDBPyConnection) -> None:
    note(warehouse, RULES, evaluated=False)
    assert kept(warehouse) is None


@pytest.mark.parametrize(
    ("saw", "is_current"),
    [(1, True), (2, False), (3, True)],
    ids=["what the table was made of", "what came between", "what is there now"],
)
def test_the_result_of_a_table_that_may_lag_saw_its_inputs_as_they_were_taken_in_or_as_they_are(
    warehouse: duckdb.DuckDBPyConnection, saw: int, *, is_current: bool
) -> None:
    warehouse.execute("insert into ops.seen values ('silver.sales', 'silver.shops', 1, null)")
    warehouse.execute("update ops.tables set seq = ? where table_name = 'silver.shops'", [saw])
    note(warehouse, RULES)
    warehouse.execute("update ops.tables set seq = 3 where table_name = 'silver.shops'")
    expected = {"silver.sales": ["contract"]}
    message = "silver.sales: the result of check contract is older than silver.shops"
    reasons = reasons_against(warehouse, expected, expected, lagging={"silver.sales"})
    assert reasons == ([] if is_current else [message])
    behind = "silver.sales: was built before the last change of silver.shops"
    reasons = reasons_against(warehouse, expected, expected)
    assert reasons == ([behind] if saw == 3 else [behind, message])


AT = datetime(2026, 11, 25, 12, tzinfo=UTC)
ENDS = AT + timedelta(hours=1)


def note_at(connection: duckdb.DuckDBPyConnection, at: datetime, expires_at: datetime | None) -> None:
    """A pass from a time, and until when it says something."""
    looked_at = ("silver.sales",)
    result = CheckResult("silver.sales", "contract", RULES, "fine", looked_at, True, "asked", expires_at=expires_at)
    with clock.told_by(lambda: at):
        record(connection, [result], "run")


@pytest.mark.parametrize(
    ("now", "stands"),
    [(AT, True), (ENDS - timedelta(seconds=1), True), (ENDS, False), (AT - timedelta(days=1), False)],
    ids=["at once", "before its time is over", "after it", "after the clock was put back"],
)
def test_a_pass_that_looked_at_the_clock_falls_with_time(
    warehouse: duckdb.DuckDBPyConnection, now: datetime, *, stands: bool
) -> None:
    note_at(warehouse, AT, ENDS)
    with clock.told_by(lambda: now):
        assert (kept(warehouse) is not None) == stands


def test_a_pass_that_is_kept_does_not_live_longer_for_that(warehouse: duckdb.DuckDBPyConnection) -> None:
    note_at(warehouse, AT, ENDS)
    with clock.told_by(lambda: AT + timedelta(minutes=30)):
        result = kept(warehouse)
        assert result is not None
        record(warehouse, [result], "a later run")
    with clock.told_by(lambda: ENDS):
        assert kept(warehouse) is None


def test_nothing_is_built_on_a_pass_whose_time_was_over_when_the_run_began(
    warehouse: duckdb.DuckDBPyConnection,
) -> None:
    expected = {"silver.sales": ["contract"]}
    note_at(warehouse, AT, ENDS)
    message = "looks at the clock, and its result said what holds until 2026-11-25 13:00 UTC"
    assert reasons_against(warehouse, expected, expected, as_of=AT) == []
    assert reasons_against(warehouse, expected, expected, as_of=ENDS) == [f"silver.sales: check contract {message}"]
    note_at(warehouse, ENDS + timedelta(minutes=1), ENDS + timedelta(hours=2))  # it was asked in that run
    assert reasons_against(warehouse, expected, expected, as_of=ENDS) == []


def test_what_chance_decides_is_asked_in_each_run_and_may_be_built_upon_between(
    warehouse: duckdb.DuckDBPyConnection,
) -> None:
    note_at(warehouse, AT, AT_ONCE)
    expected = {"silver.sales": ["contract"]}
    with clock.told_by(lambda: AT):
        assert kept(warehouse) is None
    assert reasons_against(warehouse, expected, expected, as_of=ENDS) == []
