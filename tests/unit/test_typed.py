"""A value becomes exactly what its type says, or nothing at all."""

from __future__ import annotations

import datetime as dt
import math
import re
from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assay.base.warehouse import prepare
from assay.contract.spelling import Spelling
from assay.contract.types import column_type
from assay.reading.exact_casts import from_text, from_value, is_plain, plain_cast

MONEY = re.compile(r"\s*[+-]?(\d+(\.\d{0,2}0*)?|\.\d{1,2}0*)\s*", re.ASCII)


@pytest.fixture(scope="module")
def con() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as connection:
        prepare(connection)
        yield connection


def text(con: duckdb.DuckDBPyConnection, value: str, wanted: str, decimal: str = ".") -> object:
    """A text of a file as the wanted type; the value stands in a column, as it does when a file is read.

    What is taken for plain, and needs no pattern then, is always the value that the pattern lets through.
    """
    kind = replace(column_type(wanted), spelling=Spelling(decimal))
    short, plain = is_plain("x", kind) or "false", plain_cast("x", kind)
    row = f"select {from_text('x', kind)}, {short}, {plain} from (select ?::varchar as x)"
    typed_value, is_short, taken = con.execute(row, [value]).fetchall()[0]
    assert not is_short or (typed_value is not None and taken == typed_value), (
        f"{value!r} as {wanted}: {taken!r}, not {typed_value!r}"
    )
    return typed_value


def typed(con: duckdb.DuckDBPyConnection, value: str, wanted: str) -> object:
    """A typed value, written in SQL, as the wanted type."""
    type_name = con.execute(f"select typeof({value})").fetchall()[0][0]
    sql = from_value("x", type_name, column_type(wanted))
    return con.execute(f"select {sql} from (select {value} as x)").fetchall()[0][0]


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("12", 12),
        ("-3", -3),
        ("+7", 7),
        ("007", 7),
        ("1.000", 1),
        ("1.", 1),
        (" 5 ", 5),
        ("\t5", 5),
        ("9223372036854775807", 2**63 - 1),
        ("9223372036854775807.0", 2**63 - 1),
        ("9007199254740993.0", 2**53 + 1),
        ("-9223372036854775808", -(2**63)),
    ],
)
def test_a_plain_whole_number_is_taken_to_the_last_digit(
    con: duckdb.DuckDBPyConnection, value: str, expected: int
) -> None:
    assert text(con, value, "bigint") == expected


NO_INTEGERS = ["1.5", "1.0001", "0x10", "1_000", "1,000", "\u0661", "1e3", "", " ", "-", "1 2", "NaN", str(2**63)]


@pytest.mark.parametrize("value", [*NO_INTEGERS, "true", "--1", "1\u00a0"])
def test_what_is_no_whole_number_is_malformed(con: duckdb.DuckDBPyConnection, value: str) -> None:
    assert text(con, value, "bigint") is None


@pytest.mark.parametrize(("wanted", "most"), [("tinyint", 127), ("smallint", 32767), ("integer", 2**31 - 1)])
def test_a_number_that_overflows_its_type_is_malformed(con: duckdb.DuckDBPyConnection, wanted: str, most: int) -> None:
    assert text(con, str(most), wanted) == most
    assert text(con, str(most + 1), wanted) is None


def test_the_widest_integer_keeps_all_its_digits(con: duckdb.DuckDBPyConnection) -> None:
    assert text(con, "170141183460469231731687303715884105727", "hugeint") == 2**127 - 1


@pytest.mark.parametrize("value", ["8.88e-16", "1e2", "1.239", "0.001", "10000000000.00", "1.2.3", "1,5", "1\u066b5"])
def test_a_decimal_is_never_rounded_and_has_no_exponent(con: duckdb.DuckDBPyConnection, value: str) -> None:
    """DuckDB reads 8.88e-16 as 0.01 and 1.239 as 1.24."""
    assert text(con, value, "decimal(12,2)") is None


@pytest.mark.parametrize("value", ["1.23", "-.5", "+0.10", " 9999999999.99 ", "1.2300000", "0000000000000001.5"])
def test_a_decimal_that_fits_is_exact(con: duckdb.DuckDBPyConnection, value: str) -> None:
    assert text(con, value, "decimal(12,2)") == Decimal(value.strip())


def test_a_decimal_without_fraction_is_a_whole_number(con: duckdb.DuckDBPyConnection) -> None:
    assert text(con, "12.0", "decimal(4,0)") == Decimal(12)
    assert text(con, "12.5", "decimal(4,0)") is None


@settings(max_examples=300, deadline=None)
@given(
    value=st.one_of(
        st.decimals(allow_nan=True, allow_infinity=True, places=None).map(str),
        st.from_regex(r"[ \t]?[+-]?[0-9]{0,14}[.,eE]?[0-9]{0,6}[ \n]?", fullmatch=True),
        st.text(alphabet="0123456789.+-eE_x ,\u0661", max_size=16),
    )
)
def test_whatever_becomes_a_decimal_equals_it_and_every_plain_number_does(
    con: duckdb.DuckDBPyConnection, value: str
) -> None:
    number = text(con, value, "decimal(12,2)")
    if number is not None:
        assert number == Decimal(value.strip())
    elif MONEY.fullmatch(value):
        assert abs(Decimal(value.strip())) >= Decimal(10) ** 10


@pytest.mark.parametrize(("value", "expected"), [("1,50", "1.50"), ("-0,5", "-0.5"), ("12", "12")])
def test_a_comma_can_be_the_decimal_mark(con: duckdb.DuckDBPyConnection, value: str, expected: str) -> None:
    assert text(con, value, "decimal(12,2)", ",") == Decimal(expected)
    assert text(con, value, "double", ",") == float(expected)


@pytest.mark.parametrize("value", ["1.50", "1.000,50", "1,000,50", "1,239"])
def test_with_a_decimal_comma_a_point_is_malformed(con: duckdb.DuckDBPyConnection, value: str) -> None:
    """A point would be a thousands mark there, and 1.500 would become 1.5."""
    assert text(con, value, "decimal(12,2)", ",") is None


@pytest.mark.parametrize("value", ["1.5", "1e308", "-2.5E-3", ".5", "5.", "0", "-0.0", "5e-324", "0e5"])
def test_a_double_is_the_nearest_one(con: duckdb.DuckDBPyConnection, value: str) -> None:
    assert text(con, value, "double") == float(value)


@pytest.mark.parametrize("value", ["1e400", "-1e400", "1e-400", "nan", "inf", "-Infinity", "1_0.5", "0x1p3", "1e", ""])
def test_a_double_is_neither_infinite_nor_nothing_nor_vanished(con: duckdb.DuckDBPyConnection, value: str) -> None:
    assert text(con, value, "double") is None


def test_a_truth_value_has_few_spellings(con: duckdb.DuckDBPyConnection) -> None:
    for value in ("true", "T", "Yes", "y", "1"):
        assert text(con, value, "boolean") is True
    for value in ("FALSE", "f", "no", "N", "0"):
        assert text(con, value, "boolean") is False
    for value in ("on", "2", "", "truee", "10", " true"):
        assert text(con, value, "boolean") is None


@pytest.mark.parametrize(
    "value", ["2017-02-29", "2017-13-01", "2017-1-1", "01/02/2017", "20170102", "2017-01-02 ", "0000-01-01", "17-01-02"]
)
def test_a_date_that_is_none_is_malformed(con: duckdb.DuckDBPyConnection, value: str) -> None:
    assert text(con, value, "date") is None


def test_a_date_is_a_day_of_the_calendar(con: duckdb.DuckDBPyConnection) -> None:
    assert text(con, "2016-02-29", "date") == dt.date(2016, 2, 29)
    assert text(con, "0001-01-01", "date") == dt.date(1, 1, 1)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("2017-01-02", dt.datetime(2017, 1, 2)),
        ("2017-01-02 03:04", dt.datetime(2017, 1, 2, 3, 4)),
        ("2017-01-02T03:04:05Z", dt.datetime(2017, 1, 2, 3, 4, 5)),
        ("2017-01-02 03:04:05.123456", dt.datetime(2017, 1, 2, 3, 4, 5, 123456)),
        ("2017-01-02 03:04:05.1234560000", dt.datetime(2017, 1, 2, 3, 4, 5, 123456)),
    ],
)
def test_a_timestamp_is_exact(con: duckdb.DuckDBPyConnection, value: str, expected: dt.datetime) -> None:
    assert text(con, value, "timestamp") == expected


@pytest.mark.parametrize(
    "value",
    [
        "2017-01-02 24:00:00",
        "2017-01-02 23:59:60",
        "2017-01-02 03:04:05.1234567",
        "2017-01-02 03:04:05+01",
        "2017-02-30 00:00:00",
        "2017-01-02 3:04:05",
        "1483326245",
        "epoch",
        "infinity",
    ],
)
def test_a_timestamp_that_would_be_moved_or_cut_is_malformed(con: duckdb.DuckDBPyConnection, value: str) -> None:
    assert text(con, value, "timestamp") is None


def test_an_instant_needs_its_zone_and_a_zone_that_exists(con: duckdb.DuckDBPyConnection) -> None:
    noon = dt.datetime(2017, 1, 2, 12, tzinfo=dt.UTC)
    for value in ("2017-01-02T12:00:00Z", "2017-01-02 13:00:00+01", "2017-01-02 06:30:00.000-05:30"):
        assert text(con, value, "timestamptz") == noon
    for value in ("2017-01-02 12:00:00", "2017-01-02 12:00:00+99:99", "2017-01-02 12:00:00 Europe/Berlin"):
        assert text(con, value, "timestamptz") is None


@pytest.mark.parametrize(
    ("value", "wanted", "expected"),
    [
        ("2.0::double", "bigint", 2),
        ("0.1::double", "decimal(12,2)", Decimal("0.10")),
        ("9007199254740992::bigint", "double", 2.0**53),
        ("12.340::decimal(18,3)", "decimal(12,2)", Decimal("12.34")),
        ("'7'", "bigint", 7),
        (r"'\xC3\xA9'::blob", "varchar", "é"),
        ("'7'::blob", "bigint", 7),
        ("{'a': [1, 2]}", "varchar", '{"a":[1,2]}'),
        ("timestamp '2017-01-02 00:00:00'", "date", dt.date(2017, 1, 2)),
        ("timestamptz '2017-01-02 00:00:00Z'", "timestamp", dt.datetime(2017, 1, 2)),
        ("date '2017-01-02'", "varchar", "2017-01-02"),
    ],
)
def test_a_typed_value_that_fits_is_taken(
    con: duckdb.DuckDBPyConnection, value: str, wanted: str, expected: object
) -> None:
    assert typed(con, value, wanted) == expected


@pytest.mark.parametrize(
    ("value", "wanted"),
    [
        ("1.5::double", "bigint"),
        ("0.123::double", "decimal(12,2)"),
        ("0.30000000000000004::double", "decimal(12,2)"),
        ("12.345::decimal(18,3)", "decimal(12,2)"),
        ("9007199254740993::bigint", "double"),
        ("3000000000::bigint", "integer"),
        ("2::bigint", "boolean"),
        ("'nan'::double", "decimal(12,2)"),
        ("'inf'::double", "bigint"),
        ("'infinity'::timestamp", "timestamp"),
        ("'-infinity'::timestamptz", "timestamptz"),
        ("'infinity'::date", "date"),
        ("timestamp '2017-01-02 00:00:01'", "date"),
        ("'2017-01-02 00:00:00.123456789'::timestamp_ns", "timestamp"),
        ("timestamp '2017-01-02 00:00:00'", "timestamptz"),
        (r"'\xFF'::blob", "varchar"),
        ("[1]", "bigint"),
        ("'1.5'", "bigint"),
    ],
)
def test_a_typed_value_that_would_change_is_malformed(con: duckdb.DuckDBPyConnection, value: str, wanted: str) -> None:
    assert typed(con, value, wanted) is None


def test_a_null_is_no_malformed_value_but_a_null(con: duckdb.DuckDBPyConnection) -> None:
    for kind in ("bigint", "double", "date", "timestamp", "boolean", "decimal(12,2)", "varchar"):
        assert typed(con, f"null::{kind}", kind) is None
        assert con.execute(
            f"select {from_text('x', column_type(kind))} from (select null::varchar as x)"
        ).fetchall() == [(None,)]


@pytest.mark.parametrize("value", ["nan", "inf", "-inf"])
@pytest.mark.parametrize("kind", ["double", "float"])
def test_a_typed_nan_or_infinity_is_a_value_of_a_double_and_its_text_is_not(
    con: duckdb.DuckDBPyConnection, value: str, kind: str
) -> None:
    assert str(typed(con, f"'{value}'::{kind}", "double")) == value
    assert typed(con, f"'{value}'", "double") is None


def test_nothing_that_becomes_a_double_is_infinite(con: duckdb.DuckDBPyConnection) -> None:
    number = text(con, "1" + "0" * 308, "double")
    assert isinstance(number, float)
    assert math.isfinite(number)
    assert text(con, "1" + "0" * 309, "double") is None
