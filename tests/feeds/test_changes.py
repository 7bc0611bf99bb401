"""A table whose changes are read from the log is, change for change, what it is at the source."""

from __future__ import annotations

import threading
import time
from pathlib import Path
from typing import Any

import psycopg
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from psycopg import sql

from assay.connectors.postgres.changes import ChangesFeed
from assay.connectors.postgres.changes_fetcher import ChangesFetcher
from assay.contract.feed_kinds.yml_postgres import slot_name
from assay.feeds.errors import Permanent
from assay.feeds.frame import Fetcher
from tests.followed import Followed
from tests.postgres import PASSWORD, Server

ORDERS = """
    create table shop.orders (id bigint primary key, amount numeric(10, 2), note text, body text);
    alter table shop.orders alter body set storage external;
    create publication assay_orders for table shop.orders
"""
ALL = "select * from shop.orders order by id"
LONG = "repeat('x', 100000)"


@pytest.fixture
def followed(tmp_path: Path, server: Server, log_db: psycopg.Connection[Any]) -> Followed:
    log_db.execute(ORDERS)
    log_db.execute(f"insert into shop.orders select i, i / 8.0, 'n' || i, {LONG} || i from generate_series(1, 9) as i")
    return Followed(tmp_path / "home", server)


def assert_same(followed: Followed, db: psycopg.Connection[Any]) -> None:
    assert followed.replayed() == db.execute(ALL).fetchall()


def test_every_kind_of_change_arrives_once_and_in_its_order(
    followed: Followed, log_db: psycopg.Connection[Any]
) -> None:
    assert followed.fetch().records == 9
    assert followed.fetch().records == 0
    for change in (
        "insert into shop.orders values (10, 1, 'new', null), (11, null, '', 'short')",
        "update shop.orders set amount = 7 where id <= 3",  # body is 100 kB and not sent
        "update shop.orders set id = 100 where id = 4",  # and not sent here either
        "update shop.orders set id = id + 1000, note = 'moved' where id between 5 and 6",
        "delete from shop.orders where id = 7",
        "insert into shop.orders values (7, 0, 'again', 'x'); delete from shop.orders where id = 8",
    ):
        log_db.execute(change)
    fetched = followed.fetch()
    assert fetched.records == 2 + 3 + 2 + 4 + 1 + 2 and len(fetched.batches) == 1
    assert_same(followed, log_db)
    unchanged = [row for row in followed.rows() if row["_operation"] == "update"]
    assert [row["_unchanged"] for row in unchanged] == [["body"]] * 3 and not any(row["body"] for row in unchanged)
    log_db.execute("truncate shop.orders; insert into shop.orders values (1, 1, 'after', null)")
    followed.fetch()
    assert [row["_operation"] for row in followed.rows()][-2:] == ["truncate", "insert"]
    assert_same(followed, log_db)
    times = [row["_source_time"] for row in followed.rows()]
    assert times == sorted(times)


def test_the_order_is_that_of_commits_and_what_is_rolled_back_never_was(
    followed: Followed, server: Server, log_db: psycopg.Connection[Any]
) -> None:
    followed.fetch()
    with server.connect(autocommit=False) as first, server.connect(autocommit=False) as second:
        first.execute("update shop.orders set note = 'written first, committed last' where id = 1")
        second.execute("update shop.orders set note = 'second' where id = 2")
        with second.transaction():
            second.execute("update shop.orders set note = 'in a subtransaction' where id = 3")
        with second.transaction(force_rollback=True):
            second.execute("update shop.orders set note = 'never' where id = 4; delete from shop.orders where id = 5")
        second.commit()
        followed.fetch()
        log_db.execute("begin; update shop.orders set note = 'twice' where id = 6; prepare transaction 'two'")
        log_db.execute("update shop.orders set amount = 9 where id = 9")
        followed.fetch()
        log_db.execute("commit prepared 'two'")
        log_db.execute("begin; delete from shop.orders where id = 8; rollback")
        first.commit()
    followed.fetch()
    changes = [(row["id"], row["note"]) for row in followed.rows() if row["_operation"] == "update"]
    assert changes == [
        (2, "second"), (3, "in a subtransaction"), (9, "n9"), (6, "twice"), (1, "written first, committed last"),
    ]  # fmt: skip
    assert_same(followed, log_db)


def test_a_row_before_is_there_where_the_source_sends_it(followed: Followed, log_db: psycopg.Connection[Any]) -> None:
    log_db.execute("alter table shop.orders replica identity full")
    followed.fetch()
    log_db.execute("update shop.orders set note = 'new' where id = 1; update shop.orders set id = 20 where id = 2")
    log_db.execute("delete from shop.orders where id = 3")
    followed.fetch()
    changes = followed.rows()[9:]
    assert [row["_operation"] for row in changes] == ["update", "delete", "insert", "delete"]
    assert not any(row["_unchanged"] for row in changes), "what is not sent is in the row before"
    assert '"note": "n1"' in changes[0]["_before"] and changes[0]["body"] and '"note": "n3"' in changes[3]["_before"]
    assert_same(followed, log_db)


def test_a_table_that_is_altered_in_the_stream_has_a_file_for_each_form(
    followed: Followed, log_db: psycopg.Connection[Any]
) -> None:
    followed.fetch()
    log_db.execute("update shop.orders set note = 'before' where id = 1")
    log_db.execute("alter table shop.orders add more int default 5, drop column body")
    log_db.execute("update shop.orders set note = 'after' where id = 2")
    log_db.execute("alter table shop.orders alter amount type text")
    with log_db.transaction():
        log_db.execute("update shop.orders set amount = 'dear' where id = 3")
        log_db.execute("alter table shop.orders alter more type bigint")
        log_db.execute("update shop.orders set more = 1 where id = 3")
    fetched = followed.fetch()
    assert "altered within a transaction" in fetched.note
    schemas = [pq.read_schema(path) for path in followed.landed()[1:]]
    assert [[name for name in schema.names if not name.startswith("_")] for schema in schemas] == [
        ["id", "amount", "note", "body"], ["id", "amount", "note", "more"], ["id", "amount", "note", "more"],
    ]  # fmt: skip
    assert [str(schema.field("more").type) for schema in schemas[1:]] == ["int32", "string"]
    assert [row["note"] for row in followed.rows()[9:11]] == ["before", "after"]


VALUES: dict[str, tuple[str, str]] = {
    "flag": ("boolean", "true"),
    "price": ("numeric(12,3)", "-1.005"),
    "free": ("numeric", "1.1e-40"),
    "day": ("date", "'0044-03-15'"),
    "odd_day": ("date", "'infinity'"),
    "at": ("timestamptz", "'2024-07-01 12:00+05:30'"),
    "span": ("interval", "'1 year -2 days 3.5 seconds'"),
    "id2": ("uuid", "'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'"),
    "doc": ("jsonb", "'{\"n\": 12345678901234567890.10}'"),
    "bytes": ("bytea", "'\\x00ff'"),
    "cash": ("money", "-1234.5"),
    "mood": ("shop.mood", "'so ''so'''"),
    "cents": ("shop.amount", "1.5"),
    "padded": ("char(4)", "'ab'"),
    "numbers": ("int[]", "'{1,NULL,3}'"),
    "names": ("text[]", "array['a,b','{','NULL',null,'\"','\\']"),
    "flags": ("bool[]", "'{t,f}'"),
    "pads": ("char(4)[]", "'{ab}'"),
    "grid": ("int[]", "'{{1,2},{3,4}}'"),
    "single": ("real", "0.1"),
    "twice": ("double precision", "0.1"),
    "hostile": ("text", "E'a\"b,\\r\\n\\\\.;''c\\t'"),
    "empty": ("text", "''"),
    "none": ("text", "null"),
    "ages": ("int4range", "'[1,5)'"),
    "Ö": ("text", "'ß€𝄞'"),
}


def test_a_value_is_the_same_in_a_snapshot_and_in_a_change(
    tmp_path: Path, server: Server, log_db: psycopg.Connection[Any]
) -> None:
    log_db.execute("create type shop.mood as enum ('so ''so''')")
    log_db.execute("create domain shop.cents as numeric(8,2); create domain shop.amount as shop.cents")
    columns = ", ".join(f'"{name}" {kind}' for name, (kind, _) in VALUES.items())
    log_db.execute(
        f"create table shop.orders (id int primary key, {columns}, twin int generated always as (id) stored)"
    )
    log_db.execute("create publication assay_orders for table shop.orders")
    values = ", ".join(value for _, value in VALUES.values())
    followed = Followed(tmp_path / "home", server)
    log_db.execute(f"insert into shop.orders values (1, {values})".encode())
    followed.fetch()
    log_db.execute(f"insert into shop.orders values (2, {values})".encode())
    followed.fetch()
    snapshot, changes = (pq.read_table(path) for path in followed.landed())
    assert snapshot.schema.equals(changes.schema) and "twin" not in snapshot.schema.names
    assert snapshot.select(list(VALUES)).to_pylist() == changes.select(list(VALUES)).to_pylist()
    assert snapshot.schema.field("numbers").type == pa.list_(pa.int32())
    assert changes.column("odd_day").to_pylist() == ["infinity"] and changes.column("cash").to_pylist() == ["-1234.50"]


def test_partitions_are_their_table(tmp_path: Path, server: Server, log_db: psycopg.Connection[Any]) -> None:
    log_db.execute(
        "create table shop.orders (id int primary key, note text) partition by range (id);"
        "create table shop.low partition of shop.orders for values from (0) to (100);"
        "create table shop.high partition of shop.orders for values from (100) to (200);"
        "insert into shop.orders select i, 'n' || i from generate_series(95, 104) as i;"
        "create publication assay_orders for table shop.orders"
    )
    followed = Followed(tmp_path / "home", server)
    with pytest.raises(Permanent, match=r"set \(publish_via_partition_root = true\)"):
        followed.fetch()
    log_db.execute("alter publication assay_orders set (publish_via_partition_root = true)")
    assert followed.fetch().records == 10
    log_db.execute("update shop.orders set id = 150 where id = 95; delete from shop.orders where id = 104")
    log_db.execute("insert into shop.high values (160, 'by the partition')")
    followed.fetch()
    assert_same(followed, log_db)


def test_a_publication_of_some_columns_and_rows_is_followed_as_it_is(
    followed: Followed, log_db: psycopg.Connection[Any]
) -> None:
    log_db.execute("alter publication assay_orders set table shop.orders (id, note) where (id < 6)")
    assert followed.fetch().records == 5
    log_db.execute("update shop.orders set id = 60 where id = 1; update shop.orders set id = 2000 where id = 7")
    log_db.execute("update shop.orders set note = 'x' where id in (2, 8); delete from shop.orders where id = 3")
    followed.fetch()
    assert followed.replayed() == log_db.execute("select id, note from shop.orders where id < 6 order by id").fetchall()


def test_a_large_transaction_is_one_batch_and_held_in_pieces(
    followed: Followed, log_db: psycopg.Connection[Any]
) -> None:
    followed.fetch()
    with log_db.transaction():
        log_db.execute(
            "insert into shop.orders select i, 1, repeat('y', 200), null from generate_series(100, 50000) as i"
        )
        log_db.execute("update shop.orders set amount = 2 where id > 40000")
    log_db.execute("delete from shop.orders where id = 100")
    feed = ChangesFeed(followed.feed, followed.settings.home / "feeds", most=1 << 20, piece=1 << 20)
    fetcher = Fetcher(followed.settings, followed.feed, feed)
    with fetcher.alone():
        fetched = fetcher.fetch()
    feed.close()
    assert len(fetched.batches) == 2, "a transaction is not cut, and the next one begins a file"
    groups = pq.ParquetFile(followed.landed()[1]).metadata.num_row_groups
    assert groups > 5
    assert_same(followed, log_db)


def test_a_log_is_read_in_windows_and_none_cuts_a_transaction(
    followed: Followed, server: Server, log_db: psycopg.Connection[Any]
) -> None:
    followed.fetch()
    with server.connect(autocommit=False) as long:
        for number in range(40):
            long.execute("insert into shop.orders values (%s, 1, 'long', repeat('x', 5000))", [1000 + number])
            log_db.execute("update shop.orders set amount = amount + 1 where id = 1")
        long.commit()
    feed = ChangesFeed(followed.feed, followed.settings.home / "feeds", window=20_000, passes=1_000)
    fetcher = Fetcher(followed.settings, followed.feed, feed)
    with fetcher.alone():
        fetched = fetcher.fetch()
    feed.close()
    assert fetched.records == 80 and len(fetched.batches) > 3
    assert_same(followed, log_db)
    assert followed.fetch().records == 0


HOSTILE = ["Größe (cm)", 'say "no"', "per cent %s", "semi;colon", "a.b", "ORDER"]


def test_names_may_be_any(tmp_path: Path, server: Server, log_db: psycopg.Connection[Any]) -> None:
    table, columns = sql.Identifier("shop", 'Ta.b"le %s'), sql.SQL(", ").join(map(sql.Identifier, HOSTILE))
    log_db.execute(
        sql.SQL("create table {} ({} text)").format(table, sql.SQL(" text, ").join(map(sql.Identifier, HOSTILE)))
    )
    first, second = sql.Identifier(HOSTILE[1]), sql.Identifier(HOSTILE[2])
    log_db.execute(sql.SQL("alter table {} add primary key ({})").format(table, first))
    log_db.execute(sql.SQL("alter table {} alter {} set storage external").format(table, second))
    log_db.execute(sql.SQL("create publication {} for table {}").format(sql.Identifier('we "ird, %s'), table))
    log_db.execute(sql.SQL("insert into {} values ('a', 'b', {}, 'd', 'e', 'f')").format(table, sql.SQL(LONG)))
    followed = Followed(
        tmp_path / "home", server, source="Ö %s.x", slot=slot_name("Ö %s.x"), table=("shop", 'Ta.b"le %s'),
        publication='we "ird, %s', key=(HOSTILE[1],),
    )  # fmt: skip
    followed.fetch()
    log_db.execute(sql.SQL("update {} set {} = 'x %s', {} = ''").format(table, first, sql.Identifier("ORDER")))
    followed.fetch()
    assert [row["_operation"] for row in followed.rows()] == ["snapshot", "delete", "insert"]
    assert followed.replayed() == log_db.execute(sql.SQL("select {} from {}").format(columns, table)).fetchall()


def test_texts_of_a_database_in_another_encoding_are_unicode(
    tmp_path: Path, server: Server, log_db: psycopg.Connection[Any]
) -> None:
    log_db.execute("create database latin template template0 encoding 'LATIN1' locale 'C'")
    try:
        with server.connect() as other, psycopg.connect(other.info.dsn, password=PASSWORD, dbname="latin") as db:
            db.autocommit = True
            db.execute("create table orders (id int primary key, größe text)")
            db.execute("grant select on orders to reader; create publication assay_orders for table orders")
            followed = Followed(tmp_path / "home", server, database="latin", table=("public", "orders"))
            db.execute("insert into orders values (1, 'Fuß')")
            followed.fetch()
            db.execute("insert into orders values (2, 'Ärger')")
            followed.fetch()
            assert [(row["id"], row["größe"]) for row in followed.rows()] == [(1, "Fuß"), (2, "Ärger")]
            db.execute("select pg_drop_replication_slot('assay_orders')")
    finally:
        log_db.execute("drop database latin with (force)")


def test_two_feeds_of_one_database_share_nothing_but_the_publication(
    followed: Followed, tmp_path: Path, server: Server, log_db: psycopg.Connection[Any]
) -> None:
    log_db.execute("create table shop.other (id int primary key, name text)")
    log_db.execute("alter publication assay_orders add table shop.other")
    other = Followed(tmp_path / "home", server, source="other", slot="assay_other", table=("shop", "other"))
    followed.fetch()
    other.fetch()
    with log_db.transaction():
        log_db.execute("insert into shop.other values (1, 'a'), (2, 'b'); delete from shop.orders where id < 5")
        log_db.execute("truncate shop.other, shop.orders; insert into shop.other values (3, 'c')")
    followed.fetch()
    other.fetch()
    assert_same(followed, log_db)
    assert other.replayed() == [(3, "c")]


def test_what_is_committed_lands_within_two_seconds_and_waiting_costs_nothing(
    followed: Followed, log_db: psycopg.Connection[Any]
) -> None:
    fetcher = ChangesFetcher(followed.settings, followed.feed)
    seconds = []
    with fetcher.alone():
        fetcher.fetch()
        began = time.process_time()
        threading.Timer(3, lambda: log_db.execute("update shop.orders set amount = 0 where id = 1")).start()
        assert fetcher.fetch().records == 1, "it waits for what comes"
        assert time.process_time() - began < 0.5
        for number in range(5):
            committed = time.monotonic()
            log_db.execute("update shop.orders set amount = %s where id = 1", [number])
            assert fetcher.fetch().records == 1
            seconds.append(time.monotonic() - committed)
    assert sorted(seconds)[2] < 2
