"""What checks cost: their share of the demo's runs, and the contract of ten million rows against plain SQL."""

from __future__ import annotations

import shutil
import time
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import duckdb
from report import Table, settings_of

from assay.base.settings import Settings
from assay.base.warehouse import connect
from assay.checks.contract_check import check_contract
from assay.checks.results import CheckResult
from assay.checks.session import Session
from assay.cli.running import run_once
from assay.contract.catalog import Catalog
from assay.contract.names import quoted, relation
from assay.orchestration import checks as checks_of_assets
from assay.orchestration.instance import open_instance
from demo.replay import replay

FIRST = date(2017, 1, 1)
WEEKS = 4
MODEL = "silver_transactions"
ROWS = 10_000_000
RUNS = 3
CHECK = checks_of_assets.check_or_keep


def tables(folder: Path) -> list[Table]:
    """One table for each question."""
    return [_share(folder / "share"), _contract(folder / "contract")]


def _share(folder: Path) -> Table:
    """The demo's four weekly runs, and the steps of them that only check."""
    table = Table("Checks within the four runs of the demo of 28 days", "the runs")
    for number in range(RUNS):
        settings = settings_of(home=folder / str(number))
        asked = 0.0

        def timed(*arguments: Any) -> list[CheckResult]:
            nonlocal asked
            began = time.perf_counter()
            results = list(CHECK(*arguments))
            asked += time.perf_counter() - began
            return results

        vars(checks_of_assets)["check_or_keep"] = timed
        for week in range(WEEKS):
            monday = FIRST + timedelta(days=7 * week)
            replay(settings.landing, monday, monday + timedelta(days=6))
            outcome = run_once(settings, "", [])
            assert outcome.success, outcome.failures  # noqa: S101
        whole, checks = _seconds(settings)
        table.rows.setdefault("the runs", []).append(whole)
        table.rows.setdefault("steps of checks, Dagster's events included", []).append(checks)
        table.rows.setdefault("of that, asking", []).append(asked)
        shutil.rmtree(settings.home)
    vars(checks_of_assets)["check_or_keep"] = CHECK
    return table


def _seconds(settings: Settings) -> tuple[float, float]:
    """How long the runs took, and how long their steps of checks."""
    whole = checks = 0.0
    with open_instance(settings) as instance:
        for record in instance.get_run_records():
            whole += (record.end_time or 0) - (record.start_time or 0)
            for step in instance.get_run_step_stats(record.dagster_run.run_id):
                if "_checks" in step.step_key:
                    checks += (step.end_time or 0) - (step.start_time or 0)
    return whole, checks


def _contract(folder: Path) -> Table:
    """The check `contract` of a table of ten million rows, and the same questions as one query."""
    settings = settings_of(home=folder)
    catalog = Catalog.read(settings.dbt_project)
    promise = catalog.promises[MODEL]
    connection = connect(settings.warehouse, wait_seconds=0)
    columns = ", ".join(f"{quoted(column.name)} {column.type.sql}" for column in promise.columns)
    connection.execute(f"create table silver.transactions ({columns})")
    connection.execute(_ROWS.format(rows=ROWS))
    lake = Session(settings, catalog, connection, "bench")
    table = Table(f"The check `contract` of {ROWS:,} rows, {len(promise.rules)} rules and the key", "plain SQL")
    key = ", ".join(quoted(name) for name in promise.key)
    rules = " and ".join(f"({rule.expression}) is not false" for rule in promise.rules)
    plain = (
        f"select (select bool_and({rules}) from {relation('silver.transactions')}), "
        f"(select count(*) = {ROWS} from (select distinct {key} from {relation('silver.transactions')}))"
    )
    table.measure({"plain SQL": lambda: _plain(connection, plain), "the check": lambda: _check(lake)})
    connection.close()
    return table


_ROWS = """
    insert into silver.transactions by name
    select
        n // 8 as basket_id, n % 8 as product_id, n % 2500 as household_id, n % 457 as store_id, 1 + n % 3 as quantity,
        (n % 1000) / 100 as sales_usd, 0 as retail_discount_usd, 0 as coupon_discount_usd,
        0 as coupon_match_discount_usd,
        date '2017-01-01' + (n % 364)::integer as sales_date,
        timestamp '2017-01-01 12:00:00' as sold_at, timestamp '2017-01-01 17:00:00' as sold_at_utc,
        1 as _file_id, 0 as _duplicates_identical, 0 as _duplicates_conflicting
    from range({rows}) as numbers (n)
"""


def _plain(connection: duckdb.DuckDBPyConnection, query: str) -> None:
    assert connection.execute(query).fetchall() == [(True, True)]  # noqa: S101


def _check(lake: Session) -> None:
    result = check_contract(lake, MODEL)
    assert result.passed, result.summary  # noqa: S101
