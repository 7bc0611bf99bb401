"""Models and sources that left the project are no longer shown as alive, can be dropped, and can come back."""

from __future__ import annotations

import shutil
from collections.abc import Collection
from pathlib import Path

import pytest

from assay.base import clock
from assay.cli import doctor, dropping
from assay.contract.catalog import Catalog
from assay.contract.errors import ContractError
from assay.incidents.causes import causes
from assay.incidents.inputs import Disk, Inputs
from assay.incidents.published_problems import read_facts
from assay.orchestration.arrivals_sensor import wanted_now
from assay.page.page import render
from assay.publish.reader import open_published
from assay.triggers.landing_watch import LandingWatch
from tests.lab import Lab, copy_project, environment, product, receipt

pytestmark = pytest.mark.slow  # real runs of a lake whose models leave and come back

OF_RECEIPTS = (
    "bronze/bronze_transactions", "quarantine/quarantine_transactions", "silver/silver_transactions",
    "gold/gold_daily_sales", "gold/gold_product_performance",
)  # fmt: skip
"""All that is made of receipts, without which the source cannot leave."""


class Home:
    """A lake whose project changes."""

    def __init__(self, folder: Path) -> None:
        self.project = copy_project(folder)
        self.aside = folder / "aside"
        self.lab = Lab(folder / "lake", self.project)

    def take_out(self, *models: str) -> None:
        """Take models and their yml files out of the project, and parse it."""
        for model in models:
            rules = (self.project / "rules").glob(f"{Path(model).name}.*")
            for path in (*(self.project / "models").glob(f"{model}.*"), *rules):
                target = self.aside / path.relative_to(self.project)
                target.parent.mkdir(parents=True, exist_ok=True)
                path.rename(target)
        self.again()

    def put_back(self) -> None:
        shutil.copytree(self.aside, self.project, dirs_exist_ok=True)
        shutil.rmtree(self.aside)
        self.again()

    def rename(self, before: str, after: str) -> None:
        """Call a model otherwise."""
        layer = before.split("_", maxsplit=1)[0]
        for path in (self.project / "models" / layer).glob(f"{before}.*"):
            path.write_text(path.read_text(encoding="utf-8").replace(before, after), encoding="utf-8")
            path.rename(path.with_stem(after))
        for path in (self.project / "rules").glob(f"{before}.*"):
            path.rename(path.with_stem(after))
        self.again()

    def again(self) -> None:
        self.lab = Lab(self.lab.settings.home, self.project)

    def retired(self) -> list[str]:
        return [str(table["name"]) for table in self.lab.status()["retired"]]

    def drop(self, monkeypatch: pytest.MonkeyPatch, *names: str, is_sure: bool = True) -> int:
        for key, value in environment(self.lab.settings).items():
            monkeypatch.setenv(key, value)
        return dropping.drop_retired(names, is_sure=is_sure)

    def tables_of_readers(self) -> set[str]:
        rows = self.lab.rows("select table_schema || '.' || table_name from information_schema.tables")
        return {name for (name,) in rows if not name.startswith("ops.")}

    def files(self) -> dict[str, str]:
        return dict(self.lab.rows("select path, arg_max(status, sighting_id) from ops.files group by path"))


@pytest.fixture
def home(tmp_path: Path) -> Home:
    """Two days of receipts, all shown."""
    lake_home = Home(tmp_path)
    lake_home.lab.products("2017-01-01", [product()])
    lake_home.lab.receipts("day1", [receipt()])
    lake_home.lab.receipts("day2", [receipt(basket_id=2, sales_value="oops"), receipt(basket_id=3, store_id=8)])
    lake_home.lab.good_run()
    return lake_home


def incidents(home: Home) -> Collection[str]:
    """What the services would call wrong by what is published."""
    catalog = Catalog.read(home.project)
    with open_published(home.lab.settings.published) as connection:
        facts = read_facts(connection)
    return [cause.subject for cause in causes(Inputs(catalog, facts, (), Disk(10**12, 10**12, 0), clock.now()))]


def test_a_gold_table_that_left_is_shown_as_retired_and_nowhere_as_alive(home: Home) -> None:
    home.lab.spoil("update gold.daily_sales set baskets = 0")
    home.lab.spoil("update ops.tables set seq = seq + 1 where table_name = 'gold.daily_sales'")
    assert not home.lab.run().success
    before = home.lab.status()["quality"]
    home.take_out("gold/gold_daily_sales")
    home.lab.good_run()
    status = home.lab.status()
    [entry] = status["retired"]
    assert (entry["name"], entry["rows"], entry["renamed_to"]) == ("gold.daily_sales", 2, None)
    assert entry["sentence"].startswith("gold.daily_sales, 2 rows, last built 20")
    assert entry["sentence"].endswith("`assay drop gold.daily_sales` removes it")
    assert "gold.daily_sales" in before
    assert "gold.daily_sales" not in status["quality"]
    assert status["quality"]["all"] > before["all"]
    assert status["held_back"] is None
    assert not [subject for subject in incidents(home) if "gold" in subject]
    assert "gold.daily_sales" not in home.tables_of_readers()
    findings = [f for f in doctor.examine(home.lab.settings, 0.0, (10**12, 10**12)) if f.about == "retired"]
    assert [(finding.mark, finding.message) for finding in findings] == [("warning", entry["sentence"])]
    page = render(home.lab.settings, [], clock.now())
    assert page.count("gold.daily_sales, 2 rows") == 1
    assert "<td>gold.daily_sales</td>" not in page


def test_a_source_that_left_takes_its_tables_along(home: Home) -> None:
    home.take_out(*OF_RECEIPTS)
    home.lab.good_run()
    assert home.retired() == [
        "bronze.transactions", "gold.daily_sales", "gold.product_performance", "silver.transactions",
    ]  # fmt: skip
    assert [source["source"] for source in home.lab.status()["sources"]] == ["products"]
    assert home.tables_of_readers() == {"silver.products", "quarantine.products"}


def test_a_check_that_left_counts_no_more(home: Home) -> None:
    test = home.project / "tests" / "always.sql"
    test.parent.mkdir(exist_ok=True)
    test.write_text(
        "{{ config(severity='warn', meta={'dagster': {'ref': {'name': 'silver_transactions'}}}) }}\n"
        "select 1 from {{ ref('silver_transactions') }}",
        encoding="utf-8",
    )
    home.again()
    home.lab.good_run()
    with_test = home.lab.status()["quality"]["silver.transactions"]
    test.unlink()
    home.again()
    home.lab.good_run()
    assert home.lab.status()["quality"]["silver.transactions"] > with_test
    assert "always" not in render(home.lab.settings, [], clock.now())


def test_a_drop_says_what_goes_and_waits_for_a_yes(
    home: Home, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    home.take_out(*OF_RECEIPTS)
    (home.lab.settings.landing / "transactions" / "day1.csv").unlink()
    assert home.drop(monkeypatch, "transactions", "gold/daily_sales", is_sure=False) == 0
    output = capsys.readouterr().out
    assert "bronze.transactions\n  - 2 rows" in output
    assert "1 malformed records" in output
    assert "keeps its 2 files (2 loaded) as retired, and landing is not touched" in output
    assert "1 of these files are not in landing any more" in output
    assert "transactions/day1.csv" in output
    assert "nothing was dropped; `assay drop transactions gold/daily_sales --yes` does it" in output
    assert home.lab.stored("select count(*) from bronze.transactions") == [(2,)]
    assert home.drop(monkeypatch, "transactions", "gold/daily_sales") == 0
    assert home.retired() == ["gold.product_performance", "silver.transactions"]
    assert home.files()["transactions/day2.csv"] == "retired"
    left = "select table_schema || '.' || table_name from information_schema.tables where table_schema <> 'ops'"
    assert home.lab.stored(f"{left} order by all") == [
        (f"{name}",)
        for name in (
            "bronze.products", "gold.product_performance", "quarantine.products", "silver.products",
            "silver.transactions",
        )
    ]  # fmt: skip
    for table in ("malformed", "file_counts", "sources", "conservation"):
        assert home.lab.stored(f"select count(*) from ops.{table} where source = 'transactions'") == [(0,)]
    assert home.lab.stored("select count(*) from ops.checks where table_name = 'gold.daily_sales'") == [(0,)]
    assert (home.lab.settings.landing / "transactions" / "day2.csv").exists()
    home.lab.good_run()
    assert [source["source"] for source in home.lab.status()["sources"]] == ["products"]


def test_what_is_in_the_project_or_nowhere_is_not_dropped(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    message = r"is in the project.*models/(gold|bronze)/\w+\.yml.*Nothing was dropped"
    for name in ("gold.daily_sales", "transactions"):
        with pytest.raises(ContractError, match=message):
            home.drop(monkeypatch, name)
    with pytest.raises(ContractError, match=r"nothing called gold\.nosuch is stored"):
        home.drop(monkeypatch, "gold.nosuch")
    home.take_out("gold/gold_daily_sales")
    with pytest.raises(ContractError, match="is in the project"):
        home.drop(monkeypatch, "gold.daily_sales", "silver.products")
    assert home.lab.stored("select count(*) from gold.daily_sales") == [(2,)]


def test_a_source_that_comes_back_after_a_drop_is_loaded_anew_exactly_once(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    home.lab.receipts("copy of day1", [receipt()])
    home.lab.put("transactions/odd.csv", b"no header")
    home.lab.good_run()
    before = {table: home.lab.table(table) for table in home.tables_of_readers() if not table.startswith("quar")}
    rejected = home.lab.rows("select kind, reasons, record from quarantine.transactions where is_live")
    home.take_out(*OF_RECEIPTS)
    names = ["transactions", "silver.transactions", "gold.daily_sales", "gold.product_performance"]
    assert home.drop(monkeypatch, *names) == 0
    assert home.retired() == []
    home.lab.good_run()
    home.put_back()
    catalog = Catalog.read(home.project)
    waiting, known = LandingWatch(home.lab.settings, catalog).look()
    assert waiting == {"transactions": 4}
    assert "transactions" in wanted_now(catalog, waiting, known)
    home.lab.good_run()
    assert {table: home.lab.table(table) for table in before} == before
    assert home.lab.rows("select kind, reasons, record from quarantine.transactions where is_live") == rejected
    loaded = "from ops.files where status = 'loaded' and source = 'transactions'"
    assert home.lab.rows(f"select count(*), count(distinct file_id) {loaded}") == [(2, 2)]
    assert home.files()["transactions/odd.csv"] == "refused"
    assert LandingWatch(home.lab.settings, catalog).look()[0] == {}
    home.lab.good_run()
    assert {table: home.lab.table(table) for table in before} == before


def test_a_source_that_comes_back_without_a_drop_goes_on_where_it_was(home: Home) -> None:
    home.take_out(*OF_RECEIPTS)
    home.lab.good_run()
    home.lab.receipts("day3", [receipt(basket_id=9, store_id=9)])
    home.lab.good_run()
    home.put_back()
    home.lab.good_run()
    assert home.retired() == []
    assert home.lab.source("transactions")["rows"]["silver"] == 3
    assert home.lab.rows("select store_id from gold.daily_sales order by 1") == [(7,), (8,), (9,)]


@pytest.mark.parametrize("is_dropped", [False, True])
def test_a_model_that_comes_back_is_built_from_what_its_inputs_are_now(
    home: Home, monkeypatch: pytest.MonkeyPatch, *, is_dropped: bool
) -> None:
    """Its rows are those of before, its SQL is the same, and what changed meanwhile was kept for nobody."""
    home.take_out("gold/gold_daily_sales")
    home.lab.receipts("day1", [receipt(store_id=5)])
    home.lab.good_run()
    if is_dropped:
        assert home.drop(monkeypatch, "gold.daily_sales") == 0
    home.put_back()
    home.lab.good_run()
    assert home.lab.rows("select store_id from gold.daily_sales order by 1") == [(5,), (8,)]
    assert home.retired() == []
    assert home.lab.status()["held_back"] is None


def test_a_pass_from_before_a_drop_is_not_taken_for_one_of_what_came_back(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    home.take_out("gold/gold_daily_sales")
    home.drop(monkeypatch, "gold.daily_sales")
    home.put_back()
    home.lab.good_run()
    asked = "select count(*) from ops.checks where table_name = 'gold.daily_sales' and check_name = 'contract'"
    assert home.lab.rows(asked) == [(1,)]


@pytest.mark.parametrize(
    ("before", "after"),
    [("gold_daily_sales", "gold_sales_by_day"), ("gold_product_performance", "gold_best_products")],
)
def test_a_model_that_was_renamed_is_said_to_be(home: Home, before: str, after: str) -> None:
    home.rename(before, after)
    home.lab.good_run()
    [entry] = home.lab.status()["retired"]
    old, new = (name.replace("_", ".", 1) for name in (before, after))
    assert entry["renamed_to"] == new
    assert f"{old} looks renamed to {new}" in entry["sentence"]
    home.lab.good_run()
    assert home.lab.status()["retired"] == [entry]
    assert home.lab.table(new)


def test_a_source_that_was_renamed_is_said_to_be(home: Home) -> None:
    models = home.project / "models"
    for layer in ("bronze", "silver", "quarantine"):
        for path in (models / layer).glob(f"{layer}_transactions.*"):
            path.rename(path.with_stem(f"{layer}_receipts"))
    for path in models.rglob("*.*"):
        text = path.read_text(encoding="utf-8")
        for layer in ("bronze", "silver", "quarantine"):
            text = text.replace(f"{layer}_transactions", f"{layer}_receipts")
            text = text.replace(f"{layer}.transactions", f"{layer}.receipts")
        path.write_text(text.replace("landing_transactions", "landing_receipts"), encoding="utf-8")
    home.take_out("gold/gold_daily_sales", "gold/gold_product_performance")
    home.lab.good_run()
    renames = {table["name"]: table["renamed_to"] for table in home.lab.status()["retired"]}
    assert renames["bronze.transactions"] == "bronze.receipts"
    assert renames["silver.transactions"] == "silver.receipts"
    assert renames["gold.daily_sales"] is None
    assert home.lab.source("receipts")["records"]["read"] == 3
