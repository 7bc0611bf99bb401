"""Where the log of a server does not have everything since what has landed, a feed stops and says what is lost."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import psycopg
import pytest

from assay.connectors.postgres import changes as postgres_changes
from assay.connectors.postgres import session as postgres_session
from assay.connectors.postgres.changes import ChangesFeed
from assay.connectors.postgres.changes_fetcher import ChangesFetcher
from assay.connectors.postgres.pgoutput import lsn_of
from assay.feeds.errors import Permanent, Transient
from assay.feeds.frame import Fetcher
from assay.feeds.places import journal_file
from assay.feeds.position import Position
from tests.feeds.test_changes import ALL, ORDERS, assert_same
from tests.followed import Followed
from tests.postgres import Server

CHANGE = "update shop.orders set amount = amount + 1 where id = 1"
NINE = "insert into shop.orders select i, i, 'n' || i from generate_series(1, 9) as i"
OTHERS = "insert into shop.others select repeat(md5(i::text), 30) from generate_series(1, {}) as i"


@pytest.fixture
def followed(tmp_path: Path, server: Server, log_db: psycopg.Connection[Any]) -> Followed:
    log_db.execute(ORDERS)
    log_db.execute(NINE)
    followed = Followed(tmp_path / "home", server)
    followed.fetch()
    log_db.execute(CHANGE)
    assert followed.fetch().records == 1
    return followed


def slot(db: psycopg.Connection[Any], what: str = "confirmed_flush_lsn", name: str = "assay_orders") -> Any:
    row = db.execute(f"select {what} from pg_replication_slots where slot_name = %s", [name]).fetchone()
    return row[0] if row else None


LOSSES = {
    "select pg_drop_replication_slot('assay_orders')": "the server has no slot assay_orders",
    f"{CHANGE}; select pg_replication_slot_advance('assay_orders', pg_current_wal_lsn())": "assay_orders was moved",
    f"select pg_drop_replication_slot('assay_orders'); {CHANGE};"
    "select pg_create_logical_replication_slot('assay_orders', 'pgoutput')": "slot assay_orders was moved",
    "select pg_drop_replication_slot('assay_orders');"
    "select pg_create_logical_replication_slot('assay_orders', 'test_decoding')": "its plugin is test_decoding",
    "drop publication assay_orders": "there is no publication assay_orders: create publication",
    f"drop publication assay_orders; {CHANGE}; create publication assay_orders for table shop.orders": "was altered",
    "alter publication assay_orders drop table shop.orders": "publication assay_orders does not have shop.orders",
    "drop publication assay_orders; create publication assay_orders for tables in schema shop": "was altered",
    "alter publication assay_orders set (publish = 'insert, update')": "leaves out delete and truncate",
    "alter publication assay_orders set (publish = 'insert');"
    f"{CHANGE}; alter publication assay_orders set (publish = 'insert, update, delete, truncate')": "was altered",
    "alter table shop.orders rename to gone; create table shop.orders (like shop.gone including all);"
    "alter publication assay_orders add table shop.orders": "is another table of the same name",
}


@pytest.mark.parametrize("loss", LOSSES, ids=[str(number) for number in range(len(LOSSES))])
def test_what_is_lost_is_told_and_a_new_epoch_makes_it_good(
    followed: Followed, log_db: psycopg.Connection[Any], loss: str
) -> None:
    for statement in loss.split(";"):
        log_db.execute(statement.encode())
    landed = followed.landed()
    for _ in range(2):
        with pytest.raises(Permanent) as raised:
            followed.fetch()
        assert LOSSES[loss] in str(raised.value) and "assay feed reset orders --epoch" in str(raised.value) + loss
    assert followed.landed() == landed
    log_db.execute("drop table if exists shop.gone cascade")
    log_db.execute("create table if not exists shop.orders (id bigint primary key, amount numeric(10, 2), note text)")
    log_db.execute("drop publication if exists assay_orders; create publication assay_orders for table shop.orders")
    if slot(log_db, "plugin") == "test_decoding":
        with pytest.raises(Permanent, match="is not one of this feed"):
            followed.fetch()
    followed.reset()
    followed.fetch()
    log_db.execute("delete from shop.orders where id = 2")
    followed.fetch()
    assert_same(followed, log_db)


def test_a_schema_that_was_taken_out_of_its_publication_for_a_while_is_told(
    tmp_path: Path, server: Server, log_db: psycopg.Connection[Any]
) -> None:
    log_db.execute(ORDERS)
    log_db.execute("drop publication assay_orders; create publication assay_orders for tables in schema shop")
    followed = Followed(tmp_path / "home", server)
    followed.fetch()
    log_db.execute(
        "create schema if not exists elsewhere; alter publication assay_orders add tables in schema elsewhere"
    )
    log_db.execute(NINE)
    assert followed.fetch().records == 9
    log_db.execute("alter publication assay_orders drop tables in schema shop")
    log_db.execute(CHANGE)
    log_db.execute("alter publication assay_orders add tables in schema shop; drop schema elsewhere")
    with pytest.raises(Permanent, match="was altered"):
        followed.fetch()


def test_a_log_without_what_logical_replication_needs_is_told(
    tmp_path: Path, server: Server, log_db: psycopg.Connection[Any]
) -> None:
    log_db.execute(ORDERS)
    followed = Followed(tmp_path / "home", server)
    server.stop()
    try:
        server.start("-c wal_level=replica")
        with pytest.raises(Permanent, match="alter system set wal_level = 'logical', and restart it"):
            followed.fetch()
    finally:
        server.stop()
        server.start()


def test_a_slot_that_the_server_gave_up_is_told(followed: Followed, log_db: psycopg.Connection[Any]) -> None:
    log_db.execute("alter system set max_slot_wal_keep_size = '1MB'")
    log_db.execute("select pg_reload_conf()")
    try:
        assert "gives it up" in followed.fetch().note
        for _ in range(4):
            log_db.execute(CHANGE)
            log_db.execute("select pg_switch_wal()")
        log_db.execute("checkpoint")
        with pytest.raises(Permanent, match=r"has given up slot assay_orders.*max_slot_wal_keep_size = 1MB"):
            followed.fetch()
    finally:
        log_db.execute("alter system reset max_slot_wal_keep_size")
        log_db.execute("select pg_reload_conf()")
    followed.reset()
    followed.fetch()
    assert_same(followed, log_db)


def test_a_server_that_was_restored_is_told(tmp_path: Path, followed: Followed, server: Server) -> None:
    server.stop()
    shutil.copytree(server.folder / "data", tmp_path / "backup")
    server.start()
    with server.connect() as db:
        for _ in range(3):
            db.execute(CHANGE)
    followed.fetch()
    server.stop()
    shutil.rmtree(server.folder / "data")
    shutil.copytree(tmp_path / "backup", server.folder / "data")
    _owned(server)
    server.start()
    with pytest.raises(Permanent, match="before what has landed ends"):
        followed.fetch()
    with server.connect() as db:
        db.execute("create table shop.others (text text)")
        db.execute(OTHERS.format(5_000))
        db.execute(CHANGE)
        with pytest.raises(Permanent, match="no transaction of the log ends"):
            followed.fetch()
        followed.reset()
        followed.fetch()
        assert_same(followed, db)


def _owned(server: Server) -> None:
    for path in [server.folder / "data", *(server.folder / "data").rglob("*")]:
        if server.user:
            shutil.chown(path, *server.user)
    (server.folder / "data").chmod(0o700)


def test_another_server_history_or_note_is_told(followed: Followed, log_db: psycopg.Connection[Any]) -> None:
    file = followed.settings.home / "feeds" / "orders.slot.json"
    kept = postgres_changes.SlotNote.read(file)
    assert kept is not None
    for other, problem in (
        (replace(kept, system="1"), "leads to another server"),
        (replace(kept, timeline=kept.timeline + 1), "it was restored or promoted"),
    ):
        other.write(file)
        with pytest.raises(Permanent, match=problem):
            followed.fetch()
    file.write_text("{")
    with pytest.raises(Permanent, match="is damaged"):
        followed.fetch()
    file.unlink()
    log_db.execute(CHANGE)
    assert followed.fetch().records == 1, "what has landed says where to go on, and the slot is not ahead of it"
    shutil.rmtree(followed.settings.landing)
    journal_file(followed.settings, "orders").unlink()
    with pytest.raises(Permanent, match="neither landing nor the published ledger"):
        followed.fetch()


def test_a_slot_that_no_batch_follows_yet_is_made_again_and_the_one_of_others_is_left_alone(
    tmp_path: Path, server: Server, log_db: psycopg.Connection[Any]
) -> None:
    log_db.execute(ORDERS)
    log_db.execute(NINE)
    followed, other = Followed(tmp_path / "home", server), Followed(tmp_path / "other", server)
    with pytest.raises(Permanent, match="read in another way"):
        next(ChangesFeed(followed.feed, tmp_path).read(Position(1, (("by:id", "1"),)), ""))
    for _ in range(2):
        feed = ChangesFeed(followed.feed, followed.settings.home / "feeds")
        next(batches := feed.read(Position(), "2026-01-01T00:00:00"))
        batches.close()  # as if killed: a slot, and nothing landed
        assert slot(log_db) is not None
        log_db.execute(CHANGE)
    with pytest.raises(Permanent, match="which this lake did not make"):
        other.fetch()
    followed.fetch()
    with pytest.raises(Permanent, match="which this lake did not make"):
        other.fetch()
    apart = Followed(tmp_path / "other", server, slot="second")
    apart.fetch()
    shutil.copytree(followed.settings.home, tmp_path / "copy")
    log_db.execute(CHANGE)
    followed.fetch()
    apart.fetch()
    assert followed.replayed() == apart.replayed() == log_db.execute(ALL).fetchall()
    with pytest.raises(Permanent, match="somebody else reads or moved it"):
        Followed(tmp_path / "copy", server).fetch()
    fresh = ChangesFetcher(followed.settings, replace(followed.feed, slot="third"))
    with fresh.alone(), pytest.raises(Permanent, match=r"no slot third \(it was assay_orders so far\)"):
        fresh.fetch()


def test_a_slot_behind_what_has_landed_brings_nothing_twice(
    followed: Followed, log_db: psycopg.Connection[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    log_db.execute(CHANGE)
    with monkeypatch.context() as patch:
        patch.setattr(postgres_changes, "moved", lambda *_: None)  # as if killed after the batch is durable
        assert followed.fetch().records == 1
    behind = slot(log_db)
    log_db.execute(CHANGE)
    assert followed.fetch().records == 1
    assert_same(followed, log_db)
    assert slot(log_db) > behind


def test_a_slot_is_moved_to_what_has_landed_and_no_further(followed: Followed, log_db: psycopg.Connection[Any]) -> None:
    log_db.execute(CHANGE)
    log_db.execute("create table shop.others (text text)")
    assert followed.fetch().records == 1
    end = followed.landed()[-1].parent.name.partition("~")[2]
    assert lsn_of(slot(log_db, "confirmed_flush_lsn::text")) == int(end, 16)
    assert followed.fetch().records == 0


def test_a_table_that_rests_does_not_hold_the_log_of_a_busy_server(
    followed: Followed, server: Server, log_db: psycopg.Connection[Any]
) -> None:
    log_db.execute("create table shop.others (text text)")
    position, kept = [path.parent.name for path in followed.landed()], []
    for _ in range(3):
        for _ in range(10):
            log_db.execute(OTHERS.format(2_000))
        log_db.execute("checkpoint")
        assert followed.fetch().batches == []
        kept.append(int(slot(log_db, "pg_wal_lsn_diff(pg_current_wal_lsn(), restart_lsn)")))
    assert kept[-1] < 32 << 20 and slot(log_db, "wal_status") == "reserved"
    assert [path.parent.name for path in followed.landed()] == position
    server.stop()  # at once: what the slot was moved to may be forgotten
    server.start()
    with server.connect() as db:
        db.execute(CHANGE)
        assert followed.fetch().records == 1
        assert_same(followed, db)
        for _ in range(10):
            db.execute(OTHERS.format(2_000))
        followed.fetch()
        (followed.settings.home / "feeds" / "orders.slot.json").unlink()
        with pytest.raises(Permanent, match="slot assay_orders was moved"):  # nothing says by whom
            followed.fetch()


REFUSED: dict[str, tuple[str, str]] = {
    "alter table shop.orders drop constraint orders_pkey": ("has no replica identity", "replica identity full"),
    "alter table shop.orders replica identity nothing": ("has no replica identity", "replica identity full"),
    "alter table shop.orders drop constraint orders_pkey, add primary key (note)": (
        "deletes of shop.orders say (note)", "replica identity full",
    ),
    "drop publication assay_orders; alter table shop.orders set unlogged": ("is unlogged", "set logged"),
    "create table shop.child () inherits (shop.orders)": ("has tables that inherit", "feed each by itself"),
    "alter table shop.orders rename to t; create view shop.orders as select * from shop.t": (
        "is no table", "mode: whole",
    ),
    "alter role reader noreplication": ("may not read the log", 'alter role "reader" replication'),
    "revoke select on shop.orders from reader": ("may not read shop.orders", "grant select"),
    "alter publication assay_orders set table shop.orders (id, note); alter table shop.orders replica identity full": (
        "", "",
    ),
    "alter table shop.orders add _Position int": ("has a column _position", "set table"),
}  # fmt: skip


@pytest.mark.parametrize("change", REFUSED, ids=[str(number) for number in range(len(REFUSED))])
def test_a_table_whose_changes_would_not_all_be_told_is_refused_before_anything_is_made(
    tmp_path: Path, server: Server, log_db: psycopg.Connection[Any], change: str
) -> None:
    log_db.execute(ORDERS)
    log_db.execute(NINE)
    log_db.execute(change.encode())
    key = ("amount",) if "(id, note)" in change else ("id",)
    followed = Followed(tmp_path / "home", server, key=key)
    problem, advice = REFUSED[change]
    for attempt in (lambda: ChangesFeed(followed.feed).sample(10), followed.fetch):
        _assert_refused(attempt, problem or "which publication assay_orders does not publish", advice)
    assert "_Position" in change or slot(log_db) is None
    assert not followed.landed()


def _assert_refused(attempt: Callable[[], object], problem: str, advice: str) -> None:
    with pytest.raises(Permanent) as raised:
        attempt()
    assert problem in str(raised.value) and advice in str(raised.value)


def test_what_a_feed_would_read_is_shown_and_nothing_is_made(
    tmp_path: Path, server: Server, log_db: psycopg.Connection[Any]
) -> None:
    log_db.execute(ORDERS)
    log_db.execute(NINE)
    log_db.execute("alter table shop.orders add twin bigint generated always as (id * 2) stored")
    followed = Followed(tmp_path / "home", server)
    sample = ChangesFeed(followed.feed).sample(3)
    assert [column.name for column in sample.columns] == ["id", "amount", "note", "body"] and len(sample.records) == 3
    assert any("is made by the first fetch" in note for note in sample.notes)
    assert any("twin" in note for note in sample.notes)
    assert slot(log_db) is None and not followed.settings.home.exists()
    followed.fetch()
    assert any("slot assay_orders keeps 0 MB" in note for note in ChangesFeed(followed.feed).sample(3).notes)


def test_a_slot_waits_for_transactions_that_are_open_and_not_for_ever(
    tmp_path: Path, server: Server, log_db: psycopg.Connection[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    log_db.execute(ORDERS)
    log_db.execute(NINE)
    followed = Followed(tmp_path / "home", server)
    monkeypatch.setattr(postgres_session, "_MOST_WAIT", 1)
    with server.connect(autocommit=False) as late:
        late.execute(CHANGE)
        with pytest.raises(Transient, match="one stays open for minutes"):
            followed.fetch()
        assert slot(log_db) is None
        late.commit()
    followed.fetch()
    assert_same(followed, log_db)


def test_a_slot_that_another_reads_is_waited_for(followed: Followed) -> None:
    feed = ChangesFeed(followed.feed, followed.settings.home / "feeds")
    with pytest.raises(Transient, match="is being read by process"):
        postgres_changes.check_kind(
            followed.feed,
            replace(_state(feed), pid=-1, slot={**(_state(feed).slot or {}), "active_pid": 77}),
        )
    feed.close()


def _state(feed: ChangesFeed) -> postgres_changes.SlotState:
    with feed._session() as opened:
        return postgres_changes.SlotState.of(opened.connection, "assay_orders")


def test_a_fetch_that_fails_in_the_middle_goes_on_where_it_was(
    followed: Followed, log_db: psycopg.Connection[Any]
) -> None:
    """The first of two batches landed, and the process died before the second."""
    log_db.execute(CHANGE)
    log_db.execute("alter table shop.orders add more int")
    log_db.execute(CHANGE)
    feed = ChangesFeed(followed.feed, followed.settings.home / "feeds")
    fetcher = Fetcher(followed.settings, followed.feed, feed)
    land = fetcher._store.land

    def once(*values: Any) -> Any:
        fetcher._store.land = _full  # type: ignore[method-assign]
        return land(*values)

    fetcher._store.land = once  # type: ignore[method-assign]
    with fetcher.alone(), pytest.raises(OSError, match="full"):
        fetcher.fetch()
    assert len(followed.landed()) == 3
    assert followed.fetch().records == 1
    assert [row["amount"] for row in followed.rows() if row["id"] == 1] == [1, 2, 3, 4]


def _full(*_: object) -> None:
    raise OSError("the disk is full")
