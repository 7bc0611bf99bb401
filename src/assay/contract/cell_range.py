"""A range of cells as spreadsheets write it: `B4:H200`, or `B4:H` for all rows from the fourth on."""

from __future__ import annotations

import re
from typing import NamedTuple

_RANGE = re.compile(r"([A-Z]{1,3})([1-9][0-9]*):([A-Z]{1,3})([1-9][0-9]*)?", re.ASCII)
MOST_ROWS, MOST_COLUMNS = 1_048_576, 16_384
"""Of a sheet, in the formats that have the most."""


class CellRange(NamedTuple):
    """Cells from one column and row to another, counted from 0; the ends are not in it, and None is no end."""

    left: int
    top: int
    right: int
    bottom: int | None


def cell_range(text: str) -> CellRange | None:
    """The range that a text says; None where it is none, or ends before it begins, or beyond what a sheet can have."""
    match = _RANGE.fullmatch(text)
    if match is None:
        return None
    left, right = column_number(match[1]), column_number(match[3]) + 1
    top, bottom = int(match[2]) - 1, int(match[4]) if match[4] else None
    is_possible = left < right <= MOST_COLUMNS and top < (bottom or MOST_ROWS) <= MOST_ROWS
    return CellRange(left, top, right, bottom) if is_possible else None


def column_number(letters: str) -> int:
    """The place of a column from 0: `A` is 0, `AA` is 26."""
    number = 0
    for letter in letters:
        number = 26 * number + ord(letter) - ord("A") + 1
    return number - 1
