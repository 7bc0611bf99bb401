"""Batches that are loaded are folded: every byte stays readable, and the position goes on."""

from __future__ import annotations

import fcntl
import os
import shutil
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from assay.feeds import fold_plan
from assay.feeds.errors import Permanent, PositionLost
from assay.feeds.names import WHOLE, BatchName
from assay.feeds.places import journal_file, ledger_of
from assay.feeds.pressure import backlog_of
from assay.fetching.seen import progress_of
from assay.ledger.fold_lookup import located
from assay.ledger.folded_files import UnreadableFold, reading, unfolded
from assay.ledger.folds import entries
from assay.ledger.landing_zone import Hint
from tests.folding import PARTS, FoldedFeed


def test_what_is_loaded_is_folded_and_the_feed_goes_on_where_it_was(tmp_path: Path) -> None:
    feed = FoldedFeed(tmp_path)
    feed.fetch(4)
    feed.publish()
    before, hints = feed.position(), {path: Hint.of((feed.settings.landing / path).stat()) for path in feed.batches}
    assert feed.fold() == 6
    assert len(feed.loose()) == 2, "the newest of each partition stays"
    assert feed.readable() == feed.batches
    assert feed.position() == before
    for path in feed.batches:
        folded = located(feed.settings.landing, path)
        assert folded is None or folded.hint == hints[path]
    assert not ledger_of(feed.settings, "orders").keys() - set(feed.loose()), "the ledger is asked for no more"
    feed.fetch()
    assert dict(feed.position().ends) == dict.fromkeys(PARTS, "5")
    progress = progress_of(feed.settings, feed.feed)
    assert (progress.problem, progress.landed, progress.folded, progress.folds) == ("", 4, 6, 1)
    assert dict(progress.position.ends) == dict.fromkeys(PARTS, "5")


@pytest.mark.slow
def test_folds_become_larger_ones_and_their_ranges_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fold_plan, "TOGETHER", 3)
    feed = FoldedFeed(tmp_path, fold_from=2)
    for _ in range(9):
        feed.fetch(2)
        feed.publish()
        assert feed.fold() in (2, 4)
        assert feed.readable() == feed.batches
    [fold] = feed.folds.files
    assert (fold.level, fold.count, len(fold.spans)) == (2, 34, 2)
    assert len(feed.loose()) == 2
    assert dict(feed.position().ends) == dict.fromkeys(PARTS, "18")
    assert [path.name for path in fold.path.parent.iterdir()] == [fold.path.name]


def test_what_is_not_loaded_or_large_stays_and_parts_the_range(tmp_path: Path) -> None:
    feed = FoldedFeed(tmp_path, ["by:id"])
    feed.source.sizes[2] = 1_000
    feed.fetch(8)
    paths = sorted(feed.batches, key=lambda path: path.rpartition("/")[2])
    feed.publish(without=[paths[5]])
    assert feed.fold() == 5
    assert feed.loose() == sorted([paths[2], paths[5], paths[7]])
    assert len(feed.folds.spans) == 3
    assert feed.readable() == feed.batches
    assert feed.position().end_of("by:id") == "8"


def test_snapshots_are_folded_as_well(tmp_path: Path) -> None:
    feed = FoldedFeed(tmp_path, [WHOLE])
    feed.source.sizes[2] = 1_000
    feed.fetch(7)
    feed.publish()
    assert feed.fold() == 5
    assert len(feed.loose()) == 2 and feed.readable() == feed.batches
    assert feed.position().end_of(WHOLE) == "7"


def test_a_snapshot_whose_file_was_deleted_parts_the_range(tmp_path: Path) -> None:
    feed = FoldedFeed(tmp_path, [WHOLE])
    feed.fetch(7)
    feed.publish()
    deleted = sorted(feed.batches, key=lambda path: path.rpartition("/")[2])[2]
    (feed.settings.landing / deleted).unlink()
    assert feed.fold() == 5
    assert len(feed.folds.spans) == 2 and deleted in ledger_of(feed.settings, "orders")


@pytest.mark.parametrize("fold_from", [0, 7])
def test_too_few_or_none_at_all_are_left_alone(tmp_path: Path, fold_from: int) -> None:
    feed = FoldedFeed(tmp_path, fold_from=fold_from)
    feed.fetch(4)
    feed.publish()
    assert feed.fold() == 0
    assert len(feed.loose()) == 8 and not feed.folds.files


def test_a_feed_knows_its_position_by_folds_alone(tmp_path: Path) -> None:
    """Without ledger and journal, and with the newest files deleted, the ranges in folds say how far it was."""
    feed = FoldedFeed(tmp_path)
    feed.fetch(4)
    feed.publish()
    feed.fold()
    shutil.rmtree(feed.settings.published)
    journal_file(feed.settings, "orders").unlink(missing_ok=True)
    for path in feed.loose():
        (feed.settings.landing / path).unlink()
    assert dict(feed.position().ends) == dict.fromkeys(PARTS, "3")
    with feed.fetcher.alone():
        assert feed.fetcher.begin_epoch() == 2


def test_folds_may_be_deleted_as_files_that_are_loaded_may(tmp_path: Path) -> None:
    feed = FoldedFeed(tmp_path)
    feed.fetch(4)
    feed.publish()
    before = feed.position()
    feed.fold()
    for fold in feed.folds.files:
        fold.path.unlink()
    assert feed.position() == before, "the ledger says it"


def test_a_fetch_reads_no_name_of_what_is_folded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    feed = FoldedFeed(tmp_path, ["by:id"])
    feed.fetch(30)
    feed.publish()
    parsed: list[str] = []
    parse = BatchName.parse

    def count(path: str) -> BatchName:
        parsed.append(path)
        return parse(path)

    monkeypatch.setattr(BatchName, "parse", count)
    feed.position()
    assert len(parsed) >= 30
    feed.fold()
    parsed.clear()
    feed.position()
    assert len(parsed) <= 5, "the newest, where landing and the ledger name it, and both ends of the span"


def test_a_reader_keeps_files_where_they_are_until_the_next_time(tmp_path: Path) -> None:
    feed = FoldedFeed(tmp_path)
    feed.fetch(4)
    feed.publish()
    feed.folding()
    path = next(iter(feed.batches))
    with reading(feed.settings.landing, path), reading(feed.settings.landing, path):
        assert feed.fold() == 6
        assert len(feed.loose()) == 8 and len(feed.store.names()) == 2
        assert feed.readable() == feed.batches
        before = feed.position()
        assert feed.fold() == 0, "what is folded is not folded again"
        assert progress_of(feed.settings, feed.feed).landed == 2
        assert backlog_of(feed.settings, "orders").files == 0, "else a feed would pause, and never delete them"
    assert feed.fold() == 0
    assert len(feed.loose()) == 2 and feed.position() == before
    with (feed.store._folder / ".folding").open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)  # every reader has let go


def test_nothing_is_folded_before_readers_know_the_lock(tmp_path: Path) -> None:
    feed = FoldedFeed(tmp_path)
    feed.fetch(4)
    feed.publish()
    (feed.store._folder / ".folding").unlink()  # as of a feed of an earlier version
    with feed.fetcher.alone():
        assert [feed.fetcher.fold(), feed.fetcher.fold()] == [0, 6]


def test_a_file_that_is_not_what_was_loaded_is_not_folded(tmp_path: Path) -> None:
    feed = FoldedFeed(tmp_path)
    feed.fetch(4)
    feed.publish()
    place = feed.settings.landing / feed.loose()[0]
    before = place.stat()
    place.write_bytes(place.read_bytes()[:-1] + b"!")
    os.utime(place, ns=(before.st_atime_ns, before.st_mtime_ns))
    with pytest.raises(PositionLost, match="other bytes than it landed with"):
        feed.fold()
    assert len(feed.loose()) == 8 and not feed.folds.files


def test_a_file_and_its_copy_that_differ_are_both_named_and_stay(tmp_path: Path) -> None:
    feed = FoldedFeed(tmp_path)
    feed.fetch(4)
    feed.publish()
    feed.folding()
    path = feed.loose()[0]
    with reading(feed.settings.landing, path):
        feed.fold()
    (feed.settings.landing / path).write_bytes(b"other")
    with pytest.raises(Permanent, match=r"differ, and one .* nothing was deleted") as raised:
        feed.fold()
    assert path in str(raised.value) and str(feed.folds.files[0].path) in str(raised.value)
    assert path in feed.loose()


def test_a_member_that_was_damaged_is_named(tmp_path: Path) -> None:
    feed = FoldedFeed(tmp_path)
    feed.fetch(4)
    feed.publish()
    feed.fold()
    fold = feed.folds.files[0].path
    folded = next(iter(entries(fold).values()))
    data = bytearray(fold.read_bytes())
    data[folded.offset + 30 + len(folded.name)] ^= 0x55
    fold.write_bytes(data)
    with (
        pytest.raises(UnreadableFold, match="put it back from a copy") as raised,
        unfolded(feed.settings.landing, folded.name, tmp_path / "scratch"),
    ):
        pass
    assert folded.name in str(raised.value) and fold.name in str(raised.value)
    fold.write_bytes(data[: len(data) // 2])
    with pytest.raises(Permanent, match="damaged"):
        feed.position()
    assert "damaged" in progress_of(feed.settings, feed.feed).problem
    assert backlog_of(feed.settings, "orders").files == 0


def test_a_full_disk_leaves_everything_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    feed = FoldedFeed(tmp_path)
    feed.fetch(4)
    feed.publish()
    feed.folding()

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device", "landing")

    for place in ("zipfile.ZipFile.writestr", "assay.feeds.folding.sync", "os.link"):
        with monkeypatch.context() as patched, feed.fetcher.alone():
            patched.setattr(place, full)
            assert feed.fetcher.fold() == 0
        assert len(feed.loose()) == 8 and not feed.folds.files
        assert not list(feed.store._folder.rglob("*.part"))
    assert feed.fold() == 6


@pytest.mark.slow
def test_death_at_any_step_loses_nothing_and_doubles_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fold_plan, "TOGETHER", 2)
    feed = FoldedFeed(tmp_path / "lake", ["by:id"], fold_from=3)
    feed.fetch(4)
    feed.publish()
    feed.fold()
    feed.fetch(3)
    feed.publish()
    position, batches = feed.position(), feed.batches
    kept = tmp_path / "kept"
    shutil.copytree(feed.settings.home, kept, symlinks=True)
    steps = 0
    while True:
        steps += 1
        ledger_of(feed.settings, "orders")
        if not _killed(feed.fold, steps):
            break
        assert feed.readable() == batches, f"after step {steps}"
        progress = progress_of(feed.settings, feed.feed)
        assert (progress.problem, progress.position) == ("", position), f"after step {steps}"
        assert feed.position() == position, f"after step {steps}"
        feed.fold()
        [fold] = feed.folds.files
        assert (fold.count, len(feed.loose())) == (6, 1), f"after step {steps}"
        assert feed.readable() == batches and feed.position() == position
        shutil.rmtree(feed.settings.home)
        shutil.copytree(kept, feed.settings.home, symlinks=True)
    assert steps > 12


def _killed(work: Callable[[], object], step: int) -> bool:
    """Whether a process was killed before its nth change of the disk; else it came to its end."""
    pid = os.fork()
    if pid:
        return os.WIFSIGNALED(os.waitpid(pid, 0)[1])
    left = step

    def count(event: str, arguments: tuple[Any, ...]) -> None:
        nonlocal left
        is_written = event == "open" and isinstance(arguments[2], int) and arguments[2] & (os.O_WRONLY | os.O_RDWR)
        if is_written or event in ("os.link", "os.remove", "os.rmdir", "os.mkdir", "os.rename"):
            left -= 1
            if not left:
                os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(count)
    try:
        work()
    finally:
        os._exit(0)
