"""With the services running, files become gold without a hand, and after an outage all that landed meanwhile does."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import dagster as dg
import pytest

from assay.orchestration.patches.instance import open_instance
from tests.lab import Lab, copy_project, edit, product, receipt
from tests.processes import PATIENCE, fork_server, holder, start, wait_until
from tests.receiver import listening

pytestmark = pytest.mark.chaos


@contextmanager
def services(lab: Lab) -> Iterator[subprocess.Popen[str]]:
    """`assay dev` on a free port, until the end of the block."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    running = start(lab.settings, "dev", "--port", str(port), output=subprocess.DEVNULL)
    try:
        yield running
    finally:
        running.send_signal(signal.SIGTERM)
        running.wait(timeout=60)


def receipts_in_gold(lab: Lab) -> int:
    try:
        return int(lab.rows("select coalesce(sum(baskets), 0) from gold.daily_sales")[0][0])
    except Exception:  # noqa: BLE001 - nothing is published yet
        return -1


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
        said = [entry.user_message for run in runs for entry in instance.all_logs(run.run_id)]
    assert {run.status for run in runs} == {dg.DagsterRunStatus.SUCCESS}
    assert not [message for message in said if "exited" in message and "unexpectedly" in message]
    assert len(lab.rows("select distinct run_id from ops.files")) == len(runs)


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
        slow = "select sum(baskets) from gold.product_performance"
        assert lab.rows(slow) == [(1,)]
        wait_until(lambda: lab.rows(slow) == [(2,)])
    waited = lab.rows(
        "select max(published_at - landed_at) from ops.deliveries where table_name = 'gold.product_performance'"
    )[0][0]
    assert 40 < waited.total_seconds() < 120  # before its promise is broken, and not at once
    assert lab.status()["held_back"] is None
