"""A Parquet file read a type at a time, held against the reading that SQL types column by column."""

from __future__ import annotations

import datetime as dt
import json
import math
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from assay.base.warehouse import prepare
from assay.contract.contract import Contract
from assay.contract.parse import parse_contract
from assay.reading import wide_reading
from assay.reading.parquet import parquet_rows, parquet_view, wide, wide_parquet
from assay.reading.wide_reading import WideReading
from tests.source import bronze_node

pytestmark = pytest.mark.slow  # hundreds of columns, column by column

NS = 1_483_326_245_123_456_789
ENDS = [0, None, NS // 1_000, -(1 << 63), 1 - (1 << 63), (1 << 63) - 1]
DOUBLES = [1.0, None, 0.1, math.nan, -math.inf, 1e300]
WANTED = (
    *("tinyint", "bigint", "hugeint", "decimal(9,2)", "decimal(38,10)", "double", "boolean", "date", "timestamp"),
    *("timestamptz", "varchar"),
)


def decimals(*values: str | int | None, kind: pa.DataType) -> pa.Array:
    return pa.array([None if each is None else Decimal(each) for each in values], kind)


PLAIN = {
    "whole": pa.array([1, None, 300, -7, 0, 2**62]),
    "unsigned": pa.array([1, None, 2**64 - 1, 7, 0, 2**53 + 1], pa.uint64()),
    "true": pa.array([True, None, False, True, True, False]),
    "double": pa.array(DOUBLES),
    "float": pa.array([*DOUBLES[:5], 3e38], pa.float32()),
    "float16": pa.array([*DOUBLES[:5], 6e-8], pa.float16()),
    "decimal": decimals("1.50", "-0.25", "1", "0.001", "7", "99999", kind=pa.decimal128(8, 3)),
    "longest decimal": decimals(10**36, None, "1.5", "-1", "0", "2.2", kind=pa.decimal128(38, 1)),
    "text": pa.array(['say "é"\t\n\u0001\\', None, "1.50", "", "2024-02-29", "x" * 150]),
    "number as text": pa.array(["1", None, "1e2", "0x1", "-0", "NaN"]).dictionary_encode(),
    "bytes": pa.array([b"\xff\x00", None, b"1", b"", b'"', b"true"]),
    "fixed bytes": pa.array([b"ab", None, b"\x00\xff", b"12", b"  ", b"\\x"], pa.binary(2)),
    "day": pa.array([0, None, 19_782, (1 << 31) - 1, 1 - (1 << 31), -(1 << 31)], pa.int32()).view(pa.date32()),
    "moment": pa.array([0, None, NS // 1_000, 86_400_000_000, -1, 1], pa.timestamp("us")),
    "moment in ms": pa.array([0, None, NS // 1_000_000, 86_400_000, -1, 1], pa.timestamp("ms")),
    "moment in ns": pa.array([0, None, NS, 86_400 * 10**9, -1, 1_000], pa.timestamp("ns")),
    "instant": pa.array([0, None, NS // 1_000, 86_400_000_000, -1, 1], pa.timestamp("us", "Europe/Berlin")),
    "nothing": pa.nulls(6),
}
NESTED = {
    "list": pa.array([[1, None], None, [], [2], [3, 4], [5]]),
    "fixed list": pa.array([[1, 2], None, [3, 4], [None, 5], [6, 7], [8, 9]], pa.list_(pa.int32(), 2)),
    "doubles": pa.array([DOUBLES, None, [], [math.inf], [0.5], [None]]),
    "struct": pa.array([{"a": 1, "NaN": "Infinity"}, None, {"a": None}, {}, {"a": 2}, {"NaN": '"NaN'}]),
    "struct of doubles": pa.array([{"a": [value, math.nan], "b": "NaN, \\"} for value in DOUBLES]),
    "map": pa.array(
        [[("k", 1.5)], None, [], [("é", math.nan)], [('"', None)], [("", -0.0)]], pa.map_(pa.string(), pa.float64())
    ),
    "list of bytes": pa.array([[b"\xff"], None, [], [b"a"], [None], [b""]]),
    "list of moments": pa.array([[dt.datetime(2017, 1, 2)], None, [], [None], [dt.datetime(1, 1, 1)], []]),
}
EXACT = {
    "wide decimal": decimals("1.50", None, 10**36, "-0.25", "7", "0", kind=pa.decimal256(39, 2)),
    "ns with zone": pa.array([0, None, NS, 86_400 * 10**9, -1, 1_000], pa.timestamp("ns", "UTC")),
    "time": pa.array([0, None, 3_600_120_000, -1, 1, 86_400_000_000], pa.time64("us")),
}
BEYOND = {
    "end of moments": pa.array(ENDS, pa.timestamp("us")),
    "end of instants": pa.array(ENDS, pa.timestamp("us", "UTC")),
    "end of ms": pa.array(ENDS, pa.timestamp("ms")),
    "end of ns": pa.array(ENDS, pa.timestamp("ns")),
}
ODD = """
    select
        id,
        case when id <> 2 then ('{"a": ' || id || '.50, "b": 1e2, "c": 12345678901234567890}') end::json as j,
        case when id <> 2 then to_months(id::int) + to_days(3) + to_seconds(id) end as i,
        case when id <> 2 then ('00000000-0000-0000-0000-00000000000' || id)::uuid end as u,
        case when id <> 2 then map {'k': ('00000000-0000-0000-0000-00000000000' || id)::uuid} end as m
"""


@pytest.fixture(scope="module")
def con() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as connection:
        prepare(connection)
        yield connection


@pytest.fixture(params=[(1 << 20, 1_000), (100, 7)], ids=["in one piece", "in pieces"], autouse=True)
def pieces(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wide_reading, "_CELLS", request.param[0])
    monkeypatch.setattr(wide, "_PART", request.param[1])


def contract(columns: dict[str, str]) -> Contract:
    return parse_contract(bronze_node("s", columns, ["id"], optional=list(columns)[1:], format={"type": "parquet"}))


def rows(con: duckdb.DuckDBPyConnection, view: str, *, has_lines: bool) -> list[tuple[object, ...]] | None:
    """The rows of a reading, and the text of what is rescued or malformed; None where it ends with an error."""
    told = " exclude (_record), case when _reasons is not null then _record end" if has_lines else ""
    try:
        result = con.execute(f"select _rescued::varchar, *{told} from ({view})")
        return sorted(result.fetchall(), key=repr)
    except duckdb.Error:
        return None


def held(
    con: duckdb.DuckDBPyConnection, path: Path, read: Contract, *, has_lines: bool
) -> list[tuple[object, ...]] | None:
    """Both readings, which are equal."""
    source = parquet_rows(con, path, str(path), has_lines=has_lines)
    narrow = rows(con, parquet_view(source, read, has_lines=has_lines), has_lines=has_lines)
    typed = WideReading(con, read, wide_parquet(source, read), has_lines=has_lines)
    con.register("wide", typed)
    for _ in range(2):  # read once more, or kept
        assert repr(rows(con, typed.view("wide"), has_lines=has_lines)) == repr(narrow)  # NaN is not equal to itself
        assert (typed.error is None) == (narrow is not None)
    return narrow


def both_ways(con: duckdb.DuckDBPyConnection, path: Path, read: Contract) -> int:
    """The number of malformed records, of both readings and both ways."""
    careful = held(con, path, read, has_lines=True)
    assert careful is not None
    malformed = sum(row[-1] is not None for row in careful)
    fast = held(con, path, read, has_lines=False)
    assert fast is None or not malformed
    return malformed


def columns_under_all_types(arrays: dict[str, pa.Array]) -> dict[str, pa.Array]:
    return {f"{name} as {wanted}": array for name, array in arrays.items() for wanted in WANTED}


@pytest.mark.parametrize(
    ("arrays", "options"),
    [
        (PLAIN, {}),
        (PLAIN | EXACT, {}),
        (BEYOND, {}),
        ({"int96": PLAIN["moment in ns"], "int96 in us": PLAIN["moment"]}, {"use_deprecated_int96_timestamps": True}),
    ],
    ids=["plain", "exact texts", "beyond all times", "int96"],
)
def test_every_type_under_every_type_is_read_cell_for_cell_as_column_by_column(
    con: duckdb.DuckDBPyConnection, tmp_path: Path, arrays: dict[str, pa.Array], options: dict[str, Any]
) -> None:
    columns = columns_under_all_types(arrays)
    path = tmp_path / "f.parquet"
    table = pa.table({"id": pa.array(range(6)), **columns, **{f"{name}'s": array for name, array in arrays.items()}})
    pq.write_table(table, path, row_group_size=4, **options)
    declared = {
        "id": "bigint",
        **{name: name.rsplit(" as ", 1)[1] for name in columns},
        "absent": "date",
        "absent too": "hugeint",
    }
    assert both_ways(con, path, contract(declared)) > 0
    careful = held(con, path, contract(declared), has_lines=True) or []
    wrong = {reason.split(": '")[0] for *_, reasons, _ in careful for reason in reasons or ()}
    assert both_ways(con, path, contract({name: kind for name, kind in declared.items() if name not in wrong})) == 0


@pytest.mark.parametrize("more", [{}, EXACT], ids=["by DuckDB", "by pyarrow"])
@pytest.mark.parametrize("is_broken", [False, True], ids=["good", "broken"])
def test_nested_values_are_kept_as_the_same_json(
    con: duckdb.DuckDBPyConnection, tmp_path: Path, more: dict[str, pa.Array], is_broken: bool
) -> None:
    arrays = NESTED | PLAIN | more
    path = tmp_path / "f.parquet"
    ids = pa.array([0.0, 1, 2, 3, 4, 5.5 if is_broken else 5])
    pq.write_table(pa.table({"id": ids, **arrays}), path)
    texts = {name: "varchar" for name in arrays if name not in ("day", "time", "bytes", "fixed bytes")}
    assert both_ways(con, path, contract({"id": "bigint", **texts})) == is_broken
    assert both_ways(con, path, contract({"id": "bigint"})) == is_broken
    assert both_ways(con, path, contract({"id": "bigint", "doubles": "varchar"})) == is_broken


@pytest.mark.parametrize("is_broken", [False, True], ids=["good", "broken"])
def test_json_intervals_and_uuids_are_kept_as_they_are(
    con: duckdb.DuckDBPyConnection, tmp_path: Path, is_broken: bool
) -> None:
    path = tmp_path / "f.parquet"
    number = "case when id = 3 then 1.5 else id end" if is_broken else "id"
    con.execute(f"copy (select * replace ({number} as id) from ({ODD} from range(1, 6) t(id))) to '{path}'")
    for wanted in ({}, dict.fromkeys("jium", "varchar"), {"m": "varchar"}):
        assert both_ways(con, path, contract({"id": "bigint", **wanted})) == is_broken
    for name in "jiu":
        both_ways(con, path, contract({"id": "bigint"}))
        for kind in WANTED:
            both_ways(con, path, contract({"id": "bigint", name: kind}))


def test_records_come_in_their_order_also_where_a_column_has_the_name_of_their_number(
    con: duckdb.DuckDBPyConnection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wide_reading, "_CELLS", 20_000)
    path = tmp_path / "f.parquet"
    count = 5_000
    for taken in ("file_row_number_", "File_Row_Number"):
        names = ["id", taken, *(f"c{at}" for at in range(20))]
        columns = {name: pa.array(range(count)) for name in names}
        columns["bad"] = pa.array(["x" if n == 4_321 else "1" for n in range(count)])
        pq.write_table(pa.table(columns), path, row_group_size=700)
        read = contract({name: "bigint" for name in columns if name != "c7"})
        assert both_ways(con, path, read) == 1
        records = held(con, path, read, has_lines=True) or []
        assert [json.loads(str(row[-1]))["c7"] for row in records if row[-1] is not None] == [4_321]


def test_a_file_without_records_gives_none(con: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    pq.ParquetWriter(tmp_path / "f.parquet", pa.schema({"id": pa.int64()})).close()
    assert both_ways(con, tmp_path / "f.parquet", contract({"id": "bigint", "v": "date"})) == 0
