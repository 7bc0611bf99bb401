"""Values of nested types in one shape, from which SQL types them; what no type names is kept apart.

A value becomes a JSON text `{"v": …, "p": […]}`: in `v` each plain value is the text that a column would be given,
and a map is an array of `key` and `value`; in `p` stands what is not an object or an array where one has to be. Keep
out: what a plain value means; the reading types it (`assay.reading.nested`).
"""

from __future__ import annotations

from typing import Any, NamedTuple

from assay.contract.pointer import pointer_of
from assay.contract.types import ColumnType
from assay.text.json_parts import kind_of, value_text, written

MOST_REASONS = 20
"""Places in one value that are told of one by one."""


class _Nothing:
    """Where nothing is left of a value; not null, which may be."""


NOTHING = _Nothing()


class Shaped(NamedTuple):
    """A value in its shape: the JSON text, None of null; and what its type does not name of it, or `NOTHING`."""

    text: str | None
    rest: Any


class Shaper:
    """Brings the values of one column into their shape.

    Args:
        name: The column.
        wanted: Its type.
        takes_one: Whether a value alone may stand for the list of it, as in XML, which has no lists.
    """

    def __init__(self, name: str, wanted: ColumnType, *, takes_one: bool = False) -> None:
        self._name = name
        self._wanted = wanted
        self._takes_one = takes_one
        self._problems: list[str] = []

    def shaped(self, value: Any) -> Shaped:
        """A value of the column, as `assay.text.json_parts.parted` gives it."""
        if value is None:
            return Shaped(None, NOTHING)
        self._problems = []
        typed, rest = self._value(value, self._wanted, self._name)
        problems = self._problems[:MOST_REASONS]
        if more := len(self._problems) - len(problems):
            problems.append(f"{self._name}: {more:,} more of its values are not of its type")
        return Shaped(written({"v": typed} | ({"p": problems} if problems else {})), rest)

    def _value(self, value: Any, wanted: ColumnType, place: str) -> tuple[Any, Any]:
        if value is None:
            return None, NOTHING
        if wanted.kind == "struct":
            return self._struct(value, wanted, place)
        if wanted.kind == "list":
            return self._list(value, wanted, place)
        return self._map(value, wanted, place) if wanted.kind == "map" else (value_text(value), NOTHING)

    def _struct(self, value: Any, wanted: ColumnType, place: str) -> tuple[Any, Any]:
        if not isinstance(value, dict):
            return self._misshapen(place, "an object", value)
        parts = dict(wanted.parts)
        typed, rest = {}, {}
        for name, part in value.items():
            left = part
            if name in parts:
                typed[name], left = self._value(part, parts[name], f"{place}{pointer_of(name)}")
            if left is not NOTHING:
                rest[name] = left
        return typed, rest or NOTHING

    def _list(self, value: Any, wanted: ColumnType, place: str) -> tuple[Any, Any]:
        if not isinstance(value, list):
            if not self._takes_one:
                return self._misshapen(place, "an array", value)
            value = [value]
        pairs = [self._value(part, wanted.inner, f"{place}/{at}") for at, part in enumerate(value)]
        rests = [None if left is NOTHING else left for _, left in pairs]
        return [typed for typed, _ in pairs], rests if any(left is not NOTHING for _, left in pairs) else NOTHING

    def _map(self, value: Any, wanted: ColumnType, place: str) -> tuple[Any, Any]:
        if not isinstance(value, dict):
            return self._misshapen(place, "an object", value)
        pairs = {key: self._value(part, wanted.inner, f"{place}{pointer_of(key)}") for key, part in value.items()}
        rest = {key: left for key, (_, left) in pairs.items() if left is not NOTHING}
        return [{"key": key, "value": typed} for key, (typed, _) in pairs.items()], rest or NOTHING

    def _misshapen(self, place: str, expected: str, value: Any) -> tuple[Any, Any]:
        self._problems.append(f"{place} is not {expected} but {kind_of(value)}")
        return None, NOTHING
