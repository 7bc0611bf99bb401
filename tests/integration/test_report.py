"""A report is one small file that says everything, asks for nothing, and runs nothing that stands in the data."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from assay.cli import reporting
from assay.cli.reporting import NotWritten
from assay.contract.catalog import Catalog
from assay.incidents.reconcile import Cause, Incident
from assay.page.report import Report, read_report, render_report
from assay.publish.status import Age
from assay.trust.rows_added import Added
from assay.trust.table_trust import Checks, TableTrust
from assay.trust.through import Through
from assay.trust.verdict import Verdict
from tests.lab import Lab, environment, product, receipt

NOW = datetime(2026, 3, 1, 6, 0, tzinfo=UTC)
HOSTILE = "<script>alert(1)</script>"
MOST_BYTES = 2_000_000


def trust(number: int) -> TableTrust:
    """A table of which as much is to be said as can be."""
    odd = [(f"{HOSTILE}{check}", "FAIL", HOSTILE * 100) for check in range(20)]
    return TableTrust(
        table=f"gold.{HOSTILE}{number}",
        owner=HOSTILE,
        is_shown=True,
        through=Through("day", date(2026, 2, 28)),
        age=Age("every day by 06:00 America/New_York", NOW, NOW - timedelta(hours=1)),
        is_late=True,
        in_time=0.123456,
        added=Added(5, "rows of Saturday, 2026-02-28", [1, 2, 3], date(2026, 2, 28)),
        checks=Checks(NOW, {"pass": 3, "FAIL": 20}, odd),
        scores=[(date(2026, 2, 1) + timedelta(days=day), 90.0 + day / 7) for day in range(30)],
    )


def test_five_hundred_tables_at_their_worst_are_less_than_two_megabytes_and_text() -> None:
    cause = Cause("failed_check", f"gold.{HOSTILE} x", HOSTILE, HOSTILE * 99, HOSTILE, HOSTILE * 99, HOSTILE, NOW)
    incidents = [Incident(number, cause, 3, NOW, NOW) for number in range(500)]
    verdict = Verdict("bad", HOSTILE, [HOSTILE])
    html = render_report(Report(verdict, incidents, [trust(number) for number in range(500)], NOW, "r" * 40), NOW)
    assert len(html.encode()) < MOST_BYTES
    assert "<script" not in html
    assert "400 more" in html
    assert "and 15 more" in html


def test_it_refers_to_nothing_outside_of_itself_and_says_no_age() -> None:
    html = render_report(Report(Verdict("good", "Fine."), [], [trust(1)], NOW, "run"), NOW)
    assert not re.search(r"(src|href|action)=|url\(|@import|https?://(?!www\.w3\.org)", html)
    assert "default-src 'none'" in html
    assert not re.search(r"\bago\b", html)


def test_a_lake_of_which_nothing_is_published_is_reported_too(
    lab: Lab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, value in environment(lab.settings).items():
        monkeypatch.setenv(name, value)
    target = tmp_path / "report.html"
    reporting.write(target)
    assert "Nothing is published yet." in target.read_text(encoding="utf-8")
    assert "0 tables" in capsys.readouterr().err
    for wrong in (tmp_path, tmp_path / "missing" / "report.html"):
        with pytest.raises(NotWritten):
            reporting.write(wrong)
    assert [path.name for path in tmp_path.iterdir() if path.suffix] == ["report.html"]


@pytest.mark.slow  # a real run
def test_what_is_wrong_comes_first(lab: Lab) -> None:
    lab.products("2017-01-01", [product()])
    lab.receipts("a", [receipt()])
    lab.good_run()
    report = read_report(lab.settings, Catalog.read(lab.settings.dbt_project), [], datetime.now(UTC))
    assert report.verdict.state == "good"
    assert report.published_at is not None
    assert {trust.table for trust in report.trusts} == {
        *("gold.daily_sales", "gold.product_performance", "silver.products", "silver.transactions")
    }
    html = render_report(report, datetime.now(UTC))
    assert "through 2017-01-02" in html
