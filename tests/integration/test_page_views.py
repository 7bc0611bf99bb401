"""Each view of the page says what is so, and takes what its own forms say and nothing else."""

from __future__ import annotations

import html
import json
import re
import shutil
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb
import pytest
from starlette.testclient import TestClient

from assay.consumers.badges import badge_name, badges_folder
from assay.contract.catalog import Catalog
from assay.incidents import store
from assay.incidents.reconcile import Cause
from assay.page.app import Page
from assay.page.guard import Guard
from assay.page.views import VIEWS
from assay.page.visits import Answer, View
from assay.publish.publishing import publish_rows
from tests.lab import Lab, product, receipt

pytestmark = pytest.mark.slow  # a real run, and many looks at it
HOSTILE = "<script>alert(1)</script>"
ORIGIN = "http://127.0.0.1:3001"
CAUSE = Cause(
    "refused_file", "transactions", "shop", f"{HOSTILE}.csv: no header", "nothing", "gold.daily_sales", HOSTILE,
    datetime(2026, 3, 1, tzinfo=UTC),
)  # fmt: skip


class Reader:
    """A browser that looks at the page of a lake."""

    def __init__(self, lab: Lab, host: str = "127.0.0.1") -> None:
        self.lab, self.guard = lab, Guard(host)
        self.client = TestClient(Page(lab.settings, self.guard, VIEWS).app(), base_url=ORIGIN)

    def html(self, path: str = "/", status: int = 200) -> str:
        answer = self.client.get(path)
        assert answer.status_code == status, answer.text
        assert "Traceback" not in answer.text
        assert "script-src" not in answer.headers["content-security-policy"]
        assert HOSTILE not in answer.text
        return answer.text

    def text(self, path: str = "/", status: int = 200) -> str:
        return words(self.html(path, status))

    def act(self, number: int, origin: str = ORIGIN, **fields: str) -> tuple[int, str]:
        form = {"token": self.guard.token, "by": "ann", **fields}
        answer = self.client.post(f"/incidents/{number}", data=form, headers={"origin": origin}, follow_redirects=False)
        return answer.status_code, words(answer.text)


def words(page: str) -> str:
    """What a reader sees."""
    text = " ".join(re.sub(r"<style>.*?</style>|<[^>]*>", " ", page.partition("<main")[2] or page).split())
    return text.replace("&#39;", "'").replace("&lt;", "<").replace("&gt;", ">")


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Lab:
    lab = Lab(tmp_path_factory.mktemp("page"))
    lab.products("2017-01-01", [product()])
    lab.receipts("day1", [receipt(), receipt(basket_id=2, sales_value="oops")])
    lab.good_run()
    return lab


@pytest.fixture
def reader(lake: Lab) -> Iterator[Reader]:
    yield Reader(lake)
    lake.settings.incidents.unlink(missing_ok=True)


def wrong(lab: Lab, *causes: Cause) -> None:
    with store.opened(lab.settings.incidents, is_new=True) as connection:
        store.follow(connection, lambda _: causes, datetime.now(UTC))


def test_before_the_first_run_every_view_says_so(lab: Lab) -> None:
    reader = Reader(lab)
    for view in VIEWS:
        if "{" not in view.path and not view.path.startswith("/catalogue"):  # words mean the same without data
            assert "Nothing is published yet" in reader.text(view.path)


def test_a_good_lake_is_one_sentence(reader: Reader) -> None:
    text = reader.text()
    assert "Both" not in text
    assert "All 2 gold tables are in time and passed every check that blocks" in text
    assert "data through 2017-01-02" in text
    assert "transactions/day1.csv loaded less than a minute ago 2 1 1" in text


def test_each_word_of_the_glossary_leads_to_the_columns_that_name_it(reader: Reader) -> None:
    assert "A receipt without a card is not in the data." in reader.text("/catalogue")
    link = "/table/silver.transactions#column-household_id"
    assert f'href="{link}"' in reader.html("/catalogue")
    path, _, anchor = link.partition("#")
    table = reader.html(path)
    assert f'id="{anchor}"' in table
    links = re.findall(r'href="/catalogue#(term-[^"]+)"', table)
    assert "term-household" in links
    assert all(f'id="{link}"' in reader.html("/catalogue") for link in links)


def test_dbt_docs_are_shown_but_reach_nothing(reader: Reader) -> None:
    answer = reader.client.get("/catalogue/docs")
    assert answer.status_code == 200
    assert answer.headers["content-disposition"].startswith("inline")
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "sandbox allow-scripts" in policy
    assert "allow-same-origin" not in policy
    assert '"compiled": true' in answer.text
    assert '"type": "decimal(18,2)"' in answer.text


def test_what_is_wrong_comes_first_and_is_text(reader: Reader) -> None:
    wrong(reader.lab, CAUSE)
    text = reader.text()
    assert "One thing is wrong, and nobody has taken it yet: A file was refused (transactions)." in text
    assert f"{HOSTILE}.csv: no header" in text
    assert "1 open" in reader.html().partition("</title>")[0]


def test_an_incident_is_taken_assigned_resolved_and_reopened(reader: Reader) -> None:
    wrong(reader.lab, CAUSE)
    assert reader.act(1, do="ack")[0] == 303
    assert "One thing is wrong, and ann has it" in reader.text()
    assert reader.act(1, do="assign", to=HOSTILE)[0] == 303
    assert f"assigned to {HOSTILE} by ann" in reader.text()
    assert reader.act(1, do="resolve", because="known")[0] == 303
    text = reader.text()
    assert "All 2 gold tables are in time" in text
    assert "Resolved by hand, and still seen" in text
    assert reader.act(1, do="reopen", by="bob")[0] == 303
    assert "One thing is wrong, and nobody has taken it yet" in reader.text()
    with store.opened(reader.lab.settings.incidents) as connection:
        [incident] = store.open_incidents(connection)
    assert [(action.what, action.by) for action in incident.handling.actions] == [
        ("acknowledged", "ann"), ("assigned", "ann"), ("resolved", "ann"), ("reopened", "bob"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("fields", "status", "sentence"),
    [
        ({"token": "x", "do": "ack"}, 403, "the page was started anew"),
        ({"origin": "http://evil.example", "do": "ack"}, 403, "its Origin is another one"),
        ({"do": "resolve"}, 409, "why it is resolved is missing"),
        ({"do": HOSTILE}, 409, "is not done to incidents"),
        ({"do": "ack", "by": ""}, 409, "who does it is missing"),
        ({"do": "ack", "because": "x" * 20_000}, 413, "more than 16,000 bytes"),
    ],
    ids=lambda value: str(value)[:24],
)
def test_a_write_that_is_not_taken_says_why(reader: Reader, fields: dict[str, str], status: int, sentence: str) -> None:
    wrong(reader.lab, CAUSE)
    code, text = reader.act(1, **fields)
    assert (code, sentence in text) == (status, True), text
    assert "nobody has taken it yet" in reader.text()


def test_beyond_this_machine_incidents_are_read_only(reader: Reader) -> None:
    wrong(reader.lab, CAUSE)
    other = Reader(reader.lab, "0.0.0.0")  # noqa: S104 - that it takes no writes is what is tested
    assert "<form" not in other.html()
    assert other.act(1, do="ack")[0] == 403
    assert other.client.get("/", headers={"host": "evil.example"}).status_code == 421


def test_late_data_and_what_readers_do_not_see_yet_are_said(reader: Reader, monkeypatch: pytest.MonkeyPatch) -> None:
    later = datetime.now(UTC) + timedelta(days=400)
    monkeypatch.setattr("assay.page.app.clock.now", lambda: later)
    ops = (reader.lab.settings.published / "ops.duckdb").resolve()
    with duckdb.connect(str(ops)) as connection:
        connection.execute("update ops.freshness set due_at = now() where table_name = 'gold.daily_sales'")
    try:
        text = reader.text()
        assert "gold.daily_sales cannot be relied on: late." in text
        assert "late since" in text
        assert "gold.product_performance" not in reader.text("/?show=bad")
    finally:
        with duckdb.connect(str(ops)) as connection:
            connection.execute("update ops.freshness set due_at = null")


def test_a_project_that_cannot_be_read_is_a_sentence(reader: Reader, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Catalog, "read", lambda _: (_ for _ in ()).throw(RuntimeError("secret")))
    assert "This view failed, and its log says why" in reader.text(status=500)
    assert "secret" not in reader.text(status=500)
    monkeypatch.undo()
    lake = (reader.lab.settings.published / "lake.duckdb").resolve()
    kept = lake.read_bytes()
    lake.write_bytes(b"not a database")
    try:
        assert "This cannot be read now" in reader.text(status=503)
    finally:
        lake.write_bytes(kept)


def test_a_notice_is_not_something_wrong(reader: Reader) -> None:
    wrong(reader.lab, replace(CAUSE, kind="shape_changed"))
    assert "All 2 gold tables are in time" in reader.text()
    assert "1 notice" in reader.text()


def test_a_table_says_what_it_is_and_whether_it_holds(reader: Reader) -> None:
    text = reader.text("/table/gold.daily_sales")
    assert "data through 2017-01-02 ; 1 row" in text
    assert "contract passed" in text
    assert re.search(r"Made of .*silver\.transactions Used by no table", text)
    assert "select" in text.partition("The SQL that makes it")[2]
    assert "The first 1 row of 1 as they are stored" in text


def test_values_of_personal_columns_are_in_no_sample_and_no_profile(reader: Reader) -> None:
    page = reader.html("/table/silver.transactions")
    [row] = re.findall(r"<tr><th[^>]*>household_id.*?</tr>", page, re.DOTALL)
    assert words(row).split("household_not")[0].endswith("1") or "personal" in row
    assert re.findall(r'<td class="n">([^<]*)</td>', row) == ["0 %", "1"]
    assert "<td></td><td></td></tr>" in row.replace("\n", "").replace("  ", "")
    sample = words(page.partition("Some of its rows")[2])
    assert "household_id masked" in sample
    rows = page.partition("Some of its rows")[2].partition("</table>")[0]
    place = re.findall(r"<th scope=\"col\">([^<]*)</th>", rows).index("household_id")
    assert [cell.strip() for cell in re.findall(r"<td[^>]*>(.*?)</td>", rows, re.DOTALL)][place] == "masked"
    assert reader.lab.rows("select household_id from silver.transactions") == [(1,)]


def test_a_source_has_a_view_without_rows(reader: Reader) -> None:
    text = reader.text("/table/bronze.transactions")
    assert "Readers see rows of a source where they are clean" in text
    assert "validity" in text


def test_all_tables_and_sources_are_listed(reader: Reader) -> None:
    text = reader.text("/tables")
    assert "4 tables that readers are promised, and 2 sources" in text
    assert "bronze.transactions shop" in text or "bronze.transactions" in text


@pytest.mark.parametrize("name", ["gold.nothing", "nothing", HOSTILE, "quarantine.transactions", "gold."])
def test_a_table_that_is_not_there_is_a_sentence(reader: Reader, name: str) -> None:
    assert "This is not there" in reader.text(f"/table/{name}", status=404)


def test_what_is_left_out_is_counted_by_reason_and_masked(reader: Reader) -> None:
    text = reader.text("/quarantine")
    assert "1 record is left out" in text
    assert "transactions sales_value: (masked) malformed 1" in text
    shown = reader.text("/quarantine?source=transactions&reason=sales_value%3A+%28masked%29")
    assert "transactions/day1.csv 3 sales_value: (masked) masked" in shown
    saved = reader.client.get("/quarantine/export/transactions")
    assert saved.headers["content-disposition"] == 'attachment; filename="quarantine_transactions.jsonl"'
    assert [json.loads(line)["record"] for line in saved.text.splitlines()] == ["masked"]
    assert "oops" not in saved.text + text + shown
    assert "readers see no quarantine of nothing" in reader.text("/quarantine?source=nothing", status=404)
    assert "readers see no quarantine of nothing" in reader.text("/quarantine/export/nothing", status=404)


def test_the_ledger_is_searched(reader: Reader) -> None:
    assert "2 files in the ledger" in reader.text("/files")
    assert "1 file in the ledger that fits" in reader.text("/files?text=DAY1&source=transactions&status=loaded")
    assert "No file fits" in reader.text("/files?text=%27%3B+drop+table&page=0")
    assert "3 read" in reader.text("/file/1") + reader.text("/file/2") or "2 read" in reader.text("/file/2")
    assert "gold.daily_sales" in reader.text("/file/2")
    assert "no file has the number 999" in reader.text("/file/999", status=404)


def test_a_row_is_followed_to_the_line_of_its_file(reader: Reader, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("assay.page.compiled.compile_models", lambda _: {})  # dbt takes seconds to begin
    assert "follow" in reader.text("/lineage")
    sample = reader.html("/table/gold.daily_sales")
    [link] = re.findall(r'href="(/lineage/gold\.daily_sales\?[^"]+)"', sample)
    text = reader.text(html.unescape(link))
    assert re.search(r"From 1 row of silver\.transactions .*file \d+ , line 2", text)
    assert "1 masked" not in text
    assert "masked" in text
    assert "Say which row" in reader.text("/lineage/gold.daily_sales")
    assert "no row of gold.daily_sales has" in reader.text("/lineage/gold.daily_sales?store_id=99")
    assert "and 'x' is not one" in reader.text("/lineage/gold.daily_sales?store_id=x")
    assert "cannot be traced" in reader.text("/lineage/bronze.transactions", status=404)


def test_incidents_of_a_lake_without_a_state_are_shown(lab: Lab) -> None:
    wrong(lab, CAUSE)
    publish_rows(lab.settings.published, "incidents", [], store.COLUMNS)
    text = Reader(lab).text()
    assert "Nothing is published yet" in text
    assert "A file was refused" in text


def test_a_lake_that_was_moved_says_what_to_do(reader: Reader, tmp_path: Path) -> None:
    home = tmp_path / "moved"
    shutil.copytree(reader.lab.settings.home, home, symlinks=True)
    moved = Reader(reader.lab)
    page = Page(reader.lab.settings.model_copy(update={"home": home}), moved.guard, VIEWS)
    moved.client = TestClient(page.app(), base_url=ORIGIN)
    assert "All 2 gold tables" in moved.text() or "`assay run` publishes it here" in moved.text(status=503)


def test_a_state_of_an_older_version_says_what_to_do(reader: Reader, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("assay.page.app.is_of_this_version", lambda _: False)
    assert "published by an older version of Assay; assay run publishes it anew" in reader.text(status=503)


def test_what_goes_wrong_while_a_view_is_written_is_a_sentence(reader: Reader) -> None:
    view = View("/broken", lambda _: Answer("table.html.j2", "broken", {}))
    app = Page(reader.lab.settings, reader.guard, (*VIEWS, view)).app()
    reader.client = TestClient(app, base_url=ORIGIN, raise_server_exceptions=False)
    assert "This view failed" in reader.text("/broken", status=500)
    assert "is not asked for in this way" in reader.text("/incidents/1", status=405)


def test_a_badge_is_given_out_and_nothing_beside_it(lake: Lab) -> None:
    reader = Reader(lake)
    folder = badges_folder(lake.settings.published)
    folder.mkdir(exist_ok=True)
    (folder / "gold.daily_sales.svg").write_text("<svg xmlns='http://www.w3.org/2000/svg'/>")
    (folder / "gold.daily_sales.json").write_text('{"table": "gold.daily_sales"}')
    picture = reader.client.get("/badges/gold.daily_sales.svg")
    assert (picture.status_code, picture.headers["content-type"]) == (200, "image/svg+xml")
    assert picture.headers["cross-origin-resource-policy"] == "same-site"
    assert "sandbox" in picture.headers["content-security-policy"]
    assert reader.client.get("/badges/gold.daily_sales.json").json() == {"table": "gold.daily_sales"}
    for table, address in (("gold.a b/c", "gold.a%20b%2Fc"), ("gold.50%", "gold.50%25")):
        (folder / f"{badge_name(table)}.json").write_text(json.dumps({"table": table}))
        assert reader.client.get(f"/badges/{address}.json").json() == {"table": table}
    for name in (
        "gold.other.svg",
        "gold.daily_sales.duckdb",
        "..%2Flake.duckdb",
        "../../status.html",
        "%2e%2e/ops.json",
    ):
        assert reader.client.get(f"/badges/{name}").status_code == 404, name
    assert f'<img src="{ORIGIN}/badges/gold.daily_sales.svg"' in html.unescape(reader.html("/table/gold.daily_sales"))
