"""With the services running, files become gold without a hand, messages go out and tables keep their promises."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import pytest

from assay.orchestration.instance import open_instance
from assay.orchestration.patches.registry import SWITCH
from tests.lab import Lab, copy_project, edit, product, receipt
from tests.processes import PATIENCE, fork_server, wait_until
from tests.receiver import listening
from tests.services import receipts_in_gold, services

pytestmark = pytest.mark.slow  # Dagster's services take a while to begin


@pytest.mark.skipif(sys.platform != "linux", reason="runs are forked on Linux only")
def test_where_runs_cannot_be_forked_they_are_spawned(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lab = Lab(tmp_path / "lake")
    lab.products("2017-01-01", [product()])
    lab.receipts("day1", [receipt()])
    with tempfile.TemporaryDirectory(prefix="x" * 70, dir="/tmp") as long:
        monkeypatch.setenv("TMPDIR", long)  # the address of a socket has at most 107 characters; Dagster's are shorter
        with services(lab):
            wait_until(lambda: receipts_in_gold(lab) == 1)
            assert fork_server(lab.settings) is None


def test_a_refused_file_is_told_and_its_end_as_well_without_a_hand(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lab = Lab(tmp_path / "a lake [x]")
    lab.products("2017-01-01", [product()])
    with listening() as box:
        monkeypatch.setenv("ASSAY_NOTIFY", box.url)
        with services(lab):
            lab.put("transactions/day1.csv", b"no header")
            box.wait_for(1, seconds=PATIENCE)
            lab.receipts("day1", [receipt()])
            box.wait_for(2, seconds=PATIENCE)
    assert box.titles[0] == "[level 2] A file was refused: transactions"
    assert box.titles[1].startswith("[over] A file was refused: transactions")
    assert lab.rows("select count(*), count(closed_at) from ops.incidents") == [(1, 1)]


def test_a_table_that_may_lag_is_rebuilt_by_the_services_once_its_lag_is_used_up(tmp_path: Path) -> None:
    project = copy_project(tmp_path)
    path = project / "models" / "gold" / "gold_product_performance.yml"
    edit(path, ("owner: analytics\n", "owner: analytics\n        freshness: {lag: 2 minutes}\n"))
    lab = Lab(tmp_path / "lake", project)
    lab.products("2017-01-01", [product()])
    lab.receipts("day1", [receipt()])
    with services(lab):
        wait_until(lambda: receipts_in_gold(lab) == 1)
        lab.receipts("day2", [receipt(basket_id=2)])
        wait_until(lambda: receipts_in_gold(lab) == 2)
        wait_until(lambda: lab.rows("select sum(baskets) from gold.product_performance") == [(2,)])
    waited = lab.rows(
        "select max(published_at - landed_at) from ops.deliveries where table_name = 'gold.product_performance'"
    )[0][0]
    assert 40 < waited.total_seconds() < 120  # before its promise is broken, and not at once
    assert lab.status()["held_back"] is None


@pytest.mark.parametrize("patches", ["forkserver", "all"])
def test_a_run_of_the_services_succeeds_without_patches(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, patches: str
) -> None:
    """The day after an update of Dagster, nobody may have to choose between a broken patch and no services."""
    monkeypatch.setenv(SWITCH, patches)
    lab = Lab(tmp_path / "lake")
    lab.products("2017-01-01", [product()])
    lab.receipts("day1", [receipt()])
    with services(lab):
        wait_until(lambda: receipts_in_gold(lab) == 1)
        assert fork_server(lab.settings) is None
    with open_instance(lab.settings) as instance:
        assert {run.status.value for run in instance.get_runs()} == {"SUCCESS"}
