"""A feed of any database: what its yml refuses, and SQLite, whose columns hold anything, read exactly."""

from __future__ import annotations

import sqlite3
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
import sqlalchemy as sa
from pymysql.err import InternalError, OperationalError, ProgrammingError
from sqlalchemy.dialects import mssql, oracle
from sqlalchemy.engine.default import DefaultDialect

from assay.connectors.databases.columns import SourceColumn, array
from assay.connectors.databases.dialect import Dialect, _column
from assay.connectors.databases.feed import DatabaseFeed
from assay.connectors.databases.mysql import MySql
from assay.contract.contract import Contract
from assay.contract.declared_feeds import declared_feed
from assay.contract.errors import ContractError
from assay.contract.feed_kinds.database import DatabaseTable
from assay.contract.parse import parse_contract
from assay.feeds.content import Rows
from assay.feeds.errors import Permanent, Restart, Transient
from assay.feeds.frame import Batch
from assay.feeds.position import Position

MYSQL = {"kind": "database", "url": "mysql+pymysql://r:${env:P}@h/shop", "table": "orders", "mode": "whole"}
MARK = {**MYSQL, "mode": "watermark", "cursor": "at"}


def node(feed: Any) -> dict[str, Any]:
    contract = {"version": "1.0.0", "owner": "shop", "new_columns": "rescue"}
    return {
        "name": "bronze_orders",
        "config": {"meta": {"contract": contract, "feed": feed}},
        "columns": {"id": {"name": "id", "data_type": "bigint"}},
        "constraints": [{"type": "primary_key", "columns": ["id"]}],
    }


def test_a_feed_of_a_database_is_declared_as_one_of_postgresql_is() -> None:
    contract: Contract = parse_contract(node(MARK))
    assert (contract.load, contract.files) == ("events", "feeds/orders/*/*/*/*.parquet")
    feed = declared_feed("orders", node({**MARK, "longest_transaction": 600, "cursor_zone": "UTC"}))
    assert isinstance(feed, DatabaseTable)
    assert (feed.longest_transaction, feed.is_utc, feed.what) == (600, True, "orders, watermark by at")


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"url": "postgresql://r@h/d"}, "kind: postgres"),
        ({"url": "mysql://r:hunter2@h/d"}, "holds a password"),
        ({"url": "mssql+pyodbc:///?odbc_connect=DRIVER%3Dx%3BPWD%3Dhunter2"}, "holds a password"),
        ({"url": "mysql://h/d?passwd=hunter2"}, "holds a password"),
        ({"table": "a.b.c"}, "is not the name of a table"),
        ({"longest_transaction": 60}, "longest_transaction: goes with `mode: watermark`"),
        ({"mode": "watermark"}, "needs `cursor: updated_at`"),
        ({"mode": "log"}, "'log' is not one of whole and watermark"),
        ({"cursr": "at"}, r"unknown key 'cursr' \(did you mean cursor\?\)"),
    ],
)
def test_what_cannot_be_a_feed_of_a_database_is_refused(change: dict[str, Any], problem: str) -> None:
    with pytest.raises(ContractError, match=problem) as raised:
        parse_contract(node({**MYSQL, **change}))
    assert "hunter2" not in str(raised.value)


class Shop:
    """A file of SQLite, and feeds of it."""

    def __init__(self, folder: Path) -> None:
        self.file = folder / "a shop?100%#.db"
        self.db = sqlite3.connect(self.file, isolation_level=None)

    def feed(self, table: str = "orders", **keys: Any) -> DatabaseFeed:
        named = {"source": "orders", "kind": "database", "mode": "whole", **keys}
        return DatabaseFeed(DatabaseTable(url=str(self.url), table=(table,), **named), piece=1)

    @property
    def url(self) -> str:
        return sa.URL.create("sqlite", database=str(self.file)).render_as_string()

    def marked(self, start: str | None = None, cursor: str = "at", **keys: Any) -> tuple[str, pa.Table] | None:
        keys = {"is_utc": True, "margin": 0.1, **keys}
        position = Position(1, ((f"by:{cursor}", start),) if start else ())
        for batch in self.feed(mode="watermark", cursor=cursor, **keys).read(position, "2026-01-01T00:00:00"):
            assert isinstance(batch, Batch)
            return batch.end, rows(batch)
        return None


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    return Shop(tmp_path)


def rows(batch: Batch | str | None) -> pa.Table:
    assert isinstance(batch, Batch) and isinstance(batch.content, Rows)
    while True:
        try:
            return pa.concat_tables(batch.content.tables())
        except Restart:
            continue


def whole(feed: DatabaseFeed) -> pa.Table:
    for batch in feed.read(Position(), "2026-01-01T00:00:00"):
        return rows(batch)
    raise AssertionError("there is no batch")


def test_values_of_any_class_in_a_column_of_sqlite_are_neither_lost_nor_rounded(shop: Shop) -> None:
    shop.db.execute(
        "create table orders (i integer, odd integer, f real, p decimal(6,2), bad decimal(6,2), n numeric, t text, "
        "b blob, at datetime, x, flag boolean)"
    )
    row = (2**63 - 1, 1, 0.1, 12.5, 0.1 + 0.2, 1e-5, "a\0ü", b"\0\xff", "2024-01-01 00:00:00", 7, True)
    shop.db.execute("insert into orders values (?,?,?,?,?,?,?,?,?,?,?)", row)
    shop.db.execute("insert into orders (odd, t) values ('three', cast(x'ff' as text))")
    table = whole(shop.feed())
    assert {field.name: str(field.type) for field in table.schema} == {
        "i": "int64", "odd": "string", "f": "double", "p": "decimal128(6, 2)", "bad": "string", "n": "string",
        "t": "string", "b": "string", "at": "string", "x": "string", "flag": "int64",
    }  # fmt: skip
    assert table.to_pylist() == [
        {"i": 2**63 - 1, "odd": "1", "f": 0.1, "p": Decimal("12.50"), "bad": "0.30000000000000004", "n": "0.00001",
         "t": "a\0ü", "b": "\\x00ff", "at": "2024-01-01 00:00:00", "x": "7", "flag": 1},
        {**dict.fromkeys(table.schema.names), "odd": "three", "t": "\\xff"},
    ]  # fmt: skip


def test_nothing_is_written_to_a_file_of_sqlite_and_none_is_made(shop: Shop, tmp_path: Path) -> None:
    shop.db.execute('create table "or""ders %s" (":a" int, "order" int)')
    shop.db.execute('insert into "or""ders %s" values (1, 2)')
    shop.db.execute('create view seen as select ":a" + 0.5 as half from "or""ders %s"')
    before = shop.file.read_bytes()
    assert whole(shop.feed('or"ders %s')).to_pylist() == [{":a": 1, "order": 2}]
    assert whole(shop.feed("seen")).to_pylist() == [{"half": "1.5"}]
    sample = shop.feed('or"ders %s').sample(5)
    assert ([column.there for column in sample.columns], sample.records) == (["INT", "INT"], (("1", "2"),))
    assert shop.file.read_bytes() == before
    with pytest.raises(Permanent, match="there is no table missing"):
        whole(shop.feed("missing"))
    shop.file = tmp_path / "no such.db"
    with pytest.raises(Permanent, match="unable to open database file"):
        whole(shop.feed())
    assert not shop.file.exists()


NOW = datetime.now(UTC).replace(tzinfo=None)
AGO = [(NOW - timedelta(minutes=60 - at)).isoformat(" ", "milliseconds") for at in range(3)]


def test_a_watermark_of_sqlite_reads_ties_again_however_fractions_are_written(shop: Shop) -> None:
    shop.db.execute("create table orders (id integer primary key, at text)")
    assert shop.marked() is None
    first = AGO[0][:-3] + "500"
    shop.db.executemany("insert into orders values (?, ?)", [(1, first[:-2]), (2, first), (3, AGO[0][:19])])
    end, table = shop.marked() or ("", None)
    assert table.num_rows == 3
    assert shop.marked(end) is None
    shop.db.execute("insert into orders values (4, ?)", [AGO[2]])
    later, table = shop.marked(end) or ("", None)
    assert table.column("id").to_pylist() == [1, 2, 4]
    shop.db.execute("insert into orders values (5, ?)", [datetime.now(UTC).strftime("%Y-%m-%d %H:%M:%S.%f")])
    assert shop.marked(later, margin=60) is None


@pytest.mark.parametrize(
    ("values", "keys", "problem"),
    [
        (["2024-01-01 00:00:00", None], {}, "1 rows of orders have no at"),
        (["2024-01-01 00:00:00", "2024-01-01T00:00:00"], {}, "not all written as one"),
        (["2024-01-01T00:00:00Z", "2024-01-01T00:00:00.5Z"], {}, "not all written as one"),
        (["2024-01-01 00:00:00", 1704067200], {}, "0000-00-00 00:00:00 and 0000000000|not all written"),
        (["2024-01-01"], {}, "not all written as one"),
        (["2024-01-01 00:00:00"], {"is_utc": False}, "cursor_zone: UTC"),
        ([f"{NOW.year + 1}-12-31 00:00:00"], {}, "more than a day from now"),
        (["2024-99-01 00:00:00"], {}, "is not a time"),
    ],
    ids=["null", "between", "fractions", "classes", "day", "zone", "future", "month"],
)
def test_a_cursor_of_sqlite_that_does_not_compare_is_refused(
    shop: Shop, values: list[Any], keys: dict[str, Any], problem: str
) -> None:
    shop.db.execute("create table orders (id integer primary key, at)")
    shop.db.executemany("insert into orders (at) values (?)", [(value,) for value in values])
    with pytest.raises(Permanent, match=problem):
        shop.marked(**keys)


def test_numbers_of_sqlite_are_a_cursor_when_all_are_numbers(shop: Shop) -> None:
    shop.db.execute("create table orders (id integer, name text)")
    shop.db.execute("insert into orders values (20240101, 'a'), (20240102, 'b')")
    end, table = shop.marked("20240101", cursor="id") or ("", None)
    assert (end, table.num_rows) == ("20240102", 2)
    shop.db.execute("insert into orders values ('x', 'c')")
    with pytest.raises(Permanent, match="holds values of"):
        shop.marked("20240101", cursor="id")


@pytest.mark.parametrize(
    ("url", "problem"),
    [
        ("postgresql+psycopg://r@h/d", "write `kind: postgres`"),
        ("no url", "is not an address such as"),
        ("nosuch://h/d", "pip install 'nosuch'"),
        ("duckdb:///x", "pip install 'duckdb-engine'"),
        ("oracle+oracledb://h/d", "pip install 'oracledb'"),
        ("mysql+mysqldb://h/d", "pip install 'mysqlclient'"),
        ("sqlite://", "expected the path of a file"),
        ("sqlite+aiosqlite:///x.db", "pip install 'aiosqlite'|is a driver for asyncio"),
        ("mysql+pymysql://h/d?no_such_option=1", "no_such_option"),
    ],
)
def test_an_url_that_cannot_be_used_says_what_to_do(monkeypatch: pytest.MonkeyPatch, url: str, problem: str) -> None:
    monkeypatch.setenv("DB", url)
    feed = DatabaseTable(source="orders", kind="database", url="${env:DB}", table=("orders",), mode="whole")
    with pytest.raises(Permanent, match=problem) as raised:
        DatabaseFeed(feed).sample(1)
    assert str(raised.value).startswith("feed orders: ")


@pytest.mark.parametrize(
    ("error", "dialect", "passes"),
    [
        (sa.exc.OperationalError("x", {}, OperationalError(2003, "Can't connect")), MySql(), True),
        (sa.exc.OperationalError("x", {}, OperationalError(2013, "Lost connection")), MySql(), True),
        (sa.exc.OperationalError("x", {}, OperationalError(1205, "Lock wait timeout")), MySql(), True),
        (sa.exc.InternalError("x", {}, InternalError("Packet sequence number wrong")), MySql(), True),
        (sa.exc.OperationalError("x", {}, OperationalError(1045, "Access denied")), MySql(), False),
        (sa.exc.ProgrammingError("x", {}, ProgrammingError(1146, "no table")), MySql(), False),
        (sa.exc.OperationalError("x", {}, Exception("could not connect to server")), Dialect(), True),
        (sa.exc.OperationalError("x", {}, Exception("Login failed for user")), Dialect(), False),
        (sa.exc.ProgrammingError("x", {}, Exception("syntax")), Dialect(), False),
    ],
    ids=["connect", "lost", "lock", "packet", "denied", "table", "any-connect", "any-login", "any-syntax"],
)
def test_what_passes_by_itself_is_told_by_the_class_and_number(
    error: sa.exc.DBAPIError, dialect: Dialect, passes: bool
) -> None:
    assert dialect.passes(error) is passes


def test_a_locked_file_passes(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("assay.connectors.databases.sqlite._WAIT", 0.01)
    shop.db.execute("create table orders (id integer)")
    shop.db.execute("begin exclusive")
    with pytest.raises(Transient, match="database is locked"):
        whole(shop.feed())


def test_databases_that_cannot_be_asked_need_the_longest_transaction() -> None:
    feed = {
        "source": "orders",
        "kind": "database",
        "url": "x",
        "table": ("orders",),
        "mode": "watermark",
        "cursor": "a",
    }
    at, number = SourceColumn("a", "timestamp", "timestamp"), SourceColumn("a", "integer", "int64")
    with sa.create_engine("sqlite://").connect() as connection:
        with pytest.raises(Permanent, match="write `longest_transaction: 600`"):
            Dialect().ahead(connection, DatabaseTable(**feed), at)
        known = DatabaseTable(**feed, longest_transaction=600, margin=1)
        with pytest.raises(Permanent, match="expected a time"):
            Dialect().ahead(connection, known, number)
        ahead = Dialect().ahead(connection, known, at)
    assert isinstance(ahead.limit, datetime)
    assert timedelta(seconds=600) < ahead.seen_at - ahead.limit < timedelta(seconds=602)


def test_decimals_that_a_driver_rounds_are_refused() -> None:
    column = SourceColumn("price", "number", "decimal", 10, 2)
    with pytest.raises(Permanent, match="as floats, which are rounded"):
        array(column, [1.5], "feed orders")


@pytest.mark.parametrize(
    ("kind", "form"),
    [
        (sa.SmallInteger(), "int64"),
        (sa.Numeric(10, 2), "decimal"),
        (sa.Numeric(), "text"),
        (sa.Numeric(40, 2), "text"),
        (oracle.NUMBER(38, 0), "decimal"),
        (sa.Double(), "float64"),
        (sa.Boolean(), "boolean"),
        (sa.Date(), "date"),
        (oracle.DATE(), "timestamp"),
        (sa.DateTime(timezone=True), "timestamptz"),
        (mssql.DATETIME2(7), "text"),
        (mssql.UNIQUEIDENTIFIER(), "text"),
        (mssql.BIT(), "boolean"),
        (sa.LargeBinary(), "text"),
        (sa.JSON(), "text"),
        (sa.Time(), "text"),
        (sa.types.NullType(), "text"),
    ],
    ids=lambda value: value if isinstance(value, str) else type(value).__name__ + str(getattr(value, "precision", "")),
)
def test_types_that_sqlalchemy_reads_become_what_holds_all_of_their_values(kind: Any, form: str) -> None:
    assert _column("a", kind, DefaultDialect()).form == form


def test_a_database_of_which_nothing_is_known_is_read_by_what_sqlalchemy_knows(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("assay.connectors.databases.dialects.dialect_of", lambda _: Dialect())
    shop.db.execute('create table "Or ders" (id integer, price numeric(8,2), "at" timestamp, "select" text)')
    old = "2024-01-01 00:00:00.000000"
    shop.db.execute("""insert into "Or ders" values (1, 2, ?, 'x'), (2, 3, ?, 'y')""", (old, NOW.isoformat(" ")))
    feed = shop.feed("Or ders", mode="watermark", cursor="at", is_utc=True, longest_transaction=600.0)
    for batch in feed.read(Position(), "2026-01-01T00:00:00"):
        assert isinstance(batch, Batch) and batch.end == "2024-01-01T00:00:00"
        assert rows(batch).to_pylist() == [
            {"id": 1, "price": Decimal("2.00"), "at": datetime(2024, 1, 1), "select": "x"}
        ]
    with pytest.raises(Permanent, match="there is no table missing"):
        whole(shop.feed("missing"))
    with pytest.raises(Permanent, match="has no such column"):
        next(shop.feed("Or ders", mode="watermark", cursor="AT", longest_transaction=1.0).read(Position(), "x"))
