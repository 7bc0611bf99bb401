"""Sheets of spreadsheets, read as rows of CSV are."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

import openpyxl
import pytest
from openpyxl.utils.datetime import CALENDAR_MAC_1904

from assay.contract.errors import ContractError
from assay.text.spreadsheet import sheet_text
from tests.source import Source

Make = Callable[..., Source]
COLUMNS = {
    "id": "bigint", "name": "varchar", "price": "decimal(9,2)", "day": "date", "at": "timestamp", "is_paid": "boolean",
}  # fmt: skip
ROWS: list[Sequence[Any]] = [
    (1, 'tea, "x"', 2.5, date(2024, 2, 1), datetime(2024, 2, 1, 10, 30, 5), True),
    (2, " two ", -1000.25, date(2024, 2, 2), datetime(2024, 2, 2), False),
    (3, None, None, None, None, None),
]
READ = [
    (1, 'tea, "x"', Decimal("2.50"), date(2024, 2, 1), datetime(2024, 2, 1, 10, 30, 5), True),
    (2, " two ", Decimal("-1000.25"), date(2024, 2, 2), datetime(2024, 2, 2), False),
    (3, None, None, None, None, None),
]


def workbook(*rows: Sequence[Any], title: str = "Data", also: str = "") -> bytes:
    book = openpyxl.Workbook()
    sheet = book.active
    sheet.title = title
    for row in rows:
        sheet.append(list(row))
    if also:
        book.create_sheet(also, 0).append(["nothing"])
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def load(make: Make, content: bytes, **form: Any) -> Source:
    source = make(COLUMNS, format={"type": "excel", **form})
    source.put("a.xlsx", content)
    source.run()
    return source


def test_cells_come_as_they_are(make: Make) -> None:
    source = load(make, workbook(list(COLUMNS), *ROWS))
    assert source.rows() == READ
    assert source.malformed() == []


def test_the_header_may_stand_below_titles_and_totals_below_the_records(make: Make) -> None:
    content = workbook(
        ["Report"], [None, "of May"], [], list(COLUMNS), *ROWS, [], ["Total", None, 7], title="May", also="Notes"
    )
    source = load(make, content, sheet="May", preamble=3, footer="^Total")
    assert source.rows() == READ


def test_a_cell_that_its_type_cannot_hold_is_malformed_in_its_row(make: Make) -> None:
    source = load(make, workbook(list(COLUMNS), *ROWS, ["x", None, 1.005], [2**53, None, 7]))
    assert source.rows() == [*READ, (2**53, None, Decimal("7.00"), None, None, None)]
    assert source.malformed() == [(5, "x,,1.005,,,", ["id: 'x' is no bigint", "price: '1.005' is no decimal(9,2)"])]


@pytest.mark.parametrize(
    ("content", "form", "reason"),
    [
        (b"PK\x03\x04 not at all", {}, "cannot be read as a spreadsheet"),
        (workbook(["a"], also="Other"), {"sheet": "Gone"}, "has no sheet 'Gone'; it has 'Other', 'Data'"),
        (workbook(["a", "b"], [1, 2]), {}, "missing columns: id"),
        (workbook(), {}, "the file is empty"),
    ],
    ids=["no workbook", "no such sheet", "other columns", "nothing"],
)
def test_what_is_no_such_sheet_is_refused(make: Make, content: bytes, form: dict[str, Any], reason: str) -> None:
    source = load(make, content, **form)
    assert source.files() == {"a.xlsx": "refused"}
    assert reason in source.reason("a.xlsx")


def test_a_formula_that_failed_is_no_empty_cell(make: Make) -> None:
    book = openpyxl.Workbook()
    sheet = book.active
    sheet.append(list(COLUMNS))
    for row in [[1, "a", 2], [2, "b", "#DIV/0!"], ["#N/A", "#REF!", None], [4, "d", 1]]:
        sheet.append(row)
        for cell in sheet[sheet.max_row]:
            cell.data_type = "e" if str(cell.value).startswith("#") else cell.data_type
    out = io.BytesIO()
    book.save(out)
    source = load(make, out.getvalue())
    assert [row[0] for row in source.rows()] == [1, 4]
    assert [(line, raw) for line, raw, _ in source.malformed()] == [(3, "2,b,#DIV/0!,,,"), (4, "#N/A,#REF!,,,,")]


def test_durations_are_seconds_with_all_their_digits(make: Make) -> None:
    source = make(COLUMNS)
    path = source.put("x.xlsx", workbook([timedelta(hours=343, seconds=7), timedelta(days=1, milliseconds=1500)]))
    assert b"".join(sheet_text(path, "")) == b"1234807,86401.5\n"


def test_numbers_are_written_as_the_texts_beside_them(make: Make) -> None:
    columns = {"id": "bigint", "price": "decimal(9,2)"}
    source = make(columns, format={"type": "excel", "decimal": ","})
    source.put("a.xlsx", workbook(list(columns), [1, 2.5], [2, "7,25"]))
    source.run()
    assert source.rows() == [(1, Decimal("2.50")), (2, Decimal("7.25"))]
    with pytest.raises(ContractError, match="cannot be the mark of thousands"):
        _ = make(columns, format={"type": "excel", "decimal": ",", "thousands": "."}).contract


def test_another_reader_counts_the_same_rows(make: Make) -> None:
    rows = [[n, f"n{n}", n / 4] for n in range(3000)]
    content = workbook(list(COLUMNS), *rows)
    source = load(make, content)
    seen = openpyxl.load_workbook(io.BytesIO(content), read_only=True)["Data"]
    values = [tuple(cell for cell in row[:3]) for row in seen.iter_rows(min_row=2, values_only=True)]
    assert [(i, name, float(price)) for i, name, price in source.rows("id", "name", "price")] == values


def test_numbers_keep_their_digits(make: Make) -> None:
    source = make(COLUMNS)
    path = source.put("x.xlsx", workbook([0.1, 1e-7, 2**53 - 1, 1e22, 3.0, "007", "=1+1", True]))
    assert b"".join(sheet_text(path, "")) == b"0.1,0.0000001,9007199254740991,10000000000000000000000,3,007,,true\n"


@pytest.mark.parametrize(
    ("cells", "rows"),
    [("B4:D6", [(1, "a", 2.5), (2, "b", None)]), ("B4:D", [(1, "a", 2.5), (2, "b", None), (4, "d", 1)])],
)
def test_only_the_cells_of_a_range_are_read(make: Make, cells: str, rows: list[tuple[Any, ...]]) -> None:
    columns = {"id": "bigint", "name": "varchar", "price": "double"}
    content = workbook(
        ["Report", "of", "May", "x"],
        [],
        ["id", "name", "price"],
        ["note", "id", "name", "price", "beside"],
        [None, 1, "a", 2.5, "beside"],
        ["note", 2, "b"],
        [None, "x", "c"],
        ["alone", None, None, None, "alone"],
        [None, 4, "d", 1],
    )
    source = make(columns, format={"type": "excel", "range": cells})
    source.put("a.xlsx", content)
    source.run()
    assert source.rows() == rows
    bad = [(7, "x,c,", ["id: 'x' is no bigint"])] if cells == "B4:D" else []
    assert source.malformed() == bad


def test_a_range_of_one_column_and_one_beyond_the_sheet(make: Make) -> None:
    source = make({"id": "bigint"}, format={"type": "excel", "range": "C2:C"})
    path = source.put("a.xlsx", workbook([1, 2, 3], [None, None, "id"], [0, 0, 7], [0, 0, 8]))
    source.put("b.xlsx", workbook([1], [2]))
    source.run()
    assert source.rows() == [(7,), (8,)]
    assert source.files() == {"a.xlsx": "loaded", "b.xlsx": "refused"}
    assert b"".join(sheet_text(path, "", cells="B3:D4")) == b"\n\n0,7,\n0,8,\n"
    source.options["format"]["header"] = False
    with pytest.raises(ContractError, match="range: rows above the cells"):
        _ = source.contract


def test_dates_from_1904_merged_and_hidden_cells_are_read_as_another_reader_does(make: Make) -> None:
    book = openpyxl.Workbook()
    book.epoch = CALENDAR_MAC_1904
    sheet = book.active
    for row in [list(COLUMNS), *ROWS, (4, "merged", None, None, None, True), (5, None, 5, None, None, False)]:
        sheet.append(list(row))
    sheet.merge_cells("B5:B6")
    sheet.row_dimensions[3].hidden = True
    sheet.column_dimensions["C"].hidden = True
    out = io.BytesIO()
    book.save(out)
    source = load(make, out.getvalue())
    assert source.rows() == [
        *READ, (4, "merged", None, None, None, True), (5, None, Decimal("5.00"), None, None, False),
    ]  # fmt: skip
    other = openpyxl.load_workbook(out).active.iter_rows(min_row=2, values_only=True)
    days = [(row[0], row[1], row[3] and row[3].date(), row[4]) for row in other]
    assert source.rows("id", "name", "day", "at") == days
