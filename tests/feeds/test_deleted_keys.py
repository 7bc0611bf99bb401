"""Keys that a source deleted are told exactly, whatever arrives meanwhile, and values about people are not shown."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import psycopg

from assay.base import clock
from assay.contract.catalog import Catalog
from assay.contract.declared_feeds import feeds_of
from assay.fetching.last_comparison import last_comparison, note_comparison
from assay.fetching.standing import Standing
from assay.orchestration.feed_events import shown
from tests.feeds.test_services import until
from tests.feeds.test_watermark import COLUMNS, FEED, NINE, ORDERS
from tests.mariadb import MariaDb, run
from tests.postgres import FedLake, Server

COMPARE = ("run", "orders", "--compare-keys")


def test_keys_that_postgresql_deleted_are_told_and_new_ones_are_not(
    tmp_path: Path, server: Server, db: psycopg.Connection[Any]
) -> None:
    db.execute(ORDERS)
    db.execute(NINE)
    lake = FedLake(tmp_path / "lake", server, FEED, COLUMNS)
    assert "no run has ended yet" in lake.feed(*COMPARE, code=1)
    lake.feed("run", "orders", "--once")
    lake.lab().good_run()
    db.execute("insert into shop.orders values (10, 1, 'not loaded')")
    assert "each of the 9 keys of silver.orders is at the source" in lake.feed(*COMPARE)
    db.execute("delete from shop.orders where id = 3; update shop.orders set id = 70 where id = 7")
    before = sorted(path for path in lake.home.rglob("*") if path.is_file())
    told = lake.feed(*COMPARE, code=3)
    assert "2 of 9 keys of silver.orders are not at the source any more" in told
    assert "3" in told.partition("they are:")[2] and "7" in told.partition("they are:")[2]
    assert sorted(path for path in lake.home.rglob("*") if path.is_file()) == before
    compared = json.loads(lake.feed("status", "--json"))[0]["compared_keys"]
    assert (compared["keys"], compared["gone"], "first" in compared) == (9, 2, False)
    lake.declare({"table": "shop.orders", "mode": "whole"}, COLUMNS)
    assert "of `mode: watermark` alone" in lake.feed(*COMPARE, code=1)


def test_keys_of_other_types_and_about_people_are_compared_and_masked(
    tmp_path: Path, mariadb: MariaDb, maria: Any
) -> None:
    run(maria, "create table people (name varchar(40) primary key, at timestamp(3) null)")
    run(maria, "insert into people select concat('Ä', seq), now(3) - interval 1 hour from seq_1_to_30")
    feed = {**mariadb.feed, "table": "people", "mode": "watermark", "cursor": "at"}
    columns = {"name": {"data_type": "varchar", "config": {"meta": {"personal": True}}}}
    lake = FedLake(tmp_path / "lake", mariadb, feed, {**columns, "at": "timestamp with time zone"})
    lake.feed("run", "orders", "--once")
    lake.lab().good_run()
    run(maria, "delete from people where name > 'Ä1'")
    told = lake.feed(*COMPARE, code=3)
    assert "29 of 30 keys" in told and "the first are" in told
    assert told.count("masked") == 10 and "Ä" not in told


def test_a_feed_compares_keys_by_itself_when_it_is_time(
    tmp_path: Path, server: Server, db: psycopg.Connection[Any]
) -> None:
    db.execute(ORDERS)
    db.execute(NINE)
    lake = FedLake(tmp_path / "lake", server, {**FEED, "every": 0.2, "compare_keys": "1 day"}, COLUMNS)

    def compared(key: str) -> Any:
        return (last_comparison(lake.settings, "orders") or {}).get(key)

    feed = lake.running()
    try:
        until(lambda: compared("problem"))
        assert "no run has ended yet" in json.loads(lake.feed("status", "--json"))[0]["compared_keys"]["problem"]
        lake.lab().good_run()
        db.execute("delete from shop.orders where id in (3, 4)")
        note_comparison(lake.settings, "orders", {"at": (clock.now() - timedelta(days=2)).isoformat()})
        until(lambda: compared("gone"))
        assert (compared("keys"), compared("gone"), compared("problem")) == (9, 2, None)
        at = compared("at")
        db.execute("insert into shop.orders values (10, 1, 'ten', now() - interval '1 second')")
        before = len(lake.landed())
        until(lambda: len(lake.landed()) > before)
        assert compared("at") == at and feed.poll() is None, "it is not time"
        declared = feeds_of(Catalog.read(lake.settings.dbt_project).models)["orders"]
        seen = shown(Standing.of(lake.settings, declared, None))
        assert (seen["keys_gone"], seen["keys_compared"]) == (2, 9)
    finally:
        feed.kill()
        feed.wait()
