"""Every view in Chromium, on a real lake: figures, actions, accessibility, and not one word on the console."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, Request, expect, sync_playwright

from tests.chromium import needed
from tests.lab import Lab
from tests.page_server import DAYS, HOSTILE, day_of, fill, serving
from tests.processes import finish, start

VIEWS = {
    "/": "things are wrong",
    "/tables": "tables that readers are promised",
    "/table/gold.daily_sales": "gold.daily_sales",
    "/table/silver.transactions": "silver.transactions",
    "/table/bronze.transactions": "bronze.transactions",
    "/quarantine": "left out",
    "/quarantine?source=transactions": "left out of transactions",
    "/files": "files in the ledger",
    "/file/1": "loaded",
    "/lineage": "made of",
    "/lineage/gold.daily_sales": "where it comes from",
    "/catalogue": "what they mean",
    "/nothing": "not there",
}
SERIOUS = {"serious", "critical"}


@dataclass
class Watched:
    """A lake, its page in a browser, and what went wrong there."""

    lab: Lab
    address: str
    page: Page
    problems: list[str] = field(default_factory=list)

    def go(self, path: str) -> None:
        self.page.goto(f"{self.address}{path}")

    def text(self) -> str:
        return " ".join(self.page.inner_text("main").split())

    def asked(self, sql: str) -> list[list[str]]:
        """What `assay query` says."""
        code, output = finish(start(self.lab.settings, "query", sql, "--format", "csv"))
        assert code == 0, output
        return list(csv.reader(io.StringIO(output)))[1:]


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Lab, str]]:
    needed()
    lab = Lab(tmp_path_factory.mktemp("browser") / "a lake's [x]")
    fill(lab)
    with serving(lab.settings) as address:
        yield lab, address


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=needed(), args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture(params=[(1280, "light"), (400, "dark")], ids=["wide-light", "narrow-dark"])
def watched(served: tuple[Lab, str], chromium: Browser, request: pytest.FixtureRequest) -> Iterator[Watched]:
    lab, address = served
    width, scheme = request.param
    context = chromium.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme)
    page = context.new_page()
    watched = Watched(lab, address, page)

    def heed(message: str) -> None:
        if "404 (Not Found)" not in message:  # of the address that is not there
            watched.problems.append(message)

    def check_place(sent: Request) -> None:
        if not sent.url.startswith(address):
            watched.problems.append(f"asked for {sent.url}")

    page.on("console", lambda message: heed(message.text) if message.type in ("error", "warning") else None)
    page.on("pageerror", lambda error: heed(str(error)))
    page.on("dialog", lambda dialog: heed(f"a dialog: {dialog.message}"))
    page.on("request", check_place)
    yield watched
    context.close()
    assert watched.problems == []


@pytest.mark.parametrize("path", VIEWS)
def test_a_view_is_accessible_and_fits_its_screen(watched: Watched, path: str) -> None:
    watched.go(path)
    assert VIEWS[path] in watched.text()
    for details in watched.page.locator("details > summary").all():
        details.click()
    wider = watched.page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    assert wider <= 0, f"{wider} pixels stand out on the right"
    results = Axe().run(watched.page)
    grave = [each for each in results.response["violations"] if each["impact"] in SERIOUS]
    assert not grave, [(each["id"], each["nodes"][0]["html"]) for each in grave]


def test_each_view_of_the_navigation_is_reached_by_keyboard(watched: Watched) -> None:
    watched.go("/")
    watched.page.keyboard.press("Tab")
    expect(watched.page.locator(".skip")).to_be_focused()
    watched.page.keyboard.press("Enter")
    expect(watched.page.locator("main")).to_be_focused()
    for name in ("Tables", "Quarantine", "Files", "Lineage"):
        watched.page.get_by_role("link", name=name, exact=True).first.focus()
        watched.page.keyboard.press("Enter")
        expect(watched.page.locator("nav a[aria-current]")).to_have_text(name)


def test_figures_are_those_of_assay_query(watched: Watched) -> None:
    [[last, rows]] = watched.asked("select max(sales_date), count(*) from gold.daily_sales")
    [[of_day]] = watched.asked(f"select count(*) from gold.daily_sales where sales_date = '{last}'")
    watched.go("/")
    card = watched.page.locator("li.card", has=watched.page.get_by_role("link", name="gold.daily_sales", exact=True))
    text = " ".join(card.inner_text().split())
    assert last == str(day_of(DAYS - 1))
    assert f"data through {last}" in text
    assert f"{of_day} rows of {day_of(DAYS - 1):%A}, {last}" in text
    watched.go("/table/gold.daily_sales")
    assert f"data through {last}; {rows} rows" in watched.text()
    [[read, left]] = watched.asked(
        "select (select sum(records_read) from ops.files where source = 'transactions' and status = 'loaded'), "
        "(select count(*) from quarantine.transactions where is_live)"
    )
    watched.go("/quarantine?source=transactions")
    assert f"{left} records are left out of transactions" in watched.text()
    watched.go("/tables")
    row = watched.page.locator("tr", has=watched.page.get_by_role("link", name="bronze.transactions", exact=True))
    assert f"{int(read):,}" in row.inner_text().split()
    [[sightings]] = watched.asked("select count(*) from ops.files")
    watched.go("/files")
    assert f"{sightings} files in the ledger" in watched.text()


def test_what_a_file_is_called_is_text(watched: Watched) -> None:
    watched.go("/")
    assert HOSTILE in watched.text()
    assert watched.page.locator("main img").count() == 0
    watched.go("/table/silver.products")
    assert HOSTILE.upper() in watched.text()


def test_the_list_of_tables_narrows_as_one_types(watched: Watched) -> None:
    watched.go("/tables")
    watched.page.get_by_label("Narrow the list").fill("daily")
    expect(watched.page.locator("#count")).to_have_text("1 shown")
    expect(watched.page.locator("#tables tr:visible")).to_have_count(1)


def test_a_row_is_followed_from_the_table_to_its_file(watched: Watched) -> None:
    watched.go("/table/gold.daily_sales")
    watched.page.get_by_role("link", name="follow").first.click()
    expect(watched.page.locator("h2", has_text="silver.transactions")).to_be_visible(timeout=60_000)
    assert "Proved" in watched.text()
    watched.page.get_by_role("link", name=re.compile(r"^file \d+$")).first.click()
    assert "became rows of bronze" in watched.text()


def test_records_that_are_left_out_are_saved(watched: Watched, tmp_path: Path) -> None:
    watched.go("/quarantine?source=transactions")
    with watched.page.expect_download() as waiting:
        watched.page.get_by_role("link", name="Save as JSON lines").click()
    waiting.value.save_as(tmp_path / "saved.jsonl")
    [[left]] = watched.asked("select count(*) from quarantine.transactions where is_live")
    assert len((tmp_path / "saved.jsonl").read_text().splitlines()) == int(left)


def test_an_incident_is_taken_assigned_resolved_and_reopened(watched: Watched) -> None:
    watched.go("/")
    card = watched.page.locator("li.card", has_text="A file was refused").first

    def done(button: str, **fields: str) -> None:
        if button in ("Assign", "Resolve") and not card.get_by_role("button", name=button, exact=True).is_visible():
            card.get_by_text("Assign or resolve").click()
        card.get_by_label("You are").fill("ann")
        for label, value in fields.items():
            card.get_by_label(label).fill(value)
        card.get_by_role("button", name=button, exact=True).click()

    done("Acknowledge")
    expect(card.get_by_text("ann", exact=True)).to_be_visible()
    done("Assign", To=HOSTILE)
    expect(card.locator("dd b").first).to_have_text(HOSTILE)
    done("Resolve", Because="sent again at noon")
    expect(watched.page.get_by_role("heading", name="Resolved by hand, and still seen")).to_be_visible()
    assert "One thing is wrong" in watched.text()
    done("Reopen")
    expect(watched.page.get_by_role("heading", name="Resolved by hand, and still seen")).to_have_count(0)
    card.get_by_text("What was done").click()
    assert "resolved by ann: sent again at noon" in " ".join(card.inner_text().split())


def test_dbt_docs_are_reached_from_the_catalogue_and_reach_nothing(served: tuple[Lab, str], chromium: Browser) -> None:
    page = chromium.new_page()
    page.goto(f"{served[1]}/catalogue")
    page.get_by_role("link", name="dbt docs of the project").click()
    expect(page.get_by_text("Projects", exact=True)).to_be_visible()
    page.goto(f"{served[1]}/catalogue/docs#!/model/model.retail.gold_daily_sales")
    expect(page.get_by_text("Money taken.").first).to_be_visible()
    assert page.evaluate("fetch('/').then(() => 'read', () => 'refused')") == "refused"
    page.close()
