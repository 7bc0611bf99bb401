"""`assay run --fork DIR` tries the project at hand on a copy of the lake, which itself stays byte for byte as it is."""

from __future__ import annotations

import hashlib
import os
import shutil
import signal
import subprocess
from pathlib import Path
from typing import Any

import pytest

from assay.base.fork_mark import fork_of
from assay.base.run_marks import lock_path, run_lock
from assay.publish.forking import CannotFork, claimed
from tests.lab import HOSTILE_HOME, Lab, copy_project, edit, environment, everything, product, receipt
from tests.processes import command, finish, start, wait_until

pytestmark = pytest.mark.slow  # commands and runs


def snapshot(home: Path) -> dict[str, tuple[Any, ...]]:
    """Each file of a lake with its bytes, its time and its inode, and each link with where it leads."""
    seen: dict[str, tuple[Any, ...]] = {}
    for path in sorted(home.rglob("*")):
        stat = path.lstat()
        content = (
            path.readlink() if path.is_symlink()
            else hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file()
            else "folder"
        )  # fmt: skip
        seen[str(path.relative_to(home))] = (content, stat.st_mtime_ns, stat.st_ino, stat.st_mode)
    return seen


@pytest.fixture
def filled(tmp_path: Path) -> Lab:
    """A lake after a run, with somebody who would be told of incidents, and a project of its own."""
    lab = Lab(tmp_path / HOSTILE_HOME, copy_project(tmp_path))
    lab.products("2017-01-01", [product()])
    lab.receipts("one", [receipt(), receipt(basket_id=101, quantity=3), receipt(basket_id=102, quantity=-1)])
    lab.good_run()
    (lab.settings.home / "notify.yml").write_text("- url: json://127.0.0.1:9/nobody\n")
    return lab


def fork(lab: Lab, folder: Path, *more: str) -> tuple[int, str]:
    return finish(start(lab.settings, "run", "--fork", str(folder), *more))


def change(project: Path) -> None:
    """What a branch may change: a rule of a contract, and a figure of a gold table."""
    edit(
        project / "models" / "bronze" / "bronze_transactions.yml",
        ('expression: "quantity >= 0"', 'expression: "quantity >= 2"'),
    )
    edit(
        project / "models" / "gold" / "gold_daily_sales.sql",
        ("coalesce(sum(quantity) filter (not is_sold_by_volume), 0)", "10 * coalesce(sum(quantity), 0)"),
    )


def test_what_a_branch_would_change_is_told_and_the_lake_is_untouched(filled: Lab, tmp_path: Path) -> None:
    """The copy is what a new lake would be under the changed project, without a word of `--full-refresh`."""
    change(filled.settings.dbt_project)
    before = snapshot(filled.settings.home)
    place = tmp_path / "a fork's [x] place"
    code, told = fork(filled, place, "--keep")
    assert code == 0, told
    assert "made anew, as their contract or model is another: bronze.transactions, gold.daily_sales" in told
    assert "units 4 → 30" in told
    assert snapshot(filled.settings.home) == before
    assert fork_of(place) == filled.settings.home
    assert (place / "warehouse.duckdb").stat().st_nlink == 1

    kept = Lab(place, filled.settings.dbt_project)
    fresh = Lab(tmp_path / "fresh", filled.settings.dbt_project)
    shutil.copytree(filled.settings.landing, fresh.settings.landing)
    fresh.good_run()
    assert everything(kept) == everything(fresh)
    assert kept.rows("select count(*) from quarantine.transactions where kind = 'quarantined' and is_live") == [(2,)]
    outcome = kept.run()
    assert outcome.success
    assert snapshot(filled.settings.home) == before

    code, told = fork(filled, place)
    assert code == 0, told
    assert not place.exists()
    assert snapshot(filled.settings.home) == before


def test_a_fork_of_a_lake_whose_run_died_recovers_and_leaves_that_to_the_lake(filled: Lab, tmp_path: Path) -> None:
    lock = lock_path(filled.settings)
    lock.write_text("run 7 (process 99)")
    before = snapshot(filled.settings.home)
    code, told = fork(filled, tmp_path / "f", "--keep")
    assert code == 0, told
    assert "no table differs" in told
    assert (lock.read_text(), lock_path(filled.settings.model_copy(update={"home": tmp_path / "f"})).read_text()) == (
        "run 7 (process 99)",
        "",
    )
    assert snapshot(filled.settings.home) == before


@pytest.mark.parametrize(
    ("number", "moment"),
    [
        (signal.SIGKILL, "copied"),
        (signal.SIGKILL, "running"),
        (signal.SIGINT, "running"),
        (signal.SIGTERM, "copied"),
    ],
    ids=["killed early", "killed late", "interrupted", "terminated"],
)
def test_a_fork_that_is_stopped_leaves_nothing_or_what_the_next_one_replaces(
    filled: Lab, tmp_path: Path, number: signal.Signals, moment: str
) -> None:
    change(filled.settings.dbt_project)
    before = snapshot(filled.settings.home)
    place = tmp_path / "f"
    process = start(filled.settings, "run", "--fork", str(place))
    sign = place / "warehouse.duckdb" if moment == "copied" else place / "scratch" / "dbt"
    assert wait_until(sign.exists, process)
    with pytest.raises(CannotFork, match=r"in use by another|a run is going"), claimed(filled.settings, place):
        pytest.fail("was claimed")
    process.send_signal(number)
    code, told = finish(process)
    if number == signal.SIGKILL:
        assert fork_of(place) == filled.settings.home
        assert fork(filled, place)[0] == 0
    else:
        assert (code, "the fork was removed, and the lake is as it was" in " ".join(told.split())) == (130, True), told
    assert not place.exists()
    assert snapshot(filled.settings.home) == before


def test_a_fork_waits_for_the_run_that_is_going(filled: Lab, tmp_path: Path) -> None:
    lock = run_lock(filled.settings)
    lock.acquire("run 8 (process 1)", wait_seconds=0)
    place = tmp_path / "f"
    settings = {**environment(filled.settings), "ASSAY_LOCK_WAIT_SECONDS": "1"}
    done = subprocess.run(
        command("run", "--fork", str(place)), env=settings, capture_output=True, text=True, check=False
    )
    lock.release(is_clean=False)
    assert done.returncode == 2
    assert "waited 1 s for run 8 (process 1) to end" in " ".join(done.stderr.split())
    assert not place.exists()


OWN = """
from pathlib import Path


def tables(lake):
    @dg.asset
    def reaches_out() -> None:
        Path(__file__).with_name("reached out").write_text("x")

    @dg.asset(deps=[dg.AssetKey(["gold", "daily_temperatures"])])
    def is_sent() -> None:
        Path(__file__).with_name("sent").write_text("x")

    return [*made_here(lake), reaches_out, is_sent]
"""


def test_assets_of_the_projects_own_do_not_run_in_a_fork(tmp_path: Path) -> None:
    project = tmp_path / "shop"
    plain = {name: value for name, value in os.environ.items() if not name.startswith("ASSAY_")}

    def assay(*arguments: str) -> str:
        done = subprocess.run(command(*arguments), cwd=project, env=plain, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    subprocess.run(command("init", str(project), "--example"), env=plain, check=True, capture_output=True)
    assay("run")
    assets = project / "assets" / "tables.py"
    assets.write_text(assets.read_text().replace("def tables(", "def made_here(") + OWN)
    before = snapshot(project / "data")
    assert "no table differs" in assay("run", "--fork", "../f")
    assert not {path.name for path in assets.parent.iterdir()} & {"reached out", "sent"}
    assert snapshot(project / "data") == before
    assay("run")
    assert {path.name for path in assets.parent.iterdir()} >= {"reached out", "sent"}


def test_a_disk_without_room_is_told_and_left_as_it_was(filled: Lab, tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", str(disk)], capture_output=True, text=True, check=False
    )
    if mounted.returncode:
        pytest.skip(f"no disk can be mounted here: {mounted.stderr.strip()}")
    try:
        code, told = fork(filled, disk / "f")
        assert code == 2
        assert "there is no room for a copy of the lake (No space left on device); make some, or name" in " ".join(
            told.split()
        )
        assert not list(disk.iterdir())
    finally:
        subprocess.run(["umount", str(disk)], check=True)


def test_a_lake_without_a_run_is_not_forked(tmp_path: Path) -> None:
    lab = Lab(tmp_path / "lake")
    before = snapshot(lab.settings.home)
    code, told = fork(lab, tmp_path / "f")
    assert (code, "there is nothing to fork" in told) == (2, True)
    assert not (tmp_path / "f").exists()
    assert snapshot(lab.settings.home) == before
