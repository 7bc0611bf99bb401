"""A row of gold leads to the rows, lines of files and loads that it is made of, and its own SQL proves it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import pytest

from assay.cli import tracing
from assay.consumers.tables import UnknownTable
from assay.consumers.tracing.result import Trace
from assay.consumers.tracing.trace import CannotTrace, trace
from assay.contract.catalog import Catalog
from assay.contract.personal import MASKED
from assay.publish.reader import open_published
from assay.tables.dbt import compile_models
from tests.lab import HOSTILE_HOME, Lab, product, receipt

pytestmark = pytest.mark.slow  # a real run, and dbt compiles
DAY = {"store_id": "7", "department": "GROCERY", "sales_date": "2017-01-02"}


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> tuple[Lab, Mapping[str, str]]:
    """Two files of receipts, of which a line of the first is corrected in itself; three products of two departments."""
    lab = Lab(tmp_path_factory.mktemp("trace") / HOSTILE_HOME)
    lab.products("2017-01-01", [product(), product(product_id=11), product(product_id=12, department="DRUG GM")])
    rows = [receipt(basket_id=100 + number, product_id=10 + number % 3) for number in range(6)]
    lab.receipts("a", [*rows, receipt(basket_id=100, sales_value="9.00"), receipt(store_id=8, basket_id=900)])
    lab.receipts("b", [receipt(basket_id=200, product_id=11, household_id=2)])
    lab.good_run()
    return lab, compile_models(lab.settings)


def traced(lake: tuple[Lab, Mapping[str, str]], table: str, key: Mapping[str, str], *, is_proved: bool = True) -> Trace:
    lab, compiled = lake
    with open_published(lab.settings.published) as connection:
        catalog = Catalog.read(lab.settings.dbt_project)
        return trace(connection, catalog, lab.settings.landing, table, key, compiled=compiled if is_proved else None)


def test_a_figure_of_gold_is_made_of_these_lines_and_no_others(lake: tuple[Lab, Mapping[str, str]]) -> None:
    outcome = traced(lake, "gold.daily_sales", DAY)
    by_table = {rows.table: rows for rows in outcome.inputs}
    receipts = by_table["silver.transactions"]
    assert outcome.proof is not None
    assert outcome.proof.other == ()
    assert len(outcome.proof.same) == len(outcome.row.values)
    assert [row.values["basket_id"] for row in receipts.rows] == [100, 101, 103, 104, 200]
    lines = [(row.record.line, row.record.file_id) for row in receipts.rows if row.record]
    files = {file.file_id: file for file in receipts.files}
    assert [(line, files[file].path) for line, file in lines] == [
        (8, "transactions/a.csv"),  # the dearer of two lines of one key wins, as it does in silver
        (3, "transactions/a.csv"),
        (5, "transactions/a.csv"),
        (6, "transactions/a.csv"),
        (2, "transactions/b.csv"),
    ]
    assert [file.rows for file in receipts.files] == [4, 1]
    assert all(file.load_id and file.loaded_at and file.run_id for file in receipts.files)
    assert {file.contract_version for file in receipts.files} == {"1.0.0"}
    assert sorted(row.values["product_id"] for row in by_table["silver.products"].rows) == [10, 11]


def test_values_about_people_are_masked_in_rows_and_records(lake: tuple[Lab, Mapping[str, str]]) -> None:
    outcome = traced(lake, "silver.transactions", {"basket_id": "200"})
    assert outcome.row.values["household_id"] == MASKED
    assert outcome.row.record is not None
    assert outcome.row.record.values["household_id"] == MASKED
    assert outcome.row.record.values["basket_id"] == 200
    assert outcome.proof is None


def test_without_sql_the_rows_of_the_whole_rebuild_key_are_shown_and_nothing_is_claimed(
    lake: tuple[Lab, Mapping[str, str]],
) -> None:
    outcome = traced(lake, "gold.daily_sales", DAY, is_proved=False)
    assert {rows.table: rows.count for rows in outcome.inputs} == {"silver.transactions": 7, "silver.products": 3}
    assert outcome.proof is not None
    assert (outcome.proof.same, outcome.proof.why_not) == ((), "its SQL is not known")


def test_a_file_that_went_away_has_no_lines_and_still_its_place_in_the_ledger(
    lake: tuple[Lab, Mapping[str, str]],
) -> None:
    lab, _ = lake
    path = lab.settings.landing / "transactions" / "b.csv"
    content = path.read_bytes()
    path.write_bytes(content + b"1,7,3,4,5,6,0,0,0,1,2017-01-02 15:00:00\n")
    try:
        record = traced(lake, "silver.transactions", {"basket_id": "200"}).row.record
        assert record is not None
        assert record.line is None
        assert "not in landing any more as it was loaded" in record.why_not
    finally:
        path.unlink()
        lab.receipts("b", [receipt(basket_id=200, product_id=11, household_id=2)])


@pytest.mark.parametrize(
    ("table", "key", "message"),
    [
        ("gold.daily_sales", {"store": "7"}, "has no column 'store'; it has store_id"),
        ("gold.daily_sales", {"store_id": "seven"}, "store_id of gold.daily_sales is BIGINT, and 'seven' is not one"),
        ("gold.daily_sales", {"store_id": "99"}, "no row of gold.daily_sales has store_id = '99'"),
        ("gold.daily_sales", {"department": "' or true --"}, "no row of gold.daily_sales has department"),
        ("quarantine.products", {}, "name their file and line themselves"),
    ],
)
def test_what_names_no_row_is_told_so(
    lake: tuple[Lab, Mapping[str, str]], table: str, key: dict[str, str], message: str
) -> None:
    with pytest.raises(CannotTrace, match=message.replace("(", r"\(")):
        traced(lake, table, key)


def test_a_table_that_readers_do_not_see_is_told_so(lake: tuple[Lab, Mapping[str, str]]) -> None:
    with pytest.raises(UnknownTable, match=r"gold\.daily_sale"):
        traced(lake, "gold.daily_sale", {})


def test_the_command_prints_tables_and_json(
    lake: tuple[Lab, Mapping[str, str]], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    lab, _ = lake
    monkeypatch.setenv("ASSAY_HOME", str(lab.settings.home))
    monkeypatch.setenv("ASSAY_DBT_PROJECT", str(lab.settings.dbt_project))
    monkeypatch.chdir(Path(lab.settings.dbt_project).parent)
    key = [f"{name}={value}" for name, value in DAY.items()]
    tracing.show("gold.daily_sales", key, as_json=False)
    shown = capsys.readouterr().out
    assert "from 5 rows of silver.transactions" in shown
    assert "the table's SQL gives this row again from these rows alone" in shown
    tracing.show("gold.daily_sales", key, as_json=True)
    form = json.loads(capsys.readouterr().out)
    assert form["inputs"][0]["rows"][0]["record"]["line"] == 8
    assert form["row"]["values"]["sales_usd"] == "19.00"
