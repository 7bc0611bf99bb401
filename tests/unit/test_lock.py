"""One run at a time: the lock is the operating system's, and death releases it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from assay.base.run_lock import LockTimeout, RunLock, is_locked
from tests.places import PROJECT

HOLDER = """
import sys, time
from pathlib import Path
from assay.base.run_lock import RunLock
lock = RunLock(Path(sys.argv[1]))
lock.acquire("run of another process", wait_seconds=0)
print("held", flush=True)
time.sleep(60)
"""


@contextmanager
def holder(path: Path) -> Iterator[subprocess.Popen[str]]:
    """A process of its own that holds the lock."""
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(path)], stdout=subprocess.PIPE, text=True, cwd=PROJECT
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        try:
            yield process
        finally:
            process.kill()


def test_the_lock_of_a_process_that_was_killed_is_free_and_names_it(tmp_path: Path) -> None:
    path = tmp_path / "run.lock"
    with holder(path) as process:
        assert is_locked(path)
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
    assert not is_locked(path)
    with RunLock(path) as lock:
        lock.acquire("me", wait_seconds=0)
        assert lock.left_behind == "run of another process"


def test_who_may_not_wait_is_told_who_holds_it(tmp_path: Path) -> None:
    path = tmp_path / "run.lock"
    told: list[str] = []
    with holder(path), RunLock(path) as lock, pytest.raises(LockTimeout, match="run of another process"):
        lock.acquire("me", wait_seconds=0, on_wait=told.append)
    assert told == ["run of another process"]
    assert not lock.is_held


def test_the_second_waits_for_its_turn_and_is_told_once(tmp_path: Path) -> None:
    first, second = RunLock(tmp_path / "run.lock"), RunLock(tmp_path / "run.lock")
    first.acquire("first", wait_seconds=0)
    told: list[str] = []
    timer = threading.Timer(0.6, first.release)
    timer.start()
    began = time.monotonic()
    second.acquire("second", wait_seconds=30, on_wait=told.append)
    assert 0.5 < time.monotonic() - began < 10
    assert (told, second.left_behind) == (["first"], "")
    timer.join()
    second.release()


@pytest.mark.parametrize(("is_clean", "left"), [(True, ""), (False, "run 1")])
def test_only_an_unclean_end_leaves_its_line_behind(tmp_path: Path, is_clean: bool, left: str) -> None:
    lock = RunLock(tmp_path / "deep" / "run.lock")
    lock.acquire("run 1", wait_seconds=0)
    lock.release(is_clean=is_clean)
    lock.acquire("run 2", wait_seconds=0)
    assert lock.left_behind == left
    lock.release()


def test_a_short_line_after_a_long_one_keeps_nothing_of_it(tmp_path: Path) -> None:
    lock = RunLock(tmp_path / "run.lock")
    for line in ("a very long line of a run", "é"):
        lock.acquire(line, wait_seconds=0)
        lock.release(is_clean=False)
    lock.acquire("", wait_seconds=0)
    assert lock.left_behind == "é"
    lock.release()


def test_release_is_harmless_when_nothing_is_held(tmp_path: Path) -> None:
    lock = RunLock(tmp_path / "run.lock")
    lock.release()
    assert not (tmp_path / "run.lock").exists()


def test_looking_whether_it_is_locked_shuts_nobody_out(tmp_path: Path) -> None:
    """`is_locked` takes the lock for an instant; who may not wait must not fail because of that instant."""
    path = tmp_path / "run.lock"
    path.touch()
    stop = threading.Event()

    def look() -> None:
        while not stop.wait(0.0005):
            is_locked(path)

    looker = threading.Thread(target=look)
    looker.start()
    try:
        for number in range(100):
            with RunLock(path) as lock:
                lock.acquire(f"run {number}", wait_seconds=0)
    finally:
        stop.set()
        looker.join()


def test_a_missing_lock_is_not_locked_and_looking_makes_none(tmp_path: Path) -> None:
    assert not is_locked(tmp_path / "run.lock")
    assert not (tmp_path / "run.lock").exists()
