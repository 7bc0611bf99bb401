"""An unclaimed file is told of after an hour, whatever the clock does, and what is told can be shown on a terminal."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from assay.contract.parse import parse_contract
from assay.incidents.overlooked import UnclaimedWatch
from assay.incidents.reconcile import one_line
from assay.ledger.unclaimed import UnclaimedFile
from tests.source import bronze_node

HOUR = timedelta(hours=1)
CONTRACTS = [parse_contract(bronze_node("sales", {"id": "bigint"}, ["id"]))]


@pytest.fixture
def landing(tmp_path: Path) -> Path:
    return tmp_path


def put(landing: Path, name: str) -> None:
    (landing / name).write_text("x")


def test_a_line_of_a_message_holds_nothing_that_a_terminal_would_obey() -> None:
    assert one_line("a\x1b[31m\n\tb\u202e") == "a\\x1b[31m b\\u202e"


class Watching:
    """A watch on a landing zone at times of a clock of its own."""

    def __init__(self, landing: Path) -> None:
        self.watch = UnclaimedWatch(landing, CONTRACTS)
        self.began = datetime.now(UTC)

    def overdue(self, after: timedelta) -> int:
        self.watch.look(self.began + after)
        return self.watch.overdue.count


def test_a_file_is_overdue_after_an_hour_and_not_before(landing: Path) -> None:
    put(landing, "a.txt")
    watching = Watching(landing)
    minutes = [watching.overdue(timedelta(minutes=n)) for n in (0, 59, 61)]
    assert minutes == [0, 0, 1]
    assert watching.watch.overdue_since is not None
    (landing / "a.txt").unlink()
    assert watching.overdue(timedelta(minutes=62)) == 0


def test_a_file_that_is_written_to_again_and_again_is_overdue_all_the_same(
    landing: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    watching = Watching(landing)
    put(landing, "log.txt")
    assert watching.overdue(timedelta()) == 0
    late = [UnclaimedFile("log.txt", 1, watching.began + timedelta(minutes=n)) for n in (40, 61)]
    monkeypatch.setattr("assay.incidents.overlooked.walk_unclaimed", lambda *_: [late[0]])
    assert watching.overdue(timedelta(minutes=40)) == 0
    monkeypatch.setattr("assay.incidents.overlooked.walk_unclaimed", lambda *_: [late[1]])
    assert watching.overdue(timedelta(minutes=61)) == 1


@pytest.mark.parametrize("jump", [timedelta(days=400), timedelta(days=-400)])
def test_a_clock_that_jumps_hides_no_file(landing: Path, jump: timedelta) -> None:
    put(landing, "a.txt")
    assert Watching(landing).overdue(jump) == 1


def test_a_file_of_which_no_time_is_known_is_overdue_at_once(landing: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("assay.incidents.overlooked.walk_unclaimed", lambda *_: [UnclaimedFile("x/", 0, None, "no")])
    assert Watching(landing).overdue(timedelta()) == 1


def test_a_walk_that_was_slow_is_not_repeated_with_every_look(landing: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ticks = iter([0.0, 2.0, 10.0, 199.0, 201.0, 201.1, 202.0, 202.1])
    monkeypatch.setattr("assay.incidents.overlooked.time.perf_counter", lambda: next(ticks))
    watching = Watching(landing)
    assert watching.overdue(2 * HOUR) == 0  # from 0 to 2 seconds
    put(landing, "a.txt")
    assert [watching.overdue(2 * HOUR) for _ in range(4)] == [0, 0, 1, 1]
