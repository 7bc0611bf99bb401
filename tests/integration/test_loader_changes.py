"""Between the look at landing and the load anything may happen to a file; and names may be anything."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from assay.loading.file_load import FileLoad
from tests.source import OLD, Source

Make = Callable[..., Source]
COLUMNS = {"id": "bigint", "name": "varchar"}


def csv(*ids: int) -> str:
    return "id,name\n" + "".join(f"{n},n{n}\n" for n in ids)


NAMES = [
    "two words.csv",
    'it\'s "quoted".csv',
    "new\nline.csv",
    "100%20%s.csv",
    "naïve ☕.csv",
    "'; drop table ops.files; --.csv",
    "$(touch x).csv",
    "back\\slash.csv",
    "a1=b.csv",
    "~.csv",
    "-rf.csv",
    "file:x.csv",
    "s3:__b.csv",
    "x.csv.gz",
    "x.parquet",
    "{id}{0}.csv",
    "a?.csv",
    "a*.csv",
    "a[12].csv",
    "[!b].csv",
    "{x,y}.csv",
    "**.csv",
]
SIBLINGS = ["ab.csv", "a1.csv", "a2.csv", "z.csv", "x", "backslash.csv"]


def test_a_hostile_name_is_an_ordinary_name(make: Make) -> None:
    """What DuckDB takes for a pattern would load the files beside it, under the wrong name and twice."""
    source = make(COLUMNS, files="sales/**/*")
    for number, name in enumerate(NAMES + SIBLINGS):
        source.put(name, csv(number))
    source.put("id=77/name=x.csv", csv(99))
    source.run()
    rows = source.sql(
        f"select path, id from {source.table} join ops.files on file_id = _file_id where status = 'loaded' order by id"
    )
    expected = [(f"sales/{name}", number) for number, name in enumerate(NAMES + SIBLINGS)]
    assert rows == [*expected, ("sales/id=77/name=x.csv", 99)]


def test_hostile_names_take_the_careful_way_too(make: Make) -> None:
    source = make(COLUMNS)
    for number, name in enumerate(NAMES):
        source.put(name, csv(number) + "bad,x\n")
    source.run()
    assert source.rows("id") == [(n,) for n in range(len(NAMES))]
    assert len(source.malformed()) == len(NAMES)


def replace(path: Path, content: str) -> None:
    """Other content of the same size, in place, with the same time."""
    assert len(content) == path.stat().st_size
    path.write_text(content)
    os.utime(path, (OLD, OLD))


def test_a_file_that_changed_after_the_look_is_not_loaded_as_what_it_was(make: Make) -> None:
    source = make(COLUMNS)
    path = source.put("a.csv", csv(1))
    source.put("b.csv", csv(2))
    source.run(before_load=lambda: replace(path, csv(8)))
    assert source.files() == {"a.csv": "arrived", "b.csv": "loaded"}
    assert source.rows("id") == [(2,)]

    source.run()
    assert source.rows("id") == [(2,), (8,)]
    assert source.sightings() == [("a.csv", "missing"), ("b.csv", "loaded"), ("a.csv", "loaded")]


@pytest.mark.parametrize("way", ["fast", "careful"])
def test_a_file_that_changes_while_it_is_read_is_not_loaded(
    make: Make, monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    source = make(COLUMNS)
    path = source.put("a.csv", csv(1) if way == "fast" else csv(1) + "x,y\n")
    read = getattr(FileLoad, way)

    def read_and_change(load: FileLoad, file: object) -> object:
        counted = read(load, file)
        replace(path, path.read_text().replace("1", "8"))
        return counted

    with monkeypatch.context() as patch:
        patch.setattr(FileLoad, way, read_and_change)
        source.run()
    assert source.rows() == source.malformed() == []
    source.run()
    assert source.rows("id") == [(8,)]


def test_a_file_that_changes_into_rubbish_is_not_refused_for_it(make: Make) -> None:
    source = make(COLUMNS)
    path = source.put("a.csv", csv(1))
    source.run(before_load=lambda: path.write_bytes(b"\x1f\x8b rubbish"))
    assert source.files() == {"a.csv": "arrived"}
    source.run()
    assert source.files() == {"a.csv": "refused"}


def test_a_file_that_is_gone_is_missing_and_loaded_when_it_comes_back(make: Make) -> None:
    source = make(COLUMNS)
    path = source.put("a.csv", csv(1))
    source.put("b.csv", csv(2))
    source.run(before_load=path.unlink)
    assert source.files() == {"a.csv": "missing", "b.csv": "loaded"}
    source.put("a.csv", csv(1))
    source.run()
    assert source.rows("id") == [(1,), (2,)]
    assert source.sightings() == [("a.csv", "loaded"), ("b.csv", "loaded")]


def test_a_copy_takes_the_place_of_a_file_that_is_gone_in_the_same_run(make: Make) -> None:
    source = make(COLUMNS)
    path = source.put("a.csv", csv(1))
    source.put("b.csv", csv(1))
    source.run(before_load=path.unlink)
    assert source.files() == {"a.csv": "missing", "b.csv": "loaded"}
    assert source.rows("id") == [(1,)]


def test_a_file_that_goes_while_it_is_split_is_missing_and_no_crash(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = make(COLUMNS)
    path = source.put("a.csv", csv(1) + "x,y\n")
    source.put("b.csv", csv(2))
    careful = FileLoad.careful

    def go_and_read(load: FileLoad, file: object) -> object:
        path.unlink(missing_ok=True)
        return careful(load, file)  # type: ignore[arg-type]

    with monkeypatch.context() as patch:
        patch.setattr(FileLoad, "careful", go_and_read)
        source.run()
    assert source.files() == {"a.csv": "missing", "b.csv": "loaded"}


def test_a_link_that_turns_elsewhere_after_the_look_is_not_followed(make: Make, tmp_path: Path) -> None:
    secret = tmp_path / "secret.csv"
    secret.write_text(csv(666))
    source = make(COLUMNS)
    path = source.put("a.csv", csv(1))

    def turn() -> None:
        path.unlink()
        path.symlink_to(secret)

    source.run(before_load=turn)
    assert source.rows() == []
    source.run()
    assert source.rows() == []
    assert "leads out of the landing zone" in source.reason("a.csv")


def test_a_file_that_waited_while_its_contract_changed_is_examined_again(make: Make) -> None:
    """With the header that was read under the old contract, the load would look for columns that are not there."""
    source = make(COLUMNS)
    source.put("a.csv", "id,name\n1,x\n")
    source.put("b.csv", "id;name;more\n2;y;z\n")
    source.look()
    source.options = {"format": {"type": "csv", "delimiter": ";"}}
    source.columns["more"] = "varchar"
    source.load()
    assert source.files() == {"a.csv": "refused", "b.csv": "refused"}
    source.run()
    assert source.files() == {"a.csv": "refused", "b.csv": "loaded"}
    assert source.rows() == [(2, "y", "z")]
