"""The ledger decides what is new: by content and path, not by name, time or order."""

from __future__ import annotations

import copy
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from assay.ledger import scan
from assay.ledger.landing_zone import Arrival
from tests.source import OLD, Source

Make = Callable[..., Source]
COLUMNS = {"id": "bigint", "name": "varchar"}


def csv(*ids: int) -> str:
    return "id,name\n" + "".join(f"{n},n{n}\n" for n in ids)


@pytest.fixture
def source(make: Make) -> Source:
    return make(COLUMNS)


def live(source: Source) -> list[int]:
    """The ids in files that count."""
    rows = source.sql(
        f"select id from {source.table} where _file_id in (select file_id from ops.current_files) order by id"
    )
    return [row[0] for row in rows]


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Names of the files that were opened by looks, from here on."""
    names: list[str] = []
    examine = scan.examine

    def noting(path: Path, *args: object) -> object:
        names.append(path.name)
        return examine(path, *args)  # type: ignore[arg-type]

    monkeypatch.setattr(scan, "examine", noting)
    return names


def test_a_second_look_opens_no_file_and_writes_nothing(source: Source, opened: list[str]) -> None:
    source.put("a.csv", csv(1))
    source.put("b.csv", b"")
    source.run()
    before = source.sql("select * from ops.files")
    opened.clear()
    looked = source.run()
    assert (looked.known, looked.arrived, looked.refused, opened) == (2, [], [], [])
    assert source.sql("select * from ops.files") == before


@pytest.mark.slow  # ten thousand files are written
def test_ten_thousand_new_files_are_taken_in_one_look_and_known_ones_are_not_opened(
    source: Source, opened: list[str]
) -> None:
    folder = source.landing / "sales"
    folder.mkdir(parents=True)
    for number in range(10_000):
        path = folder / f"{number}.csv"
        path.write_text(csv(number % 9_000))
        os.utime(path, (OLD, OLD))
    looked = source.look()
    assert (len(looked.arrived), len(looked.duplicate), len(opened)) == (9_000, 1_000, 10_000)
    assert source.sql("select count(distinct sighting_id), count(distinct file_id) from ops.files") == [(10_000, 9_000)]

    opened.clear()
    assert (source.look().known, opened) == (10_000, [])


def restore(path: Path) -> None:
    """Another inode with the same bytes, as from a backup."""
    aside = path.with_name("aside")
    shutil.copy(path, aside)
    aside.replace(path)


@pytest.mark.parametrize("touch", [os.utime, lambda path: os.utime(path, (1, 1)), restore])
def test_a_touched_or_restored_file_is_known_and_its_hint_is_refreshed(
    source: Source, opened: list[str], touch: Callable[[Path], object]
) -> None:
    path = source.put("a.csv", csv(1))
    source.run()
    touch(path)
    opened.clear()
    assert source.run().known == 1
    assert opened == ["a.csv"]
    assert source.run().known == 1
    assert opened == ["a.csv"]
    assert source.rows("id") == [(1,)]


def test_a_file_that_is_touched_while_it_waits_is_loaded(source: Source) -> None:
    path = source.put("a.csv", csv(1))
    source.look()
    os.utime(path, (OLD + 5, OLD + 5))
    source.run()
    assert source.sightings() == [("a.csv", "loaded")]


def test_a_renamed_file_and_a_copy_add_nothing(source: Source) -> None:
    path = source.put("a.csv", csv(1))
    source.run()
    path.rename(path.with_name("b.csv"))
    source.put("c.csv", csv(1))
    looked = source.run()
    assert looked.duplicate == ["sales/b.csv", "sales/c.csv"]
    assert source.files() == {"a.csv": "loaded", "b.csv": "duplicate", "c.csv": "duplicate"}
    assert live(source) == [1]


def test_a_file_that_is_renamed_while_it_waits_is_loaded_under_its_new_name(source: Source) -> None:
    path = source.put("a.csv", csv(1))
    source.look()
    path.rename(path.with_name("b.csv"))
    looked = source.run()
    assert (looked.arrived, looked.duplicate, looked.missing) == (["sales/b.csv"], [], ["sales/a.csv"])
    assert source.files() == {"a.csv": "missing", "b.csv": "loaded"}


def test_new_content_under_an_old_name_replaces_the_old_and_the_old_can_come_back(source: Source) -> None:
    source.put("a.csv", csv(1, 2))
    source.run()
    source.put("a.csv", csv(2, 3))
    source.run()
    assert live(source) == [2, 3]
    source.put("a.csv", csv(1, 2))
    assert source.run().duplicate == ["sales/a.csv"]
    assert live(source) == [1, 2]
    assert source.sql(f"select count(*) from {source.table}") == [(4,)]


def test_a_new_file_with_an_old_time_is_new(source: Source) -> None:
    source.put("b.csv", csv(1))
    source.run()
    source.put("a.csv", csv(2), mtime=1.0)
    assert source.run().arrived == ["sales/a.csv"]


def test_a_refused_version_does_not_replace_the_one_before(source: Source) -> None:
    source.put("a.csv", csv(1))
    source.run()
    source.put("a.csv", "id,wrong\n2,x\n")
    source.run()
    assert source.files() == {"a.csv": "refused"}
    assert live(source) == [1]


def test_content_that_was_replaced_before_it_was_loaded_does_not_wait_for_ever(source: Source) -> None:
    """Its sighting would be tried, and found changed, by every run that comes."""
    source.put("a.csv", csv(1))
    source.look()
    source.put("a.csv", csv(2))
    source.look()
    source.put("a.csv", csv(1))
    source.run()
    assert source.sightings() == [("a.csv", "missing"), ("a.csv", "missing"), ("a.csv", "loaded")]
    assert source.rows("id") == [(1,)]


def test_a_copy_of_content_that_was_replaced_before_it_was_loaded_takes_its_place(source: Source) -> None:
    source.put("b.csv", csv(1))
    source.put("c.csv", csv(1))
    source.look()
    source.put("b.csv", csv(2))
    source.run()
    assert source.files() == {"b.csv": "loaded", "c.csv": "loaded"}
    assert source.rows("id") == [(1,), (2,)]


def test_a_copy_that_shows_something_else_by_now_is_not_taken_for_what_it_was(source: Source) -> None:
    a, b = source.put("a.csv", csv(1)), source.put("b.csv", csv(1))
    source.look()
    source.put("b.csv", csv(2))
    source.look()
    a.unlink()
    source.run()
    assert source.files() == {"a.csv": "missing", "b.csv": "loaded"}
    assert source.rows("id") == [(2,)]
    assert b.exists()


def test_a_refused_file_is_examined_again_when_the_contract_or_the_file_changes(
    source: Source, opened: list[str]
) -> None:
    source.put("a.csv", "id;name\n1;x\n")
    source.put("b.csv", "id;wrong\n1;x\n")
    source.run()
    source.run()
    assert opened == ["a.csv", "b.csv"]
    source.options = {"format": {"type": "csv", "delimiter": ";"}}
    source.run()
    assert source.sightings() == [("a.csv", "loaded"), ("b.csv", "refused")]
    source.put("b.csv", "id;name\n2;x\n")
    source.run()
    assert source.rows("id") == [(1,), (2,)]


def test_prose_in_a_contract_is_no_reason_to_examine_anything_again(source: Source, opened: list[str]) -> None:
    source.put("b.csv", "id;wrong\n1;x\n")
    source.run()
    source.options = {"version": "1.0.1", "owner": "others"}
    source.run()
    assert opened == ["b.csv"]


def test_a_path_that_could_not_be_read_and_then_can_is_one_sighting(source: Source) -> None:
    folder = source.landing / "sales"
    (folder / "a.csv").mkdir(parents=True)
    source.run()
    assert "is a directory" in source.reason("a.csv")
    (folder / "a.csv").rmdir()
    source.put("a.csv", csv(1))
    source.run()
    assert source.sightings() == [("a.csv", "loaded")]


def test_a_file_that_goes_while_it_is_looked_at_is_no_crash(source: Source, monkeypatch: pytest.MonkeyPatch) -> None:
    path = source.put("a.csv", csv(1))
    source.put("b.csv", csv(2))
    examine = scan.examine

    def going(where: Path, *args: object) -> object:
        path.unlink(missing_ok=True)
        return examine(where, *args)  # type: ignore[arg-type]

    monkeypatch.setattr(scan, "examine", going)
    source.run()
    assert source.files() == {"b.csv": "loaded"}


def test_a_file_that_is_written_to_while_it_is_hashed_is_left_to_the_next_look(
    source: Source, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = source.put("a.csv", csv(1))
    examine = scan.examine

    def growing(where: Path, *args: object) -> object:
        result = examine(where, *args)  # type: ignore[arg-type]
        with path.open("a") as file:
            file.write("2,n2\n")
        return result

    with monkeypatch.context() as patch:
        patch.setattr(scan, "examine", growing)
        looked = source.run()
    assert (looked.changing, source.files()) == (["sales/a.csv"], {})
    source.run()
    assert source.rows("id") == [(1,), (2,)]


def test_sources_do_not_share_contents_or_sightings(source: Source) -> None:
    other = copy.copy(source)
    other.name = "other"
    source.put("a.csv", csv(1))
    other.put("a.csv", csv(1))
    source.run()
    other.run()
    assert source.rows("id") == other.rows("id") == [(1,)]
    assert source.sql("select count(distinct file_id), count(distinct sighting_id) from ops.files") == [(2, 2)]


def test_the_newest_snapshot_counts_and_a_repeated_one_makes_it_the_same_again(make: Make) -> None:
    source = make(COLUMNS, load="snapshot", newest_by={"file_date": "d_%Y-%m-%d.csv"}, max_loss=1)
    source.put("d_2017-01-02.csv", csv(1, 2))
    source.put("d_2017-01-01.csv", csv(9))
    source.put("d_someday.csv", csv(7))
    source.run()
    assert live(source) == [1, 2]
    assert "does not say its date" in source.reason("d_someday.csv")
    source.put("d_2017-01-03.csv", csv(9))
    assert source.run().duplicate == ["sales/d_2017-01-03.csv"]
    assert live(source) == [9]


def test_an_arrival_with_a_problem_is_never_opened(source: Source, opened: list[str]) -> None:
    arrival = Arrival("sales/x", source.landing / "sales" / "x", None, "it is no file")
    looked = scan.Ledger(source.connection, source.contract, "run").look([arrival])
    assert looked.refused == [("sales/x", "it is no file")]
    assert opened == []
