"""Lines whose fields have their places, and fields with runs of blanks between them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from assay.contract.errors import ContractError
from assay.text import fields, scan, split
from tests.source import Source

Make = Callable[..., Source]
COLUMNS = {"id": "bigint", "name": "varchar", "price": "decimal(9,2)"}
WIDTHS = [5, 8, 7]


def lines(*records: tuple[object, ...], widths: list[int] = WIDTHS) -> str:
    """Records padded as such files are: numbers on the left, texts on the right."""
    return "".join(
        "".join(
            str(value).ljust(width) if isinstance(value, str) else str(value).rjust(width)
            for value, width in zip(record, widths, strict=True)
        )
        + "\n"
        for record in records
    )


HEADER = lines(("id", "name", "price"))
ROWS = lines((1, "tea", Decimal("2.50")), (2, 'a\t"b"\'', Decimal("-1000")), (3, "", ""))
READ = [(1, "tea", Decimal("2.50")), (2, 'a\t"b"\'', Decimal("-1000.00")), (3, None, None)]


def load(make: Make, text: str, encoding: str = "utf-8", columns: dict[str, str] = COLUMNS, **form: Any) -> Source:
    source = make(columns, format={"type": "fixed", "widths": WIDTHS, "encoding": encoding, **form})
    source.put("a.txt", text.encode(encoding))
    source.run()
    return source


@pytest.mark.parametrize(
    ("text", "form"),
    [
        (HEADER + "\n" + ROWS.rstrip("\n"), {}),
        ("Report\n\n" + HEADER + "# c\n" + ROWS + "Total 2\n", {"preamble": 2, "comment": "#", "footer": "^Total"}),
        ("id;name;price\n" + ROWS + HEADER, {"header": False, "preamble": {"until": "^    1"}, "footer": "^id"}),
    ],
)
@pytest.mark.parametrize(("encoding", "end"), [("utf-8", "\n"), ("utf-16", "\r\n")], ids=["utf-8", "utf-16"])
def test_fields_are_where_the_widths_say(make: Make, text: str, form: dict[str, Any], end: str, encoding: str) -> None:
    source = load(make, text.replace("\n", end), encoding, **form)
    assert source.files() == {"a.txt": "loaded"}
    assert source.rows() == READ
    assert source.malformed() == []


@pytest.mark.slow  # thirty loads
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1252", "utf-16", "shift_jis"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"], ids=["lf", "crlf", "cr"])
@pytest.mark.parametrize("header", [True, False], ids=["names", "no names"])
def test_every_encoding_and_end_of_lines(make: Make, header: bool, end: str, encoding: str) -> None:
    source = load(make, (HEADER * header + ROWS).replace("\n", end), encoding, header=header)
    assert source.rows() == READ


@pytest.mark.parametrize("encoding", ["utf-8", "shift_jis"])
def test_a_width_is_of_characters_in_every_encoding(make: Make, encoding: str) -> None:
    text = lines(("id", "name", "price"), (1, "お茶", 7), (2, "茶" * 8, 12345), (3, "ж-ж", 9999999))
    source = load(make, text, encoding)
    assert source.rows() == [(1, "お茶", 7), (2, "茶" * 8, 12345), (3, "ж-ж", 9999999)]


def test_only_spaces_are_padding(make: Make) -> None:
    text = lines(("id", "name", "price"), (1, "\u00a0a b\u00a0", 1), (2, "\ta\t", 2), (3, "e\u0301\u200b", 3))
    assert [row[1] for row in load(make, text).rows()] == ["\u00a0a b\u00a0", "\ta\t", "e\u0301\u200b"]


def test_texts_that_mean_no_value(make: Make) -> None:
    text = lines(("id", "name", "price"), (1, "NA", "NA"), (2, "", ""))
    assert load(make, text, nulls=["NA", ""]).rows() == [(1, None, None), (2, None, None)]
    columns = {**COLUMNS, "price": "varchar"}
    assert load(make, text, columns=columns, nulls=[]).rows() == [(1, "NA", "NA"), (2, "", "")]


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("    4x       ", "13 characters, expected 20; `trimmed: true` if the writer leaves out blanks"),
        ("    4tea        1.000", "21 characters, expected 20"),
        ("    4tea        1.00 ", "21 characters, expected 20"),
        ("    4tea\r       1.00", "a carriage return outside of quotes"),
        ("    4tea        1,00", "price: '1,00' is no decimal(9,2)"),
        ("    xtea        1.00", "id: 'x' is no bigint"),
    ],
)
def test_a_record_that_is_no_such_line_is_kept_as_it_is(make: Make, line: str, reason: str) -> None:
    source = load(make, HEADER + ROWS + line + "\n" + ROWS.replace("1", "9"))
    assert len(source.rows()) == 6
    [(at, raw, [why])] = source.malformed()
    assert (at, raw) == (5, line)
    assert why.startswith(reason)


def test_a_byte_that_is_no_character_is_told_before_the_length(make: Make) -> None:
    source = make(COLUMNS, format={"type": "fixed", "widths": WIDTHS})
    source.put("a.txt", HEADER.encode() + b"    1t\xe9a         2.50\n" + ROWS.encode())
    source.run()
    assert source.malformed() == [(2, "    1t\\xe9a         2.50", ["byte 0xe9 at column 7 is not utf-8"])]


def test_a_writer_may_leave_out_blanks_at_the_ends_of_lines(make: Make) -> None:
    text = "".join(line.rstrip() + "\n" for line in (HEADER + ROWS).splitlines())
    source = load(make, text, trimmed=True)
    assert source.rows() == READ
    refused = make(COLUMNS, format={"type": "fixed", "widths": WIDTHS})
    refused.put("b.txt", (HEADER + ROWS.rstrip(" \n") + "\n" + "    1\n").encode())
    refused.run()
    assert [line for line, _, _ in refused.malformed()] == [4, 5]


def test_what_is_between_columns_is_blank_or_told(make: Make) -> None:
    gaps = {"widths": [5, -2, 8, -1, 7, -3]}
    good = lines(("id", "", "name", "", "price", ""), (1, "", "tea", "", 2, ""), widths=[5, 2, 8, 1, 7, 3])
    bad = good.splitlines()[1][:-1] + "x"
    source = load(make, good + bad + "\n", **gaps)
    assert source.rows() == [(1, "tea", Decimal("2.00"))]
    assert source.malformed() == [(3, bad, ["characters 24 to 26 are between fields and not blank"])]


def test_columns_are_known_by_their_names_where_there_is_a_header(make: Make) -> None:
    text = lines(("price", "until", "id"), (2, "20240131", 1), widths=[7, 8, 5])
    source = load(make, text, columns={"id": "bigint", "price": "double"}, widths=[7, 8, 5])
    assert source.rows() == [(1, 2.0)]
    assert source.rescued() == [{"until": "20240131"}]


def test_numbers_and_dates_may_be_written_otherwise(make: Make) -> None:
    form = {"widths": [3, 8, 10], "header": False, "decimal": ",", "thousands": ".", "dates": ["%d%m%Y"]}
    columns = {"id": "bigint", "day": "date", "price": "decimal(9,2)"}
    source = load(make, "00131012024  1.234,5\n".replace("  1", "   1"), columns=columns, **form)
    assert source.rows() == [(1, date(2024, 1, 31), Decimal("1234.50"))]


def test_one_column_has_no_record_in_an_empty_line(make: Make) -> None:
    source = load(make, "v\na\n\nb\n", columns={"v": "varchar"}, widths=[1], comment="#")
    assert source.rows() == [("a",), ("b",)]


def test_a_file_of_lines_of_another_length_is_refused(make: Make) -> None:
    source = load(make, HEADER + "1;tea;2.50\n" * 30)
    assert source.files() == {"a.txt": "refused"}
    assert "all of its 30 records are malformed for a wrong length" in source.reason("a.txt")
    other = load(make, "id;name;price\n1;tea;2.50\n")
    assert "the header is malformed: 13 characters, expected 20" in other.reason("a.txt")


def test_a_thousand_columns_are_read(make: Make) -> None:
    columns = {f"c{n}": "bigint" for n in range(1000)}
    rows = [[row * 1000 + n for n in range(1000)] for row in range(30)]
    text = "".join("".join(f"{value:6}" for value in row) + "\n" for row in rows)
    source = load(make, text, columns=columns, widths=[6] * 1000, header=False)
    assert source.rows() == [tuple(row) for row in rows]


@pytest.mark.parametrize(
    ("form", "message"),
    [
        ({"widths": []}, "widths is a list of numbers of characters such as"),
        ({"widths": [5, 0, 7]}, "a width is not 0"),
        ({"widths": [-5]}, "that of a column is more than 0"),
        ({"widths": "5, 8"}, "widths is a list of numbers of characters such as"),
        ({"widths": [5, 8]}, "there are 2 of columns, and the contract has 3 columns"),
        ({"widths": [5, 8, 7, 1], "header": False}, "there are 4 of columns, and the contract has 3 columns"),
        ({"widths": [10**6, 8, 7]}, "a line has at most 1,000,000 characters"),
        ({"widths": WIDTHS, "nulls": [" x"]}, "' x' has blanks around it"),
        ({"widths": WIDTHS, "delimiter": ";"}, "unknown key 'delimiter'; known for fixed are type, widths"),
        ({}, "missing widths"),
    ],
)
def test_widths_that_cannot_be_are_told(make: Make, form: dict[str, Any], message: str) -> None:
    with pytest.raises(ContractError, match=message):
        _ = make(COLUMNS, format={"type": "fixed", **form}).contract


def test_the_pass_before_a_load_reads_the_same_header(make: Make) -> None:
    source = load(make, "t\n" + HEADER + ROWS, preamble=1)
    path, form = source.landing / "sales" / "a.txt", source.contract.format
    assert scan(path, form).header == ("id", "name", "price")
    assert [fields(record.raw, form)[0] for record in split(path, form, 3)] == ["1", "2", "3"]


@pytest.mark.parametrize("mark", ["\t", "\u00a0", "\u3000", "x"], ids=["tab", "no-break", "wide", "letter"])
def test_what_is_no_space_in_a_gap_is_no_blank(make: Make, mark: str) -> None:
    form = {"header": False, "widths": [2, -2, 2]}
    source = load(make, f" 1  ab\n 2 {mark}cd\n", columns={"id": "bigint", "name": "varchar"}, **form)
    assert source.rows() == [(1, "ab")]
    assert [raw for _, raw, _ in source.malformed()] == [f" 2 {mark}cd"]


@pytest.mark.parametrize("null", ['"', "\t", "a\nb"], ids=["quote", "tab", "line end"])
def test_a_text_for_null_that_no_field_can_be_is_refused(make: Make, null: str) -> None:
    with pytest.raises(ContractError, match=r"nulls: .* (has a tab, a quote or a line end|has blanks around it)"):
        load(make, ROWS, header=False, nulls=["", null])
