"""When a table may be built upon and shown: the latest result of every blocking check is a pass of what is stored."""

from __future__ import annotations

from collections.abc import Iterator

import duckdb
import pytest

from assay.base.warehouse import prepare
from assay.checks.results import CheckResult, Rule, record
from assay.checks.validity import reasons_against

EXPECTED = {"silver.sales": ["contract", "conservation"], "gold.days": ["contract"]}


@pytest.fixture
def warehouse() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as connection:
        prepare(connection)
        for table in ("bronze.sales", "silver.sales", "gold.days"):
            built(connection, table, seq=1)
        connection.execute("insert into ops.seen values ('silver.sales', 'bronze.sales', 1, null)")
        connection.execute("insert into ops.seen values ('gold.days', 'silver.sales', 1, null)")
        yield connection


def built(connection: duckdb.DuckDBPyConnection, table: str, *, seq: int) -> None:
    connection.execute("delete from ops.tables where table_name = ?", [table])
    connection.execute("insert into ops.tables values (?, ?, 1, 'x', 1, now(), 'run', null, null)", [table, seq])


def note(connection: duckdb.DuckDBPyConnection, check: str, *, passed: bool = True, also: tuple[str, ...] = ()) -> None:
    rule = Rule("rule", "1", "2", passed)
    looked_at = ("silver.sales", *also)
    record(connection, [CheckResult("silver.sales", check, (rule,), "fine", looked_at)], "run")


def test_all_checks_passed_is_no_reason(warehouse: duckdb.DuckDBPyConnection) -> None:
    note(warehouse, "contract")
    note(warehouse, "conservation", also=("bronze.sales",))
    assert reasons_against(warehouse, ["silver.sales", "bronze.sales"], EXPECTED) == []


def test_a_check_without_result_is_no_pass(warehouse: duckdb.DuckDBPyConnection) -> None:
    """A check that emitted nothing does not block in Dagster."""
    note(warehouse, "contract")
    assert reasons_against(warehouse, ["silver.sales"], EXPECTED) == [
        "silver.sales: check conservation has no result yet"
    ]


def test_only_the_latest_result_counts(warehouse: duckdb.DuckDBPyConnection) -> None:
    note(warehouse, "conservation")
    note(warehouse, "contract")
    note(warehouse, "contract", passed=False)
    assert reasons_against(warehouse, ["silver.sales"], EXPECTED) == [
        "silver.sales: check contract failed: rule: expected 1, found 2"
    ]
    note(warehouse, "contract")
    assert reasons_against(warehouse, ["silver.sales"], EXPECTED) == []


def test_the_order_of_results_does_not_hang_on_the_clock(warehouse: duckdb.DuckDBPyConnection) -> None:
    """When the clock is put back, the newest result carries an older time."""
    note(warehouse, "conservation")
    note(warehouse, "contract")
    warehouse.execute("update ops.checks set checked_at = checked_at + interval 1 day")
    note(warehouse, "contract", passed=False)
    assert "failed" in reasons_against(warehouse, ["silver.sales"], EXPECTED)[0]


def test_a_pass_of_older_rows_is_outdated_also_through_another_table(warehouse: duckdb.DuckDBPyConnection) -> None:
    """A run that was killed between a table and its check leaves the pass of the rows before."""
    note(warehouse, "contract")
    note(warehouse, "conservation", also=("bronze.sales",))
    built(warehouse, "bronze.sales", seq=2)
    assert reasons_against(warehouse, ["silver.sales"], EXPECTED) == [
        "silver.sales: was built before the last change of bronze.sales",
        "silver.sales: the result of check conservation is older than bronze.sales",
    ]


def test_a_table_that_has_not_taken_in_its_input_is_held_back(warehouse: duckdb.DuckDBPyConnection) -> None:
    """Its own checks passed, but beside the newer input readers would see a half state."""
    record(warehouse, [CheckResult("gold.days", "contract", (), "fine")], "run")
    assert reasons_against(warehouse, ["gold.days"], EXPECTED) == []
    built(warehouse, "silver.sales", seq=2)
    assert reasons_against(warehouse, ["gold.days"], EXPECTED) == [
        "gold.days: was built before the last change of silver.sales"
    ]
