"""Cells of a workbook whose formula failed: calamine gives them as empty ones, so they are looked for in the file."""

from __future__ import annotations

import re
from html import unescape
from pathlib import Path
from zipfile import BadZipFile, ZipFile

from assay.contract.cell_range import column_number
from assay.text.stream import Unreadable

_CELL = re.compile(r'<c\b(?=[^>]*\bt="e")[^>]*\br="([A-Z]+)([0-9]+)"[^>]*>(.*?)</c>', re.DOTALL)
_VALUE = re.compile(r"<v>(.*?)</v>", re.DOTALL)
_SHEET = re.compile(r"<(?:\w+:)?sheet\b[^>]*>")
_RELATION = re.compile(r"<(?:\w+:)?Relationship\b[^>]*>")
_OPEN_DOCUMENT = "content.xml"


def error_cells(path: Path, sheet: str) -> dict[tuple[int, int], str]:
    """Texts such as `#DIV/0!` by row and column, from 0. None of xls and xlsb, which cannot be looked into.

    Raises:
        Unreadable: An OpenDocument sheet has such cells, or the workbook is damaged.
    """
    try:
        with ZipFile(path) as book:
            names = set(book.namelist())
            if _OPEN_DOCUMENT in names:
                _refuse_errors(book.read(_OPEN_DOCUMENT).decode("utf-8", "replace"))
                return {}
            part = _part_of(book, sheet) if "xl/workbook.xml" in names else ""
            text = book.read(part).decode("utf-8", "replace") if part in names else ""
    except BadZipFile:
        return {}  # xls
    return {
        (int(row) - 1, column_number(letters)): unescape("".join(_VALUE.findall(cell)[:1])) or "#ERROR!"
        for letters, row, cell in _CELL.findall(text)
    }


def _refuse_errors(content: str) -> None:
    errors = len(re.findall(r'calcext:value-type="error"', content))
    if errors:
        raise Unreadable(f"{errors:,} cells of the workbook hold errors of formulas; have them mended")


def _part_of(book: ZipFile, sheet: str) -> str:
    """The file of a sheet within the workbook."""
    sheets = _SHEET.findall(book.read("xl/workbook.xml").decode("utf-8", "replace"))
    ids = {unescape(_attribute(tag, "name")): _attribute(tag, r"\w+:id") for tag in sheets}
    tags = _RELATION.findall(book.read("xl/_rels/workbook.xml.rels").decode("utf-8", "replace"))
    targets = {_attribute(tag, "Id"): _attribute(tag, "Target") for tag in tags}
    target = targets.get(ids.get(sheet, ""), "")
    return target.removeprefix("/") if target.startswith("/") else f"xl/{target}"


def _attribute(tag: str, name: str) -> str:
    match = re.search(rf'\b{name}="([^"]*)"', tag)
    return match[1] if match else ""
