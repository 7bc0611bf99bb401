"""A feed of changes that is killed at random instants while others write has each change once in the end."""

from __future__ import annotations

import contextlib
import random
import time
from pathlib import Path
from typing import Any

import psycopg

from tests.disk import small_disk
from tests.feeds.test_changes import ALL, ORDERS
from tests.followed import Followed
from tests.kills import KILLS, Ordeal, full
from tests.postgres import PostgresWriters, Server
from tests.proxy import TcpProxy

LARGE = """
    insert into shop.orders select -i, i, 'large', repeat('y', 300) from generate_series(1, 20000) as i
    on conflict (id) do update set note = 'again'
"""


class Buyers(PostgresWriters):
    """Transactions with savepoints, rollbacks, deletes, keys that change, and long values that do not."""

    threads = 3

    def write(self, number: int, draw: random.Random) -> None:
        with self.server.connect() as db:
            while not self.is_over:
                self._transact(db, draw, number)
                self.written += 1

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

    def restart() -> None:
        server.stop()
        server.start()

    def write_much() -> None:
        with server.connect() as db:
            db.execute(LARGE)

    with TcpProxy(server.port) as proxy, small_disk(tmp_path / "home" / "landing") as disk:
        followed = Followed(tmp_path / "home", proxy)
        full_disks = full(disk, followed.settings, "orders")
        troubles = {"restarts": restart, "cuts": proxy.cut_for_a_while, **full_disks, "large": write_much}
        ordeal = Ordeal("postgres, changes", followed.started, lambda: len(followed.landed()), troubles)
        with Buyers(server, ordeal.seed) as buyers:
            for _ in ordeal.kills():
                pass
        assert buyers.written > 50
        followed.fetch()
        assert followed.fetch().records == 0
        with server.connect() as db:
            rows = db.execute(ALL).fetchall()
        assert followed.replayed() == rows
        assert len(followed.landed()) > 2 * KILLS
        ordeal.tell(len(rows))
