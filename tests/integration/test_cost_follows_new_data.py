"""Promise 8, independent of the machine: the same new day reads and writes as many rows on a lake ten times as old."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest

from assay.tables import keyed
from tests.lab import Lab, product, receipt

pytestmark = pytest.mark.slow  # two lakes, one of them with many rows

YOUNG, OLD = 30, 300
"""Days of receipts; with `RECEIPTS` lines a day the older lake has several row groups of DuckDB."""
RECEIPTS = 1500
SLACK = 5_000
"""Rows that a model may scan more on the older lake; its tables are 420,000 rows longer."""
BY_WEEK = {"gold_product_performance"}
"""Models whose key is made of a date by a function: a scan cannot tell which row groups hold it, and reads all."""
BARE_COUNT = re.compile(r'select count\(\*\) from "\w+"\."\w+"')
"""Answered from what is kept of each row group, without a row being read, though a profile shows them all."""
FIRST = date(2016, 1, 1)


class Counted:
    """A connection that counts, for each model, the rows that its statements scan, and the statements."""

    def __init__(
        self, connection: duckdb.DuckDBPyConnection, model: str, rows: Counter[str], statements: Counter[str]
    ) -> None:
        self._connection = connection
        self._model, self._rows, self._statements = model, rows, statements
        connection.execute("set enable_profiling = 'no_output'")

    def execute(self, query: str, *parameters: Any) -> Any:
        """Execute a statement and count what it scanned of stored tables."""
        result = self._connection.execute(query, *parameters)
        self._statements[self._model] += 1
        if not BARE_COUNT.fullmatch(query):
            profile = json.loads(self._connection.get_profiling_information(format="json"))
            self._rows[self._model] += scanned(profile)
        return result

    def __getattr__(self, name: str) -> Any:
        return getattr(self._connection, name)


def scanned(plan: Mapping[str, Any]) -> int:
    """Rows that the scans of a profile read."""
    own = int(plan.get("operator_rows_scanned") or 0)
    return own + sum(scanned(child) for child in plan.get("children") or ())


@contextmanager
def counting(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Counter[str], Counter[str]]]:
    """What the builds of keyed tables scan and execute in the block, by model."""
    rows: Counter[str] = Counter()
    statements: Counter[str] = Counter()
    build = keyed.build_keyed

    def counted(connection: duckdb.DuckDBPyConnection, payload: str) -> None:
        proxy: Any = Counted(connection, json.loads(payload)["model"]["name"], rows, statements)
        build(proxy, payload)

    with monkeypatch.context() as patch:
        patch.setattr(keyed, "build_keyed", counted)
        yield rows, statements


def day_of(age: int) -> list[dict[str, object]]:
    """The receipts of one day; baskets are numbered as time goes by, as tills do."""
    at = FIRST + timedelta(days=age)
    return [
        receipt(basket_id=age * 10_000 + n, product_id=10 + n % 50, transaction_timestamp=f"{at} 15:00:00")
        for n in range(RECEIPTS)
    ]


def cost_of_one_more_day(
    folder: Path, days: int, monkeypatch: pytest.MonkeyPatch
) -> tuple[Mapping[str, int], Mapping[str, int], Sequence[tuple[Any, ...]]]:
    """Rows scanned and statements by model, and what gold says of the new day."""
    lab = Lab(folder)
    lab.products("2016-01-01", [product(product_id=10 + n) for n in range(50)])
    lab.receipts("past", [row for age in range(OLD - days, OLD) for row in day_of(age)])
    lab.good_run()
    lab.receipts("new", day_of(OLD))
    with counting(monkeypatch) as (rows, statements):
        lab.good_run()
    newest = f"select * from gold.daily_sales where sales_date = date '{FIRST + timedelta(days=OLD)}' order by all"
    return rows, statements, lab.rows(newest)


def test_one_more_day_reads_as_much_on_a_lake_ten_times_as_old(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    young, young_statements, young_gold = cost_of_one_more_day(tmp_path / "young", YOUNG, monkeypatch)
    old, old_statements, old_gold = cost_of_one_more_day(tmp_path / "old", OLD, monkeypatch)
    assert young_gold
    assert young_gold == old_gold
    assert set(old) >= {"silver_transactions", "gold_daily_sales"}
    assert old_statements == young_statements
    for model in old.keys() - BY_WEEK:
        assert old[model] <= young[model] + SLACK, f"{model}: {old[model]:,} rows, {young[model]:,} when young"
