"""The position of a feed survives what happens to its files, and what cannot be made good stops it with a sentence."""

from __future__ import annotations

import os
import resource
import shutil
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

import psycopg
import pytest

from assay.base.run_lock import is_locked
from assay.feeds.places import journal_file, lock_file
from assay.ledger.folds import LOCK
from tests.feeds.test_watermark import COLUMNS, FEED, NINE, ORDERS, assert_equal
from tests.postgres import FedLake, Server

MORE = "insert into shop.orders values ({0}, {0}, 'more', now() - interval '{1} minutes')"


@pytest.fixture
def lake(tmp_path: Path, server: Server, db: psycopg.Connection[Any]) -> FedLake:
    db.execute(ORDERS)
    db.execute(NINE)
    lake = FedLake(tmp_path / "lake", server, FEED, COLUMNS)
    assert "9 records landed" in lake.feed("run", "orders", "--once")
    return lake


def journal(lake: FedLake) -> str:
    return journal_file(lake.settings, "orders").read_text()


def test_loaded_files_may_be_deleted(lake: FedLake, db: psycopg.Connection[Any]) -> None:
    assert_equal(lake, db)
    shutil.rmtree(lake.folder)
    assert "0 records landed" in lake.feed("run", "orders", "--once")
    assert "feeds/" not in journal(lake), "what the ledger knows is not noted any more"
    db.execute(MORE.format(10, 5))
    assert "10 records landed" in lake.feed("run", "orders", "--once")  # nine of them are ties of the boundary
    assert_equal(lake, db)


def test_a_file_that_was_loaded_and_deleted_before_the_ledger_is_published_is_not_fetched_again(
    lake: FedLake, db: psycopg.Connection[Any]
) -> None:
    lab = lake.lab()
    lab.good_run()
    ops = lake.settings.published / "ops.duckdb"
    behind = ops.resolve().read_bytes()
    db.execute(MORE.format(10, 5))
    lake.feed("run", "orders", "--once")
    lab.good_run()
    now_published = ops.resolve()
    kept = now_published.read_bytes()
    now_published.write_bytes(behind)  # as a run shows it that has loaded the second file and goes on
    lake.landed()[-1].unlink()
    assert "does not know yet whether it was loaded" in lake.feed("run", "orders", "--once", code=1)
    assert len(lake.landed()) == 1
    now_published.write_bytes(kept)
    assert "0 records landed" in lake.feed("run", "orders", "--once")
    assert_equal(lake, db)


def test_a_file_that_is_deleted_before_it_was_loaded_stops_the_feed(lake: FedLake, db: psycopg.Connection[Any]) -> None:
    gone = lake.landed()[0]
    aside = gone.read_bytes()
    lab = lake.lab()
    db.execute(MORE.format(10, 5))
    lake.feed("run", "orders", "--once")
    gone.unlink()
    lab.good_run()
    assert "put it back or" in lake.feed("run", "orders", "--once", code=1)
    gone.parent.mkdir(exist_ok=True)
    gone.write_bytes(aside)
    assert "0 records landed" in lake.feed("run", "orders", "--once")
    assert_equal(lake, db)


def test_a_lost_journal_loses_nothing_while_the_files_are_there(lake: FedLake, db: psycopg.Connection[Any]) -> None:
    journal_file(lake.settings, "orders").unlink()
    assert "0 records landed" in lake.feed("run", "orders", "--once")
    assert lake.landed()[0].name in journal(lake)
    assert_equal(lake, db)


def test_what_no_feed_did_stops_it_until_it_is_put_right(lake: FedLake) -> None:
    first = lake.landed()[0]
    kept = first.read_bytes()
    first.write_bytes(kept[:-1] + b"x")
    assert "holds other bytes than it landed with" in lake.feed("run", "orders", "--once", code=1)
    first.write_bytes(kept)
    copies = {
        first.with_name("copy.parquet"): "is not the name of a batch",
        lake.folder / "notes.txt": "is not the name of a batch",
        first.with_name("2031-01-01T00-00-00.000000.parquet"): "hold the same range",
        first.parent.with_name("2031~2032") / first.name: "no batch leads from",
    }
    for path, problem in copies.items():
        path.parent.mkdir(exist_ok=True)
        shutil.copy(first, path)
        assert problem in lake.feed("run", "orders", "--once", code=1)
        assert problem in lake.feed("status")
        if path != list(copies)[-1]:
            path.unlink()
            assert "0 records landed" in lake.feed("run", "orders", "--once")
    assert "is in epoch 2" in lake.feed("reset", "orders", "--epoch")
    assert "9 records landed" in lake.feed("run", "orders", "--once")
    assert lake.landed()[-1].relative_to(lake.folder).parts[0] == "2"


def test_two_at_once_are_one(lake: FedLake) -> None:
    first = subprocess.Popen(lake.command("run", "orders"), env=lake.environment, stdout=subprocess.PIPE)
    try:
        deadline = time.monotonic() + 30
        while not is_locked(lock_file(lake.settings, "orders")) and time.monotonic() < deadline:
            time.sleep(0.05)
        assert "is being fetched by another process" in lake.feed("run", "orders", "--once", code=1)
        assert "is being fetched by another process" in lake.feed("reset", "orders", "--epoch", code=1)
    finally:
        first.send_signal(signal.SIGTERM)
        assert first.wait(30) in (0, 130)
    assert "0 records landed" in lake.feed("run", "orders", "--once")


def test_a_disk_that_is_full_leaves_nothing_half(lake: FedLake, db: psycopg.Connection[Any]) -> None:
    db.execute("insert into shop.orders select i, i, repeat(md5(i::text), 20), now() - interval '9 minutes' "
               "from generate_series(100, 9000) as i")  # fmt: skip
    small = {"preexec_fn": lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (60_000, 60_000))}
    assert "nothing landed" in lake.feed("run", "orders", "--once", code=1, **small)
    assert [path for path in lake.folder.rglob("*") if path.is_file() and path.name != LOCK] == lake.landed()[:1]
    assert "8,910 records landed" in lake.feed("run", "orders", "--once")
    assert_equal(lake, db)


def test_what_a_writer_that_died_left_aside_is_removed_and_never_loaded(lake: FedLake) -> None:
    aside = lake.folder / ".0123456789abcdef.part"
    aside.write_bytes(b"half")
    os.utime(aside, (0, 0))
    lake.feed("run", "orders", "--once")
    assert not aside.exists()
