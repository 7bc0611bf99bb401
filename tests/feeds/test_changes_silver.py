"""From the log of a server to silver: the command line, real runs, and rows as they are at the source."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import psycopg

from tests.feeds.test_changes import ALL, LONG, ORDERS
from tests.lab import Lab
from tests.postgres import PASSWORD, FedLake, Server

COLUMNS = {"id": "bigint", "amount": "decimal(10,2)", "note": "varchar", "body": "varchar"}
FEED = {"table": "shop.orders", "mode": "changes"}


def assert_silver(lake: FedLake, lab: Lab, db: psycopg.Connection[Any]) -> None:
    lake.feed("run", "orders", "--once")
    lab.good_run()
    assert lab.rows("select id, amount, note, body from silver.orders order by id") == db.execute(ALL).fetchall()


def test_silver_is_the_table_after_every_kind_of_change_and_a_new_epoch(
    tmp_path: Path, server: Server, log_db: psycopg.Connection[Any]
) -> None:
    log_db.execute(ORDERS)
    log_db.execute(f"insert into shop.orders select i, i / 8.0, 'n' || i, {LONG} || i from generate_series(1, 9) as i")
    lake = FedLake(tmp_path / "lake", server, FEED, COLUMNS)
    shown = lake.feed("test", "orders")
    assert "slot assay_orders is made by the first fetch" in shown and "n3" in shown and not lake.folder.exists()
    assert "is not there" not in shown, "what a file of changes has beside the table's columns is no column of it"
    lab = lake.lab()
    assert_silver(lake, lab, log_db)
    log_db.execute("update shop.orders set amount = 7 where id <= 3")  # body is 100 kB and not sent
    log_db.execute("update shop.orders set id = 100 where id = 4; delete from shop.orders where id = 7")
    log_db.execute(
        "insert into shop.orders values (10, 1, 'new', null); insert into shop.orders values (7, 0, 'a', 'b')"
    )
    assert_silver(lake, lab, log_db)
    assert "slot assay_orders keeps" in lake.feed("status", "--json")
    log_db.execute("truncate shop.orders; insert into shop.orders values (1, 1, 'after', 'all')")
    assert_silver(lake, lab, log_db)
    log_db.execute("select pg_drop_replication_slot('assay_orders')")
    log_db.execute("insert into shop.orders values (2, 2, 'unseen', null); delete from shop.orders where id = 1")
    assert "assay feed reset orders --epoch" in lake.feed("run", "orders", "--once", code=1)
    assert "is in epoch 2" in lake.feed("reset", "orders", "--epoch")
    assert_silver(lake, lab, log_db)
    files = [path for path in lake.project.parent.rglob("*") if path.is_file()]
    assert len(files) > 20 and not [path for path in files if PASSWORD.encode() in path.read_bytes()]
