"""Every type of DuckDB comes back from Parquet exactly as it was, or has no form in Parquet at all."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest

from assay.publish.exact_types import stored_type
from assay.publish.part_files import casts

WITHOUT_A_FORM = {"interval", "union", "variant", "geometry"}
EXTREMES = {
    "interval": "unnest([interval '-1 month', to_microseconds(9223372036854775807), interval '0'])",
    "timetz": "unnest(['12:00:00.123456+05:30:15'::timetz, '00:00:00-15:59:59'::timetz, '24:00:00+00'::timetz])",
    "hugeint": "unnest([170141183460469231731687303715884105727::hugeint, 9007199254740993::hugeint])",
    "uhugeint": "unnest([340282366920938463463374607431768211455::uhugeint, 0::uhugeint])",
    "bit": "unnest(['0001'::bit, '000000000'::bit])",
    "double": "unnest(['nan'::double, 'inf'::double, '-inf'::double, '-0.0'::double, 5e-324, 1.7976931348623157e308])",
    "float": "unnest(['nan'::float, 'inf'::float, '-0.0'::float, 1e-45::float])",
    "date": "unnest(['infinity'::date, '-infinity'::date, '5877642-06-25 (BC)'::date, '5881580-07-10'::date])",
    "timestamp": "unnest(['infinity'::timestamp, '-infinity'::timestamp, '290309-12-22 (BC)'::timestamp])",
    "timestamptz": "unnest(['infinity'::timestamptz, '2020-01-01 00:00:00.000001+00'::timestamptz])",
    "timestamp_s": "unnest(['infinity'::timestamp_s, '2020-01-01 00:00:01'::timestamp_s])",
    "timestamp_ms": "unnest(['infinity'::timestamp_ms, '2020-01-01 00:00:01.123'::timestamp_ms])",
    "timestamp_ns": "unnest(['infinity'::timestamp_ns, '2020-01-01 00:00:01.123456789'::timestamp_ns])",
    "time": "unnest(['24:00:00'::time, '00:00:00.000001'::time])",
    "time_ns": "'12:00:00.123456789'::time_ns",
    "uuid": "unnest(['00000000-0000-0000-0000-000000000000'::uuid, 'ffffffff-ffff-ffff-ffff-ffffffffffff'::uuid])",
    "json": "unnest(['{\"a\": 1.0}'::json, 'null'::json, null])",
    "decimal": "unnest([99999999999999999999999999999999999999::decimal(38,0), -1::decimal(38,0)])",
    "bignum": "123456789012345678901234567890123456789012345678901234567890::bignum",
    "text": "unnest(['', chr(0) || 'x', 'é', null])",
    "blob": "unnest([''::blob, '\\x00\\xFF'::blob])",
    "enum": "unnest(['a', 'it''s', null]::enum('a', 'it''s')[])",
    "list": "unnest([[[1], []], [null], [], null])",
    "array": "unnest([[1, 2, 3]::int[3], null, [null, 1, 2]::int[3]])",
    "map": "unnest([map{'a': 1}, map{}, null, map{'a': null}])",
    "map of hugeint": "map{170141183460469231731687303715884105727::hugeint: '12:00:00+05:30'::timetz}",
    "struct": "unnest([{'a b': 1::tinyint, 'c': {'d': date '2020-01-01'}}, null, {'a b': null, 'c': null}])",
    "struct of hugeint": "{'it\"s': [9007199254740993::hugeint, null], 'B': '01'::bit}",
    "list of enum": "['a', 'b']::enum('a', 'b')[]",
    "union": "unnest([1::union(a int, b varchar), 'x'::union(a int, b varchar), null])",
    "struct of interval": "{'a': interval '1 month'}",
    "list of union": "[1::union(a int, b varchar)]",
    "variant": "1::variant",
}


@pytest.fixture
def connection() -> duckdb.DuckDBPyConnection:
    connection = duckdb.connect()
    connection.execute("set timezone = 'UTC'")
    return connection


def all_types() -> list[str]:
    """A column of each type that DuckDB has, with its least and greatest value and NULL."""
    return [row[0] for row in duckdb.execute("select column_name from (describe from test_all_types())").fetchall()]


def comes_back(connection: duckdb.DuckDBPyConnection, folder: Path, query: str) -> bool | None:
    """Whether a column `v` reads back as it was, to the type and the last digit; None when it has no form."""
    connection.execute(f"create or replace temp table written as {query}")
    relation = connection.table("written")
    stored = stored_type(relation.types[0])
    if stored is None:
        return None
    path = folder / "v.parquet"
    connection.execute(f"copy (select {casts([('v', stored)])} from written) to '{path}' (format parquet)")
    declared = connection.execute("select column_type from (describe written)").fetchall()[0][0]
    connection.execute(
        f"create or replace temp table came as select {casts([('v', declared)])} from read_parquet(['{path}'])"
    )
    shown = "select rowid, typeof(v), v::varchar from"
    differs = connection.execute(
        f"select count(*) from (({shown} written except all {shown} came) union all "
        "(select 0, '', v::varchar from written except all select 0, '', v::varchar from came))"
    ).fetchall()
    same = connection.execute("select count(*) from (from written except all from came)").fetchall()
    types = connection.table("came").types == relation.types
    return types and differs == [(0,)] and same == [(0,)]


@pytest.mark.parametrize("column", all_types())
def test_each_type_of_duckdb_comes_back_or_has_no_form(
    connection: duckdb.DuckDBPyConnection, tmp_path: Path, column: str
) -> None:
    exact = comes_back(connection, tmp_path, f'select "{column}" as v from test_all_types()')
    assert exact is (None if column in WITHOUT_A_FORM else True)


@pytest.mark.parametrize("name", EXTREMES)
def test_extreme_and_nested_values_come_back(connection: duckdb.DuckDBPyConnection, tmp_path: Path, name: str) -> None:
    exact = comes_back(connection, tmp_path, f"select {EXTREMES[name]} as v")
    assert exact is (None if WITHOUT_A_FORM & set(name.split()) else True)


def test_what_has_no_form_would_not_come_back(connection: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    """HUGEINT and TIMETZ as DuckDB itself writes them: the reason for a form of our own."""
    path = tmp_path / "v.parquet"
    connection.execute("create table written as select 9007199254740993::hugeint as a, '12:00:00+05:30'::timetz as b")
    connection.execute(f"copy written to '{path}' (format parquet)")
    came = connection.execute(f"select a::hugeint::varchar, b::varchar from '{path}'").fetchall()
    assert came != connection.execute("select a::varchar, b::varchar from written").fetchall()


def test_comparisons_of_doubles_find_what_a_table_finds(connection: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    """Parquet keeps the least and greatest value of a block, and NaN is neither."""
    path = tmp_path / "v.parquet"
    connection.execute("create table written as select unnest(['nan'::double, 1, -0.0, 0.0, null]) as v")
    connection.execute(f"copy written to '{path}' (format parquet)")
    for condition in ("v > 5", "v = 'nan'::double", "v = 0", "v < 0", "v >= 1", "v is null", "isnan(v)", "v <> 1"):
        asked = f"select count(*) from {{}} where {condition}"
        assert (
            connection.execute(asked.format(f"read_parquet(['{path}'])")).fetchall()
            == connection.execute(asked.format("written")).fetchall()
        ), condition
