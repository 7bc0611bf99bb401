"""Whole numbers that a CSV file writes with a decimal point, as programs do that hold them as floats: `17850.0`."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from assay.loading.file_load import FileLoad, NeedsStrictParse
from tests.source import Source

Make = Callable[..., Source]
COLUMNS = {"id": "bigint", "small": "tinyint", "price": "decimal(8,2)", "text": "varchar"}
HEADER = "id,small,price,text\n"
FULL = "".join(f"{n},{n % 100},1.05,17850.0\n" for n in range(4_000))
"""More than the beginning of a file by which it is known how numbers are written."""


def not_careful(*_: object, **__: object) -> None:
    raise AssertionError("the careful way was taken")


def load(make: Make, *files: str) -> Source:
    source = make(COLUMNS)
    for number, content in enumerate(files):
        source.put(f"{number}.csv", HEADER + content)
    source.run()
    return source


@pytest.mark.parametrize("count", [1, 3], ids=["alone", "together"])
@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("17850.0", 17850),
        ("17850.", 17850),
        ("17850.000", 17850),
        ("-0.0", 0),
        ("007.0", 7),
        ("9223372036854775807.0", 2**63 - 1),
        ("-9223372036854775808.0", -(2**63)),
        ("9007199254740993.0", 2**53 + 1),
    ],
)
def test_whole_numbers_with_a_point_are_read_fast_and_exactly(
    make: Make, monkeypatch: pytest.MonkeyPatch, written: str, value: int, count: int
) -> None:
    monkeypatch.setattr(FileLoad, "careful", not_careful)
    source = load(make, *(f"{written},{at}.0,2.05,1.0\n{at},,,\n" for at in range(count)))
    numbers = [(value, at, "1.0") for at in range(count)]
    assert sorted(source.rows("id", "small", "text"), key=repr) == sorted(
        numbers + [(at, None, None) for at in range(count)], key=repr
    )


@pytest.mark.parametrize(
    "written", ["1.5", "1e3", "1.0e0", "1..0", ".0", "0x1F.0", "1_0.0", "9223372036854775808.0", "x.0"]
)
@pytest.mark.parametrize("count", [1, 3], ids=["alone", "together"])
def test_what_is_not_a_whole_number_is_malformed_as_ever(make: Make, written: str, count: int) -> None:
    source = load(make, *(f"1{at}.0,1,2.05,a\n{written},1,2.05,b{at}\n" for at in range(count)))
    assert source.rows("id") == [(int(f"1{at}"),) for at in range(count)]
    assert source.malformed() == [
        (3, f"{written},1,2.05,b{at}", [f"id: '{written}' is no bigint"]) for at in range(count)
    ]


@pytest.mark.parametrize("written", ["+5.0", " 5.0", "5.0 "])
def test_signs_and_blanks_are_taken_where_a_whole_number_may_have_them(make: Make, written: str) -> None:
    assert load(make, f"{written},1,2.05,a\n").rows("id") == [(5,)]


def test_a_value_out_of_range_is_malformed(make: Make) -> None:
    source = load(make, "1,127.0,2.05,a\n2,128.0,2.05,a\n")
    assert source.rows("id") == [(1,)]
    assert source.malformed() == [(3, "2,128.0,2.05,a", ["small: '128.0' is no tinyint"])]


@pytest.mark.parametrize("begin", ["", "5,,1.05,a\n" * 8_000], ids=["from the first on", "after a long time without"])
def test_a_column_is_known_by_the_beginning_of_the_file(
    make: Make, monkeypatch: pytest.MonkeyPatch, begin: str
) -> None:
    """Programs write a column as floats because values of it are missing, which may be the first ones."""
    monkeypatch.setattr(FileLoad, "careful", not_careful)
    assert len(load(make, begin + "6,3.0,1.05,a\n").rows("small")) == begin.count("\n") + 1


def test_a_point_that_comes_late_is_left_to_the_careful_way(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    ways: list[str] = []
    careful = FileLoad.careful

    def noted(self: FileLoad, file: object) -> object:
        ways.append("careful")
        return careful(self, file)  # type: ignore[arg-type]

    monkeypatch.setattr(FileLoad, "careful", noted)
    assert len(load(make, FULL + "5000.0,1,1.05,a\n").rows("id")) == 4_001
    assert ways == ["careful"]


def test_both_ways_read_the_same(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    content = "".join(f"{n}.0,{n % 100}.0,1.05,{n}.0\n" for n in range(5_000))
    fast = load(make, content)

    def doubt(*_: object) -> None:
        raise NeedsStrictParse

    monkeypatch.setattr(FileLoad, "fast", doubt)
    assert fast.rows() == load(make, content).rows()
