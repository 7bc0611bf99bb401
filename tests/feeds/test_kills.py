"""A feed that is killed at random instants while others write has every row in the end, and none twice."""

from __future__ import annotations

import contextlib
import random
import signal
import subprocess
import threading
import time
from pathlib import Path
from typing import Any

import psycopg

from tests.feeds.test_watermark import COLUMNS, FEED, ORDERS, assert_equal
from tests.postgres import FedLake, Server

KILLS = 3


class Writers:
    """Transactions that end late, are rolled back, share a time, and change rows that are there."""

    def __init__(self, server: Server, seed: int) -> None:
        self._server, self._seed = server, seed
        self._is_over = threading.Event()
        self._threads = [threading.Thread(target=self._write, args=(number,)) for number in range(4)]
        self.transactions = 0

    def __enter__(self) -> Writers:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._is_over.set()
        for thread in self._threads:
            thread.join()

    def _write(self, number: int) -> None:
        draw = random.Random(self._seed + number)  # noqa: S311 - a plan is no secret
        with self._server.connect() as db:
            while not self._is_over.is_set():
                with contextlib.suppress(psycopg.Rollback), db.transaction():
                    for _ in range(draw.randint(1, 20)):
                        self._change(db, draw, 4 * draw.randint(0, 300) + number)
                    time.sleep(draw.choice([0, 0, 0.01, 0.4]))  # others begin later and end before it
                    if draw.random() < 0.2:
                        raise psycopg.Rollback
                self.transactions += 1

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
    seed = random.SystemRandom().randrange(1_000_000)
    print(f"seed {seed}")  # noqa: T201 - shown when it fails
    draw = random.Random(seed)  # noqa: S311 - as above
    lake = FedLake(tmp_path / "lake", server, {**FEED, "every": 0.1}, COLUMNS)
    with Writers(server, seed) as writers:
        for kill in range(KILLS):
            feed = subprocess.Popen(lake.command("run", "orders"), env=lake.environment, stdout=subprocess.DEVNULL)
            before, deadline = len(lake.landed()), time.monotonic() + 30
            while len(lake.landed()) < before + 2 and time.monotonic() < deadline:
                assert feed.poll() is None
                time.sleep(draw.random() / 10)
            time.sleep(draw.random() / 2)
            feed.send_signal(signal.SIGKILL)
            feed.wait()
            if kill == 1:
                lake.lab().good_run()
                for path in lake.landed()[:2]:
                    path.unlink()
    time.sleep(0.2)
    assert writers.transactions > 50
    lake.feed("run", "orders", "--once")
    assert_equal(lake, db)
    lab = lake.lab()
    landed = lab.rows("select count(*) from ops.loaded_files")[0][0]
    assert landed >= 2 * KILLS
