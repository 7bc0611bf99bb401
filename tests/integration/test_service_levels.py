"""Service levels of a real lake: what landed, when readers saw it, and how runs ended, as a table and as a command."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from assay.base import clock
from assay.contract.catalog import Catalog
from assay.orchestration.incidents_sensor import Watchman
from assay.orchestration.instance import open_instance
from tests.lab import Lab, product, receipt
from tests.processes import finish, start

pytestmark = pytest.mark.slow  # real runs


def look(lab: Lab) -> None:
    with open_instance(lab.settings) as instance:
        Watchman(lab.settings, Catalog.read(lab.settings.dbt_project)).look(instance, clock.now())


def test_levels_are_published_by_day_and_printed_by_span(tmp_path: Path) -> None:
    lab = Lab(tmp_path / "lake")
    code, output = finish(start(lab.settings, "slo"))
    assert (code, "nothing is published yet" in output) == (2, True)
    lab.products("2017-01-01", [product()])
    lab.receipts("day1", [receipt()])
    lab.good_run()
    look(lab)
    lab.receipts("day2", [receipt(basket_id=2)])
    lab.spoil("alter table gold.daily_sales rename column baskets to another")
    assert not lab.run().success
    look(lab)

    days = lab.rows("select files, runs, runs_good, p50_seconds > 0 from ops.slo where table_name = 'gold.daily_sales'")
    assert days == [(2, 2, 1, True)]  # two sources with a file each; the second run failed
    assert lab.rows("select runs, runs_good from ops.slo where table_name = 'silver.transactions'") == [(2, 2)]
    [(waits, due)] = lab.rows(
        "select waits_since, due_at - waits_since from ops.freshness where table_name = 'gold.daily_sales'"
    )
    assert waits is not None
    assert due.total_seconds() == 15 * 60

    process = start(lab.settings, "slo", "--json", output=subprocess.PIPE)
    printed, _ = process.communicate(timeout=60)
    levels = {(level["table"], level["days"]): level for level in json.loads(printed)}
    assert {days for _, days in levels} == {7, 30, 90}
    assert levels["gold.daily_sales", 7]["budget_left"] == 1.0
    assert (levels["gold.daily_sales", 90]["runs"], levels["gold.daily_sales", 90]["runs_good"]) == (2, 1)
