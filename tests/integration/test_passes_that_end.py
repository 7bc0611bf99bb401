"""A rule that looks at the clock is asked again as time goes on, by runs and by the services, though no file came."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from assay.base import clock
from assay.contract.catalog import Catalog
from assay.contract.errors import ContractError
from assay.orchestration.arrivals_sensor import wanted_now
from assay.triggers.landing_watch import LandingWatch
from tests.lab import Lab, copy_project, edit, everything, product, receipt

pytestmark = pytest.mark.slow  # real runs on several days

QUANTITY = '{type: check, name: quantity_not_negative, expression: "quantity >= 0"}'
RECENT = "sales_date > current_date - 300"
ODD_TEST = """
{{ config(meta={'dagster': {'ref': {'name': 'gold_daily_sales'}}}) }}
select store_id from {{ ref('gold_daily_sales') }} where sales_date < today() - 300
"""


@contextmanager
def later(**passed: float) -> Iterator[datetime]:
    """Within the block it is later than it is."""
    ahead = timedelta(**passed)
    with clock.told_by(lambda: datetime.now(UTC) + ahead):
        yield clock.now()


def project(folder: Path, model: str, *changes: tuple[str, str]) -> Path:
    """The core project with a rule of its own."""
    target = copy_project(folder)
    edit(target / "models" / model.split("_", maxsplit=1)[0] / f"{model}.yml", *changes)
    return target


def lake_of(folder: Path, dbt_project: Path) -> Lab:
    """A lake of one receipt of today, which was loaded and has passed its checks."""
    lab = Lab(folder / "lake", dbt_project)
    lab.products("2017-01-01", [product()])
    lab.receipts("day1", [receipt(transaction_timestamp=f"{datetime.now(UTC):%Y-%m-%d %H:%M:%S}")])
    lab.good_run()
    return lab


def wanted(lab: Lab) -> set[str]:
    """What the services would ask for: nothing is remembered, so it is what they ask for after a restart too."""
    catalog = Catalog.read(lab.settings.dbt_project)
    waiting, known = LandingWatch(lab.settings, catalog).look()
    return wanted_now(catalog, waiting, known)


def verdict(lab: Lab, table: str, check: str) -> str:
    rows = lab.rows(
        f"select verdict from ops.checks where table_name = '{table}' and check_name = '{check}' "
        "order by check_id desc limit 1"
    )
    return str(rows[0][0])


def grow_old(lab: Lab, table: str) -> None:
    """What a year does to rows that stay as they are: DuckDB's own clock cannot be put forward."""
    lab.spoil(f"update {table} set sales_date = sales_date - interval 400 day")


def test_a_pass_of_a_rule_about_today_does_not_outlive_the_day(tmp_path: Path) -> None:
    """`assay run` said pass where `assay check` said fail."""
    rule = f'{{type: check, name: is_recent, expression: "{RECENT}"}}'
    lab = lake_of(tmp_path, project(tmp_path, "silver_transactions", (QUANTITY, f"{QUANTITY}\n          - {rule}")))
    shown = everything(lab)
    grow_old(lab, "silver.transactions")
    assert wanted(lab) == set()
    with later(days=1):
        assert wanted(lab) == {"silver.transactions"}
        outcome = lab.run()
        assert not outcome.success
        assert "is_recent" in outcome.failures[0]
        assert verdict(lab, "silver.transactions", "contract") == "fail"
        assert everything(lab) == shown  # readers keep what they had
        assert wanted(lab) == set()  # it was asked; a failure starts no storm
    with later(days=2):
        assert wanted(lab) == {"silver.transactions"}


def test_a_reference_whose_where_looks_at_the_clock_is_asked_again_though_it_only_warns(tmp_path: Path) -> None:
    """The rule that docs/checks.md shows."""
    before = "where: sales_date < (select max(week_end.sales_date) from silver.transactions as week_end) - 14"
    after = "where: sales_date < current_date - 14"
    lab = lake_of(tmp_path, project(tmp_path, "silver_transactions", (before, after)))
    lab.receipts("day2", [receipt(basket_id=5, product_id=99, transaction_timestamp=f"{datetime.now(UTC):%F %T}")])
    lab.good_run()
    assert verdict(lab, "silver.transactions", "consistency") == "pass"
    grow_old(lab, "silver.transactions")
    lab.good_run()
    assert verdict(lab, "silver.transactions", "consistency") == "pass"  # the same day: the pass stands
    with later(days=1):
        assert wanted(lab) == {"silver.transactions"}
        lab.good_run()
        assert verdict(lab, "silver.transactions", "consistency") == "warn"
        assert wanted(lab) == set()


def test_a_data_test_of_dbt_that_looks_at_the_clock_starts_a_run_when_its_day_is_over(tmp_path: Path) -> None:
    dbt_project = copy_project(tmp_path)
    (dbt_project / "tests").mkdir(exist_ok=True)
    (dbt_project / "tests" / "nothing_is_old.sql").write_text(ODD_TEST, encoding="utf-8")
    lab = lake_of(tmp_path, dbt_project)
    assert wanted(lab) == set()
    grow_old(lab, "gold.daily_sales")
    with later(days=1):
        assert wanted(lab) == {"gold.daily_sales"}
        assert not lab.run("gold.daily_sales").success
        assert verdict(lab, "gold.daily_sales", "nothing_is_old") == "fail"
        assert wanted(lab) == set()


def test_a_rule_about_minutes_ends_after_them(tmp_path: Path) -> None:
    lines = 'expression: "baskets > 0"}'
    minutes = f'{lines}\n          - {{type: check, name: soon, expression: "sales_date < now() + interval 5 minute"}}'
    lab = lake_of(tmp_path, project(tmp_path, "gold_daily_sales", (lines, minutes)))
    with later(minutes=4):
        assert wanted(lab) == set()
    with later(minutes=6):
        assert wanted(lab) == {"gold.daily_sales"}
        lab.good_run()
        assert wanted(lab) == set()


def test_a_rule_that_chance_decides_is_asked_by_a_run_once_a_day_and_starts_none(tmp_path: Path) -> None:
    lines = 'expression: "baskets > 0"}'
    drawn = f'{lines}\n          - {{type: check, name: drawn, expression: "receipt_lines + random() < 3"}}'
    lab = lake_of(tmp_path, project(tmp_path, "gold_daily_sales", (lines, drawn)))
    asked = "select max(check_id) from ops.checks where table_name = 'gold.daily_sales' and check_name = 'contract'"
    before = lab.rows(asked)
    assert not lab.run().is_run, "nothing else is to be done, and it was asked today"
    with later(days=9):
        assert wanted(lab) == set()
        assert lab.good_run().is_run
        assert lab.rows(asked) > before
        assert not lab.run().is_run


def test_nothing_is_built_on_or_shown_after_a_pass_that_has_ended(tmp_path: Path) -> None:
    rule = f'{{type: check, name: is_recent, expression: "{RECENT}"}}'
    lab = lake_of(tmp_path, project(tmp_path, "silver_transactions", (QUANTITY, f"{QUANTITY}\n          - {rule}")))
    with later(days=1):
        alone = lab.run("gold.daily_sales")
        assert not alone.success
        assert "silver.transactions: check contract looks at the clock" in alone.failures[0]
        lab.good_run()
        lab.good_run("gold.daily_sales")
        assert lab.status()["held_back"] is None


def test_a_rule_of_bronze_that_looks_at_the_clock_stops_before_a_run(tmp_path: Path) -> None:
    before = 'expression: "quantity >= 0"'
    dbt_project = project(tmp_path, "bronze_transactions", (before, 'expression: "transaction_timestamp < now()"'))
    lab = Lab(tmp_path / "lake", dbt_project)
    with pytest.raises(ContractError, match="a row is judged once, when it is loaded"):
        lab.run()


def test_a_pass_of_an_older_duckdb_is_asked_again(tmp_path: Path) -> None:
    """A lake of before has results that name no versions at all."""
    lab = lake_of(tmp_path, copy_project(tmp_path))
    lab.spoil("update ops.checks set definition = definition[:16] where definition <> ''")
    lab.spoil("update silver.transactions set quantity = -1")
    outcome = lab.run()
    assert "quantity_not_negative" in outcome.failures[0]
