"""Columns whose values a file's path says, or the moment of its name: what they are, and which contents are one."""

from __future__ import annotations

import os
import random
from collections.abc import Callable, Sequence
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from assay.contract.errors import ContractError
from assay.ledger.pending import NeedsFiles
from tests.lab import Lab, everything
from tests.source import Source
from tests.sources_project import write_sources

Make = Callable[..., Source]
COLUMNS = {"id": "bigint", "region": "varchar", "day": "date"}
HIVE = "sales/region={region}/day={day}/*"
DATED = {"newest_by": {"file_date": "till_%Y-%m-%d.csv"}, "dated": ["day"]}


@pytest.fixture
def make(tmp_path: Path) -> Make:
    def source(columns: dict[str, str] | None = None, *, folder: str = "lake", **contract: Any) -> Source:
        return Source(tmp_path / folder, columns or COLUMNS, **{"files": HIVE, **contract})

    return source


def parquet(path: Path, **columns: Sequence[object]) -> bytes:
    pq.write_table(pa.table({name: list(values) for name, values in columns.items()}), path)
    return path.read_bytes()


@pytest.mark.parametrize(
    ("files", "name"),
    [
        (HIVE, "region=north/day=2024-01-02/a"),
        ("sales/{region}/{day}/*", "north/2024-01-02/a"),
        ("sales/{region}_{day}.csv", "north_2024-01-02.csv"),
        ("sales/**/{region}/day={day}.csv", "of/any/depth/north/day=2024-01-02.csv"),
    ],
    ids=["hive", "folders", "name", "any depth"],
)
@pytest.mark.parametrize("kind", ["csv", "jsonl", "parquet"])
@pytest.mark.slow  # twelve lakes
def test_parts_of_a_path_are_columns(make: Make, tmp_path: Path, files: str, name: str, kind: str) -> None:
    source = make(files=files, format={"type": kind})
    content = {"csv": b"id\n1\n2\n", "jsonl": b'{"id": 1}\n{"id": 2}\n', "parquet": parquet(tmp_path / "p", id=[1, 2])}
    source.put(name, content[kind])
    source.run()
    assert source.rows() == [(1, "north", date(2024, 1, 2)), (2, "north", date(2024, 1, 2))]


def test_records_that_are_malformed_are_kept_beside_rows_with_the_values_of_the_path(make: Make) -> None:
    source = make()
    source.put("region=a/day=2024-01-01/x", "id\n1\nno\n2,3\n")
    source.run()
    assert source.rows() == [(1, "a", date(2024, 1, 1))]
    assert [line for line, *_ in source.malformed()] == [3, 4]


def test_values_of_hive_are_decoded_and_its_null_is_one(make: Make) -> None:
    source = make()
    source.put("region=New%20York%2FEast/day=2024-01-01/x", "id\n1\n")
    source.put("region=__HIVE_DEFAULT_PARTITION__/day=__HIVE_DEFAULT_PARTITION__/x", "id\n2\n")
    source.put('region=it\'s "ä" %41/day=2024-01-01/x', "id\n3\n")
    source.run()
    assert source.rows() == [
        (1, "New York/East", date(2024, 1, 1)),
        (2, None, None),
        (3, 'it\'s "ä" A', date(2024, 1, 1)),
    ]


@pytest.mark.parametrize(
    ("files", "kind", "name", "says"),
    [
        (HIVE, "date", "region=a/day=2024-02-30/x", "day: '2024-02-30' is no date"),
        (HIVE, "date", "region=%FF/day=2024-02-03/x", "region: '%FF' is not UTF-8"),
        (HIVE, "date", "region=%00/day=2024-02-03/x", "is no varchar"),
        ("sales/{region}/{day}/*", "tinyint", "a/128/x", "day: '128' is no tinyint"),
        ("sales/{region}/{day}/*", "date", "a/__HIVE/x", ""),
        ("sales/{region}_{day}.csv", "varchar", "a_b_c.csv", "region, day may be a, b_c or a_b, c"),
        ("sales/{day}_{region}*.csv", "varchar", "a_b.csv", "nothing stands between"),
    ],
    ids=["no day", "no UTF-8", "a NUL", "too large", "unclaimed", "ambiguous", "no end"],
)
def test_a_path_that_does_not_fit_refuses_the_file_and_says_what_was_expected(
    make: Make, files: str, kind: str, name: str, says: str
) -> None:
    source = make({**COLUMNS, "day": kind}, files=files)
    source.put(name, "id\n1\n")
    if says.startswith("nothing"):
        with pytest.raises(ContractError, match=says):
            source.run()
        return
    source.run()
    assert source.rows() == []
    if says:
        assert source.files() == {name: "refused"}
        assert f"its path 'sales/{name}' does not fit {files!r}" in source.reason(name)
        assert says in source.reason(name)


def test_a_name_is_cut_where_the_types_leave_one_way(make: Make) -> None:
    source = make(files="sales/{region}_{day}.csv")
    source.put("north_east_2024-01-01.csv", "id\n1\n")
    source.run()
    assert source.rows("region", "day") == [("north_east", date(2024, 1, 1))]


def test_equal_bytes_below_two_values_are_two_contents_and_a_copy_below_one_is_none(make: Make) -> None:
    """By its bytes alone, a day without sales in region B would be taken for that of region A."""
    source = make()
    for region in ("a", "b"):
        source.put(f"region={region}/day=2024-01-01/x", "id\n1\n")
    looked = source.run()
    assert (len(looked.arrived), len(looked.duplicate)) == (2, 0)
    assert source.rows() == [(1, "a", date(2024, 1, 1)), (1, "b", date(2024, 1, 1))]

    source.put("region=a/day=2024-01-01/copy", "id\n1\n")
    renamed = source.landing / "sales/region=b/day=2024-01-01/x"
    renamed.rename(renamed.with_name("another name"))
    os.utime(source.landing / "sales/region=a/day=2024-01-01/x")
    looked = source.run()
    assert (len(looked.arrived), len(looked.duplicate)) == (0, 2)
    assert len(source.rows()) == 2


def test_a_copy_takes_the_place_of_a_lost_file_of_its_own_values_alone(make: Make) -> None:
    source = make()
    gone = source.put("region=a/day=2024-01-01/1", "id\n1\n")
    source.put("region=a/day=2024-01-01/2", "id\n1\n")
    source.put("region=b/day=2024-01-01/1", "id\n1\n")
    source.run(before_load=gone.unlink)
    assert source.rows("region") == [("a",), ("b",)]
    assert source.files()["region=a/day=2024-01-01/2"] == "loaded"


@pytest.mark.parametrize("kind", ["csv", "jsonl", "parquet"])
def test_a_column_of_the_path_in_the_records_too_refuses_the_file(make: Make, tmp_path: Path, kind: str) -> None:
    source = make(format={"type": kind})
    both = {
        "csv": b"id,region\n1,a\n",
        "jsonl": b'{"id": 1}\n{"id": 1, "region": "a"}\n',
        "parquet": parquet(tmp_path / "p", id=[1], region=["a"]),
    }
    good = {"csv": b"id\n1\n", "jsonl": b'{"id": 1}\n', "parquet": parquet(tmp_path / "q", id=[1])}
    source.put("region=a/day=2024-01-01/both", both[kind])
    source.put("region=a/day=2024-01-01/good", good[kind])
    source.run()
    assert source.files() == {"region=a/day=2024-01-01/both": "refused", "region=a/day=2024-01-01/good": "loaded"}
    assert "its records have a column region, which its path says too" in source.reason("region=a/day=2024-01-01/both")


def test_many_files_at_once_have_the_values_of_their_own_paths(make: Make) -> None:
    source = make()
    for number in range(40):
        source.put(f"region=r{number % 4}/day=2024-01-{number // 4 + 1:02}/x", f"id\n{number}\n")
    source.run()
    assert source.rows() == [(n, f"r{n % 4}", date(2024, 1, n // 4 + 1)) for n in range(40)]


def test_the_moment_of_a_name_is_a_column_and_tells_equal_files_apart(make: Make) -> None:
    source = make({"id": "bigint", "day": "date"}, files="sales/*", **DATED)
    for day in (1, 2):
        source.put(f"till_2024-01-0{day}.csv", "id\n1\n")
    source.put("till_2024-01-32.csv", "id\n1\n")
    source.run()
    assert source.rows() == [(1, date(2024, 1, 1)), (1, date(2024, 1, 2))]
    assert source.files()["till_2024-01-32.csv"] == "refused"


def test_a_moment_with_a_zone_is_held_exactly(make: Make) -> None:
    dated = {"newest_by": {"file_date": "till_%Y%m%dT%H%M%S.%f%z.csv"}, "dated": ["utc", "moment"]}
    columns = {"id": "bigint", "utc": "timestamp", "moment": "timestamp with time zone"}
    source = make(columns, files="sales/*", **dated)
    source.put("till_20240102T003000.25+0100.csv", "id\n1\n")
    source.run()
    expected = datetime(2024, 1, 1, 23, 30, 0, 250000)
    assert source.sql(f"select utc, moment at time zone 'UTC' from {source.table}") == [(expected, expected)]


def contract(make: Make, columns: dict[str, str], **options: Any) -> str:
    with pytest.raises(ContractError) as error:
        _ = make(columns, folder="none", **options).contract
    return str(error.value)


@pytest.mark.parametrize(
    ("columns", "options", "says"),
    [
        ({"id": "bigint"}, {"files": HIVE}, "{region} is not a column"),
        ({"id": "bigint", "a": "date"}, {"files": "sales/{a}/{a}.csv"}, "{a} stands there twice"),
        ({"a": "date"}, {"files": "sales/{a}.csv"}, "none is left for the records"),
        ({"id": "bigint", "a": "date"}, {"files": "sales/{a}.csv", "optional": ["a"]}, "each file has a path"),
        ({"id": "bigint", "a": "date"}, {"files": "sales/*", "dated": ["a"]}, "which the contract lacks"),
        ({"id": "bigint", "a": "varchar"}, {"newest_by": {"file_date": "%Y"}, "dated": ["a"]}, "date or timestamp"),
        ({"id": "bigint", "a": "date"}, {"newest_by": {"file_date": "%Y%m%d%H"}, "dated": ["a"]}, "a date would lose"),
        (
            {"id": "bigint", "a": "timestamptz"},
            {"newest_by": {"file_date": "%Y%m%d%H"}, "dated": ["a"]},
            "names no zone",
        ),
        (
            {"id": "bigint", "a": "date"},
            {"newest_by": {"file_date": "%Y"}, "dated": ["a"], "written": {"a": {"dates": ["%Y%m%d"]}}},
            "says how it is written",
        ),
    ],
)
def test_a_contract_that_cannot_be_is_refused(
    make: Make, columns: dict[str, str], options: dict[str, Any], says: str
) -> None:
    if "newest_by" in options:
        options = {**options, "files": "sales/*"}
    message = contract(make, columns, **options)
    assert message.startswith("models/bronze/bronze_sales.yml: ")
    assert says in message


def changed(source: Source, **options: Any) -> Source:
    """The same lake under another contract."""
    source.options = {**source.options, **options}
    return source


def test_a_full_refresh_parts_contents_that_a_new_contract_tells_apart_and_joins_them_again(make: Make) -> None:
    """Their identities were written under the old contract; taken as they are, region b would be lost."""
    source = make({"id": "bigint"}, files="sales/*/*")
    for region in ("a", "b"):
        source.put(f"{region}/x", "id\n1\n")
    source.put("b/copy", "id\n1\n")
    source.run()
    assert len(source.rows()) == 1

    source.columns = {"id": "bigint", "region": "varchar"}
    changed(source, files="sales/{region}/*")
    source.look()
    source.load(is_full_refresh=True)
    assert source.rows() == [(1, "a"), (1, "b")]
    assert source.run().arrived == []

    source.columns = {"id": "bigint"}
    changed(source, files="sales/*/*")
    source.look()
    source.load(is_full_refresh=True)
    assert source.rows() == [(1,)]
    assert source.run().arrived == []


def test_a_contract_that_changes_before_anything_is_loaded_tells_files_apart_that_wait(make: Make) -> None:
    source = make({"id": "bigint"}, files="sales/*/*")
    for region in ("a", "b"):
        source.put(f"{region}/x", "id\n1\n")
    assert len(source.look().duplicate) == 1
    source.columns = {"id": "bigint", "region": "varchar"}
    changed(source, files="sales/{region}/*")
    source.run()
    assert source.rows() == [(1, "a"), (1, "b")]
    assert source.run().arrived == []


def test_a_contract_that_is_taken_back_before_a_refresh_changes_nothing(make: Make) -> None:
    source = make({"id": "bigint"}, files="sales/*/*")
    for region in ("a", "b"):
        source.put(f"{region}/x", "id\n1\n")
    source.run()
    changed(source, files="sales/{region}/*")
    source.columns = {"id": "bigint", "region": "varchar"}
    source.put("c/x", "id\n1\n")
    source.look()
    changed(source, files="sales/*/*")
    source.columns = {"id": "bigint"}
    source.run()
    assert source.rows() == [(1,)]


def test_a_full_refresh_under_a_pattern_that_a_loaded_path_does_not_fit_changes_nothing(make: Make) -> None:
    source = make({"id": "bigint"}, files="sales/*/*")
    source.put("a/x", "id\n1\n")
    source.run()
    source.columns = {"id": "bigint", "day": "date"}
    changed(source, files="sales/{day}/*")
    before = source.sql("select * from ops.files")
    source.look()
    with pytest.raises(NeedsFiles, match="its path 'sales/a/x' does not fit"):
        source.load(is_full_refresh=True)
    assert source.sql("select * from ops.files") == before


PARTED = {
    "files": "parted/region={region}/{day}_*.csv",
    "columns": {"id": "bigint", "amount": "bigint", "region": "varchar", "day": "date"},
    "key": ("region", "day", "id"),
}
TILLS = {
    "newest_by": {"file_date": "till_%Y-%m-%d.csv"},
    "columns": {
        "line": "bigint",
        "amount": "bigint",
        "day": {"data_type": "date", "config": {"meta": {"from": "_file_date"}}},
    },
    "key": ("day", "line"),
}
FILES = {
    "parted/region=a/2024-01-01_x.csv": "id,amount\n1,10\n2,20\n",
    "parted/region=b/2024-01-01_x.csv": "id,amount\n1,10\n2,20\n",
    "parted/region=b/2024-01-01_copy.csv": "id,amount\n1,10\n2,20\n",
    "parted/region=b/2024-01-02_x.csv": "id,amount\n1,10\n2,20\n",
    "parted/region=b/2024-01-02_y.csv": "id,amount\n2,20\n3,no\n4,40\n",
    "parted/region=b/2024-13-02_y.csv": "id,amount\n1,10\n",
    "tills/till_2024-01-01.csv": "line,amount\n1,5\n2,5\n",
    "tills/till_2024-01-02.csv": "line,amount\n1,5\n2,5\n",
    "tills/till_2024-01-03.csv": "line,amount\n1,6\n2,5\n2,5\n",
}


@pytest.mark.slow  # three lakes with real runs
def test_any_order_of_arrival_gives_the_same_lake_as_one_run_with_all_and_as_a_full_refresh(tmp_path: Path) -> None:
    project = write_sources(tmp_path, parted=PARTED, tills=TILLS)

    def lake(name: str, runs: Sequence[Sequence[str]]) -> Lab:
        lab = Lab(tmp_path / name, project)
        for names in runs:
            for file in names:
                lab.put(file, FILES[file].encode())
            lab.good_run()
        return lab

    at_once = lake("at once", [list(FILES)])
    expected = everything(at_once)
    assert len(expected["silver.parted"]) == 7
    assert len(expected["silver.tills"]) == 6
    for number in range(2):
        each = random.Random(number).sample(list(FILES), len(FILES))  # noqa: S311 - of a test
        in_parts = lake(f"in parts {number}", [each[at : at + 3] for at in range(0, len(each), 3)])
        assert everything(in_parts) == expected
        for source in ("parted", "tills"):
            assert in_parts.source(source)["rows"] == at_once.source(source)["rows"]
    in_parts.good_run(full_refresh=("bronze.parted", "bronze.tills", "silver.parted", "silver.tills"))
    assert everything(in_parts) == expected
    assert in_parts.run(has_full_checks=True).success


def regions(make: Make, *paths: str, content: str = "id,v\n1,a\n2,b\n") -> Source:
    """A lake with files of equal bytes, of a contract that asks nothing of their paths."""
    source = make({"id": "bigint", "v": "varchar"}, files="sales/*/*.csv")
    for path in paths:
        source.put(path, content)
    source.run()
    return source


def ask_for_regions(source: Source) -> None:
    source.columns = {"id": "bigint", "v": "varchar", "region": "varchar"}
    source.options["files"] = "sales/{region}/*.csv"


def test_a_copy_that_is_a_content_of_its_own_now_and_gone_stops_the_refresh(make: Make) -> None:
    """Its records would be nowhere: nothing was ever loaded of the copy."""
    source = regions(make, "A/x.csv", "B/x.csv")
    (source.landing / "sales" / "B" / "x.csv").unlink()
    ask_for_regions(source)
    source.look()
    with pytest.raises(NeedsFiles, match=r"1 copies are contents of their own, .* B/x\.csv|sales/B/x\.csv"):
        source.load(is_full_refresh=True)
    assert source.sql(f"select count(*) from {source.table}") == [(2,)]
    source.put("B/x.csv", "id,v\n1,a\n2,b\n")
    source.look()
    source.load(is_full_refresh=True)
    assert source.sql(f"select region, count(*) from {source.table} group by all order by all") == [("A", 2), ("B", 2)]


def test_a_look_under_a_contract_that_needs_a_refresh_changes_nothing_that_counts(make: Make) -> None:
    source = regions(make, "A/x.csv", "B/x.csv")
    source.put("A/x.csv", "id,v\n3,c\n")
    source.run()
    counts = f"select id from {source.table} where _file_id in (select file_id from ops.current_files) order by id"
    before = source.sql(counts)
    assert before == [(1,), (2,), (3,)]
    ask_for_regions(source)
    source.look()
    assert source.sql(counts) == before


def test_no_number_of_a_content_is_given_twice(make: Make) -> None:
    """What was delivered to readers is known by it."""
    source = make({"id": "bigint", "v": "varchar", "region": "varchar"}, files="sales/{region}/*.csv")
    for region in "ABC":
        source.put(f"{region}/x.csv", "id,v\n1,a\n")
    source.run()
    source.sql("insert into ops.deliveries select 'silver.sales', 'sales', file_id, now(), now(), 'run' from ops.files")
    source.columns = {"id": "bigint", "v": "varchar"}
    source.options["files"] = "sales/*/*.csv"
    source.look()
    source.load(is_full_refresh=True)
    source.put("D/y.csv", "id,v\n9,z\n")
    source.look()
    assert source.sql("select file_id from ops.files where path like '%y.csv'") == [(4,)]
