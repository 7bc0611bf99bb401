"""Files appear whole or not at all, and are left alone when they are right already."""

from __future__ import annotations

import errno
import os
import shutil
from pathlib import Path

import pytest

from assay.base.atomic_write import CHUNK, place

NOON = 1_483_272_000.0


def identity(path: Path) -> tuple[int, int]:
    stat = path.stat()
    return stat.st_ino, stat.st_mtime_ns


def test_a_new_file_has_the_bytes_and_the_time_and_nothing_stays_beside_it(tmp_path: Path) -> None:
    path = tmp_path / "in" / "deep" / "a.csv"

    assert place(path, b"x\n1\n", mtime=NOON) is True

    assert path.read_bytes() == b"x\n1\n"
    assert path.stat().st_mtime == NOON
    assert list(path.parent.iterdir()) == [path]


def test_a_file_with_the_same_bytes_keeps_its_inode_and_its_time(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(b"same")
    before = identity(path)

    assert place(path, b"same", mtime=NOON) is False

    assert identity(path) == before


@pytest.mark.parametrize("there", [b"", b"sam", b"samE", b"same and more"])
def test_a_file_with_other_bytes_is_replaced(tmp_path: Path, there: bytes) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(there)

    assert place(path, b"same", mtime=NOON) is True

    assert path.read_bytes() == b"same"


def test_an_empty_file_is_a_file_too(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"

    assert place(path, b"", mtime=NOON) is True
    assert place(path, b"", mtime=NOON) is False


def test_a_difference_after_the_first_piece_is_seen(tmp_path: Path) -> None:
    path, source = tmp_path / "a.bin", tmp_path / "b.bin"
    path.write_bytes(b"x" * CHUNK + b"old")
    source.write_bytes(b"x" * CHUNK + b"new")

    assert place(path, source, mtime=NOON) is True

    assert path.read_bytes() == source.read_bytes()


def test_a_file_is_copied_in_pieces_and_the_source_stays(tmp_path: Path) -> None:
    source, path = tmp_path / "source.bin", tmp_path / "landing" / "copy.bin"
    source.write_bytes(os.urandom(3 * CHUNK + 7))

    assert place(path, source, mtime=NOON) is True
    assert place(path, source, mtime=NOON) is False

    assert path.read_bytes() == source.read_bytes()


def test_a_file_placed_onto_itself_is_unchanged(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(b"here")

    assert place(path, path, mtime=NOON) is False

    assert path.read_bytes() == b"here"


@pytest.mark.parametrize("name", ["two words.csv", 'it\'s "quoted".csv', "ünï[*]?.csv", "-rf", "a" * 255])
def test_any_name_that_the_file_system_takes_can_be_placed(tmp_path: Path, name: str) -> None:
    """A file aside named after its target would be too long for a name of 255 characters."""
    assert place(tmp_path / name, b"1", mtime=NOON) is True

    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_a_reader_never_sees_a_part_of_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(b"old")
    seen: list[tuple[bytes, list[str]]] = []

    def look(_: int) -> None:
        aside = sorted(entry.name for entry in tmp_path.iterdir() if entry != path)
        seen.append((path.read_bytes(), aside))

    monkeypatch.setattr(os, "fsync", look)
    place(path, b"new", mtime=NOON)

    (during, [aside]), (after, nothing) = seen
    assert during == b"old"
    assert aside.startswith(".")
    assert aside.endswith(".part")
    assert (after, nothing) == (b"new", [])


@pytest.mark.parametrize("failure", [OSError(errno.ENOSPC, "no space left"), KeyboardInterrupt()])
def test_a_full_disk_or_an_interrupt_leaves_the_old_file_and_nothing_aside(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, failure: BaseException
) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(b"old")

    def fail(*_: object) -> None:
        raise failure

    monkeypatch.setattr(shutil, "copyfileobj", fail)
    with pytest.raises(type(failure)):
        place(path, b"new", mtime=NOON)

    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_folder_in_the_way_is_an_error_and_stays(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.mkdir()

    with pytest.raises(OSError, match="directory"):
        place(path, b"new", mtime=NOON)

    assert list(tmp_path.iterdir()) == [path]


def test_a_missing_source_is_an_error_and_makes_nothing(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        place(tmp_path / "a.csv", tmp_path / "absent.csv", mtime=NOON)

    assert list(tmp_path.iterdir()) == []


def test_the_mode_follows_the_umask(tmp_path: Path) -> None:
    """A temporary file of mode 600 that is renamed shuts every other user out."""
    (tmp_path / "plain").write_bytes(b"1")
    place(tmp_path / "placed", b"1", mtime=NOON)

    assert (tmp_path / "placed").stat().st_mode == (tmp_path / "plain").stat().st_mode
