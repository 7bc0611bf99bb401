"""A table that is fetched by watermark is in silver as it is at the source."""

from __future__ import annotations

import threading
import time
from pathlib import Path
from typing import Any
from urllib.parse import quote

import psycopg
import pytest
from psycopg import sql

from assay.cli.feeds import declared
from assay.feeds.errors import Permanent
from assay.fetching.kinds import fetcher_of
from tests.postgres import PASSWORD, FedLake, Server
from tests.vault import Vault

COLUMNS = {
    "id": "bigint",
    "amount": "decimal(10,2)",
    "note": "varchar",
    "updated_at": "timestamp with time zone",
}
FEED = {"table": "shop.orders", "mode": "watermark", "cursor": "updated_at", "margin": 0.1}
ORDERS = """
    create table shop.orders (
        id bigint primary key, amount numeric(10, 2), note text, updated_at timestamptz not null default now()
    )
"""
NINE = "insert into shop.orders select i, i / 8.0, 'n' || i, now() - interval '1 hour' from generate_series(1, 9) as i"


@pytest.fixture
def lake(tmp_path: Path, server: Server, db: psycopg.Connection[Any]) -> FedLake:
    db.execute(ORDERS)
    return FedLake(tmp_path / "lake", server, FEED, COLUMNS)


def assert_equal(lake: FedLake, db: psycopg.Connection[Any]) -> None:
    lab = lake.lab()
    lab.good_run()
    rows = lab.rows("select id, amount, note, updated_at from silver.orders order by id")
    assert rows == db.execute("select id, amount, note, updated_at from shop.orders order by id").fetchall()


def test_rows_that_change_arrive_and_ties_of_the_boundary_too(lake: FedLake, db: psycopg.Connection[Any]) -> None:
    db.execute(NINE)
    assert "9 records landed" in lake.feed("run", "orders", "--once")
    assert "0 records landed" in lake.feed("run", "orders", "--once")
    tie = "(select max(updated_at) from shop.orders)"
    db.execute(f"insert into shop.orders values (10, 1, 'tie', {tie}), (11, 2, 'new', now() - interval '1 minute')")
    db.execute(
        "update shop.orders set amount = -1, note = 'a' where id = 3"
    )  # its cursor is a tie, and nothing in it is greater
    assert "11 records landed" in lake.feed("run", "orders", "--once")
    assert_equal(lake, db)


def test_rows_of_a_transaction_that_ends_late_are_read(
    lake: FedLake, server: Server, db: psycopg.Connection[Any]
) -> None:
    db.execute(NINE)
    with server.connect(autocommit=False) as late:
        late.execute("insert into shop.orders values (50, 1, 'late')")  # begins now, and shows later
        db.execute("insert into shop.orders values (51, 1, 'between', clock_timestamp())")
        time.sleep(0.2)
        lake.feed("run", "orders", "--once")
        assert "wait for the transaction of process" in lake.feed("status", "--json")
        time.sleep(0.2)
        assert "wait for the transaction of process" in lake.feed("run", "orders", "--once")
        late.commit()
    time.sleep(0.2)
    lake.feed("run", "orders", "--once")
    assert_equal(lake, db)


def test_numbers_of_a_sequence_wait_for_those_that_are_open(
    lake: FedLake, server: Server, db: psycopg.Connection[Any]
) -> None:
    db.execute(
        "create sequence shop.versions; alter table shop.orders add version bigint default nextval('shop.versions')"
    )
    lake.declare({"table": "shop.orders", "mode": "watermark", "cursor": "version"}, {**COLUMNS, "version": "bigint"})
    db.execute(NINE.replace("shop.orders", "shop.orders (id, amount, note, updated_at)"))
    lake.feed("run", "orders", "--once")
    with server.connect(autocommit=False) as late:
        late.execute("insert into shop.orders (id, note) values (50, 'late')")
        db.execute("insert into shop.orders (id, note) values (51, 'between')")
        threading.Timer(2, late.commit).start()
        assert "3 records landed" in lake.feed("run", "orders", "--once")  # with one that is read again
    assert_equal(lake, db)


@pytest.mark.parametrize("zone", ["America/New_York", "Asia/Kolkata"])
def test_the_time_zone_of_the_role_shifts_nothing(lake: FedLake, db: psycopg.Connection[Any], zone: str) -> None:
    db.execute(f"alter role reader set timezone = '{zone}'")
    db.execute("alter role reader set datestyle = 'SQL, DMY'")
    try:
        db.execute(NINE)
        assert "9 records landed" in lake.feed("run", "orders", "--once")
        assert lake.landed()[0].parent.name.endswith("+00")
        assert "0 records landed" in lake.feed("run", "orders", "--once")
    finally:
        db.execute("alter role reader reset all")


PROBLEMS = {
    "update shop.orders set updated_at = null where id < 3": "2 rows of shop.orders have no updated_at",
    "update shop.orders set updated_at = 'infinity' where id = 3": "1 rows of shop.orders have a updated_at more than",
    "revoke pg_read_all_stats from reader": 'grant pg_read_all_stats to "reader"',
    "revoke select on shop.orders from reader": "grant the role of the url `select` on shop.orders",
    "revoke usage on schema shop from reader": "permission denied for schema shop",
    "alter table shop.orders alter updated_at type timestamp": "write `cursor_zone: UTC` if all writers write UTC",
    "alter table shop.orders alter updated_at type text": "is of type text; expected timestamptz",
    "alter table shop.orders rename updated_at to changed": "has no such column",
    "alter table shop.orders rename to invoices": "has no such column, or is not there",
    "alter table shop.orders enable row level security": "row-level security",
    "alter role reader password 'other'": "password authentication failed",
}


def test_what_would_lose_rows_is_refused_with_what_to_do(lake: FedLake, db: psycopg.Connection[Any]) -> None:
    db.execute("alter table shop.orders alter updated_at drop not null")
    db.execute(NINE)
    for change, problem in PROBLEMS.items():
        with db.transaction():
            db.execute("create table if not exists shop.kept as table shop.orders")
        db.execute(change.encode())
        told = lake.feed("run", "orders", "--once", code=1)
        assert problem in told and "feed orders" in told, change
        db.execute("drop table if exists shop.orders, shop.invoices, shop.kept")
        db.execute(ORDERS + "; alter table shop.orders alter updated_at drop not null; " + NINE)
        db.execute("grant usage on schema shop to reader; grant pg_read_all_stats to reader")
        db.execute(sql.SQL("alter role reader password {}").format(PASSWORD))
    assert "9 records landed" in lake.feed("run", "orders", "--once")


def test_prepared_transactions_are_waited_for(lake: FedLake, db: psycopg.Connection[Any]) -> None:
    db.execute(NINE)
    db.execute("begin; insert into shop.orders values (50, 1, 'two phases'); prepare transaction 'one'")
    assert "1 prepared transactions wait" in lake.feed("run", "orders", "--once", code=1)
    db.execute("commit prepared 'one'")
    time.sleep(0.2)
    assert "10 records landed" in lake.feed("run", "orders", "--once")


def test_no_secret_is_written_or_told_anywhere(lake: FedLake, server: Server, db: psycopg.Connection[Any]) -> None:
    db.execute(NINE)
    environment = {**lake.environment, "ASSAY_LOG": "json"}
    told = [
        lake.feed(*words, env=environment) for words in (("list",), ("test", "orders"), ("run", "orders", "--once"))
    ]
    lake.lab().good_run()
    reference = "${env:SHOP_PASSWORD}"
    for words, url in (
        (("run", "orders", "--once"), f"postgresql://reader:{reference}@127.0.0.1:{server.port}/no_such"),
        (("test", "orders"), f"postgresql://reader:{reference}@127.0.0.1:1/postgres"),
        (("run", "orders", "--once"), reference),
    ):
        lake.declare({**FEED, "url": url}, COLUMNS)
        told.append(lake.feed(*words, code=1, env=environment))
    told.append(lake.feed("status", env=environment))
    spellings = [text.encode() for text in (PASSWORD, quote(PASSWORD, safe=""), quote(PASSWORD), PASSWORD[:7])]
    assert not [text for text in told for secret in spellings if secret in text.encode()]
    files = [path for path in lake.project.parent.rglob("*") if path.is_file()]
    assert len(files) > 20
    assert not [path for path in files for secret in spellings if secret in path.read_bytes()]


def test_a_password_that_was_rotated_is_taken_without_a_restart(
    lake: FedLake, server: Server, db: psycopg.Connection[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    db.execute(NINE)
    url = f"postgresql://reader:${{vault:kv/shop#password}}@127.0.0.1:{server.port}/postgres"
    lake.declare({**FEED, "url": url}, COLUMNS)
    declaration = declared(lake.settings)[1]["orders"]
    password = sql.SQL("alter role reader password {}")
    with Vault() as vault:
        for name, value in vault.environment.items():
            monkeypatch.setenv(name, value)
        vault.secrets["/v1/kv/shop"]["password"] = PASSWORD
        fetcher = fetcher_of(lake.settings, declaration)
        try:
            with fetcher.alone():
                assert fetcher.fetch().records == 9
                db.execute(password.format("another"))
                db.execute("insert into shop.orders values (10, 1, 'ten', now() - interval '1 second')")
                with pytest.raises(Permanent, match="password authentication failed"):
                    fetcher.fetch()
                vault.secrets["/v1/kv/shop"]["password"] = "another"  # noqa: S105 - of a test
                assert fetcher.fetch().records == 10  # with the ties of the boundary
        finally:
            db.execute(password.format(PASSWORD))
