"""CSV for a spreadsheet program, which takes texts for formulas and needs a mark to read UTF-8.

What people sent may begin with `=`, and a spreadsheet would run it (CWE-1236). Such a text gets an apostrophe in front.
That changes it, so only who asks for it gets it, and is told how many there were.
"""

from __future__ import annotations

from collections.abc import Sequence

BYTE_ORDER_MARK = "\ufeff"
"""Without it Excel reads CSV in the code page of the machine."""
_BEGIN_FORMULAS = tuple("=+-@\t\r\n\uff1d\uff0b\uff0d\uff20")
"""The first characters that spreadsheets take for the begin of a formula, and those that they skip before one."""


class Guarded:
    """Makes texts harmless and counts those that it changed."""

    def __init__(self) -> None:
        self.changed = 0

    def row(self, row: Sequence[object]) -> tuple[object, ...]:
        """A row with an apostrophe before each text that would be a formula; numbers, dates and NULL stay."""
        return tuple(self._value(value) for value in row)

    def _value(self, value: object) -> object:
        if not isinstance(value, str) or not _would_run(value):
            return value
        self.changed += 1
        return f"'{value}"

    @property
    def sentence(self) -> str:
        """What was done, in a sentence for whoever asked."""
        if not self.changed:
            return "no value looks like a formula; all are as they are stored"
        some = "1 value looks" if self.changed == 1 else f"{self.changed:,} values look"
        return (
            f"{some} like a formula and got an apostrophe in front; without --for-excel everything is written "
            "byte for byte"
        )


def _would_run(text: str) -> bool:
    return text.lstrip(" ").startswith(_BEGIN_FORMULAS)
