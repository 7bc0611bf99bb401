"""A feed of changes that is killed at random instants while others write has each change once in the end."""

from __future__ import annotations

import contextlib
import random
import signal
import threading
import time
from pathlib import Path
from typing import Any

import psycopg

from tests.feeds.test_changes import ALL, ORDERS
from tests.followed import Followed
from tests.kills import KILLS
from tests.postgres import Server

LARGE = """
    insert into shop.orders select -i, i, 'large', repeat('y', 300) from generate_series(1, 20000) as i
    on conflict (id) do update set note = 'again'
"""


class Writers:
    """Transactions with savepoints, rollbacks, deletes, keys that change, and long values that do not."""

    def __init__(self, server: Server, seed: int) -> None:
        self._server, self._seed = server, seed
        self._is_over = threading.Event()
        self._threads = [threading.Thread(target=self._write, args=(number,)) for number in range(3)]
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
        while not self._is_over.is_set():
            with contextlib.suppress(psycopg.OperationalError), self._server.connect() as db:  # it may be restarted
                while not self._is_over.is_set():
                    self._transact(db, draw, number)
                    self.transactions += 1
            time.sleep(0.05)

    def _transact(self, db: psycopg.Connection[Any], draw: random.Random, number: int) -> None:
        with contextlib.suppress(psycopg.Rollback, psycopg.errors.DeadlockDetected), db.transaction():
            if draw.random() < 0.01:
                db.execute("truncate shop.orders")
            for _ in range(draw.randint(1, 12)):
                with contextlib.suppress(psycopg.Rollback), db.transaction():
                    self._change(db, draw, 3 * draw.randint(0, 60) + number)
                    if draw.random() < 0.1:
                        raise psycopg.Rollback
            time.sleep(draw.choice([0, 0, 0.005, 0.2]))  # others begin later and end before it
            if draw.random() < 0.2:
                raise psycopg.Rollback

    @staticmethod
    def _change(db: psycopg.Connection[Any], draw: random.Random, order: int) -> None:
        what = draw.random()
        if what < 0.15:
            db.execute("delete from shop.orders where id = %s", [order])
        elif what < 0.3:
            other = order % 3 + 3 * draw.randint(0, 60)
            free = "not exists (select 1 from shop.orders where id = %s)"
            db.execute(f"update shop.orders set id = %s where id = %s and {free}".encode(), [other, order, other])
        elif what < 0.7:
            db.execute("update shop.orders set amount = %s where id = %s", [draw.randint(0, 9999) / 100, order])
        else:
            long = "repeat(%s, 50000)" if draw.random() < 0.2 else "%s"
            db.execute(
                f"insert into shop.orders values (%s, %s, %s, {long}) on conflict (id) do update "
                "set amount = excluded.amount, note = excluded.note".encode(),
                [order, draw.randint(0, 9999) / 100, f"note {draw.random()}", f"{draw.randint(10, 99)}"],
            )


def test_a_feed_of_changes_that_is_killed_under_live_writes_has_each_change_once(
    tmp_path: Path, server: Server, log_db: psycopg.Connection[Any]
) -> None:
    log_db.execute(ORDERS)
    log_db.execute(LARGE)
    seed = random.SystemRandom().randrange(1_000_000)
    print(f"seed {seed}")  # noqa: T201 - shown when it fails
    draw = random.Random(seed)  # noqa: S311 - as above
    followed = Followed(tmp_path / "home", server)
    with Writers(server, seed) as writers:
        for kill in range(KILLS + 1):
            feed = followed.started()
            before, deadline = len(followed.landed()), time.monotonic() + 40
            least = 2 if kill else 0  # the first one may die before its snapshot has landed
            while len(followed.landed()) < before + least and time.monotonic() < deadline:
                if feed.poll() is not None:
                    raise AssertionError(feed.communicate()[1].decode())
                time.sleep(draw.random() / 20)
            if kill == 2:
                server.stop()
                server.start()
                before, deadline = len(followed.landed()), time.monotonic() + 40
                while len(followed.landed()) == before and time.monotonic() < deadline:
                    assert feed.poll() is None, "a server that restarts is waited for"
                    time.sleep(0.05)
            if kill == KILLS:
                with server.connect() as db:
                    db.execute(LARGE)
            time.sleep(draw.random() * (1 if kill else 1.5))
            feed.send_signal(signal.SIGKILL)
            feed.communicate()
    assert writers.transactions > 50
    followed.fetch()
    assert followed.fetch().records == 0
    with server.connect() as db:
        assert followed.replayed() == db.execute(ALL).fetchall()
    assert len(followed.landed()) > 2 * KILLS
