"""Types of Parquet that DuckDB changes come exact, or are malformed with the file's own value; others come as ever."""

from __future__ import annotations

import datetime as dt
import json
import math
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from assay.reading.parquet.batches import ExactParquet, columns_in, plan_reading
from tests.source import Source

Make = Callable[..., Source]
Load = Callable[..., Source]
NS = 1_483_326_245_123_456_789  # 2017-01-02 03:04:05.123456789
WHOLE_US = 1_483_326_245_123_456_000
AT = dt.datetime(2017, 1, 2, 3, 4, 5, 123456)
INSTANT = AT.replace(tzinfo=dt.UTC)


@pytest.fixture
def load(make: Make, tmp_path: Path) -> Load:
    """Loads a column `v`, beside the number of each record, under a type of the contract."""

    def put(array: pa.Array, wanted: str, *beside: tuple[str, pa.Array], **options: Any) -> Source:
        source = make({"id": "bigint", "v": wanted}, format={"type": "parquet"})
        columns = {"id": pa.array(range(1, len(array) + 1)), "v": array, **dict(beside)}
        pq.write_table(pa.table(columns), tmp_path / "made", **options)
        source.put("a.parquet", (tmp_path / "made").read_bytes())
        source.run()
        assert source.files() == {"a.parquet": "loaded"}, source.reason("a.parquet")
        return source

    return put


def values(source: Source) -> list[Any]:
    return [value for _, value in source.rows("id", "v")]


def reasons(source: Source) -> list[str]:
    return [reason for _, _, messages in source.malformed() for reason in messages]


WIDE = pa.decimal256(39, 2)
LONG = Decimal("1234567890123456789012345678901234567.89")


@pytest.mark.parametrize(
    ("wanted", "kept"),
    [
        ("double", [1.5, -0.25, None]),
        ("decimal(12,2)", [Decimal("1.50"), Decimal("-0.25"), None]),
        ("varchar", ["1.50", "-0.25", None, str(LONG)]),
    ],
)
def test_a_decimal_wider_than_duckdb_has_is_exact_or_malformed(load: Load, wanted: str, kept: list[Any]) -> None:
    """DuckDB makes 1.080863910568919e+17 of 1.50."""
    source = load(pa.array([Decimal("1.50"), Decimal("-0.25"), None, LONG], WIDE), wanted)
    assert values(source) == kept
    if wanted != "varchar":
        assert reasons(source) == [f"v: '{LONG}' is no {wanted}"]
        assert json.loads(source.malformed()[0][1]) == {"id": 4, "v": str(LONG)}


def test_a_wide_decimal_of_many_places_has_no_exponent_and_is_not_rounded(load: Load) -> None:
    tiny = "0." + "0" * 39 + "1"
    array = pa.array([Decimal("2.5"), Decimal(tiny), Decimal("-1234")], pa.decimal256(50, 40))
    assert values(load(array, "varchar")) == [f"2.5{'0' * 39}", tiny, f"-1234.{'0' * 40}"]
    assert values(load(array, "decimal(12,2)")) == [Decimal("2.50"), Decimal(-1234)]
    assert values(load(array, "bigint")) == [-1234]
    whole = load(pa.array([Decimal(7), Decimal(10) ** 50, Decimal(2**53 + 1)], pa.decimal256(60, 0)), "double")
    assert values(whole) == [7.0]
    assert reasons(whole) == [f"v: '{10**50}' is no double", f"v: '{2**53 + 1}' is no double"]


def test_an_int96_keeps_its_nanoseconds_or_is_malformed(load: Load) -> None:
    array = pa.array([NS, WHOLE_US, None], pa.timestamp("ns"))
    old = {"use_deprecated_int96_timestamps": True}
    source = load(array, "timestamp", **old)
    assert values(source) == [AT, None]
    assert reasons(source) == ["v: '2017-01-02 03:04:05.123456789' is no timestamp"]
    assert json.loads(source.malformed()[0][1])["v"] == "2017-01-02 03:04:05.123456789"
    assert values(load(array, "varchar", **old)) == [
        "2017-01-02 03:04:05.123456789",
        "2017-01-02 03:04:05.123456",
        None,
    ]
    assert len(reasons(load(array, "timestamp with time zone", **old))) == 2


def test_an_int96_is_exact_beyond_the_years_that_nanoseconds_reach(load: Load) -> None:
    """pyarrow counts INT96 in nanoseconds of 64 bits, which end in 2262."""
    moments = [dt.datetime(9999, 12, 31, 23, 59, 59, 999999), dt.datetime(1, 1, 1), dt.datetime(1969, 12, 31, 23)]
    source = load(pa.array(moments, pa.timestamp("us")), "timestamp", use_deprecated_int96_timestamps=True)
    assert values(source) == moments


def test_an_int96_at_midnight_is_a_date(load: Load) -> None:
    moments = [dt.datetime(2017, 1, 2), dt.datetime(2017, 1, 2, 1)]
    source = load(pa.array(moments, pa.timestamp("us")), "date", use_deprecated_int96_timestamps=True)
    assert values(source) == [dt.date(2017, 1, 2)]


def test_nanoseconds_with_a_zone_are_exact_or_malformed(load: Load) -> None:
    array = pa.array([NS, WHOLE_US, -1], pa.timestamp("ns", "Europe/Berlin"))
    source = load(array, "timestamp with time zone")
    assert values(source) == [INSTANT]
    assert reasons(source) == [
        "v: '2017-01-02 03:04:05.123456789+00' is no timestamp with time zone",
        "v: '1969-12-31 23:59:59.999999999+00' is no timestamp with time zone",
    ]
    assert values(load(array, "timestamp")) == [AT]
    assert values(load(array, "varchar"))[:2] == ["2017-01-02 03:04:05.123456789+00", "2017-01-02 03:04:05.123456+00"]


def test_nanoseconds_without_a_zone_are_as_strict(load: Load) -> None:
    source = load(pa.array([NS, WHOLE_US], pa.timestamp("ns")), "timestamp")
    assert values(source) == [AT]
    assert reasons(source) == ["v: '2017-01-02 03:04:05.123456789' is no timestamp"]


@pytest.mark.parametrize(
    ("array", "kept", "wrong"),
    [
        (pa.array([3_600_000_000_005, 86_400 * 10**9], pa.time64("ns")), ["01:00:00.000000005", "24:00:00"], []),
        (pa.array([3_600_120_000, -1], pa.time64("us")), ["01:00:00.12"], ["<value out of range: -1>"]),
        (pa.array([3_600_000, 90_000_000], pa.time32("ms")), ["01:00:00"], ["<value out of range: 90000000>"]),
    ],
)
def test_a_time_of_day_is_whole_as_text_and_malformed_when_no_clock_shows_it(
    load: Load, array: pa.Array, kept: list[str], wrong: list[str]
) -> None:
    source = load(array, "varchar")
    assert values(source) == kept
    assert reasons(source) == [f"v: '{value}' is no varchar" for value in wrong]
    assert len(reasons(load(array, "timestamp"))) == 2


def test_a_timestamp_that_duckdb_cannot_hold_costs_its_record_and_not_the_file(load: Load) -> None:
    array = pa.array([1_483_326_245_123, 1 << 60], pa.timestamp("ms"))
    source = load(array, "timestamp")
    assert values(source) == [dt.datetime(2017, 1, 2, 3, 4, 5, 123000)]
    assert reasons(source) == [f"v: '<value out of range: {1 << 60}>' is no timestamp"]


@pytest.mark.parametrize("stored", [-(1 << 63), -(1 << 63) + 1, (1 << 63) - 1, -9_223_372_036_000_000_001])
@pytest.mark.parametrize(("unit", "zone"), [("us", None), ("us", "UTC"), ("ns", None), ("ns", "UTC")])
def test_the_ends_of_time_stop_nothing(load: Load, stored: int, unit: str, zone: str | None) -> None:
    source = load(pa.array([0, stored], pa.timestamp(unit, zone)), "timestamp")
    assert values(source) == [dt.datetime(1970, 1, 1)]
    assert len(source.malformed()) == 1


@pytest.mark.parametrize("days", [-(1 << 31), -(1 << 31) + 1, (1 << 31) - 1])
def test_a_day_that_no_calendar_has_is_malformed(load: Load, days: int) -> None:
    source = load(pa.array([0, days], pa.date32()), "date")
    assert values(source) == [dt.date(1970, 1, 1)]
    assert len(source.malformed()) == 1


@pytest.mark.parametrize(("days", "shown"), [((1 << 31) - 1, "2147483647"), (-(1 << 31) + 1, "-2147483647")])
def test_a_day_that_duckdb_takes_for_infinity_is_no_text_and_its_record_says_what_the_file_holds(
    load: Load, days: int, shown: str
) -> None:
    source = load(pa.array([0, days], pa.date32()), "varchar")
    assert values(source) == ["1970-01-01"]
    assert source.malformed()[0][1] == f'{{"id":2,"v":"<{shown} days since 1970-01-01"}}'


def test_the_widest_unsigned_number_is_exact(load: Load) -> None:
    array = pa.array([(1 << 64) - 1, 7], pa.uint64())
    assert values(load(array, "varchar")) == ["18446744073709551615", "7"]
    assert values(load(array, "hugeint")) == [(1 << 64) - 1, 7]
    source = load(array, "bigint")
    assert values(source) == [7]
    assert source.malformed()[0][1] == '{"id":1,"v":18446744073709551615}'


def test_half_precision_is_exact(load: Load) -> None:
    array = pa.array([1.5, 0.1, 6e-8, math.inf], pa.float16())
    expected = [float(value) for value in array.to_pylist()]
    assert values(load(array, "double")) == expected
    assert values(load(array, "double", ("x", pa.array([Decimal(1)] * 4, WIDE)))) == expected


@pytest.mark.parametrize("kind", [pa.float64(), pa.float32(), pa.float16()])
def test_nan_and_infinity_are_values_of_a_double(load: Load, kind: pa.DataType) -> None:
    source = load(pa.array([math.nan, math.inf, -math.inf, 1.5, None], kind), "double")
    assert [str(value) for value in values(source)] == ["nan", "inf", "-inf", "1.5", "None"]
    assert source.malformed() == []
    source.load(is_full_refresh=True)
    assert [str(value) for value in values(source)] == ["nan", "inf", "-inf", "1.5", "None"]


def test_nan_is_no_decimal_and_its_record_is_json(load: Load) -> None:
    mixed = pa.struct([("f", pa.float64()), ("m", pa.decimal128(18, 2))])
    beside = [
        ("x", pa.array([[math.nan, -math.inf, 1.5]])),
        ("s", pa.array(['NaN, "Infinity" \\'])),
        ("m", pa.array([{"f": math.inf, "m": Decimal("90071992547409.93")}], mixed)),
    ]
    source = load(pa.array([math.nan]), "decimal(12,2)", *beside)
    record = source.malformed()[0][1]
    fields = json.loads(record, parse_constant=pytest.fail, parse_float=str)
    assert fields == {
        "id": 1,
        "v": "NaN",
        "x": ["NaN", "-Infinity", "1.5"],
        "s": 'NaN, "Infinity" \\',
        "m": {"f": "Infinity", "m": "90071992547409.93"},
    }


def test_nan_within_a_list_is_json_as_text(load: Load) -> None:
    source = load(pa.array([[math.nan, 1.5], [-math.inf]]), "varchar")
    assert values(source) == ['["NaN",1.5]', '["-Infinity"]']


def test_what_is_rescued_is_exact_too(load: Load) -> None:
    beside = {
        "wide": pa.array([Decimal("1.50")], WIDE),
        "at": pa.array([NS], pa.timestamp("ns", "UTC")),
        "clock": pa.array([3_600_000_000_005], pa.time64("ns")),
        "most": pa.array([(1 << 64) - 1], pa.uint64()),
        "money": pa.array([Decimal("90071992547409.93")], pa.decimal128(18, 2)),
        "said": pa.array(['{"a": 0.1234567890123456789}'], pa.json_()),
        "nan": pa.array([math.nan]),
        "bytes": pa.array([b"\xff\\"]),
        "list": pa.array([[1, None]]),
    }
    source = load(pa.array([1]), "bigint", *beside.items())
    rescued = source.sql(f"select _rescued::varchar from {source.table}")[0][0]
    assert rescued == (
        '{"wide":"1.50","at":"2017-01-02 03:04:05.123456789+00","clock":"01:00:00.000000005",'
        '"most":18446744073709551615,"money":90071992547409.93,"said":"{\\"a\\": 0.1234567890123456789}",'
        '"nan":"NaN","bytes":"\\\\xFF\\\\x5C","list":[1,null]}'
    )
    source.load(is_full_refresh=True)
    assert source.sql(f"select _rescued::varchar from {source.table}") == [(rescued,)]


ORDINARY = {
    "int8": pa.array([-128, None, 127], pa.int8()),
    "uint8": pa.array([255, None, 0], pa.uint8()),
    "uint16": pa.array([65535, None, 0], pa.uint16()),
    "uint32": pa.array([(1 << 32) - 1, None, 0], pa.uint32()),
    "uint64": pa.array([(1 << 64) - 1, None, 0], pa.uint64()),
    "float16": pa.array([0.1, None, -0.0], pa.float16()),
    "float32": pa.array([0.1, None, 16777216], pa.float32()),
    "float64": pa.array([0.1, None, 1e300]),
    "decimal": pa.array([Decimal("1.50"), None, Decimal("-0.01")], pa.decimal128(10, 2)),
    "decimal256": pa.array([Decimal("1.50"), None, Decimal("-0.01")], pa.decimal256(10, 2)),
    "text": pa.array(["a\0b", None, ""]),
    "dictionary": pa.array(["a", None, "a"]).dictionary_encode(),
    "bytes": pa.array([b"abc", None, b"\xc3\xa9"]),
    "fixed bytes": pa.array([b"ab", None, b"cd"], pa.binary(2)),
    "uuid": pa.array([b"0123456789abcdef", None, b"0" * 16], pa.uuid()),
    "json": pa.array(['{"a":  1.50}', None, "[1]"], pa.json_()),
    "date": pa.array([0, None, 17000], pa.date32()),
    "date64": pa.array([0, None, 86_400_000], pa.date64()),
    "milliseconds": pa.array([0, None, 123], pa.timestamp("ms")),
    "microseconds": pa.array([0, None, 123_456], pa.timestamp("us")),
    "nanoseconds": pa.array([0, None, 123_456_789], pa.timestamp("ns")),
    "instant": pa.array([0, None, 123_456], pa.timestamp("us", "America/New_York")),
    "time": pa.array([0, None, 3_600_123_456], pa.time64("us")),
    "duration": pa.array([5, None, 7], pa.duration("us")),
    "boolean": pa.array([True, None, False]),
    "null": pa.nulls(3),
    "list": pa.array([[1, None], None, []], pa.list_(pa.int32())),
    "halves": pa.array([[0.1], None, []], pa.list_(pa.float16())),
    "struct": pa.array([{"a": 1, "b": ["x"]}, None, {"a": None, "b": None}]),
    "map": pa.array([[("a", 1)], None, []], pa.map_(pa.string(), pa.int64())),
    "instants": pa.array([[WHOLE_US], None, []], pa.list_(pa.timestamp("ns", "UTC"))),
}


@pytest.mark.parametrize("kind", ORDINARY)
def test_every_way_to_read_a_type_gives_the_same(load: Load, kind: str) -> None:
    """DuckDB's own reader, the careful way, and pyarrow's stream, which a wide decimal in the file calls for."""
    source = load(ORDINARY[kind], "varchar")
    first = values(source)
    source.load(is_full_refresh=True)
    beside = load(ORDINARY[kind], "varchar", ("wide", pa.array([Decimal(1)] * 3, WIDE)))
    assert values(source) == first == values(beside)
    assert first[1] is None


def test_an_interval_is_read_alike_by_both(tmp_path: Path) -> None:
    """pyarrow writes none, so none stands beside a wide decimal in a file that this test could make."""
    path = tmp_path / "made"
    with duckdb.connect() as connection:
        interval = "interval '14 months 2 days 3 ms'"
        query = f"select case when i < 3 then {interval} end as v from range(4) r(i)"
        connection.execute(f"copy ({query}) to '{path}' (format parquet)")
        connection.register("stream", ExactParquet(path, columns_in(path), ["v"], (), plan_reading(path, 1 << 30)))
        theirs = connection.execute("select c0, c0::varchar, _line from stream").fetchall()
        ours = connection.execute(
            f"select v, v::varchar, file_row_number + 1 from read_parquet('{path}', file_row_number = true)"
        ).fetchall()
    assert theirs == ours
    assert [row[1] for row in ours] == ["1 year 2 months 2 days 00:00:00.003"] * 3 + [None]


def test_positions_and_rows_hold_over_many_batches_and_row_groups(load: Load) -> None:
    """Nanoseconds and whole seconds of INT96 are two readings, which have to stay in step."""
    stored = [WHOLE_US + (1 if i % 50_000 == 0 else 0) + i * 1000 for i in range(1, 200_001)]
    source = load(
        pa.array(stored, pa.timestamp("ns")),
        "timestamp",
        ("text", pa.array(["x" * (i % 300) for i in range(200_000)])),
        use_deprecated_int96_timestamps=True,
        row_group_size=70_000,
    )
    assert [line for line, _, _ in source.malformed()] == [50_000, 100_000, 150_000, 200_000]
    wrong = f"select count(*) from {source.table} where epoch_us(v) <> {WHOLE_US // 1000} + id"
    assert source.sql(wrong) == [(0,)]
