"""A feed that is killed at random instants while others write has every row in the end, and none twice."""

from __future__ import annotations

import contextlib
import random
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

import psycopg
import pyarrow.parquet as pq
import pytest

from tests.disk import WHY_NOT, small_disk
from tests.feeds.test_watermark import COLUMNS, FEED, ORDERS, assert_equal
from tests.kills import KILLS, Ordeal, full
from tests.postgres import FedLake, PostgresWriters, Server
from tests.proxy import TcpProxy


class Buyers(PostgresWriters):
    """Transactions that end late, are rolled back, share a time, and change rows that are there."""

    def write(self, number: int, draw: random.Random) -> None:
        with self.server.connect() as db:
            while not self.is_over:
                with contextlib.suppress(psycopg.Rollback), db.transaction():
                    for _ in range(draw.randint(1, 20)):
                        self._change(db, draw, 4 * draw.randint(0, 300) + number)
                    time.sleep(draw.choice([0, 0, 0.01, 0.4]))  # others begin later and end before it
                    if draw.random() < 0.2:
                        raise psycopg.Rollback
                self.written += 1

    @staticmethod
    def _change(db: psycopg.Connection[Any], draw: random.Random, order: int) -> None:
        at = "now()" if draw.random() < 0.5 else "date_trunc('milliseconds', now())"  # ties of two transactions
        db.execute(
            f"insert into shop.orders values (%s, %s, %s, {at}) on conflict (id) do update "
            "set amount = excluded.amount, note = excluded.note, updated_at = excluded.updated_at",
            [order, draw.randint(0, 9999) / 100, f"note {draw.random()}"],
        )


def test_a_feed_that_is_killed_under_live_writes_has_every_row_once(
    tmp_path: Path, server: Server, db: psycopg.Connection[Any]
) -> None:
    db.execute(ORDERS)

    def restart() -> None:
        server.stop()
        server.start()

    with TcpProxy(server.port) as proxy, small_disk(tmp_path / "lake" / "data" / "landing") as disk:
        lake = FedLake(tmp_path / "lake", proxy, {**FEED, "every": 0.1}, COLUMNS)
        troubles = {"restarts": restart, "cuts": proxy.cut_for_a_while, **full(disk, lake.settings, "orders")}
        ordeal = Ordeal("postgres, by watermark", lake.running, lambda: len(lake.landed()), troubles)
        with Buyers(server, ordeal.seed) as buyers:
            for kill in ordeal.kills():
                if kill == 1:
                    lake.lab().good_run()
                    for path in lake.landed()[:2]:
                        path.unlink()
        time.sleep(0.2)
        assert buyers.written > 50
        lake.feed("run", "orders", "--once")
        with server.connect() as again:
            assert_equal(lake, again)
        lab = lake.lab()
        assert lab.rows("select count(*) from ops.loaded_files")[0][0] >= 2 * KILLS
        ordeal.tell(lab.rows("select count(*) from silver.orders")[0][0])


def test_a_server_that_goes_away_in_the_middle_is_read_again_from_the_same_position(
    tmp_path: Path, server: Server, db: psycopg.Connection[Any]
) -> None:
    db.execute(ORDERS)
    big = (
        "insert into shop.orders select i, 1, repeat('x', 200), now() - interval '1 hour' from generate_series(1, {}) i"
    )
    db.execute(big.format(400_000).encode())
    lake = FedLake(tmp_path / "lake", server, {**FEED, "every": 0.1}, COLUMNS)
    feed = subprocess.Popen(
        lake.command("run", "orders"), env={**lake.environment, "ASSAY_LOG": "json"}, stderr=subprocess.PIPE, text=True
    )
    try:
        copying = "select pid from pg_stat_activity where application_name = 'assay feed' and query like 'copy%'"
        deadline = time.monotonic() + 60
        while not (pids := db.execute(copying).fetchall()):
            assert feed.poll() is None and time.monotonic() < deadline
        db.execute("select pg_terminate_backend(%s)", pids[0])
        while not lake.landed():
            assert feed.poll() is None and time.monotonic() < deadline
            time.sleep(0.05)
        server.stop()
        server.start()
        with server.connect() as again:
            again.execute("insert into shop.orders values (0, 2, 'after the restart')")
            while len(lake.landed()) < 2:
                assert feed.poll() is None and time.monotonic() < deadline
                time.sleep(0.05)
    finally:
        feed.send_signal(signal.SIGTERM)
        told = feed.communicate(timeout=30)[1]
    assert feed.returncode == 0
    assert told.count("tried_again_in_seconds") >= 2 and "Traceback" not in told
    rows = [pq.ParquetFile(path).metadata.num_rows for path in lake.landed()]
    assert rows == [400_000, 400_001]  # all of the first ones are ties


def test_a_feed_pauses_before_its_disk_is_full_and_goes_on_by_itself(
    tmp_path: Path, server: Server, db: psycopg.Connection[Any]
) -> None:
    db.execute(ORDERS)
    db.execute("insert into shop.orders values (1, 1, 'one', now() - interval '1 hour')")
    lake = FedLake(tmp_path / "lake", server, FEED, COLUMNS)
    with small_disk(lake.settings.landing) as disk:
        if disk is None:
            pytest.skip(WHY_NOT)
        disk.fill()
        assert "paused: 0.0 GB of the disk are free" in lake.feed("run", "orders", "--once", code=1)
        assert not lake.landed()
        disk.empty()
        assert "1 records landed" in lake.feed("run", "orders", "--once")
