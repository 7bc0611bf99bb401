"""Services that stop, and what forks their runs killed: nothing that landed is lost, and no run is given up."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

import dagster as dg
import pytest

from assay.orchestration.instance import open_instance
from tests.lab import Lab, product, receipt
from tests.processes import fork_server, holder, wait_until
from tests.services import receipts_in_gold, services


def test_files_become_gold_and_an_outage_is_caught_up_in_one_run(tmp_path: Path) -> None:
    lab = Lab(tmp_path / "a lake [x]")
    lab.products("2017-01-01", [product()])
    with services(lab):
        lab.receipts("day1", [receipt()])
        wait_until(lambda: receipts_in_gold(lab) == 1)
        lab.receipts("day2", [receipt(basket_id=2)])
        wait_until(lambda: receipts_in_gold(lab) == 2)
    for number in range(3, 13):
        lab.receipts(f"day{number}", [receipt(basket_id=number)])
    runs = len(lab.rows("select distinct run_id from ops.files"))
    with services(lab):
        wait_until(lambda: receipts_in_gold(lab) == 12)
    assert len(lab.rows("select distinct run_id from ops.files")) == runs + 1
    assert lab.source("transactions")["files"] == {
        "loaded": 12, "duplicate": 0, "refused": 0, "arrived": 0, "missing": 0,
    }  # fmt: skip


@pytest.mark.skipif(sys.platform != "linux", reason="runs are forked on Linux only")
def test_a_run_goes_on_when_what_forked_it_is_killed_and_the_next_is_forked_again(tmp_path: Path) -> None:
    lab = Lab(tmp_path / "lake")
    lab.products("2017-01-01", [product()])
    with services(lab):
        lab.receipts("day1", [receipt()])
        wait_until(lambda: receipts_in_gold(lab) == 1)
        wait_until(lambda: not holder(lab.settings.home))
        first = fork_server(lab.settings)
        assert first is not None
        lab.receipts("day2", [receipt(basket_id=2)])
        wait_until(lambda: holder(lab.settings.home))
        os.kill(first, signal.SIGKILL)
        wait_until(lambda: receipts_in_gold(lab) == 2)
        lab.receipts("day3", [receipt(basket_id=3)])
        wait_until(lambda: receipts_in_gold(lab) == 3)
        assert fork_server(lab.settings) not in (None, first)
    wait_until(lambda: fork_server(lab.settings) is None)
    with open_instance(lab.settings) as instance:
        runs = instance.get_runs()
        messages = [entry.user_message for run in runs for entry in instance.all_logs(run.run_id)]
    assert {run.status for run in runs} == {dg.DagsterRunStatus.SUCCESS}
    assert not [message for message in messages if "exited" in message and "unexpectedly" in message]
    assert len(lab.rows("select distinct run_id from ops.files")) == len(runs)
