"""A dashboard is a few lines: its figures name their tables, mask people, and say what is wrong with themselves."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pytest

from assay.base.settings import Settings
from assay.contract.catalog import Catalog
from assay.contract.personal import MASKED
from assay.page.dashboards import board as board_module
from assay.page.dashboards.board import Board, tables_of
from assay.page.dashboards.declared import Dashboards, path_of
from assay.page.dashboards.figures import Interval, draw_intervals, heading, kind_of
from assay.page.visits import Visit
from assay.publish.whole_state import WholeState
from assay.trust import asking
from dashboard.campaigns import PER_HOUSEHOLD

HOSTILE = "<script>alert(1)</script>"
Made = Callable[..., Board]


@pytest.fixture(scope="module")
def connection() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as connection:
        connection.execute("create schema gold; create schema silver")
        connection.execute(
            "create table gold.sales as "
            "select * from (values (1, 'a', 10.50::decimal(9, 2), date '2026-01-05', 'Ann'), "
            f"(2, '{HOSTILE}', null, date '2026-01-06', null)) as t(store_id, shop, sales_usd, day, customer)"
        )
        yield connection


@pytest.fixture
def made(connection: duckdb.DuckDBPyConnection, tmp_path: Path) -> Made:
    columns = {"customer": {"name": "customer", "config": {"meta": {"personal": True}}}}
    node: dict[str, Any] = {"name": "silver_people", "columns": columns, "depends_on": {"nodes": []}, "raw_code": ""}
    catalog = Catalog({"nodes": {}}, {"silver_people": node})

    def make(**query: str) -> Board:
        state = WholeState(connection, None, "", 1)
        return Board(Visit(Settings(home=tmp_path), catalog, state, (), datetime.now(UTC), query=query))

    return make


def test_a_figure_names_the_tables_that_its_query_reads(connection: duckdb.DuckDBPyConnection) -> None:
    sql = "with a as (from gold.sales) select * from a join silver.people using (id) where id in (from gold.sales)"
    assert sorted(tables_of(connection, sql)) == ["gold.sales", "silver.people"]
    assert tables_of(connection, "pivot gold.sales on shop using sum(sales_usd)") == ["gold.sales"]
    assert tables_of(connection, "select 'gold.sales'") == []


def test_what_is_published_is_asked_once_and_time_and_chance_each_time(
    made: Made, connection: duckdb.DuckDBPyConnection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    real = asking.answer_anew
    for module in (asking, board_module):
        monkeypatch.setattr(module, "answer_anew", lambda *of: (asked.append(of[1]), real(*of))[1])
    connection.execute(f"attach '{tmp_path / 'lake_1.duckdb'}' as lake_published")
    try:
        counted, timed = "select count(*) from gold.sales where store_id > $least", "select current_date"
        for _ in range(2):
            board = made()
            assert board.value(counted, {"least": 0}) == 2
            assert board.value(counted, {"least": 1}) == 1
            assert board.value(timed)
            board.value("select random()")
    finally:
        connection.execute("detach lake_published")
    assert sorted(asked) == [counted, counted, timed, timed, "select random()", "select random()"]


def test_values_about_people_are_masked_under_any_name_and_lead_nowhere(made: Made) -> None:
    board = made()
    query = "select customer, upper(customer) as who, count(customer) as n from gold.sales group by all order by n"
    rows = board.rows(query)
    assert rows == [
        {"customer": None, "who": None, "n": 0},
        {"customer": MASKED, "who": MASKED, "n": 1},
    ]
    board.table("Who", query, links={"who": "/x/{who}"})
    assert [links for _, links in board.figures[0].values["rows"]] == [{}, {}]


def test_a_table_is_cut_hides_columns_for_links_and_quotes_them(made: Made) -> None:
    board = made()
    board.table(
        "Shops", "select shop, store_id as _id from gold.sales order by 2;", links={"shop": "/s/{shop}?i={_id}"}, most=1
    )
    board.table("All", "select shop, store_id as _id from gold.sales order by 2", links={"shop": "/s/{shop}?i={_id}"})
    one, every = (figure.values for figure in board.figures)
    assert (one["is_cut"], len(one["rows"]), [name for name, *_ in one["columns"]]) == (True, 1, ["shop"])
    assert every["is_cut"] is False
    assert every["rows"][1][1] == {"shop": "/s/%3Cscript%3Ealert%281%29%3C%2Fscript%3E?i=2"}


def test_a_figure_that_cannot_be_shown_says_why_and_the_others_stay(made: Made) -> None:
    board = made()
    board.number("Sum", "select sum(sales_usd), 7 from gold.sales", "USD")
    board.chart("Broken", "select no_column from gold.sales", "USD")
    board.chart("Nothing", "select day, sales_usd from gold.sales where false", "USD")
    assert [figure.kind for figure in board.figures] == ["number", "problem", "empty"]
    assert board.figures[0].values == {"now": Decimal("10.50"), "before": 7, "unit": "USD", "share": 0.5}
    assert "no_column" in board.figures[1].values["problem"]
    assert {figure.tables for figure in board.figures} == {("gold.sales",)}


def test_what_is_chosen_is_one_of_the_options_whatever_the_address_says(made: Made) -> None:
    options = "select shop from gold.sales order by store_id"
    assert made().choose("shop", "Shop", options) == "a"
    assert made(shop=HOSTILE).choose("shop", "Shop", options) == HOSTILE
    assert made(shop="' or true").choose("shop", "Shop", options) == "a"
    assert made(weeks="4").choose("weeks", "Weeks", [2, 4, 8], default=8) == "4"
    assert made(weeks="5").choose("weeks", "Weeks", [2, 4, 8], default=8) == "8"
    assert made().choose("none", "None", []) == ""


def test_headings_have_units_and_names_of_things_are_no_numbers() -> None:
    assert [heading(name) for name in ("sales_usd", "own_brands_pct", "week_before", "usd")] == [
        "sales (USD)", "own brands (%)", "week before", "usd",
    ]  # fmt: skip
    assert kind_of("basket_id", [31198437603]) == ""
    assert kind_of("units", [None, 3]) == "n"
    assert kind_of("day", [datetime(2026, 1, 1, tzinfo=UTC)]) == "nowrap"
    assert kind_of("flag", [True]) == ""


def test_intervals_are_drawn_escaped_and_those_without_ends_are_left_out() -> None:
    drawing = draw_intervals(
        HOSTILE, [Interval(HOSTILE, -1, 1, 3), Interval("b", None, 1, 2), Interval("c", 1, 2, 3)], "USD"
    )
    assert HOSTILE not in drawing
    assert drawing.count("<circle") == 2
    assert "1 of the intervals hold zero" in drawing
    assert "No figures yet" in draw_intervals("", [], "USD")


def write(folder: Path, name: str, text: str) -> Path:
    path = folder / "dashboard" / name
    path.parent.mkdir(exist_ok=True)
    path.write_text("from assay.page.dashboards import Board, dashboard\n" + text)
    return path


def test_a_file_declares_dashboards_and_is_read_again_when_it_changes(tmp_path: Path) -> None:
    path = write(tmp_path, "a.py", '@dashboard("My sales")\ndef sales(board: Board) -> None:\n    board.text("x")\n')
    write(tmp_path, "_shared.py", "raise RuntimeError\n")
    dashboards = Dashboards(tmp_path)
    assert [(each.title, each.path, each.is_listed) for each in dashboards.all()] == [("My sales", "/my-sales", True)]
    path.write_text(path.read_text().replace('"My sales"', '"My sales", is_listed=False'))
    os.utime(path, ns=(1, 1))
    once_more = dashboards.at("/my-sales")
    assert once_more is not None
    assert once_more.is_listed is False
    assert path_of("Ärger & mehr!") == "/rger-mehr"


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("def broken(:\n", "b.py, line 2: SyntaxError"),
        ("import no_such_module\n", "ModuleNotFoundError"),
        ("1 / 0\n", "b.py, line 2: ZeroDivisionError"),
        ("def sales(board): ...\n", "declares no dashboard; write @dashboard('B')"),
    ],
)
def test_a_file_that_cannot_be_read_is_a_dashboard_that_says_so(tmp_path: Path, text: str, problem: str) -> None:
    write(tmp_path, "b.py", text)
    write(tmp_path, "c.py", '@dashboard("C")\ndef c(board: Board) -> None: ...\n')
    broken, whole = Dashboards(tmp_path).all()
    assert problem in broken.problem
    assert (broken.make, broken.title, whole.title) == (None, "B", "C")


def test_a_project_without_the_folder_has_none(tmp_path: Path) -> None:
    assert Dashboards(tmp_path).all() == []


def test_the_lift_of_a_campaign_is_a_difference_of_means_with_the_error_of_welch() -> None:
    """Reached households change by +7, +21; others by 0, -7, +7 USD a week: 14 - 0, and sqrt(98 / 2 + 49 / 3)."""
    spent = {1: (1, 2, True), 2: (1, 4, True), 3: (5, 5, False), 4: (3, 2, False), 5: (1, 2, False), 6: (0, 9, True)}
    with duckdb.connect() as connection:
        connection.execute("create schema gold; create schema silver")
        connection.execute(
            "create table gold.campaign_results as select 1 as campaign_id, date '2017-02-02' as start_date, "
            "date '2017-02-02' as end_date, 1 as days_before, 1 as days_during"
        )
        connection.execute(
            "create table silver.transactions (household_id int, sales_date date, sales_usd decimal(9, 2))"
        )
        connection.execute("create table silver.campaign_households (campaign_id int, household_id int)")
        for household, (before, during, is_reached) in spent.items():
            rows = [(household, "2017-02-01", before)] if before else []
            rows.append((household, "2017-02-02", during))
            connection.executemany("insert into silver.transactions values (?, ?, ?)", rows)
            if is_reached:
                connection.execute("insert into silver.campaign_households values (1, ?)", [household])
        [(lift, error)] = connection.execute(f"{PER_HOUSEHOLD} select lift, error from compared").fetchall()
    assert lift == pytest.approx(14)
    assert error == pytest.approx((98 / 2 + 49 / 3) ** 0.5)
