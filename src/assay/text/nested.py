"""Records of JSON with values inside others, as flat ones: each column of a contract by its name.

A record gives one flat one, or one for each element of a list in it. What the columns do not name is the member `_`, as
it stands in the record or element: no column is called so. Numbers keep their digits. A value of a nested type is the
text of it in its shape (see `assay.text.shapes`). Keep out: what a value means; the reading of flat records types it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from assay.contract.aliases import place_beside, two_names
from assay.contract.format import Format
from assay.contract.places import OF_RECORD, POSITION
from assay.contract.pointer import pointer_keys, pointer_of
from assay.contract.types import column_type
from assay.text.json_parts import kind_of, lexeme, parted, written
from assay.text.record import MAX_JSON_LINE, Record, too_long
from assay.text.shapes import NOTHING, Shaper

REST = "_"
"""The member of what no column names."""
_MOST = 64 * MAX_JSON_LINE
"""Bytes that elements may take for what each of them repeats of its record."""

Way = tuple[str, ...]
Ways = Mapping[str, tuple[Way, ...]]
"""The ways to the value of each column: by its own name, then by each other one."""
Aliases = tuple[tuple[str, str], ...]
"""(column, other name) of the columns that a record calls otherwise."""


class _Misplaced(Exception):
    """What a pointer leads through is no object, or what it leads to is no list."""


def flat_records(records: Iterable[Record], form: Format) -> Iterator[Record]:
    """The records, the good ones with the text of the flat one; malformed where a place is inside of no object.

    Where elements are the records, their text is the flat one, and their line is their place among the others.

    Args:
        records: Those of a file, in their order.
        form: With the places of columns.
    """
    shapes, aliases = _Shapes(form), dict(form.aliases)
    if form.each is None:
        ways = {name: _ways(pointer, aliases.get(name, ())) for name, pointer in form.places}
        for record in records:
            yield record if record.problem else _flat(record, ways, shapes)
        return
    elements = _Elements(form.each, form.places, aliases, shapes)
    number = 0
    for record in records:
        for part in [record] if record.problem else elements.of(record):
            number += 1
            yield part._replace(line=number)


def _ways(place: str, aliases: Iterable[str]) -> tuple[Way, ...]:
    """The ways to a column's value: by its own name, then by each other one."""
    return tuple(pointer_keys(each) for each in (place, *(place_beside(place, other) for other in aliases)))


def _flat(record: Record, ways: Ways, shapes: _Shapes) -> Record:
    whole = _decoded(record)
    values, problems, aliases = _values(whole, ways)
    if problems:
        return record._replace(problem="; ".join(problems), fault="nested")
    left = shapes.apply(values)
    clean = _object(_members(values), _rest(whole, ways, left)).encode()
    return _sized(record._replace(clean=clean, aliases=aliases))


def _decoded(record: Record) -> Any:
    return parted(record.raw.decode())


def _sized(record: Record) -> Record:
    if record.clean is None or len(record.clean) <= MAX_JSON_LINE:
        return record
    return record._replace(problem=too_long(MAX_JSON_LINE).words, clean=None)


class _Shapes:
    """Brings the values of columns of nested types into their shapes.

    Args:
        form: With the types.
    """

    def __init__(self, form: Format) -> None:
        takes_one = form.elements is not None
        self._shapers = {name: Shaper(name, column_type(kind), takes_one=takes_one) for name, kind in form.shapes}
        self.is_any = bool(self._shapers)

    def apply(self, values: dict[str, Any]) -> dict[str, Any]:
        """Put the texts of shapes in place of values; returns what is left of these, by column."""
        left = {}
        for name, shaper in self._shapers.items():
            values[name], rest = shaper.shaped(values[name])
            if rest is not NOTHING:
                left[name] = rest
        return left


class _Outer(NamedTuple):
    """What each element repeats of its record, what is wrong with it there, and the columns with other names."""

    repeated: str
    problems: list[str]
    aliases: Aliases


class _Elements:
    """The elements of a list in each record as records.

    Args:
        each: The list, as a JSON pointer.
        places: Of columns, as in `Format`.
        aliases: Their other names.
        shapes: Of the columns of an element.
    """

    def __init__(
        self,
        each: str,
        places: Iterable[tuple[str, str]],
        aliases: Mapping[str, tuple[str, ...]],
        shapes: _Shapes,
    ) -> None:
        self._shapes = shapes
        self._each = pointer_keys(each)
        self._position = [name for name, place in places if place == POSITION]
        others = [(name, place) for name, place in places if place != POSITION]
        outer = {name: place[1:] for name, place in others if place.startswith(OF_RECORD)}
        self._outer = {name: _ways(place, aliases.get(name, ())) for name, place in outer.items()}
        self._inner = {name: _ways(place, aliases.get(name, ())) for name, place in others if name not in outer}
        self._takes_any = any(() in ways for ways in self._inner.values())

    def of(self, record: Record) -> Iterator[Record]:
        """The flat elements, none of a list that is missing, null or empty; else the record, malformed."""
        whole = _decoded(record)
        try:
            elements = _value(whole, self._each)
            if not isinstance(elements, list | None):
                raise _Misplaced(f"{pointer_of(*self._each)} is not an array but {kind_of(elements)}")
        except _Misplaced as error:
            yield record._replace(problem=str(error), fault="nested")
            return
        values, problems, aliases = _values(whole, self._outer)
        repeated, count = _members(values), len(elements or ())
        if len(repeated) * count > _MOST:
            words = f"what its {count:,} elements repeat of it takes over {_MOST:,} bytes"
            yield record._replace(problem=words)
            return
        for position, element in enumerate(elements or (), 1):
            yield self._flat(element, position, _Outer(repeated, problems, aliases))

    def _flat(self, element: Any, position: int, outer: _Outer) -> Record:
        repeated, problems, aliases = outer.repeated, list(outer.problems), outer.aliases
        numbered = _members({name: lexeme(str(position)) for name in self._position})
        values: dict[str, Any] = {}
        if isinstance(element, dict) or self._takes_any:
            values, inner, others = _values(element, self._inner)
            problems, aliases = problems + inner, aliases + others
        else:
            problems.append(f"the element is not an object but {kind_of(element)}")
        if problems:
            raw = _object(repeated, numbered, f'"{REST}":{written(element)}').encode()
            return Record(0, raw, "; ".join(problems), "nested")
        own = _members(values)
        left = self._shapes.apply(values)
        shaped = _members(values) if self._shapes.is_any else own
        rest = "" if self._takes_any else _rest(element, self._inner)
        raw = _object(repeated, numbered, own, rest).encode()
        if left:
            rest = _rest_of_any(left) if self._takes_any else _rest(element, self._inner, left)
        return _sized(Record(0, raw, None, None, _object(repeated, numbered, shaped, rest).encode(), aliases))


def _values(whole: Any, ways: Ways) -> tuple[dict[str, Any], list[str], Aliases]:
    """What stands at the end of the ways to each column, what is wrong with some, each said once, and other names."""
    values: dict[str, Any] = {}
    problems: dict[str, None] = {}
    aliases: list[tuple[str, str]] = []
    for name, places in ways.items():
        try:
            held = {way: value for way in places if (value := _value(whole, way)) is not None}
            values[name] = next(iter(held.values()), None)
            if len(places) > 1:
                aliases += [(name, way[-1]) for way in held if way != places[0]]
            if len(held) > 1:
                problems[two_names(name, [pointer_of(*way) for way in held])] = None
        except _Misplaced as error:
            problems[str(error)] = None
    return values, list(problems), tuple(aliases)


def _value(whole: Any, way: Way) -> Any:
    """What stands at the end of a way; None where it, or an object on the way, is missing or null."""
    value = whole
    for depth, key in enumerate(way):
        if value is None:
            return None
        if not isinstance(value, dict):
            raise _Misplaced(f"{pointer_of(*way[:depth]) or 'the element'} is not an object but {kind_of(value)}")
        value = value.get(key)
    return value


def _rest_of_any(left: Mapping[str, Any]) -> str:
    """The member of what is left of an element that is a value; only one column holds it whole."""
    return "".join(f'"{REST}":{written(rest)}' for rest in left.values())


def _rest(whole: dict[str, Any], ways: Ways, left: Mapping[str, Any] | None = None) -> str:
    """The member of what is left of an object, which is changed; empty where nothing is.

    Args:
        whole: The object.
        ways: To what columns hold of it.
        left: What is left of that, by column.
    """
    left = left or {}
    held = {name: next((way for way in ways[name] if _value(whole, way) is not None), ways[name][0]) for name in left}
    for way in (way for places in ways.values() for way in places):
        _remove(whole, way)
    for name, rest in left.items():
        _put(whole, held[name], rest)
    inside = (ways.keys() - left.keys()) if left else ()  # of one that stands inside of another
    for way in (way for name in inside for way in ways[name]):
        _remove(whole, way)
    return f'"{REST}":{written(whole)}' if whole else ""


def _put(whole: dict[str, Any], way: Way, value: Any) -> None:
    for key in way[:-1]:
        whole = whole.setdefault(key, {})
    whole[way[-1]] = value


def _remove(whole: dict[str, Any], way: Way) -> None:
    """Take out what a column holds, and the objects around it that are empty without it; a null on the way as well."""
    parents = [whole]
    for key in way[:-1]:
        inner = parents[-1].get(key)
        if not isinstance(inner, dict):
            break
        parents.append(inner)
    depth = len(parents) - 1
    if parents[depth].pop(way[depth], parents) is parents:
        return
    while depth and not parents[depth]:
        depth -= 1
        del parents[depth][way[depth]]


def _members(values: Mapping[str, Any]) -> str:
    """Members of an object as text, without its braces."""
    return written(values)[1:-1]


def _object(*members: str) -> str:
    return f"{{{','.join(filter(None, members))}}}"
