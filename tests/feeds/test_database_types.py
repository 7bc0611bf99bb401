"""Types of MariaDB arrive exactly, names may be any, and what cannot be read is refused with what to do."""

from __future__ import annotations

import gc
import warnings
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from assay.connectors.databases.feed import DatabaseFeed
from assay.contract.feed_kinds.database import DatabaseTable
from assay.feeds.content import Rows
from assay.feeds.errors import Permanent, Restart, Transient
from assay.feeds.position import Position
from tests.mariadb import MariaDb, run
from tests.postgres import PASSWORD, FedLake

UTC = pa.timestamp("us", tz="UTC")
TYPES = {
    "flag": ("tinyint(1)", ["1", "-128"], pa.int8(), [1, -128]),
    "tiny": ("tinyint unsigned", ["255", "null"], pa.uint8(), [255, None]),
    "small": ("smallint", ["-32768", "32767"], pa.int16(), [-32768, 32767]),
    "medium": ("mediumint unsigned", ["16777215", "0"], pa.uint32(), [16777215, 0]),
    "filled": ("int(8) zerofill", ["42", "4294967295"], pa.uint32(), [42, 4294967295]),
    "big": ("bigint", ["-9223372036854775808", "null"], pa.int64(), [-(2**63), None]),
    "most": ("bigint unsigned", ["18446744073709551615", "0"], pa.uint64(), [2**64 - 1, 0]),
    "single": ("float", ["16777217", "0.1"], pa.float32(), [16777216.0, 0.10000000149011612]),
    "twice": ("double", ["0.1", "-1.7976931348623157e308"], pa.float64(), [0.1, -1.7976931348623157e308]),
    "price": ("decimal(12,3)", ["0.1", "-999999999.999"], pa.decimal128(12, 3),
              [Decimal("0.100"), Decimal("-999999999.999")]),
    "plain": ("decimal", ["7", "null"], pa.decimal128(10, 0), [Decimal(7), None]),
    "widest": ("decimal(38,38)", ["0.00000000000000000000000000000000000001", "0"], pa.decimal128(38, 38),
               [Decimal("1e-38"), Decimal(0)]),
    "wide": ("decimal(65,2)", ["-" + "9" * 63 + ".99", "0"], pa.string(), ["-" + "9" * 63 + ".99", "0.00"]),
    "day": ("date", ["'9999-12-31'", "'1000-01-01'"], pa.date32(), None),
    "no_day": ("date", ["'0000-00-00'", "'2024-02-29'"], pa.string(), ["0000-00-00", "2024-02-29"]),
    "half_day": ("date", ["'2024-00-15'", "null"], pa.string(), ["2024-00-15", None]),
    "moment": ("datetime(6)", ["'2024-02-29 23:59:59.123456'", "null"], pa.timestamp("us"), None),
    "coarse": ("datetime", ["'2024-02-29 23:59:59'", "null"], pa.timestamp("us"), None),
    "no_moment": ("datetime(3)", ["'0000-00-00'", "'2024-01-01'"], pa.string(),
                  ["0000-00-00 00:00:00.000", "2024-01-01 00:00:00.000"]),
    "stamp": ("timestamp(3) null", ["'2024-07-01 12:00:00.5'", "null"], UTC, None),
    "no_stamp": ("timestamp null", ["0", "'2024-07-01 12:00:00'"], pa.string(),
                 ["0000-00-00 00:00:00+00:00", "2024-07-01 12:00:00+00:00"]),
    "span": ("time(6)", ["'-838:59:59.999999'", "'24:00'"], pa.string(), ["-838:59:59.999999", "24:00:00.000000"]),
    "year": ("year", ["2155", "0"], pa.int16(), [2155, 0]),
    "bit": ("bit(1)", ["b'1'", "b'0'"], pa.uint64(), [1, 0]),
    "bits": ("bit(64)", ["0xffffffffffffffff", "1"], pa.uint64(), [2**64 - 1, 1]),
    "padded": ("char(4)", ["'ab'", "''"], pa.string(), ["ab", ""]),
    "text": ("longtext", ["''", "'NULL'"], pa.string(), ["", "NULL"]),
    "hostile": ("varchar(40)", ["'a\"b,\\r\\n\\\\.;''c\\t\\0'", "'ä😀'"], pa.string(), ["a\"b,\r\n\\.;'c\t\0", "ä😀"]),
    "latin": ("varchar(9) character set latin1", ["'äß€'", "null"], pa.string(), ["äß€", None]),
    "bytes": ("varbinary(9)", ["0x00ff", "''"], pa.string(), ["\\x00ff", "\\x"]),
    "fixed": ("binary(3)", ["'a'", "null"], pa.string(), ["\\x610000", None]),
    "blob": ("longblob", ["repeat('x', 70000)", "null"], pa.string(), ["\\x" + "78" * 70000, None]),
    "mood": ("enum('a','it''s')", ["'it''s'", "''"], pa.string(), ["it's", ""]),
    "some": ("set('a','b')", ["'b,a'", "''"], pa.string(), ["a,b", ""]),
    "doc": ("json", ["'{\"n\": 12345678901234567890.10, \"n\": 1}'", "'null'"], pa.string(),
            ['{"n": 12345678901234567890.10, "n": 1}', "null"]),
    "id": ("uuid", ["'A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11'", "null"], pa.string(),
           ["a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11", None]),
    "address": ("inet6", ["'2001:db8::ff00:42:8329'", "null"], pa.string(), ["2001:db8::ff00:42:8329", None]),
    "place": ("point", ["point(1, 2)", "null"], pa.string(),
              ["\\x000000000101000000000000000000f03f0000000000000040", None]),
}  # fmt: skip


def declaration(mariadb: MariaDb, monkeypatch: pytest.MonkeyPatch, *table: str, **keys: Any) -> DatabaseTable:
    monkeypatch.setenv("SHOP_PASSWORD", PASSWORD)
    feed = {"source": "orders", "mode": "whole", **mariadb.feed, "table": table, **keys}
    return DatabaseTable(**feed)


def fetched(feed: DatabaseTable, piece: int = 1) -> pa.Table:
    for batch in DatabaseFeed(feed, piece).read(Position(), "2026-01-01T00:00:00"):
        while not isinstance(batch, str):
            try:
                assert isinstance(batch.content, Rows)
                return pa.concat_tables(batch.content.tables())
            except Restart:
                continue
    raise AssertionError("there is no batch")


def test_every_type_of_mariadb_arrives_exactly(mariadb: MariaDb, maria: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    run(maria, "set sql_mode = ''")
    run(maria, f"create table shop.every ({', '.join(f'`{name}` {kind}' for name, (kind, *_) in TYPES.items())})")
    for at in (0, 1):
        run(maria, f"insert into shop.every values ({', '.join(values[at] for _, values, *_ in TYPES.values())})")
    table = fetched(declaration(mariadb, monkeypatch, "shop", "every"))
    for name, (_, _, arrow, expected) in TYPES.items():
        assert table.column(name).type == arrow, name
        assert expected is None or table.column(name).to_pylist() == expected, name
    written = {name: table.column(name).cast(pa.string()).to_pylist()[0] for name in ("day", "moment", "coarse")}
    assert written == {"day": "9999-12-31", "moment": "2024-02-29 23:59:59.123456",
                       "coarse": "2024-02-29 23:59:59.000000"}  # fmt: skip
    assert table.column("stamp")[0].as_py().isoformat() == "2024-07-01T12:00:00.500000+00:00"


def test_one_exceptional_value_among_many_rows_makes_its_column_text_and_no_other(
    mariadb: MariaDb, maria: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(maria, "set sql_mode = ''", "create table one (id int, at datetime, day date)")
    run(maria, "insert into one select seq, '2024-01-01', '2024-01-01' from seq_1_to_5000")
    run(maria, "insert into one values (5001, '0000-00-00', null)")
    table = fetched(declaration(mariadb, monkeypatch, "one"), piece=10_000)
    assert [str(field.type) for field in table.schema] == ["int32", "string", "date32[day]"]
    assert (table.num_rows, table.column("at")[-1].as_py()) == (5001, "0000-00-00 00:00:00")


HOSTILE = ["Größe (cm)", 'say "no"', "per cent %s", "semi;colon", "a.b", "order", "tick`s", ":bound"]


def test_names_may_be_any_and_what_was_deleted_leaves_silver(tmp_path: Path, mariadb: MariaDb, maria: Any) -> None:
    names = ["`" + name.replace("`", "``") + "`" for name in HOSTILE]
    table, other = '`select."Ta``ble %`', '`Select."Ta``ble %`'
    columns = ", ".join(f"{name} text" for name in names)
    run(maria, f"create table {table} (id int primary key, {columns})", f"create table {other} (id bigint)")
    for at in (1, 2):
        run(maria, f"insert into {table} values ({at}, {', '.join(repr(str(n)) for n in range(len(HOSTILE)))})")
    feed = {**mariadb.feed, "table": '"shop"."select.""Ta`ble %"', "mode": "whole"}
    lake = FedLake(tmp_path / "lake", mariadb, feed, {"id": "integer", **dict.fromkeys(HOSTILE, "varchar")})
    assert all(name in lake.feed("test", "orders") for name in HOSTILE[:3])
    assert "2 records landed" in lake.feed("run", "orders", "--once")
    assert "no new snapshot" in lake.feed("run", "orders", "--once")
    run(maria, f"delete from {table} where id = 2")
    assert "1 records landed" in lake.feed("run", "orders", "--once")
    lab = lake.lab()
    lab.good_run()
    named = ", ".join('"' + name.replace('"', '""') + '"' for name in HOSTILE)
    assert lab.rows(f"select id, {named} from silver.orders") == [(1, *map(str, range(len(HOSTILE))))]


def test_views_empty_tables_and_tables_without_rights_are_told_apart(
    mariadb: MariaDb, maria: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(maria, "create table none (id int)", "create view seen as select id + 0.5 as half from none")
    empty, seen = (fetched(declaration(mariadb, monkeypatch, name)) for name in ("none", "seen"))
    assert (empty.num_rows, empty.schema.names, seen.num_rows) == (0, ["id"], 0)
    assert str(seen.schema.field("half").type).startswith("decimal128")


def test_a_connection_to_another_machine_is_encrypted_or_refused(
    mariadb: MariaDb, maria: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(maria, "create table one (id int)")
    monkeypatch.setattr("assay.connectors.databases.session.are_here", lambda _: False)
    feed = declaration(mariadb, monkeypatch, "one")
    with pytest.raises(Permanent, match="SSL"):
        fetched(feed)
    assert fetched(replace(feed, url=f"{feed.url}?ssl_disabled=true")).num_rows == 0


def test_a_server_that_goes_away_in_the_middle_passes(
    mariadb: MariaDb, maria: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(
        maria,
        "create table one (id int, body text)",
        "insert into one select seq, repeat('x', 3000) from seq_1_to_9000",
    )
    batches = DatabaseFeed(declaration(mariadb, monkeypatch, "one"), 1).read(Position(), "2026-01-01T00:00:00")
    batch = next(batches)
    assert not isinstance(batch, str) and isinstance(batch.content, Rows)
    tables = batch.content.tables()
    next(tables)
    reader = "select id from information_schema.processlist where user = 'reader'"
    run(maria, f"kill connection {run(maria, reader)[0][0]}")
    with pytest.raises(Transient, match="Lost connection"):
        list(tables)
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # what the driver forgets, it forgets without a word
        batches.close()
        del tables, batch, batches
        gc.collect()
