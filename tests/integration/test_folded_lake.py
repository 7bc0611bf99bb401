"""A lake whose feed folds what is loaded: tables, checks, full refreshes are as if nothing were folded."""

from __future__ import annotations

import json
import shutil
import sqlite3
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from typer.testing import CliRunner

from assay.base.settings import Settings
from assay.cli.feeds import declared
from assay.cli.main import app
from assay.contract.catalog import Catalog
from assay.contract.feed_kinds.table import TableFeed
from assay.feeds import fold_plan
from assay.feeds.folded import Folds
from assay.feeds.folding import Folding
from assay.feeds.landing import BatchStore
from assay.fetching.running import run_once
from assay.ledger.feed_batches import feed_batches
from assay.ledger.folds import entries
from assay.ledger.unclaimed import list_unclaimed
from assay.triggers.landing_watch import LandingWatch
from tests.changes import Mirror, batch, change
from tests.lab import Lab
from tests.postgres import FedLake

pytestmark = pytest.mark.slow

COLUMNS = {"id": "bigint", "amount": "bigint", "at": "bigint"}
SILVER = "select * exclude (_file_id) from silver.orders order by id"
BRONZE = 'select id, amount, "at", _file_id from bronze.orders order by all'


class FoldingLake:
    """A lake that fetches a table of SQLite by watermark and folds from ten batches on."""

    def __init__(self, folder: Path) -> None:
        self.db = sqlite3.connect(folder / "shop.db", isolation_level=None)
        self.db.execute("create table orders (id integer primary key, amount bigint, at bigint not null)")
        url = f"sqlite:///{folder / 'shop.db'}"
        feed = {"kind": "database", "url": url, "table": "orders", "mode": "watermark", "cursor": "at"}
        nobody: Any = SimpleNamespace(port=0)
        self.fed = FedLake(folder / "lake", nobody, {**feed, "fold_from": 10}, COLUMNS)
        self.declared = declared(self.fed.settings)[1]["orders"]
        self.number = 0
        self.brought: list[int] = []
        self._lab: Lab | None = None

    @property
    def lab(self) -> Lab:
        """The lake, once there is a file."""
        self._lab = self._lab or self.fed.lab()
        return self._lab

    def fetch(self, times: int) -> None:
        """Change a row, and fetch it, again and again."""
        for _ in range(times):
            self.number += 1
            self.db.execute(f"replace into orders values ({self.number % 17}, {self.number * 3}, {self.number})")
            run_once(self.fed.settings, self.declared, lambda fetched: self.brought.append(fetched.records))
            assert self.brought[-1]

    def status(self) -> dict[str, Any]:
        """What `assay feed status --json` says."""
        [standing] = json.loads(self.fed.feed("status", "--json"))
        return dict(standing)

    def check(self) -> tuple[int, str]:
        """The exit code of `assay check`, and what it says."""
        result = CliRunner().invoke(app, ["check"], env={**self.fed.environment, "COLUMNS": "2000"})
        return result.exit_code, " ".join(result.output.split())

    def folds(self) -> Folds:
        """The folds that there are."""
        return Folds.of(self.lab.settings.landing, "orders")


@pytest.fixture
def lake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FoldingLake:
    monkeypatch.setattr(fold_plan, "TOGETHER", 2)
    lake = FoldingLake(tmp_path)
    for _ in range(3):
        lake.fetch(14)
        lake.lab.good_run()
    lake.fetch(1)
    return lake


def test_tables_checks_positions_and_full_refreshes_are_as_if_nothing_were_folded(lake: FoldingLake) -> None:
    lab, status = lake.lab, lake.status()
    assert [fold.level for fold in lake.folds().files] in ([1], [1, 0], [2], [0, 1])
    assert status["batches_folded"] >= 40 and status["batches_in_landing"] <= 3
    assert (status["problem"], status["position"]) == ("", {"by:at": str(lake.number)})
    catalog = Catalog.read(lab.settings.dbt_project)
    watch = LandingWatch(lab.settings, catalog)
    lab.good_run()
    run_once(lake.fed.settings, lake.declared, lambda _: None)  # and folds what the run has loaded
    assert (watch.look()[0], watch.differing(watch.known())) == ({}, set()), "a fold is nothing to run for"
    assert not list_unclaimed(lab.settings.landing, list(catalog.contracts.values())).count
    silver, bronze = lab.rows(SILVER), lab.stored(BRONZE)
    assert [row[:3] for row in silver] == lake.db.execute("select * from orders order by id").fetchall()
    assert len(bronze) >= lake.number
    code, told = lake.check()
    assert code == 0 and f"{lake.number:,} files counted again" in told and "gone" not in told, told
    lab.good_run(full_refresh=["bronze.orders", "silver.orders"])
    assert (lab.rows(SILVER), lab.stored(BRONZE)) == (silver, bronze)
    lake.fetch(2)
    lab.good_run()
    assert lab.rows("select max(amount) from silver.orders") == [(lake.number * 3,)]
    assert lab.rows("select count(*) - count(distinct path) from ops.files where status = 'loaded'") == [(0,)]
    assert lab.rows("select count(*) from ops.files where status <> 'loaded'") == [(0,)]


def test_a_new_lake_loads_what_is_folded(lake: FoldingLake) -> None:
    """The warehouse is lost: landing has everything, in files and folds, and nothing is fetched again."""
    lake.lab.good_run()
    silver = lake.lab.rows(SILVER)
    for name in ("warehouse.duckdb", "published", "dagster"):
        place = lake.fed.home / name
        shutil.rmtree(place) if place.is_dir() else place.unlink()
    lake._lab = None
    lake.lab.good_run()
    assert lake.lab.rows(SILVER) == silver
    assert "0 records landed" in lake.fed.feed("run", "orders", "--once")


def test_a_damaged_fold_is_told_by_the_full_check_and_a_full_refresh_changes_nothing(lake: FoldingLake) -> None:
    lab = lake.lab
    lab.good_run()
    silver = lab.rows(SILVER)
    fold = lake.folds().files[0].path
    folded = next(iter(entries(fold).values()))
    data = bytearray(fold.read_bytes())
    data[folded.offset + 30 + len(folded.name) + 5] ^= 0x55
    fold.write_bytes(data)
    code, told = lake.check()
    assert code == 1 and folded.name in told and fold.name in told and "put it back from a copy" in told, told
    refreshed = lab.run(full_refresh=["bronze.orders"])
    assert not refreshed.success and fold.name in str(refreshed.failures)
    fold.write_bytes(data[:100])
    code, told = lake.check()
    assert code == 1 and fold.name in told, told
    lake.fed.feed("run", "orders", "--once", code=1)
    lab.good_run()
    refused = "select reason from ops.files where status = 'refused'"
    assert lab.rows(SILVER) == silver and "put it back from a copy" in str(lab.rows(refused))
    data[folded.offset + 30 + len(folded.name) + 5] ^= 0x55
    fold.write_bytes(data)
    lab.good_run()
    assert lake.check()[0] == 0 and not lab.rows(refused)


def test_a_fork_rebuilds_from_folds_what_the_lake_has(lake: FoldingLake, tmp_path: Path) -> None:
    """And leaves the folds of the lake as they are."""
    lake.lab.good_run()
    silver, bronze = lake.lab.rows(SILVER), lake.lab.stored(BRONZE)
    folds = {fold.path: fold.path.read_bytes() for fold in lake.folds().files}
    assert folds
    place = tmp_path / "a fork"
    command = ["run", "--fork", str(place), "--keep", "--full-refresh", "bronze.orders"]
    result = CliRunner().invoke(app, command, env={**lake.fed.environment, "COLUMNS": "2000"})
    assert result.exit_code == 0, result.output
    kept = Lab(place, lake.lab.settings.dbt_project)
    assert (kept.rows(SILVER), kept.stored(BRONZE)) == (silver, bronze)
    assert {path: path.read_bytes() for path in folds} == folds
    lake.fetch(12)
    lake.lab.good_run()
    assert lake.lab.rows("select max(amount) from silver.orders") == [(lake.number * 3,)]


def test_changes_that_are_folded_are_rebuilt_equal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mirror = Mirror(tmp_path)
    kinds = ("insert", "update", "update", "delete")
    for at in range(24):
        path = batch(at or None, at + 1, moment=f"2026-11-01T00-00-{at:02}.000000")
        values: dict[str, Any] = {"id": at % 5, "name": f"n{at}", "body": "b", "price": at}
        mirror.put(path, [change(kinds[at // 6], at, **values)])
    mirror.load()
    mirror.build()
    tables = ("bronze.orders", "silver.orders", "silver.orders_history")

    def shown() -> list[Any]:
        columns = "* exclude (_load_id, _loaded_at)"
        return [
            mirror.connection.execute(f"select {columns if 'bronze' in t else '*'} from {t} order by all").fetchall()
            for t in tables
        ]

    before = shown()
    feed = TableFeed(source="orders", kind="postgres", url="", table=("a",), mode="changes", fold_from=5)
    settings = Settings(home=tmp_path)
    monkeypatch.setattr("assay.feeds.folding.ledger_of", lambda *_: feed_batches(mirror.connection, "orders"))
    folding = Folding(settings, feed, BatchStore(settings.landing, "orders", 0.0))
    assert [folding.fold(), folding.fold()] == [0, 23]
    mirror.load()
    mirror.build()
    assert shown() == before
    mirror.load(is_full=True)
    mirror.build(is_full=True)
    assert shown() == before
