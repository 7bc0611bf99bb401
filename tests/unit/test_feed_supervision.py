"""A feed that dies is started again, one that waits for a person is left alone, and one that is pressed pauses."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path

import pytest

from assay.base.run_lock import RunLock
from assay.base.settings import Settings
from assay.contract.feed_kinds.table import TableFeed
from assay.feeds.content import Lines
from assay.feeds.errors import Permanent, PositionLost, Transient
from assay.feeds.frame import Batch, Fetched, Fetcher
from assay.feeds.last_fetch import LastFetch, note_fetch, note_pause, note_problem
from assay.feeds.position import BrokenChain, Position
from assay.feeds.pressure import Backlog, Gate, backlog_of, pressure
from assay.fetching.last_comparison import is_due as is_comparison_due
from assay.fetching.last_comparison import last_comparison, note_comparison, note_no_comparison
from assay.fetching.process import ELSEWHERE, PERMANENT
from assay.fetching.supervision import (
    LEFT_ALONE_SECONDS,
    LONGEST_SECONDS,
    STEADY_SECONDS,
    Child,
    ask_again,
    ended,
    is_due,
    read_children,
    services_lock,
    started,
    steady,
    take_asked,
    write_children,
)

NOW = 1_800_000_000.0
RUNNING = Child("running", "2026-11-27T00:00:00+00:00", 7)


def again(child: Child) -> float:
    """Seconds until it is started again."""
    assert child.again_at is not None
    return child.again_at - NOW


def test_the_pauses_of_a_process_that_dies_grow_and_end_with_a_steady_one() -> None:
    child, waits = RUNNING, []
    for _ in range(12):
        child = ended(replace(child, state="running"), -9, 1.0, NOW)
        assert (child.state, child.pid) == ("restarting", None)
        waits.append(again(child))
    assert waits[0] <= 0.5
    assert 30 <= waits[-1] <= 60
    assert child.deaths == 12
    assert started(child, 8).deaths == 12, "a start alone forgets nothing"
    assert steady(started(child, 8), STEADY_SECONDS).deaths == 0
    assert ended(started(child, 8), 1, STEADY_SECONDS, NOW).deaths == 1


def test_a_feed_that_waits_for_a_person_is_left_alone_for_longer_each_time() -> None:
    child = ended(RUNNING, PERMANENT, 1000.0, NOW)
    assert (child.state, again(child)) == ("stopped", LEFT_ALONE_SECONDS)
    child = ended(started(child, 8), PERMANENT, 1000.0, NOW)
    assert again(child) == 2 * LEFT_ALONE_SECONDS
    for _ in range(100):
        child = ended(started(child, 8), PERMANENT, 1.0, NOW)
    assert again(child) == LONGEST_SECONDS
    assert not is_due(child, NOW)
    assert is_due(child, NOW + LONGEST_SECONDS)
    assert is_due(child, NOW - 3 * LONGEST_SECONDS), "a clock that was put back makes nothing wait for ever"


def test_a_feed_that_another_process_fetches_is_no_failure() -> None:
    child = ended(replace(RUNNING, deaths=3), ELSEWHERE, 1.0, NOW)
    assert (child.state, child.deaths) == ("elsewhere", 0)
    assert again(child) <= 60


def test_what_the_services_say_holds_only_while_they_live(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path)
    write_children(settings, {"orders": RUNNING})
    assert read_children(settings) is None
    lock = RunLock(services_lock(settings))
    lock.acquire("tests", wait_seconds=0)
    with lock:
        assert read_children(settings) == {"orders": RUNNING}
        (tmp_path / "feeds.json").write_text("{")
        assert read_children(settings) == {}
    assert not take_asked(settings, "orders")
    ask_again(settings, "orders")
    assert take_asked(settings, "orders")
    assert not take_asked(settings, "orders")


LIMITS = Settings(home=Path("/lake"), feed_backlog_files=10, feed_backlog_size=5_000_000, feed_reserve=1000)


@pytest.mark.parametrize(
    ("files", "size", "free", "is_paused", "word"),
    [
        (9, 4_999_999, 1000, False, ""),
        (10, 0, 2000, False, "10 files of it wait"),
        (0, 5_000_000, 2000, False, "GB of it wait"),
        (0, 0, 999, False, "of the disk are free"),
        (9, 0, 2000, True, "9 files of it wait"),
        (8, 0, 2000, True, ""),
        (0, 4_600_000, 2000, True, "GB of it wait"),
        (0, 0, 1100, True, "of the disk are free"),
        (0, 0, 1200, True, ""),
    ],
    ids=range(9),
)
def test_a_feed_pauses_at_a_limit_and_goes_on_clearly_below_it(
    files: int, size: int, free: int, is_paused: bool, word: str
) -> None:
    reason = pressure(LIMITS, Backlog(files, size), free, 10_000, is_paused=is_paused)
    assert word in reason
    assert bool(word) == bool(reason)


def test_the_reserve_of_the_disk_is_a_share_and_not_more_than_a_few_gigabytes() -> None:
    settings = Settings(home=Path("/lake"))
    assert pressure(settings, Backlog(), 4, 100)
    assert not pressure(settings, Backlog(), 5, 100)
    assert not pressure(settings, Backlog(), 10 * 10**9, 10**12)
    assert not pressure(Settings(home=Path("/lake"), feed_reserve=0), Backlog(), 0, 100)


def test_the_backlog_is_what_lies_in_landing_unloaded_and_a_fetch_adds_to_it(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path, feed_backlog_files=3, feed_reserve=0)
    folder = settings.landing / "feeds" / "orders" / "1" / "whole" / "(start)~1"
    folder.mkdir(parents=True)
    (folder / "a.parquet").write_bytes(b"12")
    (folder / ".aside.part").write_bytes(b"123")
    assert backlog_of(settings, "orders") == Backlog(1, 2)
    gate = Gate(settings, "orders")
    assert not gate.reason()
    assert not gate.after(1, 10)
    assert "3 files" in gate.after(2, 20)
    late = Gate(settings, "orders")
    assert not late.after(1, 2), "the one that is there is the one that landed"


class Numbers:
    """A source without an end."""

    def read(self, position: Position, read_at: str) -> Generator[Batch | str]:
        start = position.end_of("by:n")
        for at in count(int(start or 0)):
            yield Batch("by:n", str(at) if at else None, str(at + 1), Lines([b"{}", read_at.encode()], ".jsonl"))


def test_a_fetch_ends_when_landing_is_full_and_each_counts_anew_what_is_there(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path, feed_backlog_files=3, feed_reserve=0)
    declaration = TableFeed(source="orders", kind="postgres", url="u", table=("orders",), mode="whole")
    fetcher = Fetcher(settings, declaration, Numbers())
    with fetcher.alone():
        first, second = fetcher.fetch(), fetcher.fetch()
    assert len(first.batches) == 3
    assert "3 files of it wait" in first.note
    assert len(second.batches) == 1, "those of the fetch before it wait too"
    assert backlog_of(settings, "orders").files == 4


def test_a_problem_keeps_what_was_known_before_it_and_says_since_when(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path)
    (tmp_path / "feeds").mkdir()
    note_fetch(settings, "orders", Fetched(100, 5000, ["a"], lag_seconds=2.0, loss_seconds=600.0), 2.0)
    good = LastFetch.read(settings, "orders")
    assert good is not None
    assert (good.records_per_second, good.bytes_per_second, good.landed_at) == (50.0, 2500.0, good.at)
    note_problem(settings, "orders", Transient("the server is away"))
    first = LastFetch.read(settings, "orders")
    note_problem(settings, "orders", Transient("still away"))
    last = LastFetch.read(settings, "orders")
    assert first is not None
    assert last is not None
    assert (last.problem, last.problem_kind, last.failing_since) == ("still away", "passing", first.failing_since)
    later = datetime.fromisoformat(good.good_at) + timedelta(seconds=60)
    assert (last.lag(later), last.until_loss(later)) == (62.0, 540.0)
    note_fetch(settings, "orders", Fetched(), 0.1)
    mended = LastFetch.read(settings, "orders")
    assert mended is not None
    assert (mended.problem, mended.failing_since, mended.lag_seconds, mended.records_per_second) == ("", "", 0.0, 50.0)
    assert mended.loss_seconds == 600.0, "who has read everything is as far from a loss as before"


def test_a_pause_is_noted_with_its_beginning_and_ends_with_a_fetch(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path)
    (tmp_path / "feeds").mkdir()
    note_pause(settings, "orders", "10 files")
    first = LastFetch.read(settings, "orders")
    note_pause(settings, "orders", "11 files")
    last = LastFetch.read(settings, "orders")
    assert first is not None
    assert last is not None
    assert (last.paused, last.paused_since) == ("11 files", first.paused_since)
    note_fetch(settings, "orders", Fetched(note="the table is as it was", is_same=True), 0.1)
    after = LastFetch.read(settings, "orders")
    assert after is not None
    assert (after.paused, after.paused_since, after.same_at) == ("", "", after.at)


def test_kinds_of_problems_are_told_apart(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path)
    (tmp_path / "feeds").mkdir()
    for error, kind in (
        (Transient("x"), "passing"),
        (Permanent("x"), "permanent"),
        (PositionLost("x"), "position_lost"),
        (BrokenChain("x"), "position_lost"),
    ):
        note_problem(settings, "orders", error)
        last = LastFetch.read(settings, "orders")
        assert last is not None
        assert last.problem_kind == kind


def test_keys_are_compared_when_it_is_time_and_sooner_where_they_could_not_be(tmp_path: Path) -> None:
    settings, day, now = Settings(home=tmp_path), 86400.0, datetime(2026, 11, 27, tzinfo=UTC)

    def due(later: timedelta, every: float = day) -> bool:
        return is_comparison_due(settings, "orders", every, now + later)

    assert due(timedelta(0)) and not due(timedelta(0), 0.0)
    note_no_comparison(settings, "orders", now, "no run has ended yet")
    assert not due(timedelta(minutes=59)) and due(timedelta(hours=1)) and due(timedelta(minutes=1), 60.0)
    note_comparison(settings, "orders", {"at": now.isoformat(), "gone": 2, "first": (("secret",),)})
    assert not due(timedelta(hours=23)) and due(timedelta(days=1)) and due(timedelta(days=-1)), "a clock was put back"
    note_no_comparison(settings, "orders", now, "the source is away")
    kept = last_comparison(settings, "orders")
    assert kept is not None and kept["gone"] == 2 and kept["problem"] == "the source is away" and "first" not in kept
