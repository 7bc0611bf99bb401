"""*Materialize all* in the UI that `assay dev` serves: pressed, watched to green, and what readers have then."""

from __future__ import annotations

import csv
import re
import urllib.request
from collections import defaultdict
from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect, sync_playwright

from assay.cli.init import init
from tests.chromium import needed
from tests.lab import Lab, edit
from tests.ports import free_port
from tests.processes import wait_until
from tests.services import services

LEAST, MOST = Decimal(-30), Decimal(60)
"""Between these a reading is believed, as the contract of the example has it."""


@pytest.fixture
def example(tmp_path: Path) -> Lab:
    """The example project without the sensor of arrivals, so that nobody but who presses loads its files."""
    folder = tmp_path / "a lake"
    init(folder, has_example=True)
    edit(folder / "sensors" / "services.py", ("[arrivals_sensor(lake), ", "["))
    return Lab(folder / "data", folder / "dbt_project")


@pytest.fixture
def ui(example: Lab) -> Iterator[str]:
    """The address of the UI, once it answers."""
    port = free_port()
    address = f"http://127.0.0.1:{port}"
    with services(example, port) as running:
        assert wait_until(lambda: _answers(address), running), "the services did not start"
        yield address


@pytest.fixture
def page() -> Iterator[Page]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=needed(), args=["--no-sandbox"])
        yield browser.new_context(viewport={"width": 1280, "height": 900}).new_page()
        browser.close()


@pytest.mark.browser
def test_materialize_all_turns_green_before_ones_eyes_and_readers_have_what_the_files_say(
    example: Lab, ui: str, page: Page
) -> None:
    page.goto(f"{ui}/asset-groups")
    page.get_by_role("button", name="Materialize all").click(timeout=60_000)
    page.get_by_text("View", exact=True).first.click()
    page.wait_for_url(re.compile(r"/runs/[0-9a-f-]{36}"))
    expect(page.get_by_text("RUN_SUCCESS", exact=True).first).to_be_visible(timeout=60_000)  # without a reload
    expect(page.get_by_text("Success", exact=True).first).to_be_visible()
    expect(page.get_by_text("Errored (0)")).to_be_visible()
    run_id = page.url.rpartition("/")[2].partition("?")[0]
    assert example.rows("select distinct run_id from ops.files") == [(run_id,)]
    columns = "room, measured_on, readings, lowest_celsius, highest_celsius"
    assert example.rows(f"select {columns} from gold.daily_temperatures order by all") == by_hand(example)

    page.goto(f"{ui}/assets/gold/daily_temperatures")
    expect(page.get_by_text("One row per room and day.")).to_be_visible()
    expect(page.get_by_text("Row count").locator("xpath=..")).to_contain_text(str(len(by_hand(example))))
    through = page.locator("tr", has=page.get_by_text("data_through", exact=True))
    expect(through).to_contain_text(str(max(day for _, day, *_ in by_hand(example))))


def by_hand(lab: Lab) -> list[tuple[str, date, int, Decimal, Decimal]]:
    """The gold table of the example, worked out of its files without the engine."""
    newest: dict[int, tuple[str, str, Decimal]] = {}
    for path in sorted((lab.settings.landing / "readings").glob("*.csv")):
        with path.open(encoding="utf-8", newline="") as file:
            for row in csv.DictReader(file):
                try:
                    reading = (row["measured_at"], row["room"], Decimal(row["celsius"]))
                except ArithmeticError:
                    continue
                number = int(row["reading_id"])
                if LEAST <= reading[2] <= MOST and reading[0] >= newest.get(number, ("",))[0]:
                    newest[number] = reading
    values: dict[tuple[str, date], list[Decimal]] = defaultdict(list)
    for measured_at, room, celsius in newest.values():
        values[room, date.fromisoformat(measured_at[:10])].append(celsius)
    return sorted((*key, len(each), min(each), max(each)) for key, each in values.items())


def _answers(address: str) -> bool:
    try:
        with urllib.request.urlopen(f"{address}/server_info", timeout=5):  # noqa: S310 - a server of ours
            return True
    except OSError:
        return False
