"""Names of batches give their ranges back, ranges that do not follow each other stop a feed, and pauses grow."""

from __future__ import annotations

import time
from datetime import datetime, timedelta
from itertools import islice, pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.base.settings import Settings
from assay.contract.feed_kinds.table import TableFeed
from assay.feeds.backoff import ATTEMPTS, LONGEST_SECONDS, pauses
from assay.feeds.errors import Permanent, Transient
from assay.feeds.journal import Journal, Landed
from assay.feeds.landing import BatchStore
from assay.feeds.names import WHOLE, BatchName, UnreadableName, escaped, unescaped
from assay.feeds.position import BrokenChain, position_of
from assay.fetching.running import run_once

AT = datetime(2026, 11, 26, 22, 0, 1, 5)
HOSTILE = ["~", "(start)", "..", ".", "%", "%41", "a/b", "", " ", "ü\n", "2026-11-26T22:00:00.5+00", "'; drop"]


def batch(start: str | None, end: str, epoch: int = 1, partition: str = "by:id", seconds: int = 0) -> BatchName:
    return BatchName("orders", epoch, partition, start, end, AT + timedelta(seconds=seconds))


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_a_position_comes_back_and_is_one_part_of_a_path_that_landing_takes(position: str) -> None:
    text = escaped(position)
    assert unescaped(text) == position
    assert text.isascii() and not set("/~()*?[ \n") & set(text) and not text.startswith((".", "_"))


@pytest.mark.parametrize("at", range(len(HOSTILE)))
def test_a_name_gives_all_of_its_batch_back(at: int) -> None:
    for start in (None, HOSTILE[at]):
        name = batch(start, "end", partition="by:" + HOSTILE[at])
        assert BatchName.parse(name.path) == name


@pytest.mark.parametrize(
    "path",
    [
        "feeds/orders/1/by:id/(start)~5/2026-11-26T22-00-01.parquet",
        "feeds/orders/1/by:id/(start)~/2026-11-26T22-00-01.000005.parquet",
        "feeds/orders/1/by:id/5/2026-11-26T22-00-01.000005.parquet",
        "feeds/orders/01/by:id/(start)~5/2026-11-26T22-00-01.000005.parquet",
        "feeds/orders/one/by:id/(start)~5/2026-11-26T22-00-01.000005.parquet",
        "feeds/orders/1/by:id/(start)~%35/2026-11-26T22-00-01.000005.parquet",
        "feeds/orders/1/by:id/(start)~%zz/2026-11-26T22-00-01.000005.parquet",
        "feeds/orders/1/by:id/(start)~5/copy of 2026-11-26T22-00-01.000005.parquet",
        "feeds/orders/notes.txt",
    ],
)
def test_a_name_that_no_feed_gives_is_refused(path: str) -> None:
    with pytest.raises(UnreadableName, match="move the file out"):
        BatchName.parse(path)


def test_a_position_that_is_too_long_for_a_name_is_refused() -> None:
    with pytest.raises(Permanent, match="shorter cursor"):
        _ = batch(None, "x" * 250).path


def test_ranges_that_follow_each_other_say_where_to_go_on_in_any_order() -> None:
    batches = [batch("7", "9"), batch(None, "5"), batch("5", "7"), batch(None, "3", partition="by:other")]
    position = position_of(batches)
    assert dict(position.ends) == {"by:id": "9", "by:other": "3"}
    assert (position.epoch, position.end_of("by:id"), position.end_of("new")) == (1, "9", None)


@pytest.mark.parametrize(
    ("ranges", "problem"),
    [
        ([(None, "5"), ("6", "7")], "no batch leads from 5 to 6"),
        ([("5", "7")], "no batch leads from the beginning to 5"),
        ([(None, "5"), (None, "6")], "hold the same range"),
        ([(None, "5"), ("5", "7"), ("5", "8")], "hold the same range"),
        ([(None, "5"), ("5", "7"), ("6", "7")], "no batch leads from 7 to 6"),
        ([(None, "5"), ("5", "5"), ("6", "7")], "no batch leads from 5 to 6"),
    ],
)
def test_a_gap_or_an_overlap_is_an_error(ranges: list[tuple[str | None, str]], problem: str) -> None:
    with pytest.raises(BrokenChain, match=problem):
        position_of([batch(start, end, seconds=at) for at, (start, end) in enumerate(ranges)])


def test_a_new_epoch_begins_and_forgives_what_was_wrong_before_it() -> None:
    broken = [batch("5", "7"), batch("8", "9")]
    position = position_of(broken, epoch=2)
    assert (position.epoch, position.ends, position.last_read_at) == (2, (), AT)
    assert position_of([*broken, batch(None, "20", epoch=2)]).end_of("by:id") == "20"


def test_snapshots_do_not_follow_each_other_and_the_newest_counts() -> None:
    snapshots = [batch(None, f"{second}", partition=WHOLE, seconds=second) for second in (9, 10)]
    assert position_of(snapshots).end_of(WHOLE) == "10"
    with pytest.raises(BrokenChain, match="same range"):
        position_of([*snapshots, batch(None, "10", partition=WHOLE, seconds=11)])


def test_a_journal_forgives_a_line_that_was_cut_off_and_nothing_else(tmp_path: Path) -> None:
    journal = Journal.read(tmp_path / "a" / "orders.journal")
    one, two = (Landed(f"feeds/orders/1/x/{n}", "ab", 1, 2) for n in (1, 2))
    journal.note(one)
    journal.begin(3)
    journal.note(two)
    text = journal.file.read_bytes()
    assert Journal.read(journal.file) == journal
    journal.file.write_bytes(text[:-5])
    assert (Journal.read(journal.file).epoch, list(Journal.read(journal.file).landed)) == (3, [one.path])
    journal.keep([two.path])
    assert (Journal.read(journal.file).epoch, Journal.read(journal.file).landed) == (3, {two.path: two})
    journal.file.write_bytes(text[5:])
    with pytest.raises(Permanent, match="line 1 is damaged"):
        Journal.read(journal.file)


def test_pauses_double_to_a_limit_and_are_drawn() -> None:
    longest = list(islice(pauses(lambda: 1.0), 12))
    assert longest[:3] == [0.5, 1.0, 2.0] and longest[-1] == LONGEST_SECONDS
    assert all(b in (2 * a, LONGEST_SECONDS) for a, b in pairwise(longest))
    assert list(islice(pauses(lambda: 0.0), 3)) == [0.25, 0.5, 1.0]


def test_a_server_that_is_not_there_is_waited_for_between_attempts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    waited: list[float] = []
    monkeypatch.setattr("assay.fetching.running.time.sleep", waited.append)
    nobody = "postgresql://reader@127.0.0.1:1/shop"  # of the ports that no server listens on
    feed = TableFeed(source="orders", kind="postgres", url=nobody, table=("public", "orders"), mode="whole")
    with pytest.raises(Transient, match="Connection refused"):
        run_once(Settings(home=tmp_path), feed, lambda _: None)
    assert len(waited) == ATTEMPTS - 1
    assert all(0.25 * 2**at <= pause <= 0.5 * 2**at for at, pause in enumerate(waited))


def test_nothing_is_overwritten_and_no_second_file_of_a_range_lands(tmp_path: Path) -> None:
    store = BatchStore(tmp_path / "landing", "orders", settle_seconds=2.0)
    for name, problem in (
        (batch(None, "5"), "is not overwritten"),
        (batch(None, "5", seconds=1), "holds the same range"),
    ):
        with store.aside() as aside:
            aside.write_bytes(b"first")
            if not store.names():
                landed = store.land(aside, batch(None, "5"))
            aside.write_bytes(b"second") if aside.stat().st_nlink == 1 else None
            with pytest.raises(Permanent, match=problem):
                store.land(aside, name)
        assert not aside.exists()
    assert list(store.names()) == [landed.path]
    assert (tmp_path / "landing" / landed.path).read_bytes() == b"first"
    assert time.time() - landed.mtime_ns / 1e9 >= 2.0  # so a run takes it at once


def test_what_fails_while_it_is_written_leaves_nothing(tmp_path: Path) -> None:
    store = BatchStore(tmp_path, "orders", settle_seconds=0)
    with pytest.raises(OSError, match="full"), store.aside() as aside:
        aside.write_bytes(b"half")
        raise OSError("full")
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]
    (tmp_path / "feeds" / "orders" / "1" / "x").mkdir(parents=True)
    store.clean()
    assert not (tmp_path / "feeds" / "orders" / "1").exists()
