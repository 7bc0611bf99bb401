"""A real lake with large tables: readers of a state that runs leave behind, and a lake that was moved as a whole."""

from __future__ import annotations

import shutil
import time
from pathlib import Path

import duckdb
import pytest

from assay.base.settings import Settings
from assay.cli.doctor import examine
from assay.cli.published_lake import MovedLake
from assay.cli.querying import query
from assay.publish import lake_state, part_files
from assay.publish.states import read_state
from tests.lab import HOSTILE_HOME, Lab, everything, product, receipt

pytestmark = pytest.mark.slow  # several real runs
DISK = (100 * 10**9, 50 * 10**9)


@pytest.fixture(autouse=True)
def _small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lake_state, "NATIVE_ROWS", 2)
    monkeypatch.setattr(part_files, "ROWS", 1)


def days(month: int, count: int) -> list[dict[str, object]]:
    return [
        receipt(basket_id=100 * month + n, transaction_timestamp=f"2017-{month:02}-1{n} 15:00:00") for n in range(count)
    ]


def written(lab: Lab) -> set[str]:
    """Names of the parts of receipts."""
    state = read_state(lab.settings.published)
    assert state is not None
    return {part.file for part in state.tables["silver.transactions"].parts}


def test_a_late_receipt_rewrites_its_month_and_a_moved_lake_is_published_again(
    lab: Lab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lab.products("2017-01-01", [product(), product(product_id=11)])
    for month in (1, 2, 3):
        lab.receipts(f"m{month}", days(month, 3))
    lab.good_run()
    before = written(lab)
    assert sorted(name[:7] for name in before) == ["2017-01", "2017-02", "2017-03"]
    with duckdb.connect(str(lab.settings.published / "lake.duckdb"), read_only=True) as reader:
        lab.receipts("late", [receipt(basket_id=999, transaction_timestamp="2017-02-28 15:00:00")])
        lab.good_run()
        assert sorted(name[:7] for name in before - written(lab)) == ["2017-02"]
        assert reader.execute("select count(*) from silver.transactions").fetchall() == [(9,)]
    assert lab.rows("select count(*) from silver.transactions") == [(10,)]
    stored = "select * from silver.transactions order by all"
    assert lab.rows(stored) == lab.stored(stored)

    seen = everything(lab)
    there = tmp_path / "elsewhere" / HOSTILE_HOME
    there.parent.mkdir()
    shutil.move(lab.settings.home, there)
    moved = Lab(there)
    monkeypatch.setattr(Settings, "from_env", lambda: moved.settings)
    with pytest.raises(MovedLake, match="`assay run` publishes it here"):
        query("select count(*) from silver.transactions", "csv")
    about = {finding.about: finding for finding in examine(moved.settings, time.time(), DISK)}
    assert about["published folder"].mark == "problem"
    parts = written(moved)
    moved.good_run()
    assert written(moved) == parts
    assert everything(moved) == seen
    assert "published folder" not in {f.about for f in examine(moved.settings, time.time(), DISK)}
