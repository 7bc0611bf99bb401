"""A sheet of a spreadsheet as CSV text, a row a line: what its cells hold, in the forms that contracts take.

Numbers are written so that they come back as they are, dates and times in ISO form; a date without a time is a date. A
merged cell has its value in its first cell, and hidden rows and columns are read like others.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path

from assay.contract.cell_range import CellRange, cell_range
from assay.text.error_cells import error_cells
from assay.text.stream import PIECE, Unreadable

DELIMITER = ","
_SPECIAL = frozenset(',"\r\n')


def sheet_text(path: Path, sheet: str, decimal: str = ".", cells: str = "") -> Iterator[bytes]:
    """The rows of a sheet in UTF-8, a piece at a time; the workbook as a whole is in memory.

    Rows above a range of cells are empty lines, so that a line is a row of the sheet.

    Args:
        path: The workbook: xlsx, xlsm, xlsb, xls or ods.
        sheet: The name of the sheet; empty for the first one.
        decimal: The mark with which numbers are written, as texts in other cells are.
        cells: The range of cells that are read, empty for all.

    Raises:
        Unreadable: It is no workbook, or has no such sheet.
        FileNotFoundError: It is gone.
    """
    from python_calamine import CalamineError, load_workbook  # noqa: PLC0415 - only who reads spreadsheets

    if not path.exists():
        raise FileNotFoundError(path)
    try:
        workbook = load_workbook(str(path))
        names = workbook.sheet_names
        if sheet and sheet not in names:
            raise Unreadable(f"the workbook has no sheet {sheet!r}; it has {', '.join(map(repr, names))}")
        rows = workbook.get_sheet_by_name(sheet or names[0]).to_python(skip_empty_area=False)
    except (CalamineError, OSError, ValueError, IndexError) as error:
        raise Unreadable(f"cannot be read as a spreadsheet: {(str(error) or 'it is empty').splitlines()[0]}") from error
    for (row, column), message in error_cells(path, sheet or names[0]).items():
        rows += [[] for _ in range(row + 1 - len(rows))]
        rows[row] += [""] * (column + 1 - len(rows[row]))
        rows[row][column] = message
    taken = ""
    for values in _within(rows, cells):
        texts = [_text(cell, decimal) for cell in values]
        taken += (DELIMITER.join(texts) if any(texts) else "") + "\n"
        if len(taken) >= PIECE:
            yield taken.encode()
            taken = ""
    yield taken.encode()


def _within(rows: Sequence[Sequence[object]], cells: str) -> Iterator[Sequence[object]]:
    """The rows, each with as many cells: those of the range, or up to the last column that has any."""
    taken = cell_range(cells)
    if taken is None:
        width = max((at for row in rows for at, cell in enumerate(row, 1) if cell not in ("", None)), default=0)
        taken = CellRange(0, 0, width, None)
    yield from ([] for _ in rows[: taken.top])
    for row in rows[taken.top : taken.bottom]:
        values = row[taken.left : taken.right]
        yield [*values, *[None] * (taken.right - taken.left - len(values))]


def sheet_names(path: Path) -> list[str]:
    """The sheets of a workbook.

    Raises:
        Unreadable: It is none.
    """
    from python_calamine import CalamineError, load_workbook  # noqa: PLC0415 - as above

    try:
        return list(load_workbook(str(path)).sheet_names)
    except (CalamineError, OSError, ValueError) as error:
        raise Unreadable(f"cannot be read as a spreadsheet: {str(error).splitlines()[0]}") from error


def _text(cell: object, decimal: str) -> str:
    """A cell as a field of CSV; an empty one is an unquoted empty field, which means no value."""
    if cell is None or cell == "":
        return ""
    if isinstance(cell, bool):
        return str(cell).lower()
    if isinstance(cell, float):
        return _number(Decimal(repr(cell)), decimal)  # of the shortest digits that give it back
    if isinstance(cell, datetime):
        return str(cell.date()) if cell.time() == time() else cell.isoformat(" ")
    if isinstance(cell, date | time):
        return cell.isoformat()
    if isinstance(cell, timedelta):
        return _number(Decimal(cell // timedelta(microseconds=1)) / 1_000_000, decimal)
    return _quoted(str(cell))


def _number(value: Decimal, decimal: str) -> str:
    """A number without an exponent, with the decimal mark of the sheet's texts."""
    text = f"{value:f}"
    text = text.rstrip("0").rstrip(".") if "." in text else text
    return _quoted(text.replace(".", decimal))


def _quoted(text: str) -> str:
    return f'"{text.replace(chr(34), chr(34) * 2)}"' if _SPECIAL & set(text) or text != text.strip() else text
