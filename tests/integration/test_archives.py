"""Zip archives: each member is a file of its own in the ledger."""

from __future__ import annotations

import bz2
import gzip
import io
import os
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import openpyxl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from assay.base.archive_limits import ArchiveLimits
from assay.base.settings import Settings
from assay.base.warehouse import transaction
from assay.ledger import scan
from assay.ledger.archives import read_archives
from assay.ledger.folded_files import find
from assay.ledger.landing_zone import scratch_for_members
from assay.ledger.unclaimed import list_unclaimed
from assay.publish.run_session import open_session
from assay.text.room import Room
from assay.triggers.landing_watch import LandingWatch
from assay.triggers.published_state import read_known
from tests.source import Source, catalog

Make = Callable[..., Source]
COLUMNS = {"id": "bigint", "name": "varchar"}


def csv(*ids: int) -> bytes:
    return b"id,name\n" + b"".join(b"%d,n%d\n" % (i, i) for i in ids)


def archive(files: Mapping[str, bytes] | list[tuple[str, bytes]], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as made:
        for name, content in files.items() if isinstance(files, Mapping) else files:
            made.writestr(name, content)
    return out.getvalue()


def source_of(make: Make, files: str = "sales/*.zip!/**/*.csv", **contract: Any) -> Source:
    return make(COLUMNS, files=files, **contract)


def ids(source: Source) -> list[int]:
    return [row[0] for row in source.rows("id")]


def test_each_member_is_a_file_of_its_own(make: Make) -> None:
    source = source_of(make)
    source.put("a.zip", archive({"x/1.csv": csv(1, 2), "2.csv": csv(3), "notes.txt": b"no"}))
    looked = source.run()
    assert looked.arrived == ["sales/a.zip!/x/1.csv", "sales/a.zip!/2.csv"]
    assert source.files() == {"a.zip!/x/1.csv": "loaded", "a.zip!/2.csv": "loaded"}
    assert ids(source) == [1, 2, 3]
    assert source.sql("select path, archive, size_bytes from ops.files order by path") == [
        ("sales/a.zip!/2.csv", "sales/a.zip", len(csv(3))),
        ("sales/a.zip!/x/1.csv", "sales/a.zip", len(csv(1, 2))),
    ]
    assert not any(scratch_for_members(source.landing).iterdir())


def test_an_unchanged_archive_is_not_opened(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    source = source_of(make)
    path = source.put("a.zip", archive({f"{n}.csv": csv(n) for n in range(30)}))
    source.run()
    with monkeypatch.context() as patch:
        patch.setattr("assay.ledger.archives.members", lambda *_: pytest.fail("was opened"))
        assert source.run().known == 30
    os.utime(path, (1.0, 1.0))
    assert (source.run().known, len(source.sightings())) == (30, 30)


def test_a_member_counts_once_under_whatever_name_and_in_whatever_archive(make: Make) -> None:
    source = source_of(make)
    source.put("a.zip", archive({"1.csv": csv(1), "same.csv": csv(1)}))
    source.put("b.zip", archive({"x/again.csv": csv(1), "2.csv": csv(2)}, zipfile.ZIP_STORED))
    source.run()
    assert source.files() == {
        "a.zip!/1.csv": "loaded",
        "a.zip!/same.csv": "duplicate",
        "b.zip!/x/again.csv": "duplicate",
        "b.zip!/2.csv": "loaded",
    }
    assert ids(source) == [1, 2]


def test_columns_stand_in_the_path_of_an_archive_and_in_that_of_a_member(make: Make) -> None:
    """Equal bytes of two members are two contents where a part of either path says that they are."""
    columns = {**COLUMNS, "region": "varchar", "day": "date"}
    source = make(columns, files="sales/region={region}/*.zip!/**/till_{day}.csv")
    source.put("region=a/1.zip", archive({"till_2024-01-01.csv": csv(1), "x/till_2024-01-02.csv": csv(1)}))
    source.put("region=b/1.zip", archive({"till_2024-01-01.csv": csv(1), "x/till_2024-01-01.csv": csv(1)}))
    source.put("region=b/2.zip", archive({"till_2024-02-30.csv": csv(1)}))
    source.run()
    assert source.files() == {
        "region=a/1.zip!/till_2024-01-01.csv": "loaded",
        "region=a/1.zip!/x/till_2024-01-02.csv": "loaded",
        "region=b/1.zip!/till_2024-01-01.csv": "loaded",
        "region=b/1.zip!/x/till_2024-01-01.csv": "duplicate",
        "region=b/2.zip!/till_2024-02-30.csv": "refused",
    }
    says = "its path 'sales/region=b/2.zip!/till_2024-02-30.csv' does not fit"
    assert says in source.reason("region=b/2.zip!/till_2024-02-30.csv")
    first, second = date(2024, 1, 1), date(2024, 1, 2)
    assert source.rows("region", "day") == [("a", first), ("a", second), ("b", first)]
    assert source.run().known == 5


def test_a_full_refresh_parts_members_that_a_new_column_of_their_path_tells_apart(make: Make) -> None:
    source = source_of(make, "sales/*/*.zip!/*.csv")
    for region in ("a", "b"):
        source.put(f"{region}/1.zip", archive({"1.csv": csv(1)}))
    source.run()
    assert sorted(source.files().values()) == ["duplicate", "loaded"]
    source.columns = {**COLUMNS, "region": "varchar"}
    source.options = {**source.options, "files": "sales/{region}/*.zip!/*.csv"}
    source.look()
    source.load(is_full_refresh=True)
    assert source.rows("id", "region") == [(1, "a"), (1, "b")]
    assert source.run().arrived == []


def test_a_replaced_archive_has_new_versions_of_its_members_and_loses_none(make: Make) -> None:
    source = source_of(make)
    source.put("a.zip", archive({"same.csv": csv(1), "new.csv": csv(2), "gone.csv": csv(3)}))
    source.run()
    source.put("a.zip", archive({"same.csv": csv(1), "new.csv": csv(20), "more.csv": csv(4)}))
    assert source.run().arrived == ["sales/a.zip!/new.csv", "sales/a.zip!/more.csv"]
    live = "select id from {} where _file_id in (select file_id from ops.live_files) order by id"
    assert source.sql(live.format(source.table)) == [(1,), (3,), (4,), (20,)]
    assert source.run().known == 3


def test_an_archive_that_is_replaced_between_look_and_load_is_left_to_the_next_look(make: Make) -> None:
    source = source_of(make)
    source.put("a.zip", archive({"1.csv": csv(1), "2.csv": csv(2)}))
    source.run(lambda: source.put("a.zip", archive({"1.csv": csv(10), "2.csv": csv(2)})))
    assert ids(source) == []
    source.run()
    assert ids(source) == [2, 10]
    assert source.sightings() == [
        ("a.zip!/1.csv", "missing"), ("a.zip!/2.csv", "loaded"), ("a.zip!/1.csv", "loaded"),
    ]  # fmt: skip
    source.put("a.zip", archive({"3.csv": csv(3)}))
    source.run((source.landing / "sales/a.zip").unlink)
    assert source.files()["a.zip!/3.csv"] == "missing"
    assert ids(source) == [2, 10]


def test_an_archive_that_changes_while_it_is_read_is_left_to_the_next_look(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = source_of(make)
    path = source.put("a.zip", archive({"1.csv": csv(1), "2.csv": csv(2)}))
    examine = scan.examine

    def examined(*args: Any) -> object:
        os.utime(path, (2.0, 2.0))
        return examine(*args)

    monkeypatch.setattr(scan, "examine", examined)
    assert source.look().changing == ["sales/a.zip!/1.csv", "sales/a.zip!/2.csv"]
    monkeypatch.undo()
    assert source.sql("select * from ops.archives") == []
    assert source.run().arrived == ["sales/a.zip!/1.csv", "sales/a.zip!/2.csv"]


def test_a_damaged_member_is_refused_and_the_others_load(make: Make) -> None:
    source = source_of(make)
    content = archive({"1.csv": csv(1), "2.csv": csv(2)}, zipfile.ZIP_STORED)
    source.put("a.zip", content.replace(csv(1), csv(3), 1))
    source.run()
    assert source.files() == {"a.zip!/1.csv": "refused", "a.zip!/2.csv": "loaded"}
    assert "it is damaged" in source.reason("a.zip!/1.csv")
    assert source.run().known == 2
    source.put("a.zip", content)
    source.run()
    assert source.files() == {"a.zip!/1.csv": "loaded", "a.zip!/2.csv": "loaded"}
    assert ids(source) == [1, 2]
    source.put("a.zip", archive({"1.csv": csv(1), "3.csv": b"?"}))
    source.run()
    assert source.files()["a.zip!/3.csv"] == "refused"
    source.put("a.zip", archive({"1.csv": csv(1)}))
    source.run()  # nothing is left that a person could put right
    assert source.files() == {"a.zip!/1.csv": "loaded", "a.zip!/2.csv": "loaded", "a.zip!/3.csv": "missing"}


def test_an_archive_that_cannot_be_opened_is_one_refused_file_until_it_is_replaced(make: Make) -> None:
    source = source_of(make)
    content = archive({"1.csv": csv(1)})
    source.put("a.zip", content[:-10])
    source.put("b.zip", csv(7))
    source.run()
    assert source.files() == {"a.zip": "refused", "b.zip": "refused"}
    assert "cannot be opened as a zip archive" in source.reason("a.zip")
    assert source.run().known == 2
    source.put("a.zip", content)
    source.run()
    assert source.files() == {"a.zip": "missing", "b.zip": "refused", "a.zip!/1.csv": "loaded"}
    assert source.reason("a.zip") == "is an archive that can be opened now"
    source.put("a.zip", content[:-10])
    source.run()
    assert source.files()["a.zip"] == "refused"
    assert ids(source) == [1]


def test_a_limit_that_is_raised_is_a_reason_to_look_again(make: Make) -> None:
    source = source_of(make)
    source.put("a.zip", archive({f"{n}.csv": csv(n) for n in range(3)}))
    source.put("b.zip", archive({"zeros.csv": b"id,name\n" + b"7,x\n" * 10_000, "8.csv": csv(8)}))
    arrivals = find(source.landing, source.contract.files)

    def look(limits: ArchiveLimits) -> dict[str, str]:
        with transaction(source.connection):
            scan.Ledger(source.connection, source.contract, "run", limits).look(arrivals)
        return source.files()

    assert look(ArchiveLimits(members=2, ratio=50)) == {
        "a.zip": "refused", "b.zip!/zeros.csv": "refused", "b.zip!/8.csv": "arrived",
    }  # fmt: skip
    assert look(ArchiveLimits())["a.zip"] == "missing"
    assert set(source.files().values()) == {"missing", "arrived"}


def test_a_member_for_which_the_disk_has_no_room_waits_for_it(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    source = source_of(make)
    source.put("a.zip", archive({"1.csv": csv(1), "2.csv": csv(2, 3, 4, 5, 6)}))
    with monkeypatch.context() as patch:
        patch.setattr(Room, "__init__", lambda self, _: vars(self).update(_whole=20, _left=20))
        source.look()
        source.look()
    assert source.files() == {"a.zip!/1.csv": "arrived", "a.zip!/2.csv": "refused"}
    assert "more than the 20 bytes that the disk" in source.reason("a.zip!/2.csv")
    source.run()
    assert ids(source) == [1, 2, 3, 4, 5, 6]


def parquet(*ids: int) -> bytes:
    out = io.BytesIO()
    pq.write_table(pa.table({"id": pa.array(ids, pa.int64()), "name": [f"n{i}" for i in ids]}), out)
    return out.getvalue()


def workbook(*ids: int) -> bytes:
    book, out = openpyxl.Workbook(), io.BytesIO()
    for row in [["id", "name"], *([i, f"n{i}"] for i in ids)]:
        book.active.append(row)
    book.save(out)
    return out.getvalue()


def json_lines(*ids: int) -> bytes:
    return b"".join(b'{"id":%d,"name":"n%d"}\n' % (i, i) for i in ids)


def as_array(lines: bytes) -> bytes:
    return b"[" + lines.strip().replace(b"\n", b",") + b"]"


@pytest.mark.parametrize(
    ("kind", "ending", "write"),
    [
        ("csv", "csv.gz", lambda *ids: gzip.compress(csv(*ids))),
        ("parquet", "parquet", parquet),
        ("excel", "xlsx", workbook),
        pytest.param("jsonl", "jsonl", json_lines, marks=pytest.mark.slow),
        pytest.param("jsonl", "jsonl.bz2", lambda *ids: bz2.compress(json_lines(*ids)), marks=pytest.mark.slow),
        pytest.param("json", "json", lambda *ids: as_array(json_lines(*ids)), marks=pytest.mark.slow),
    ],
    ids=["csv.gz", "parquet", "xlsx", "jsonl", "jsonl.bz2", "json"],
)
def test_members_of_every_format_load(make: Make, kind: str, ending: str, write: Callable[..., bytes]) -> None:
    source = make(COLUMNS, files="sales/*.zip!/*", format={"type": kind})
    content = {f"it's [{n}]*.{ending}": write(n, n + 100) for n in range(3)}
    source.put("a.zip", archive({**content, f"bad.{ending}": b"\0\1\2 what is this"}))
    source.run()
    assert ids(source) == [0, 1, 2, 100, 101, 102]
    assert source.files()[f"a.zip!/it's [1]*.{ending}"] == "loaded"
    source.load(is_full_refresh=True)
    assert ids(source) == [0, 1, 2, 100, 101, 102]
    assert not any(scratch_for_members(source.landing).iterdir())


def test_records_of_a_member_that_are_malformed_are_kept(make: Make) -> None:
    source = source_of(make)
    source.put("a.zip", archive({"1.csv": csv(1) + b"x,2\n3,4,5\n" + csv(6)[8:]}))
    source.run()
    assert ids(source) == [1, 6]
    assert [line for line, _, _ in source.malformed()] == [3, 4]


def test_the_name_of_the_member_dates_it(make: Make) -> None:
    source = source_of(
        make, load="snapshot", newest_by={"file_date": "s_%Y-%m-%d.csv"}, files="sales/*.zip!/**/s_*.csv"
    )
    source.put("2020-01-01.zip", archive({"x/s_2024-02-01.csv": csv(1), "s_unknown.csv": csv(2)}))
    source.run()
    assert source.sql("select path, file_date::date::varchar, status from ops.files order by path") == [
        ("sales/2020-01-01.zip!/s_unknown.csv", None, "refused"),
        ("sales/2020-01-01.zip!/x/s_2024-02-01.csv", "2024-02-01", "loaded"),
    ]


def test_an_archive_within_an_archive_is_refused_with_the_reason(make: Make) -> None:
    source = make(COLUMNS, files="sales/*.zip!/*")
    source.put("a.zip", archive({"b.zip": archive({"1.csv": csv(1)}), "2.csv": csv(2)}))
    source.run()
    assert source.files() == {"a.zip!/b.zip": "refused", "a.zip!/2.csv": "loaded"}
    assert "an archive within another is not opened" in source.reason("a.zip!/b.zip")


def test_an_archive_that_is_claimed_as_a_file_is_refused_with_the_way_to_say_it(make: Make) -> None:
    source = make(COLUMNS)
    source.put("a.zip", archive({"1.csv": csv(1)}))
    source.run()
    assert "files` claims the members of one as in" in source.reason("a.zip")


def test_a_folder_that_is_called_like_an_archive_is_none(make: Make) -> None:
    source = make(COLUMNS, files="sales/**/*.csv")
    source.put("a.zip!/1.csv", csv(1))
    source.put("a.zip", archive({"1.csv": csv(2)}))
    source.run()
    assert source.files() == {"a.zip!/1.csv": "loaded"}
    assert ids(source) == [1]
    source.load(is_full_refresh=True)
    assert ids(source) == [1]


def test_a_member_and_a_file_of_one_name_are_refused_and_what_was_loaded_stays(make: Make) -> None:
    source = source_of(make, "sales/**/*.zip!/**/*.csv")
    source.put("a.zip", archive({"b.zip!/c.csv": csv(1), "d.csv": csv(2)}))
    source.run()
    source.put("a.zip!/b.zip", archive({"c.csv": csv(3)}))
    for _ in range(2):
        source.run()
        assert source.files() == {"a.zip!/b.zip!/c.csv": "refused", "a.zip!/d.csv": "loaded"}
        assert source.reason("a.zip!/b.zip!/c.csv").startswith("two files have this name")
        assert ids(source) == [1, 2]
    (source.landing / "sales/a.zip!").rename(source.landing / "sales/x")
    source.run()
    assert source.files() == {
        "a.zip!/b.zip!/c.csv": "duplicate",
        "a.zip!/d.csv": "loaded",
        "x/b.zip!/c.csv": "loaded",
    }
    assert ids(source) == [1, 2, 3]


def test_members_that_no_source_claims_are_listed(make: Make) -> None:
    source = source_of(make, "sales/*.zip!/orders*.csv")
    others = {"notes.txt": b"x", "x/orders.csv": csv(2), "../orders.csv": csv(3), ".DS_Store": b"", "_SUCCESS": b""}
    path = source.put("a.zip", archive({"orders.csv": csv(1), **others, "__MACOSX/._orders.csv": b"\0"}))
    source.put("b.zip", archive({".hidden.csv": csv(9)}))

    def unclaimed(*files: str) -> dict[str, str]:
        contracts = [replace(source.contract, source=f"s{n}", files=glob) for n, glob in enumerate(files)]
        listed = list_unclaimed(source.landing, contracts, read_archives(source.connection)).files
        return {file.shown.removeprefix("sales/"): hint for file, hint in listed}

    assert unclaimed(source.contract.files) == {}
    source.run()
    shown = unclaimed(source.contract.files)
    assert shown == {
        "a.zip!/notes.txt": "is not among the members that 'sales/*.zip!/orders*.csv' of s0 names",
        "a.zip!/x/orders.csv": "is not among the members that 'sales/*.zip!/orders*.csv' of s0 names",
        "a.zip!/../orders.csv": "its name leads out of the archive, or is no path",
    }
    assert list(unclaimed(source.contract.files, "sales/*.zip!/*.txt", "sales/*.zip!/x/*")) == ["a.zip!/../orders.csv"]
    assert list(unclaimed("sales/**/*.txt")) == ["a.zip", "b.zip"]
    path.unlink()
    assert unclaimed(source.contract.files) == {}


def test_a_source_that_is_asked_for_other_members_gets_them_from_the_same_archive(make: Make) -> None:
    source = source_of(make, "sales/*.zip!/a*.csv")
    source.put("a.zip", archive({"a.csv": csv(1), "b.csv": csv(2)}))
    source.run()
    source.options["files"] = "sales/*.zip!/*.csv"
    assert source.look().arrived == ["sales/a.zip!/b.csv"]


def test_the_services_see_an_archive_that_is_new_changed_or_gone_without_opening_it(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = source_of(make)
    path = source.put("a.zip", archive({"1.csv": csv(1), "2.csv": b"id\n"}))
    source.put("bad.zip", b"PK")

    def differs() -> tuple[int, bool]:
        project = catalog({**source.node, "depends_on": {"nodes": []}})
        watch = LandingWatch(Settings(home=source.home), project)
        known = read_known(source.connection, project)
        monkeypatch.setattr(LandingWatch, "known", lambda _: known)
        return watch.look()[0].get("sales", 0), bool(watch.differing(known))

    monkeypatch.setattr("assay.triggers.published_state.is_of_this_version", lambda _: True)
    assert differs() == (2, True)
    source.run()
    assert source.files() == {"a.zip!/1.csv": "loaded", "a.zip!/2.csv": "refused", "bad.zip": "refused"}
    assert differs() == (0, False)
    os.utime(path, (1.0, 1.0))
    assert differs() == (1, True)
    source.run()
    assert differs() == (0, False)
    source.options["files"] = "sales/*.zip!/*.csv"
    assert differs() == (2, True)
    source.look()
    assert differs() == (0, False)
    path.unlink()
    assert differs() == (0, True)


def test_what_a_killed_run_left_unpacked_is_gone_in_the_next_one(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path / "lake")
    left = scratch_for_members(settings.landing) / "tmpx" / "orders.csv"
    left.parent.mkdir(parents=True)
    left.touch()
    assert left.is_relative_to(settings.scratch)
    with open_session(settings, catalog(), "run", is_run=False):
        assert not left.exists()
