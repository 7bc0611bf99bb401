"""The demo's dashboards on a real lake: figures are those of a query, with their source; a fault stays in its view."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from assay.page.app import Page
from assay.page.dashboards.views import dashboard_views
from assay.page.guard import Guard
from assay.page.views import VIEWS
from tests.lab import Lab, product, receipt
from tests.places import PROJECT

pytestmark = pytest.mark.slow  # a real run
HOSTILE = "<script>alert(1)</script>"
ORIGIN = "http://127.0.0.1:3001"


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Lab:
    lab = Lab(tmp_path_factory.mktemp("dashboards") / "lake")
    lab.products("2017-01-01", [product(), product(product_id=11, department=HOSTILE)])
    rows = [
        receipt(basket_id=day, product_id=10 + day % 2, transaction_timestamp=f"2017-01-{day:02} 15:00:00")
        for day in range(2, 10)
    ]
    lab.receipts(
        "a", [*rows, receipt(basket_id=99, sales_value="1234.50", transaction_timestamp="2017-01-09 16:00:00")]
    )
    lab.good_run()
    return lab


def reader(lab: Lab, project: Path) -> Callable[[str], str]:
    """What a browser gets of the page with the dashboards of a project."""
    views = (*VIEWS, *dashboard_views(project, frozenset(view.path for view in VIEWS)))
    settings = lab.settings.model_copy(update={"project": project})
    client = TestClient(Page(settings, Guard("127.0.0.1"), views).app(), base_url=ORIGIN)

    def get(path: str) -> str:
        answer = client.get(path)
        assert answer.status_code == 200, answer.text
        assert "Traceback" not in answer.text
        assert HOSTILE not in answer.text
        return answer.text

    return get


def test_sales_are_those_of_a_query_and_lead_to_their_receipts(lab: Lab) -> None:
    get = reader(lab, PROJECT)
    html = get("/sales")
    [(usd,)] = lab.rows("select sum(sales_usd) from gold.daily_sales where sales_date = date '2017-01-09'")
    assert f"{usd:,.0f} USD" in html
    assert "Sales of Monday, 2017-01-09" in html
    assert html.count("data through") >= 3, "every figure says up to when its table has data"
    assert html.count("checks passed") >= 3
    assert f">{HOSTILE.upper().replace('<', '&lt;').replace('>', '&gt;')}</a>" in html
    assert HOSTILE.upper() not in html
    link = "/sales-receipts?day=2017-01-09&store=all%20stores&department=GROCERY"
    assert link.replace("&", "&amp;") in html
    lines = get(link)
    assert ">1,234<" in lines
    assert 'href="/file/' in lines
    assert ">Sales receipts</a>" not in lines, "the navigation does not list it"
    assert 'href="/sales"' in lines


def test_tables_that_are_not_there_are_said_and_not_thrown(lab: Lab) -> None:
    """The lake has receipts and products alone."""
    get = reader(lab, PROJECT)
    for path in ("/households", "/campaigns"):
        assert "cannot be shown" in get(path)


def test_a_fault_of_a_project_stays_in_its_own_view(lab: Lab, tmp_path: Path) -> None:
    folder = tmp_path / "dashboard"
    folder.mkdir()
    begin = "from assay.page.dashboards import Board, dashboard\n"
    (folder / "a.py").write_text(
        f'{begin}@dashboard("A")\ndef a(board: Board) -> None:\n    board.text("fine")\n    1 / 0\n'
    )
    (folder / "b.py").write_text("def (:\n")
    (folder / "c.py").write_text(f'{begin}@dashboard("Tables")\ndef c(board: Board) -> None:\n    board.text("mine")\n')
    get = reader(lab, tmp_path)
    assert "fine" in get("/a")
    assert "a.py, line 5: ZeroDivisionError" in get("/a")
    assert "b.py, line 1: SyntaxError" in get("/b")
    assert "mine" in get("/own/tables")
    assert "mine" not in get("/tables")
