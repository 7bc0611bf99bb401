"""A table of a file of SQLite is in silver as it is at the source, while others write to it."""

from __future__ import annotations

import sqlite3
import threading
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tests.postgres import FedLake

COLUMNS = {"id": "bigint", "amount": "decimal(10,2)", "note": "varchar", "at": "timestamp"}
NOW = "strftime('%Y-%m-%d %H:%M:%f', 'now')"


@pytest.mark.parametrize("mode", ["wal", "delete"])
def test_a_file_of_sqlite_is_fetched_while_others_write(tmp_path: Path, mode: str) -> None:
    file = tmp_path / "shop.db"
    db = sqlite3.connect(file, isolation_level=None, check_same_thread=False, timeout=10)
    db.execute(f"pragma journal_mode = {mode}")
    db.execute("create table orders (id integer primary key, amount decimal(10,2), note text, at datetime not null)")
    feed = {"kind": "database", "url": f"sqlite:///{file}", "table": "orders", "mode": "watermark", "cursor": "at"}
    feed |= {"cursor_zone": "UTC", "margin": 0.1}
    nobody: Any = SimpleNamespace(port=0)
    lake = FedLake(tmp_path / "lake", nobody, feed, COLUMNS)
    db.execute(f"insert into orders values (0, 0.1, 'first', {NOW})")
    assert "type there" in lake.feed("test", "orders")
    is_over = threading.Event()

    def write() -> None:
        number = 0
        while not is_over.wait(0.01):
            number += 1
            db.execute("begin immediate")
            db.execute(f"replace into orders values ({number % 97}, {number / 4}, 'n{number}', {NOW})")
            is_over.wait(0.02)
            db.execute("rollback" if number % 5 == 0 else "commit")

    writer = threading.Thread(target=write)
    writer.start()
    for _ in range(4):
        lake.feed("run", "orders", "--once")
    is_over.set()
    writer.join()
    is_over.clear()
    is_over.wait(0.2)
    lake.feed("run", "orders", "--once")
    lab = lake.lab()
    lab.good_run()
    rows = lab.rows("""select id, amount::double, note, strftime("at", '%Y-%m-%d %H:%M:%S.%g') from silver.orders""")
    assert sorted(rows) == db.execute("select id, amount, note, at from orders order by id").fetchall()
    assert "0 records landed" in lake.feed("run", "orders", "--once")
