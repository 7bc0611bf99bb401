"""Types of PostgreSQL arrive exactly, names may be any, and what changes at the source is told as of files."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import psycopg
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from assay.connectors.postgres.feed import PostgresFeed
from assay.contract.feed_kinds.table import TableFeed
from assay.feeds.content import Rows
from assay.feeds.position import Position
from tests.postgres import PASSWORD, FedLake, Server

TYPES = {
    "flag": ("boolean", ["true", "null"], pa.bool_(), [True, None]),
    "small": ("smallint", ["-32768", "32767"], pa.int16(), [-32768, 32767]),
    "big": ("bigint", ["9223372036854775807", "null"], pa.int64(), [9223372036854775807, None]),
    "single": ("real", ["0.1", "'NaN'"], pa.float32(), None),
    "twice": ("double precision", ["0.1", "'-Infinity'"], pa.float64(), [0.1, float("-inf")]),
    "price": ("numeric(12,3)", ["0.100", "-1.005"], pa.decimal128(12, 3), [Decimal("0.100"), Decimal("-1.005")]),
    "odd_price": ("numeric(12,3)", ["0.1", "'NaN'"], pa.string(), ["0.100", "NaN"]),
    "rounded": ("numeric(5,-2)", ["12345", "null"], pa.string(), ["12300", None]),
    "wide": ("numeric(60,2)", ["1e50", "0"], pa.string(), [f"1{'0' * 50}.00", "0.00"]),
    "free": ("numeric", ["1.10000000000000000000000000000000000000000001", "'Infinity'"], pa.string(),
             ["1.10000000000000000000000000000000000000000001", "Infinity"]),
    "text": ("text", ["''", "null"], pa.string(), ["", None]),
    "hostile": ("text", ["E'a\"b,\\r\\n\\\\.;''c\\t'", "'NULL'"], pa.string(), ["a\"b,\r\n\\.;'c\t", "NULL"]),
    "padded": ("char(4)", ["'ab'", "''"], pa.string(), ["ab  ", "    "]),
    "day": ("date", ["'0044-03-15'", "'9999-12-31'"], pa.date32(), None),
    "odd_day": ("date", ["'infinity'", "'0044-03-15 BC'"], pa.string(), ["infinity", "0044-03-15 BC"]),
    "late_day": ("date", ["'12024-01-01'", "null"], pa.string(), ["12024-01-01", None]),
    "moment": ("timestamp", ["'2024-02-29 23:59:59.123456'", "null"], pa.timestamp("us"), None),
    "odd_moment": ("timestamp", ["'-infinity'", "'2024-01-01'"], pa.string(), ["-infinity", "2024-01-01 00:00:00"]),
    "zoned": ("timestamptz", ["'2024-07-01 12:00+05:30'", "null"], pa.timestamp("us", tz="UTC"), None),
    "odd_zoned": ("timestamptz", ["'0001-01-01 00:00+00 BC'", "null"], pa.string(),
                  ["0001-01-01 00:00:00+00 BC", None]),
    "span": ("interval", ["'1 year -2 days 3.5 seconds'", "null"], pa.string(), ["P1Y-2DT3.5S", None]),
    "clock": ("timetz", ["'10:00+02'", "'24:00+00'"], pa.string(), ["10:00:00+02", "24:00:00+00"]),
    "id": ("uuid", ["'A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11'", "null"], pa.string(),
           ["a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11", None]),
    "doc": ("jsonb", ["'{\"n\": 12345678901234567890.10}'", "'null'"], pa.string(),
            ['{"n": 12345678901234567890.10}', "null"]),
    "raw_doc": ("json", ["'{\"a\" : 1, \"a\":2}'", "null"], pa.string(), ['{"a" : 1, "a":2}', None]),
    "bytes": ("bytea", ["'\\x00ff'", "''"], pa.string(), ["\\x00ff", "\\x"]),
    "cash": ("money", ["1234.5", "-1"], pa.string(), ["1234.50", "-1.00"]),
    "mood": ("shop.mood", ["'so ''so'''", "null"], pa.string(), ["so 'so'", None]),
    "domain": ("shop.amount", ["1.5", "null"], pa.decimal128(8, 2), [Decimal("1.50"), None]),
    "numbers": ("int[]", ["'{1,NULL,3}'", "'{}'"], pa.list_(pa.int32()), [[1, None, 3], []]),
    "prices": ("numeric(8,2)[]", ["'{1.5}'", "null"], pa.list_(pa.decimal128(8, 2)), [[Decimal("1.50")], None]),
    "names": ("text[]", ["array['a,b','{','NULL',null,'\"']", "'{}'"], pa.list_(pa.string()),
              [["a,b", "{", "NULL", None, '"'], []]),
    "grid": ("int[]", ["'{{1,2},{3,4}}'", "'{5}'"], pa.string(), ["{{1,2},{3,4}}", "{5}"]),
    "shifted": ("int[]", ["'[0:1]={1,2}'", "null"], pa.string(), ["[0:1]={1,2}", None]),
    "odd_days": ("date[]", ["'{infinity}'", "null"], pa.string(), ["{infinity}", None]),
    "pair": ("shop.pair", ["row(1,'x y')", "null"], pa.string(), ['(1,"x y")', None]),
    "ages": ("int4range", ["'[1,5)'", "null"], pa.string(), ["[1,5)", None]),
}  # fmt: skip


def declaration(server: Server, monkeypatch: pytest.MonkeyPatch, table: tuple[str, ...]) -> TableFeed:
    monkeypatch.setenv("SHOP_PASSWORD", PASSWORD)
    url = f"host=127.0.0.1 port={server.port} user=reader dbname=postgres password=${{env:SHOP_PASSWORD}}"
    return TableFeed(source="orders", kind="postgres", url=url, table=table, mode="whole")


def fetched(feed: TableFeed, piece: int) -> pa.Table:
    from assay.feeds.errors import Restart  # noqa: PLC0415

    for batch in PostgresFeed(feed, piece).read(Position(), "2026-01-01T00:00:00"):
        while not isinstance(batch, str):
            try:
                assert isinstance(batch.content, Rows)
                return pa.concat_tables(batch.content.tables())
            except Restart:
                continue
    raise AssertionError("there is no batch")


def test_every_type_arrives_exactly(
    server: Server, db: psycopg.Connection[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    db.execute("create type shop.mood as enum ('so ''so''')")
    db.execute("create domain shop.cents as numeric(8,2); create domain shop.amount as shop.cents")
    db.execute("create type shop.pair as (a int, b text)")
    for name, (kind, values, arrow, expected) in TYPES.items():
        db.execute(f"create table shop.one (value {kind})")
        db.execute(f"insert into shop.one values ({values[0]}), ({values[1]})")
        rows = fetched(declaration(server, monkeypatch, ("shop", "one")), 1).column("value")
        assert rows.type == arrow, name
        assert expected is None or rows.to_pylist() == expected, name
        db.execute("drop table shop.one")


def test_one_exceptional_value_among_many_rows_makes_its_column_text_and_no_other(
    server: Server, db: psycopg.Connection[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    db.execute("create table shop.one (id int, at timestamptz, day date)")
    db.execute("insert into shop.one select i, '2024-01-01', '2024-01-01' from generate_series(1, 5000) as i")
    feed = declaration(server, monkeypatch, ("shop", "one"))
    assert fetched(feed, 10_000).schema.field("at").type == pa.timestamp("us", tz="UTC")
    db.execute("insert into shop.one values (5001, 'infinity', null)")
    table = fetched(feed, 10_000)
    assert (table.num_rows, table.schema.field("id").type, table.column("at")[-1].as_py()) == (
        5001,
        pa.int32(),
        "infinity",
    )


HOSTILE = ["Größe (cm)", 'say "no"', "per cent %s", "semi;colon", "a.b", "ORDER"]


def test_names_may_be_any_and_drift_is_told_as_of_files(
    tmp_path: Path, server: Server, db: psycopg.Connection[Any]
) -> None:
    table = '"Ta.b""le %"'
    quoted = ['"' + name.replace('"', '""') + '"' for name in HOSTILE]
    db.execute(
        f"create table shop.{table} (id int primary key, {', '.join(f'{name} text' for name in quoted)})".encode()
    )
    db.execute(f"insert into shop.{table} values (1, 'a', 'b', 'c', 'd', 'e', 'f')".encode())
    columns: dict[str, Any] = {"id": "integer", **dict.fromkeys(HOSTILE, "varchar")}
    lake = FedLake(tmp_path / "lake", server, {"table": f"shop.{table}", "mode": "whole"}, columns)
    shown = lake.feed("test", "orders")
    assert all(name in shown for name in HOSTILE[:3])
    assert "1 records landed" in lake.feed("run", "orders", "--once")
    lab = lake.lab()
    lab.good_run()
    named = ", ".join(quoted)
    assert lab.rows(f"select id, {named} from silver.orders") == [(1, *"abcdef")]
    db.execute(f"alter table shop.{table} add column added int default 7".encode())
    lake.feed("run", "orders", "--once")
    lab.good_run()
    rescued = [row[0] for row in lab.stored("select _rescued from bronze.orders order by _file_id")]
    assert rescued == [None, '{"added":7}']
    assert ("added", "came") in lab.rows("select column_name, what from ops.schema_changes")
    db.execute(f'alter table shop.{table} rename column {quoted[0]} to "Size"'.encode())
    lake.feed("run", "orders", "--once")
    lab.run()
    refused = lab.rows("select reason from ops.files where status = 'refused'")
    assert len(refused) == 1 and HOSTILE[0] in refused[0][0]


def test_a_whole_table_is_a_snapshot_without_what_was_deleted(
    tmp_path: Path, server: Server, db: psycopg.Connection[Any]
) -> None:
    db.execute("create table shop.orders (id int primary key, name text)")
    db.execute("insert into shop.orders select i, 'n' || i from generate_series(1, 9) as i")
    columns = {"id": "integer", "name": {"data_type": "varchar", "config": {"meta": {"personal": True}}}}
    lake = FedLake(tmp_path / "lake", server, {"table": "shop.orders", "mode": "whole"}, columns)
    shown = lake.feed("test", "orders")
    assert "masked" in shown and "n3" not in shown and not lake.folder.exists()
    assert "9 records landed" in lake.feed("run", "orders", "--once")
    assert "no new snapshot" in lake.feed("run", "orders", "--once")
    lab = lake.lab()
    lab.good_run()
    db.execute("delete from shop.orders where id > 7; update shop.orders set name = 'a' where id = 1")
    assert "7 records landed" in lake.feed("run", "orders", "--once")
    lab.good_run()
    assert (
        lab.rows("select id, name from silver.orders order by id")
        == db.execute("select id, name from shop.orders order by id").fetchall()
    )
    assert pq.ParquetFile(lake.landed()[0]).metadata.num_rows == 9
