"""The page says how a lake is, whatever its files are called, and that the services stopped."""

from __future__ import annotations

import os
import re
from datetime import UTC, datetime, timedelta

import pytest

from assay.consumers.badges import badges_folder
from assay.page.page import page_path, render, write_page
from assay.publish.heartbeat import note_tick
from tests.house import House
from tests.lab import Lab, product, receipt

NOW = datetime(2026, 3, 1, 6, 0, tzinfo=UTC)


def text(html: str) -> str:
    """What a reader sees of the page before its script runs."""
    return " ".join(re.sub(r"<script>.*?</script>|<style>.*?</style>|<[^>]*>", " ", html, flags=re.DOTALL).split())


def test_before_the_first_run_there_is_a_page_that_says_so(lab: Lab) -> None:
    path = write_page(lab.settings, [], NOW)
    page_text = text(path.read_text(encoding="utf-8"))
    assert "Nothing is published yet" in page_text
    assert "Services never ran" in page_text
    assert [entry.name for entry in path.parent.iterdir()] == ["status.html"]


def test_it_shows_tables_records_and_incidents_and_runs_no_file_name(house: House) -> None:
    lab = house.lab
    lab.products("2017-01-01", [product()])
    lab.receipts("day1", [receipt(), receipt(basket_id=2, sales_value="oops")])
    lab.put("transactions/<img src=x onerror=alert(1)>.csv", b"no header")
    lab.good_run()
    assert house.tick().startswith("2 open")
    html = page_path(lab.settings).read_text(encoding="utf-8")
    page_text = text(html)
    assert "2 incidents" in page_text
    assert "Readers see everything" in page_text
    assert "A file was refused transactions" in page_text
    assert "Do docs/runbook.md, 'A file was refused': assay files transactions --refused" in page_text.replace(
        "&#39;", "'"
    )
    assert re.search(r"gold\.daily_sales at once [^a-z]+ UTC [\d.]+ \S+ 2 pass gold\.", page_text)
    assert "transactions 1 1 2 1 1 1 0 0 0 every record" in page_text
    assert "<img" not in html
    assert "&lt;img src=x onerror=alert(1)&gt;.csv" in html
    badges = badges_folder(lab.settings.published)
    assert "data through 2017-01-02 · checks passed, " in (badges / "gold.daily_sales.svg").read_text(encoding="utf-8")
    assert {path.stem for path in badges.iterdir()} == {
        *("gold.daily_sales", "gold.product_performance", "silver.products", "silver.transactions")
    }


@pytest.mark.slow  # real runs
def test_it_is_written_anew_when_something_changed_and_twice_a_minute(house: House) -> None:
    house.lab.receipts("day1", [receipt()])
    house.lab.good_run()
    watchman = house.watchman()

    def look(after: timedelta) -> bool:
        page_path(house.lab.settings).unlink(missing_ok=True)
        watchman.look(house.instance, datetime.now(UTC) + after)
        return page_path(house.lab.settings).exists()

    seconds = [look(timedelta(seconds=seconds)) for seconds in (0, 10, 20, 31, 40)]
    assert seconds == [True, False, False, True, False]
    house.lab.put("transactions/day2.csv", b"no header")
    house.lab.good_run()
    assert look(timedelta(seconds=41))


def test_it_hands_the_time_of_the_last_tick_to_its_script(lab: Lab) -> None:
    note_tick(lab.settings)
    os.utime(lab.settings.dagster_home / "ticked", (NOW.timestamp() - 7200,) * 2)
    html = render(lab.settings, [], NOW)
    [card] = re.findall(r'<div class="card " id="services" data-late="120.0">.*?</div>', html, flags=re.DOTALL)
    assert '<time datetime="2026-03-01T04:00:00+00:00">' in card
