"""When two values are the same, as SQL; and which columns of two tables can be compared.

NULL is NULL, NaN is NaN, and 0.0 is -0.0, as for `is not distinct from` and for keys. Values of one type are compared
as they are, exactly. DuckDB takes a month for 30 days, so an interval is compared as text.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

LOAD_COLUMNS = frozenset({"_file_id", "_load_id", "_loaded_at"})
"""They say with which load of which lake a row came, so they differ between lakes that hold the same rows."""
_FLOATING = frozenset({"FLOAT", "DOUBLE"})
_WHOLE = frozenset(f"{sign}{size}INT" for sign in ("", "U") for size in ("TINY", "SMALL", "BIG", "HUGE")) | {
    "INTEGER",
    "UINTEGER",
}
_EXACT = re.compile(r"DECIMAL\(\d+,\s*\d+\)")


@dataclass(frozen=True)
class Pair:
    """A column that both tables have.

    Attributes:
        name: Its name.
        a: Its type in the first table.
        b: Its type in the second.
    """

    name: str
    a: str
    b: str

    @property
    def has_one_type(self) -> bool:
        """Whether both tables have it in the same type."""
        return self.a == self.b

    @property
    def is_number(self) -> bool:
        """Whether a tolerance applies to it."""
        return self.has_one_type and self.a in _FLOATING

    @property
    def is_as_it_is(self) -> bool:
        """Whether the values themselves are compared, not a text of them."""
        return self.has_one_type and "INTERVAL" not in self.a

    def side(self, expression: str, *, is_a: bool) -> str:
        """SQL of the value that is compared.

        Values of two types are compared as text, numbers without zeros at their ends: 1 is 1.00.

        Args:
            expression: SQL of the value.
            is_a: Whether it is of the first table.
        """
        if self.is_as_it_is:
            return expression
        text = f"{expression}::varchar"
        if _is_exact(self.a) and _is_exact(self.b) and not {self.a, self.b} <= _WHOLE:
            kind = self.a if is_a else self.b
            return text if kind in _WHOLE else _without_last_zeros(text)
        return text


def _without_last_zeros(text: str) -> str:
    """SQL of a decimal's text without what says nothing behind the point."""
    return rf"regexp_replace(regexp_replace({text}, '\.0+$', ''), '(\.[0-9]*[1-9])0+$', '\1')"


def _is_exact(kind: str) -> bool:
    return kind in _WHOLE or bool(_EXACT.fullmatch(kind))


def pairs_of(a: Sequence[tuple[str, str]], b: Sequence[tuple[str, str]], *, has_load_columns: bool) -> list[Pair]:
    """The columns that two tables have in common, in the order of the first.

    Args:
        a: Names and types of the first.
        b: Names and types of the second.
        has_load_columns: Whether to compare those that say with which load a row came.
    """
    types = dict(b)
    return [
        Pair(name, kind, types[name])
        for name, kind in a
        if name in types and (has_load_columns or name not in LOAD_COLUMNS)
    ]


def differ(pair: Pair, a: str, b: str, tolerance: float) -> str:
    """SQL for whether two values are not the same.

    Args:
        pair: Their column.
        a: SQL of the first value, as of `Pair.side`.
        b: SQL of the second.
        tolerance: Floating-point numbers may differ by this share of the greater one, or by this where both are
            below 1.
    """
    exactly = f"({a} is distinct from {b})"
    if not (tolerance and pair.is_number):
        return exactly
    x, y = f"{a}::double", f"{b}::double"
    is_near = f"isfinite({a}) and isfinite({b}) and abs({x} - {y}) <= {tolerance!r} * greatest(1, abs({x}), abs({y}))"
    return f"({exactly} and not coalesce({is_near}, false))"
