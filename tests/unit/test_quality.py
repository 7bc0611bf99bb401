"""The score of the example in docs/checks.md, worked out by hand, and what moves it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

from assay.base.settings import Settings
from assay.base.warehouse import prepare
from assay.checks.results import CheckResult, Rule, record
from assay.checks.score import LAKE, TREND, score, sparkline, trends
from assay.checks.session import Session
from assay.contract.catalog import Catalog


@pytest.fixture
def warehouse() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as connection:
        prepare(connection)
        for table in ("bronze.sales", "silver.sales", "gold.days"):
            connection.execute("insert into ops.tables values (?, 1, 1, 'x', 1, now(), 'run', null, null)", [table])
        yield connection


def note(connection: duckdb.DuckDBPyConnection, table: str, check: str, *rules: Rule) -> None:
    record(connection, [CheckResult(table, check, rules, "fine")], "run")


def test_the_example_of_the_docs(warehouse: duckdb.DuckDBPyConnection) -> None:
    """(3 * 1 + 3 * 0.98 + 1 * 0.9) / 7 = 97.7143; the lake: (1 * 100 + 2 * 97.7143 + 3 * 100) / 6 = 99.2381."""
    note(warehouse, "bronze.sales", "volume", Rule("records_per_file", "", "", True, severity="warn"))
    note(
        warehouse, "silver.sales", "contract", Rule("key", "", "", True), Rule("positive", "", "", True, share_ok=0.98)
    )
    orphans = Rule("shops_are_known", "", "", False, severity="warn", share_ok=0.9)
    note(warehouse, "silver.sales", "consistency", orphans)
    note(warehouse, "gold.days", "contract", Rule("key", "", "", True))
    score(warehouse, "run")
    latest_scores = {table: scores[-1] for table, scores in trends(warehouse).items()}
    assert latest_scores == {"bronze.sales": 100, "silver.sales": 97.7143, "gold.days": 100, LAKE: 99.2381}
    counts = warehouse.execute("select rules, rules_broken from ops.quality_score where table_name = 'silver.sales'")
    assert counts.fetchall() == [(3, 1)]


def test_only_the_latest_result_of_a_table_that_is_there_counts(warehouse: duckdb.DuckDBPyConnection) -> None:
    note(warehouse, "gold.days", "contract", Rule("key", "", "", False))
    note(warehouse, "gold.gone", "contract", Rule("key", "", "", False))
    score(warehouse, "run 1")
    note(warehouse, "gold.days", "contract", Rule("key", "", "", True))
    score(warehouse, "run 2")
    score(warehouse, "run 2")
    assert trends(warehouse) == {"gold.days": [0, 100], LAKE: [0, 100]}


def test_a_lake_without_checks_has_no_score(warehouse: duckdb.DuckDBPyConnection) -> None:
    score(warehouse, "run")
    assert trends(warehouse) == {}


def test_a_trend_is_the_last_scores_in_their_order_and_is_read_once_a_run(
    warehouse: duckdb.DuckDBPyConnection,
) -> None:
    for run in range(TREND + 5):
        rules = (Rule("key", "", "", True, share_ok=run / 100),)
        note(warehouse, "gold.days", "contract", *rules)
        score(warehouse, f"run {run}")
    lake = Session(Settings(home=Path()), Catalog({}, {}), warehouse, "run")
    expected = [float(run) for run in range(5, TREND + 5)]
    assert lake.scores == {"gold.days": expected, LAKE: expected}
    note(warehouse, "gold.days", "contract", Rule("key", "", "", True))
    score(warehouse, "run")
    assert lake.scores["gold.days"] == expected
    assert trends(warehouse)["gold.days"] == [*expected[1:], 100]


def test_a_trend_is_a_line_of_text() -> None:
    assert sparkline([0, 90, 95, 100]) == "▁▁▅█"
