"""Parquet files: the contract's types, not the file's, and a bad page is one file's trouble."""

from __future__ import annotations

import datetime as dt
import io
import json
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.source import Source

Make = Callable[..., Source]
PARQUET = {"type": "parquet"}
COLUMNS = {"id": "bigint", "price": "decimal(12,2)", "name": "varchar", "at": "timestamp"}
ONE = "1::bigint as id, 2.5::decimal(12,2) as price, 'tea' as name, timestamp '2017-01-02 03:04:05' as at"


def parquet(path: Path, query: str, options: str = "") -> bytes:
    """The bytes of a Parquet file of a query."""
    with duckdb.connect() as connection:
        connection.execute("set timezone = 'UTC'")
        connection.execute(f"copy ({query}) to '{path}' (format parquet{options})")
    return path.read_bytes()


@pytest.fixture
def put(make: Make, tmp_path: Path) -> Callable[..., Source]:
    """A source into whose folder one file of each query was put."""

    def put_all(*queries: str, folder: str = "", **more: object) -> Source:
        source = make(more.pop("columns", COLUMNS), format=PARQUET, **more)
        for number, query in enumerate(queries):
            source.put(f"{folder}{number}.parquet", parquet(tmp_path / "made", query))
        return source

    return put_all


def test_rows_have_the_types_of_the_contract_whatever_the_order_of_columns(put: Make) -> None:
    source = put(
        f"select {ONE}", "select '2017-01-02 03:04:05' as at, 'tea' as name, 2.5::double as price, 2::tinyint as id"
    )
    source.run()
    at = dt.datetime(2017, 1, 2, 3, 4, 5)
    assert source.rows() == [(1, Decimal("2.50"), "tea", at), (2, Decimal("2.50"), "tea", at)]


def test_values_that_the_contract_cannot_hold_are_malformed_with_position_and_all_reasons(put: Make) -> None:
    """DuckDB's cast makes 2 of 1.5 and 0.12 of 0.123."""
    source = put(
        "select * from (values (1.0::double, 0.1::double), (1.5, 0.123), (3, 0.25), ('nan', 2), (1e300, null)) "
        "t(id, price), (select 'x' as name, timestamp '2017-01-02' as at)"
    )
    source.run()
    assert source.rows("id", "price") == [(1, Decimal("0.10")), (3, Decimal("0.25"))]
    malformed = source.malformed()
    assert [(line, reasons) for line, _, reasons in malformed] == [
        (2, ["id: '1.5' is no bigint", "price: '0.123' is no decimal(12,2)"]),
        (4, ["id: 'nan' is no bigint"]),
        (5, ["id: '1e+300' is no bigint"]),
    ]
    assert json.loads(malformed[0][1]) == {"id": 1.5, "price": 0.123, "name": "x", "at": "2017-01-02 00:00:00"}


def test_a_position_counts_over_row_groups(make: Make, tmp_path: Path) -> None:
    source = make({"id": "integer"}, format=PARQUET)
    query = "select case when i % 10000 = 0 then i + 0.5 else i end as id from range(1, 50001) r(i)"
    source.put("a.parquet", parquet(tmp_path / "made", query, ", row_group_size 2048"))
    source.run()
    assert [line for line, _, _ in source.malformed()] == [10_000, 20_000, 30_000, 40_000, 50_000]
    assert source.sql(f"select count(*), sum(id) from {source.table}") == [(49_995, 50_000 * 50_001 // 2 - 150_000)]


def test_a_column_that_the_file_calls_as_we_call_ours_is_only_a_column(put: Make) -> None:
    odd = '7 as file_row_number, 8 as "_line", 9 as "_record", 10 as c0, 11 as v0'
    source = put(f"select {ONE.replace('1::bigint', '1.0::double')}, {odd} union all by name select 1.5 as id")
    source.run()
    assert source.rescued() == [{"file_row_number": 7, "_line": 8, "_record": 9, "c0": 10, "v0": 11}]
    assert [line for line, _, _ in source.malformed()] == [2]


def test_a_folder_called_like_a_column_gives_no_values(put: Make) -> None:
    """DuckDB takes `price=9.99/` for a partition, and its 9.99 for the price of every row."""
    source = put(f"select {ONE}", folder="price=9.99/id=8/", files="sales/**/*")
    source.run()
    assert source.rows("id", "price") == [(1, Decimal("2.50"))]
    assert source.rescued() == [None]


def test_missing_and_unexpected_columns_are_named_or_rescued(put: Make) -> None:
    source = put(f"select {ONE}, [1, 2] as more, null as nothing", "select 1 as id, 'x' as Name")
    source.run()
    assert source.files() == {"0.parquet": "loaded", "1.parquet": "refused"}
    assert source.rescued() == [{"more": [1, 2], "nothing": None}]
    assert "missing columns: price, name, at; unexpected columns: Name; if one of these is" in source.reason(
        "1.parquet"
    )


def test_unexpected_columns_are_refused_where_the_contract_says_so(put: Make) -> None:
    source = put(f"select {ONE}, 1 as more", new_columns="refuse")
    source.run()
    assert source.files() == {"0.parquet": "refused"}


def test_a_type_that_has_nothing_to_do_with_the_contract_is_malformed_and_no_crash(put: Make) -> None:
    source = put("select uuid() as id, 2.5 as price, {'a': 1} as name, true as at", f"select {ONE}")
    source.run()
    assert source.rows("id") == [(1,)]
    assert source.malformed()[0][2][1] == "at: 'true' is no timestamp"
    assert source.malformed()[0][2][0].endswith("' is no bigint")


def test_a_nested_column_that_the_contract_types_refuses_the_file(put: Make) -> None:
    source = put(
        f"select * replace ([1] as id) from (select {ONE})",
        f"select * replace ({{'a': 1}} as name) from (select {ONE})",
    )
    source.run()
    assert source.files() == {"0.parquet": "refused", "1.parquet": "loaded"}
    assert "its column id is list<element: int32>, where the contract has bigint" in source.reason("0.parquet")
    assert source.rows("name") == [('{"a":1}',)]


def corrupt(content: bytes) -> bytes:
    middle = len(content) // 3
    return content[:middle] + bytes(byte ^ 0xFF for byte in content[middle : middle + 400]) + content[middle + 400 :]


@pytest.mark.parametrize("damage", [corrupt, lambda c: c[: len(c) // 2], lambda c: c[:-4] + b"PAR0", lambda _: b"PAR1"])
def test_a_damaged_file_is_refused_and_the_files_around_it_are_loaded(
    put: Make, tmp_path: Path, damage: Callable[[bytes], bytes]
) -> None:
    many = f"select * replace (i as id, md5(i::varchar) as name) from (select {ONE}), range(20000) r(i)"
    source = put(f"select {ONE}", "select 1 as id", f"select {ONE.replace('1::bigint', '3')}")
    source.put("1.parquet", damage(parquet(tmp_path / "made", many, ", compression zstd")))
    source.run()
    assert source.files() == {"0.parquet": "loaded", "1.parquet": "refused", "2.parquet": "loaded"}
    assert "Parquet" in source.reason("1.parquet")
    assert source.rows("id") == [(1,), (3,)]


def test_a_corrupt_file_called_as_a_full_disk_is_still_refused(make: Make, tmp_path: Path) -> None:
    """Its name stands in DuckDB's message, where the words of a full disk are looked for."""
    source = make(COLUMNS, format=PARQUET)
    many = f"select * replace (i as id, md5(i::varchar) as name) from (select {ONE}), range(20000) r(i)"
    content = corrupt(parquet(tmp_path / "made", many, ", compression zstd"))
    source.put("no space left on device, permission denied.parquet", content)
    source.run()
    assert list(source.files().values()) == ["refused"]


def test_an_empty_table_is_a_file_of_no_records(put: Make, tmp_path: Path) -> None:
    source = put(f"select {ONE} where false")
    empty = pq.read_table(io.BytesIO(parquet(tmp_path / "made", f"select {ONE} where false")))
    for number, writer in enumerate(({}, {"use_dictionary": False}, {"data_page_version": "2.0"}), start=1):
        out = io.BytesIO()
        pq.write_table(empty, out, **writer)  # a row group of no records, without a page
        source.put(f"{number}.parquet", out.getvalue())
    source.run()
    assert set(source.files().values()) <= {"loaded", "duplicate"}, source.files()
    assert source.rows() == []


@pytest.mark.parametrize("lists", [[[], []], [None, None], [["a"], []]], ids=["all empty", "all NULL", "one empty"])
def test_lists_without_an_element_are_values(make: Make, lists: list[list[str] | None]) -> None:
    """pyarrow gives an empty dictionary inside of a list, over which DuckDB 1.5.5 stumbles."""
    made = io.BytesIO()
    pq.write_table(pa.table({"id": [1, 2], "tags": pa.array(lists, pa.list_(pa.string()))}), made)
    source = make({"id": "bigint", "tags": "varchar[]"}, format=PARQUET)
    source.put("a.parquet", made.getvalue())
    source.run()
    assert source.rows() == [(1, lists[0]), (2, lists[1])], source.reason("a.parquet")
