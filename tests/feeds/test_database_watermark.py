"""A table of MariaDB that is fetched by watermark is in silver as it is at the source, also when the feed is killed."""

from __future__ import annotations

import contextlib
import random
import threading
import time
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pymysql
import pytest

from assay.connectors.databases.feed import DatabaseFeed
from assay.contract.feed_kinds.database import DatabaseTable
from assay.feeds.errors import Permanent, Transient
from assay.feeds.frame import Batch
from assay.feeds.position import Position
from tests.disk import small_disk
from tests.kills import KILLS, Ordeal, full
from tests.mariadb import URL, MariaDb, run
from tests.postgres import PASSWORD, FedLake
from tests.proxy import TcpProxy
from tests.writers import Writers

COLUMNS = {"id": "bigint", "amount": "decimal(10,2)", "note": "varchar", "at": "timestamp with time zone"}
FEED = {"table": "shop.orders", "mode": "watermark", "cursor": "at", "margin": 0.1}
ORDERS = """
    create table orders (
        id bigint primary key, amount decimal(10, 2), note text, at timestamp(3) null default current_timestamp(3)
    )
"""
NINE = "insert into orders select seq, seq / 8, concat('n', seq), now(3) - interval 1 hour from seq_1_to_9"


@pytest.fixture
def lake(tmp_path: Path, mariadb: MariaDb, maria: Any) -> FedLake:
    run(maria, ORDERS)
    return FedLake(tmp_path / "lake", mariadb, {**mariadb.feed, **FEED}, COLUMNS)


def assert_equal(lake: FedLake, maria: Any) -> None:
    lab = lake.lab()
    lab.good_run()
    at = """strftime("at" at time zone 'UTC', '%Y-%m-%d %H:%M:%S.%g')"""
    rows = lab.rows(f"select id, amount, note, {at} from silver.orders order by id")
    assert rows == run(maria, "select id, amount, note, cast(at as char) from orders order by id")


def test_rows_that_change_arrive_and_ties_of_the_boundary_too(lake: FedLake, maria: Any) -> None:
    run(maria, NINE)
    assert "9 records landed" in lake.feed("run", "orders", "--once")
    assert "0 records landed" in lake.feed("run", "orders", "--once")
    run(maria, "set @tie = (select max(at) from orders)")
    run(maria, "insert into orders values (10, 1, 'tie', @tie), (11, 2, 'new', now(3) - interval 1 minute)")
    run(maria, "update orders set amount = -1, at = @tie where id = 3")
    assert "11 records landed" in lake.feed("run", "orders", "--once")
    assert_equal(lake, maria)


def test_rows_of_a_transaction_that_ends_late_are_read(lake: FedLake, mariadb: MariaDb, maria: Any) -> None:
    run(maria, NINE)
    late = mariadb.connect(autocommit=False)
    run(late, "insert into orders values (50, 1, 'late', now(3))")
    time.sleep(1.1)  # what the server says of the beginning of a transaction is in seconds
    run(maria, "insert into orders values (51, 1, 'between', now(3))")
    time.sleep(0.2)
    lake.feed("run", "orders", "--once")
    assert "wait for what thread" in lake.feed("status", "--json")
    late.commit()
    time.sleep(0.2)
    lake.feed("run", "orders", "--once")
    assert_equal(lake, maria)


def test_a_statement_that_waits_before_its_transaction_begins_holds_the_window_back(
    lake: FedLake, mariadb: MariaDb, maria: Any
) -> None:
    run(maria, NINE)
    other, late = mariadb.connect(), mariadb.connect()
    run(other, "lock tables orders write")
    insert = "insert into orders values (50, 1, 'waited', now(3))"
    threads = [
        threading.Thread(target=run, args=(late, insert)),
        threading.Thread(target=lake.feed, args=("run", "orders", "--once"), kwargs={"env": lake.environment}),
    ]
    waiting = "select count(*) from information_schema.processlist where state = 'Waiting for table metadata lock'"
    for number, thread in enumerate(threads, start=1):
        thread.start()
        deadline = time.monotonic() + 30
        while run(maria, waiting) != [(number,)]:  # the second one is the feed, which has its snapshot then
            assert time.monotonic() < deadline
            time.sleep(0.05)
        if number == 1:
            time.sleep(1.1)
            run(other, "insert into orders values (51, 1, 'between', now(3))")
            time.sleep(0.2)
    run(other, "unlock tables")
    for thread in threads:
        thread.join()
    time.sleep(0.2)
    lake.feed("run", "orders", "--once")
    assert_equal(lake, maria)


def test_numbers_of_a_sequence_wait_for_those_that_are_open(lake: FedLake, mariadb: MariaDb, maria: Any) -> None:
    run(maria, "alter table orders add version bigint not null auto_increment unique")
    feed = {**mariadb.feed, "table": "orders", "mode": "watermark", "cursor": "version"}
    lake.declare(feed, {**COLUMNS, "version": "bigint"})
    run(maria, NINE.replace("orders select", "orders (id, amount, note, at) select"))
    lake.feed("run", "orders", "--once")
    late = mariadb.connect(autocommit=False)
    run(late, "insert into orders (id, note) values (50, 'late')")
    run(maria, "insert into orders (id, note) values (51, 'between')")
    threading.Timer(1, late.commit).start()
    assert "3 records landed" in lake.feed("run", "orders", "--once")  # with one that is read again
    assert_equal(lake, maria)


PROBLEMS = {
    "update orders set at = null where id < 3": "2 rows of shop.orders have no at",
    "set sql_mode = ''; update orders set at = 0 where id = 3": "1 rows of shop.orders have no at",
    "update orders set at = now() + interval 3 day where id = 3": "1 rows of shop.orders have a at more than",
    "revoke process on *.* from reader@'%'": "PROCESS privilege",
    "revoke select on shop.* from reader@'%'": "grant the right to read",
    "alter table orders modify at datetime(3)": "write `cursor_zone: UTC` if all writers write UTC",
    "alter table orders modify at varchar(30)": "is of type varchar(30); expected a time",
    "alter table orders rename column at to changed": "has no such column",
    "alter table orders rename to Orders": "there is no table shop.orders",
    "alter table orders engine = Aria": "a table of Aria",
    "set global read_only = 1": "the server is a replica",
    "create or replace user reader@'%' identified by 'other'": "Access denied",
}


def test_what_would_lose_rows_is_refused_with_what_to_do(lake: FedLake, maria: Any) -> None:
    for change, problem in PROBLEMS.items():
        run(maria, "drop table if exists orders, Orders", ORDERS, NINE)
        run(maria, *change.split("; "))
        told = lake.feed("run", "orders", "--once", code=1)
        assert problem in told and "feed orders" in told, change
        run(maria, "set global read_only = 0", "set sql_mode = default")
        with maria.cursor() as cursor:
            cursor.execute("create or replace user reader@'%%' identified by %s", [PASSWORD])
        run(maria, "grant select on shop.* to reader@'%'", "grant process on *.* to reader@'%'")
    run(maria, "drop table if exists orders, Orders", ORDERS, NINE)
    assert "9 records landed" in lake.feed("run", "orders", "--once")


def test_what_the_server_does_not_say_of_transactions_is_waited_for(
    mariadb: MariaDb, maria: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SHOP_PASSWORD", PASSWORD)
    monkeypatch.setattr("assay.connectors.databases.mysql_open._MOST_WAIT", 0.5)
    run(maria, ORDERS, NINE, "create view seen as select * from orders")
    keys = {"source": "orders", "mode": "watermark", "cursor": "at", **mariadb.feed}
    feed = DatabaseTable(**keys, table=("orders",))

    def fetch(feed: DatabaseTable) -> Any:
        return next(DatabaseFeed(feed).read(Position(), "2026-01-01T00:00:00"), None)

    prepared = mariadb.connect()
    run(prepared, "xa start 'one'", "insert into orders values (50, 1, 'two phases', now(3))", "xa end 'one'")
    run(prepared, "xa prepare 'one'")
    prepared.close()
    with pytest.raises(Transient, match="a prepared transaction waits"):
        fetch(feed)
    run(maria, "xa rollback 'one'")
    is_over = threading.Event()

    def ask() -> None:
        with mariadb.connect() as poller:
            while not is_over.wait(0.01):
                run(poller, "select count(*) from information_schema.innodb_trx")

    asking = threading.Thread(target=ask)
    asking.start()
    time.sleep(0.2)
    try:
        with pytest.raises(Transient, match="does not say which transactions are open"):
            fetch(feed)
    finally:
        is_over.set()
        asking.join()
    with pytest.raises(Permanent, match="seen is a view"):
        fetch(replace(feed, table=("seen",)))
    run(maria, "revoke process on *.* from reader@'%'")  # what is not asked needs no right
    assert isinstance(fetch(replace(feed, table=("seen",), longest_transaction=600.0)), Batch)


def test_no_secret_is_written_or_told_anywhere(lake: FedLake, mariadb: MariaDb, maria: Any) -> None:
    run(maria, NINE)
    told = [lake.feed("list"), lake.feed("test", "orders")]
    told.append(lake.feed("run", "orders", "--once", env={**lake.environment, "ASSAY_LOG": "json"}))
    lake.lab().good_run()
    good = URL.format(port=mariadb.port)
    for words, url in (
        (("run", "orders", "--once"), good.replace("/shop", "/no_such")),
        (("test", "orders"), good.replace(str(mariadb.port), "1")),
        (("run", "orders", "--once"), "${env:SHOP_PASSWORD}"),
        (("run", "orders", "--once"), good.replace("reader:", "nobody:")),
    ):
        lake.declare({**mariadb.feed, **FEED, "url": url}, COLUMNS)
        told.append(lake.feed(*words, code=1))
    told.append(lake.feed("status"))
    spellings = [text.encode() for text in (PASSWORD, quote(PASSWORD, safe=""), quote(PASSWORD), PASSWORD[:7])]
    assert not [text for text in told for secret in spellings if secret in text.encode()]
    files = [path for path in lake.project.parent.rglob("*") if path.is_file()]
    assert len(files) > 20
    assert not [path for path in files for secret in spellings if secret in path.read_bytes()]


class Buyers(Writers):
    """Transactions that end late, are rolled back, share a time, and change rows that are there."""

    passing = (pymysql.err.Error,)  # a deadlock is a rollback, and the server restarts

    def __init__(self, server: MariaDb, seed: int) -> None:
        super().__init__(seed)
        self._server = server

    def write(self, number: int, draw: random.Random) -> None:
        with contextlib.closing(self._server.connect(autocommit=False)) as db:
            while not self.is_over:
                for _ in range(draw.randint(1, 20)):
                    order, amount = 4 * draw.randint(0, 300) + number, draw.randint(0, 9999) / 100
                    at = "now(3)" if draw.random() < 0.5 else "now()"  # ties of two transactions
                    run(db, f"replace into orders values ({order}, {amount}, 'note {draw.random()}', {at})")
                time.sleep(draw.choice([0, 0, 0.01, 0.4, 1.5]))  # others begin later and end before it
                (db.rollback if draw.random() < 0.2 else db.commit)()
                self.written += 1


def test_a_feed_that_is_killed_under_live_writes_has_every_row_once(lake: FedLake, mariadb: MariaDb) -> None:
    def restart() -> None:
        mariadb.stop()
        mariadb.start()

    with TcpProxy(mariadb.port) as proxy, small_disk(lake.settings.landing) as disk:
        lake.declare({**mariadb.feed, **FEED, "url": URL.format(port=proxy.port), "every": 0.1}, COLUMNS)
        troubles = {"restarts": restart, "cuts": proxy.cut_for_a_while, **full(disk, lake.settings, "orders")}
        ordeal = Ordeal("database (MariaDB)", lake.running, lambda: len(lake.landed()), troubles)
        with Buyers(mariadb, ordeal.seed) as buyers:
            for kill in ordeal.kills():
                if kill == 1:
                    lake.lab().good_run()
                    for path in lake.landed()[:2]:
                        path.unlink()
        time.sleep(1.2)
        assert buyers.written > 20
        lake.feed("run", "orders", "--once")
        with contextlib.closing(mariadb.connect()) as again:
            assert_equal(lake, again)
        lab = lake.lab()
        assert lab.rows("select count(*) from ops.loaded_files")[0][0] >= 2 * KILLS
        ordeal.tell(lab.rows("select count(*) from silver.orders")[0][0])
