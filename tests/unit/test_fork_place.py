"""A fork is made where nothing is lost by it, and only a fork is ever removed."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from assay.base.fork_mark import MARK, fork_of, is_fork, mark_fork
from assay.base.run_lock import LockTimeout, RunLock, unwritten
from assay.base.settings import Settings
from assay.incidents.receivers import read_receivers
from assay.publish.forking import CannotFork, claimed, clone, remove_fork


@pytest.fixture
def lake(tmp_path: Path) -> Settings:
    settings = Settings(home=tmp_path / "lake", dbt_project=tmp_path / "dbt_project")
    for folder in (settings.landing, settings.dbt_project):
        folder.mkdir(parents=True)
    return settings


def refused(lake: Settings, place: Path) -> str:
    with pytest.raises(CannotFork) as error, claimed(lake, place):
        pytest.fail("was claimed")
    return str(error.value)


def test_a_place_in_which_something_would_be_lost_is_refused(lake: Settings, tmp_path: Path) -> None:
    full, file, link = tmp_path / "full", tmp_path / "file", tmp_path / "link"
    full.mkdir()
    (full / "kept").write_text("x")
    file.write_text("x")
    link.symlink_to(tmp_path / "empty")
    into_lake = tmp_path / "into"
    into_lake.symlink_to(lake.home)
    assert "is not empty and no fork of a lake" in refused(lake, full)
    assert "expected a folder, found a file" in refused(lake, file)
    assert "is not a folder" in refused(lake, link)
    assert "is inside of the lake" in refused(lake, lake.home / "f")
    assert "is inside of the lake" in refused(lake, lake.home)
    assert "is inside of the lake" in refused(lake, into_lake / "f")
    assert "is not empty and no fork of a lake" in refused(lake, tmp_path)
    assert "is inside of the dbt project" in refused(lake, lake.dbt_project / "f")
    assert "there is no folder" in refused(lake, tmp_path / "none" / "f")
    assert "its path must not hold ;" in refused(lake, tmp_path / "a;b")
    (full / MARK).write_text("{}")
    assert "is not empty and no fork of a lake" in refused(lake, full)
    assert {path.name for path in full.iterdir()} == {"kept", MARK}


def test_a_fork_of_another_lake_or_one_that_is_in_use_is_left_alone(lake: Settings, tmp_path: Path) -> None:
    place = tmp_path / "f"
    place.mkdir()
    mark_fork(place, tmp_path / "other").release(is_clean=False)
    (place / "kept").write_text("x")
    assert f"is a fork of another lake, {tmp_path / 'other'}" in refused(lake, place)
    (place / MARK).unlink()
    mark = mark_fork(place, lake.home)
    assert "is in use by another process" in refused(lake, place)
    mark.release(is_clean=False)
    run = RunLock(place / "run.lock")
    run.acquire("run", wait_seconds=0)
    assert "a fork in which a run is going" in refused(lake, place)
    run.release()
    assert (place / "kept").exists()


def test_what_a_killed_process_left_is_replaced_and_what_it_links_to_stays(lake: Settings, tmp_path: Path) -> None:
    (lake.landing / "a.csv").write_text("x")
    for left in (None, "empty", "marked"):
        place = tmp_path / f"f {left}"
        if left:
            place.mkdir()
            (place / MARK).touch()
        if left == "marked":
            mark_fork(place, lake.home).release(is_clean=False)
            (place / "published" / "states").mkdir(parents=True)
            part = place / "published" / "states" / "part"
            part.touch(mode=0o444)
            (place / "landing").symlink_to(lake.landing, target_is_directory=True)
        with claimed(lake, place) as claim:
            assert claim == place
            assert fork_of(place) == lake.home
            assert [path.name for path in place.iterdir()] == [MARK]
            remove_fork(place)
        assert not place.exists()
    assert (lake.landing / "a.csv").read_text() == "x"


def test_nobody_is_told_of_what_happens_in_a_fork(lake: Settings) -> None:
    (lake.home / "notify.yml").write_text("- url: json://127.0.0.1/one")
    assert len(read_receivers(lake.home, "json://127.0.0.1/two")) == 2
    mark_fork(lake.home, lake.home).release(is_clean=False)
    assert is_fork(lake.home)
    assert read_receivers(lake.home, "json://127.0.0.1/two") == []


def test_a_copy_is_a_file_of_its_own(tmp_path: Path) -> None:
    source, target = tmp_path / "a", tmp_path / "b"
    source.write_bytes(os.urandom(3 << 20))
    clone(source, target)
    assert target.read_bytes() == source.read_bytes()
    with target.open("r+b") as file:
        file.write(b"changed")
    assert source.read_bytes()[:7] != b"changed"
    assert source.stat().st_nlink == 1


def test_a_lock_is_kept_without_a_word_in_it(tmp_path: Path) -> None:
    path = tmp_path / "run.lock"
    path.write_text("run 7")
    lock = RunLock(path)
    with unwritten(path, 0, print) as line, unwritten(path, 0, print):
        assert line == "run 7"
        with pytest.raises(LockTimeout, match="waited 0 s for run 7"):
            lock.acquire("run 8", wait_seconds=0)
    assert path.read_text() == "run 7"
    lock.acquire("run 8", wait_seconds=0)
    waited: list[str] = []
    with pytest.raises(LockTimeout, match="waited 0 s for run 8"), unwritten(path, 0, waited.append):
        pytest.fail("was taken")
    assert waited == ["run 8"]
    lock.release()
