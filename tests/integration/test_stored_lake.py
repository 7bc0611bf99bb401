"""A lake that the first versions of Assay made opens and goes on, without a full refresh and without a changed row."""

from __future__ import annotations

import shutil
from decimal import Decimal
from pathlib import Path

import duckdb
import pytest

from assay.base.settings import Settings
from assay.tables.dbt import parse_if_changed
from tests.lab import Lab, edit
from tests.places import PROJECT

STORED = PROJECT / "tests" / "stored_lake"


@pytest.fixture(scope="module")
def parsed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The project that the lake was made with, parsed once."""
    project = tmp_path_factory.mktemp("stored") / "dbt_project"
    shutil.copytree(STORED / "dbt_project", project)
    parse_if_changed(Settings(home=project.parent / "home", dbt_project=project))
    return project


@pytest.fixture
def lab(parsed: Path, tmp_path: Path) -> Lab:
    """The lake as it was stored."""
    project = tmp_path / "dbt_project"
    shutil.copytree(parsed, project)
    home = tmp_path / "home"
    home.mkdir()
    with duckdb.connect(str(home / "warehouse.duckdb")) as connection:
        connection.execute("set timezone = 'UTC'")
        connection.execute((STORED / "lake.sql").read_text(encoding="utf-8"))
    lab = Lab(home, project)
    for path in sorted((STORED / "landing").glob("*/*")):
        lab.put(f"{path.parent.name}/{path.name}", path.read_bytes())
    return lab


TABLES = ("bronze.sales", "bronze.stock", "silver.sales", "silver.stock", "gold.regions", "gold.items")


def states(lab: Lab) -> list[tuple[object, ...]]:
    return lab.stored("select table_name, seq, rebuilt_seq, row_count from ops.tables order by all")


def rows(lab: Lab) -> dict[str, list[tuple[object, ...]]]:
    return {table: lab.stored(f"select * from {table} order by all") for table in TABLES}


def test_a_stored_lake_opens_and_nothing_of_it_changes(lab: Lab) -> None:
    before, stored = states(lab), rows(lab)
    lab.good_run()
    assert states(lab) == before
    assert rows(lab) == stored
    assert lab.source("sales")["is_conserved"]
    assert lab.source("stock")["is_conserved"]


NEW = b"""sale_id,region,item,amount_usd,sold_at
2,west,pear,9.00,2024-02-01 00:00:00
7,west,fig,1.00,2024-02-01 00:00:00
"""


@pytest.mark.slow  # real runs
def test_a_stored_lake_takes_in_what_is_new_as_a_full_refresh_would(lab: Lab) -> None:
    lab.put("sales/3.csv", NEW)
    lab.good_run()
    shown = ("silver.sales", "silver.stock", "gold.regions", "gold.items")
    grown = {table: lab.table(table) for table in shown}
    assert ("WEST", 2, Decimal("10.00")) in grown["gold.regions"]
    lab.good_run(full_refresh=["bronze.sales", "bronze.stock"])
    assert {table: lab.table(table) for table in shown} == grown


@pytest.mark.slow
@pytest.mark.parametrize(
    ("file", "before", "after", "table"),
    [
        ("bronze/bronze_sales.yml", "decimal(10,2)", "decimal(12,2)", "bronze.sales"),
        ("bronze/bronze_stock.yml", '"on_hand >= 0"', '"on_hand > 0"', "bronze.stock"),
        ("silver/silver_sales.sql", "'TELEPHONE'", "'PHONE'", "silver.sales"),
        ("gold/gold_items.yml", 'where: "changed.item = via.item"', "by: [item]", "gold.items"),
    ],
)
def test_a_change_that_was_made_since_still_stops_a_stored_lake(
    lab: Lab, file: str, before: str, after: str, table: str
) -> None:
    """To take whatever is there now for what the rows were made with would mix two contracts in one table."""
    edit(lab.settings.dbt_project / "models" / file, (before, after))
    outcome = Lab(lab.settings.home, lab.settings.dbt_project).run()
    assert f"{table}: its contract or model changed" in " ".join(outcome.failures)


@pytest.mark.slow
def test_a_macro_of_the_lake_itself_is_part_of_what_rows_are_made_with(lab: Lab) -> None:
    lab.good_run()
    edit(lab.settings.dbt_project / "macros" / "of_this_lake.sql", ("> 0", "> 1"))
    outcome = Lab(lab.settings.home, lab.settings.dbt_project).run()
    assert "silver.stock: its contract or model changed since its rows were stored: its SQL" in " ".join(
        outcome.failures
    )


@pytest.mark.slow
def test_comments_layout_and_prose_change_nothing(lab: Lab) -> None:
    lab.good_run()
    models = lab.settings.dbt_project / "models"
    edit(
        models / "silver" / "silver_sales.sql",
        ("with newest as (", "-- the newest rows\nwith   newest\nas ( /* all */"),
    )
    edit(models / "bronze" / "bronze_sales.yml", ("owner: sales", "owner: tills"), ("version: 1.0.0", "version: 1.0.1"))
    before = states(lab)
    again = Lab(lab.settings.home, lab.settings.dbt_project)
    again.good_run()
    assert states(again) == before


TILL = """      - name: till
        description: Where it was paid.
        data_type: bigint
        config: {meta: {optional: true}}
        constraints:
          - {type: check, name: till_known, expression: "RULE"}
      - name: item
"""


@pytest.mark.slow
@pytest.mark.parametrize("has_run", [False, True])
def test_an_optional_column_is_taken_from_what_was_rescued_and_silver_follows(lab: Lab, has_run: bool) -> None:
    """Nobody reads a file again; the rows that hold a value are judged anew, and only their keys are redone."""
    if has_run:
        lab.good_run()
    models = lab.settings.dbt_project / "models"
    edit(models / "bronze" / "bronze_sales.yml", ("      - name: item\n", TILL.replace("RULE", "till < 9")))
    again = Lab(lab.settings.home, lab.settings.dbt_project)
    again.good_run()
    assert again.stored("select sale_id, till, _violations from bronze.sales where till is not null order by 1") == [
        (1, 7, None),
        (2, 7, None),
        (3, 8, ["a_gift_has_no_region", "amount_not_negative"]),
        (5, 9, ["till_known"]),
    ]
    assert [row[0] for row in again.table("silver.sales")] == [1, 2, 6]
    assert [row[0] for row in again.table("gold.regions")] == ["NORTH", "TELEPHONE"]
    assert again.stored("select rebuilt_seq from ops.tables where table_name = 'bronze.sales'") == [(1,)]
    grown = {table: again.table(table) for table in ("silver.sales", "gold.regions", "gold.items")}
    again.good_run(full_refresh=["bronze.sales"])
    assert {table: again.table(table) for table in grown} == grown


@pytest.mark.slow
def test_a_rule_that_stored_rows_without_a_value_break_is_a_change(lab: Lab) -> None:
    models = lab.settings.dbt_project / "models"
    edit(models / "bronze" / "bronze_sales.yml", ("      - name: item\n", TILL.replace("RULE", "till is not null")))
    outcome = Lab(lab.settings.home, lab.settings.dbt_project).run()
    assert "rule till_known does not hold for all stored rows without a value" in " ".join(outcome.failures)
    assert "till" not in [name for name, *_ in lab.stored("describe bronze.sales")]
