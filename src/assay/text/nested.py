"""Records of JSON with values inside others, as flat ones: each column of a contract by its name.

What the columns do not name is the member `_`, as it stands in the record: no column is called so. Numbers keep their
digits. Keep out: what a value means; the reading of flat records types it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from assay.contract.format import Format
from assay.contract.pointer import pointer_keys, pointer_of
from assay.text.record import MAX_JSON_LINE, Record, too_long

REST = "_"
"""The member of what no column names."""
_NUMBER, _END = "\udc80", "\udc81"
"""Around a number while a record is taken apart: halves of surrogate pairs, which no valid record holds."""


def _lexeme(digits: str) -> str:
    return f"{_NUMBER}{digits}{_END}"


_DECODER = json.JSONDecoder(parse_int=_lexeme, parse_float=_lexeme)
_ENCODER = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), check_circular=False)


class _Misplaced(Exception):
    """What a pointer leads through is no object."""


def flat_records(records: Iterable[Record], form: Format) -> Iterator[Record]:
    """The records, the good ones with the text of the flat one; malformed where a place is inside of no object.

    Args:
        records: Those of a file, in their order.
        form: With the places of columns.
    """
    keys = {name: pointer_keys(pointer) for name, pointer in form.places}
    for record in records:
        yield record if record.problem else _flat(record, keys)


def _flat(record: Record, keys: Mapping[str, tuple[str, ...]]) -> Record:
    whole = _DECODER.decode(record.raw.decode())
    values: dict[str, Any] = {}
    problems: dict[str, None] = {}
    for name, way in keys.items():
        try:
            values[name] = _value(whole, way)
        except _Misplaced as error:
            problems[str(error)] = None
    if problems:
        return record._replace(problem="; ".join(problems), fault="nested")
    flat = _written(values)
    for way in keys.values():
        _remove(whole, way)
    if whole:
        flat = f'{flat[:-1]},"{REST}":{_written(whole)}}}'
    clean = flat.encode()
    if len(clean) > MAX_JSON_LINE:
        return record._replace(problem=too_long(MAX_JSON_LINE).words)
    return record._replace(clean=clean)


def _value(whole: Any, way: tuple[str, ...]) -> Any:
    """What stands at the end of a way; None where it, or an object on the way, is missing or null."""
    value = whole
    for depth, key in enumerate(way):
        if value is None:
            return None
        if not isinstance(value, dict):
            raise _Misplaced(f"{pointer_of(*way[:depth])} is not an object but {_kind(value)}")
        value = value.get(key)
    return value


def _remove(whole: dict[str, Any], way: tuple[str, ...]) -> None:
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


def _written(value: object) -> str:
    return _ENCODER.encode(value).replace(f'"{_NUMBER}', "").replace(f'{_END}"', "")


def _kind(value: object) -> str:
    if isinstance(value, list):
        return "an array"
    if isinstance(value, bool):
        return "a boolean"
    return "a number" if str(value).startswith(_NUMBER) else "a string"
