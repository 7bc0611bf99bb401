"""What lies in landing: which names are a source's, which are left alone, and when a file has settled."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from assay.ledger.folded_files import find
from assay.ledger.landing_zone import Arrival, hint_of, settled
from assay.orchestration.landing import each_once

NOW = 1_700_000_000.0


@pytest.fixture
def landing(tmp_path: Path) -> Path:
    """A landing zone with the folder of one source, under a name with marks of a pattern in it."""
    path = tmp_path / "land[i]ng *"
    (path / "in").mkdir(parents=True)
    return path


def put(landing: Path, name: str, mtime: float = 1.0) -> Path:
    path = landing / "in" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("x")
    os.utime(path, (mtime, mtime))
    return path


def names(arrivals: list[Arrival]) -> list[str]:
    return [arrival.name for arrival in arrivals]


def problems(landing: Path, pattern: str = "in/*") -> dict[str, str]:
    return {arrival.name: arrival.problem for arrival in find(landing, pattern)}


def test_files_of_the_pattern_come_in_the_order_of_their_bytes(landing: Path) -> None:
    for name in ("b.csv", "a.csv", "Z.csv", "é.csv", "a.txt", "deep/c.csv"):
        put(landing, name)
    assert names(find(landing, "in/*.csv")) == ["in/Z.csv", "in/a.csv", "in/b.csv", "in/é.csv"]
    assert names(find(landing, "in/**/*.csv")) == ["in/Z.csv", "in/a.csv", "in/b.csv", "in/deep/c.csv", "in/é.csv"]


@pytest.mark.parametrize(
    "name", [".a.csv", "_a.csv", "a.csv.tmp", "a.csv.part", "a.crdownload", "_x/a.csv", ".x/a.csv"]
)
def test_unfinished_and_hidden_names_are_left_alone(landing: Path, name: str) -> None:
    put(landing, name)
    assert find(landing, "in/**/*") == [] or all(a.path.is_dir() for a in find(landing, "in/**/*"))


def test_a_name_that_only_contains_such_marks_is_ordinary(landing: Path) -> None:
    for name in ("a.tmp.csv", "a_b.csv", "a..csv", "part.csv"):
        put(landing, name)
    assert len(find(landing, "in/*.csv")) == 4


ODD = ["two words.csv", 'it\'s "q".csv', "a\nb.csv", "a\tb\r.csv", "100%s.csv", "☕ é.csv", "'; drop table x; --.csv"]
PATTERNS = ["[a].csv", "*.csv", "?.csv", "{a,b}.csv", "\\.csv", "~.csv", "-rf.csv", "$HOME.csv", "e\u0301.csv"]


@pytest.mark.parametrize("name", [*ODD, *PATTERNS])
def test_odd_names_are_ordinary_names(landing: Path, name: str) -> None:
    put(landing, name)
    assert problems(landing) == {f"in/{name}": ""}


def test_a_name_that_is_no_text_is_refused_and_hides_no_other(landing: Path) -> None:
    """A file that is literally called `\\xff.csv` must not be taken for it."""
    Path(os.fsdecode(os.fsencode(landing / "in") + b"/\xff.csv")).write_text("x")
    put(landing, "\\xff.csv")
    reasons = problems(landing, "in/*.csv")
    assert reasons == {
        "in/\\xff.csv": "",
        "in/\\xff.csv (not UTF-8)": "the name is not valid UTF-8; rename the file",
    }


def test_what_is_no_file_says_what_it_is(landing: Path) -> None:
    (landing / "in" / "folder.csv").mkdir()
    os.mkfifo(landing / "in" / "pipe.csv")
    (landing / "in" / "nowhere.csv").symlink_to(landing / "absent")
    (landing / "in" / "loop.csv").symlink_to("loop.csv")
    reasons = problems(landing)
    assert reasons.pop("in/loop.csv").startswith("cannot be looked at")
    assert reasons == {
        "in/folder.csv": "is a directory, expected a file",
        "in/nowhere.csv": "the link leads nowhere",
        "in/pipe.csv": "is not a regular file (a pipe, socket or device)",
    }


def test_links_may_not_lead_out_of_landing(landing: Path, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "a.csv").write_text("secret")
    inside = put(landing, "real.csv")
    (landing / "in" / "inside.csv").symlink_to(inside)
    (landing / "in" / "out.csv").symlink_to(outside / "a.csv")
    (landing / "in" / "up").symlink_to(outside)
    reasons = problems(landing, "in/*") | problems(landing, "in/up/*")
    out = "the link leads out of the landing zone; put the file itself there"
    assert reasons == {"in/real.csv": "", "in/inside.csv": "", "in/out.csv": out, "in/up": out, "in/up/a.csv": out}


def test_landing_itself_may_be_a_link(landing: Path, tmp_path: Path) -> None:
    put(landing, "a.csv")
    link = tmp_path / "link"
    link.symlink_to(landing)
    assert problems(link) == {"in/a.csv": ""}


def test_a_folder_that_is_not_there_holds_nothing(tmp_path: Path) -> None:
    assert find(tmp_path / "absent", "in/*.csv") == []


def test_a_folder_that_cannot_be_listed_is_an_error_and_no_empty_folder(
    landing: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every file that waits there would be called missing."""

    def refuse(path: object) -> None:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(os, "scandir", refuse)
    with pytest.raises(PermissionError):
        find(landing, "in/*.csv")


class Clock:
    """Time that passes only in `sleep`, with something that happens meanwhile."""

    def __init__(self, *happenings: Callable[[], object]) -> None:
        self.slept: list[float] = []
        self._happenings = list(happenings)

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        if self._happenings:
            self._happenings.pop(0)()

    def settled(self, arrivals: list[Arrival], limit: float = 6.0) -> tuple[list[str], list[str]]:
        done, growing = settled(arrivals, settle_seconds=2.0, limit_seconds=limit, now=lambda: NOW, sleep=self.sleep)
        return names(done), names(growing)


def test_old_files_are_taken_at_once(landing: Path) -> None:
    put(landing, "a.csv", NOW - 2)
    clock = Clock()
    assert clock.settled(find(landing, "in/*")) == (["in/a.csv"], [])
    assert clock.slept == []


@pytest.mark.parametrize("mtime", [NOW - 1.9, NOW, NOW + 1e9])
def test_a_new_file_or_one_of_the_future_is_taken_after_one_wait(landing: Path, mtime: float) -> None:
    put(landing, "b.csv", mtime)
    put(landing, "a.csv", 1.0)
    clock = Clock()
    assert clock.settled(find(landing, "in/*")) == (["in/a.csv", "in/b.csv"], [])
    assert clock.slept == [2.0]


def test_a_file_is_taken_when_it_stops_growing(landing: Path) -> None:
    path = put(landing, "a.csv", NOW)
    clock = Clock(lambda: path.write_text("xx"), lambda: path.write_text("xxx"))
    arrivals = find(landing, "in/*")
    done, growing = settled(arrivals, settle_seconds=2.0, limit_seconds=30, now=lambda: NOW, sleep=clock.sleep)
    assert (names(done), growing, len(clock.slept)) == (["in/a.csv"], [], 3)
    assert done[0].hint == hint_of(path)


def test_a_file_that_grows_for_ever_is_left_for_the_next_run_and_holds_up_no_other(landing: Path) -> None:
    path = put(landing, "a.csv", NOW)
    put(landing, "b.csv", NOW)
    clock = Clock(*[lambda: path.write_text(path.read_text() + "x")] * 9)
    assert clock.settled(find(landing, "in/*")) == (["in/b.csv"], ["in/a.csv"])
    assert clock.slept == [2.0] * 3


def test_a_change_of_the_time_alone_is_a_change(landing: Path) -> None:
    path = put(landing, "a.csv", NOW)
    clock = Clock(lambda: os.utime(path, (NOW + 1, NOW + 1)))
    assert clock.settled(find(landing, "in/*"), limit=2.0) == ([], ["in/a.csv"])


def test_a_file_that_vanishes_is_neither_settled_nor_growing(landing: Path) -> None:
    path = put(landing, "a.csv", NOW)
    assert Clock(path.unlink).settled(find(landing, "in/*")) == ([], [])


def test_a_file_that_becomes_a_link_out_of_landing_while_it_settles_is_found_out(landing: Path, tmp_path: Path) -> None:
    path = put(landing, "a.csv", NOW)
    (tmp_path / "secret").write_text("x")

    def turn() -> None:
        path.unlink()
        path.symlink_to(tmp_path / "secret")

    done, _ = settled(
        find(landing, "in/*"), settle_seconds=2.0, limit_seconds=6, now=lambda: NOW, sleep=Clock(turn).sleep
    )
    assert "leads out of the landing zone" in done[0].problem


def test_what_cannot_be_a_file_is_not_waited_for(landing: Path) -> None:
    (landing / "in" / "folder.csv").mkdir()
    clock = Clock()
    assert clock.settled(find(landing, "in/*")) == (["in/folder.csv"], [])
    assert clock.slept == []


def test_a_file_that_two_sources_share_is_looked_at_once(tmp_path: Path) -> None:
    """Twice in the list, it was sighted twice by each of them: as loaded, and as a duplicate of itself."""
    arrival = Arrival("in/a.csv", tmp_path / "in" / "a.csv", None)
    other = Arrival("in/b.csv", tmp_path / "in" / "b.csv", None)
    assert each_once({"sales": [arrival, other], "returns": [arrival]}) == [arrival, other]
