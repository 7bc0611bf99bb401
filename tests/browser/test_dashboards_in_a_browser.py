"""The demo's dashboards in Chromium: figures are those of a query, and a department leads to receipts and files."""

from __future__ import annotations

import shutil
from collections.abc import Iterator

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, sync_playwright

from tests.chromium import needed
from tests.lab import Lab, copy_project
from tests.page_server import fill, serving
from tests.places import PROJECT

SERIOUS = {"serious", "critical"}
SCREENS = [(1280, "light"), (400, "dark")]


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Lab, str]]:
    """A lake of receipts and products alone, so that two of the three dashboards have nothing to read."""
    needed()
    project = copy_project(tmp_path_factory.mktemp("dashboards"))
    shutil.copytree(PROJECT / "dashboard", project.parent / "dashboard")
    (project.parent / "dashboard" / "broken.py").write_text("import no_such_module\n")
    lab = Lab(project.parent / "data", project)
    fill(lab)
    with serving(lab.settings) as address:
        yield lab, address


@pytest.fixture(params=SCREENS, ids=["wide-light", "narrow-dark"])
def page(request: pytest.FixtureRequest) -> Iterator[Page]:
    width, scheme = request.param
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=needed(), args=["--no-sandbox"])
        page = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme).new_page()
        told: list[str] = []
        page.on("console", lambda message: told.append(message.text) if message.type in ("error", "warning") else None)
        page.on("pageerror", lambda error: told.append(str(error)))
        yield page
        browser.close()
        assert told == []


def text(page: Page) -> str:
    return " ".join(page.inner_text("main").split())


@pytest.mark.browser
@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("/sales", "Sales of Tuesday, 2017-01-31"),
        ("/households", "cannot be shown"),
        ("/campaigns", "cannot be shown"),
        ("/broken", "broken.py, line 1: ModuleNotFoundError"),
    ],
)
def test_a_dashboard_is_accessible_and_fits_its_screen(
    served: tuple[Lab, str], page: Page, path: str, words: str
) -> None:
    page.goto(f"{served[1]}{path}")
    assert words in text(page)
    for details in page.locator("details > summary").all():
        details.click()
    wider = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    assert wider <= 0, f"{wider} pixels stand out on the right"
    grave = [each for each in Axe().run(page).response["violations"] if each["impact"] in SERIOUS]
    assert not grave, [(each["id"], each["nodes"][0]["html"]) for each in grave]


@pytest.mark.browser
def test_one_goes_from_a_figure_to_receipts_and_to_their_file(served: tuple[Lab, str], page: Page) -> None:
    lab, address = served
    page.goto(f"{address}/sales")
    page.locator("select[name=day]").select_option("2017-01-10")
    page.locator("select[name=store]").select_option("7")
    page.get_by_role("button", name="Show").click()
    [(usd,)] = lab.rows(
        "select sum(sales_usd) from gold.daily_sales where sales_date = date '2017-01-10' and store_id = 7"
    )
    assert f"{usd:,.2f} USD" in text(page)
    assert "data through 2017-01-31" in text(page)
    page.get_by_role("link", name="GROCERY").first.click()
    assert f"{usd:,.2f} USD" in text(page)
    [(lines,)] = lab.rows(
        "select count(*) from silver.transactions where sales_date = date '2017-01-10' and store_id = 7"
    )
    assert page.locator("section[aria-label^='The dearest'] tbody tr").count() == lines
    page.locator("section[aria-label^='The dearest'] tbody a").first.click()
    assert "transactions_2017-01-10" in text(page)
