"""JSON lines split into records: each line one object by RFC 8259, and nothing that a reader could take in two ways."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import NamedTuple, NoReturn

from assay.text.compression import content
from assay.text.lines import Lines, beginning
from assay.text.record import MAX_DEPTH, MAX_JSON_LINE, Problem, Record, judged, too_long

_BLANK = b" \t\r"
_SURROGATE = re.compile(rb"\\u[dD][89a-fA-F]")
_BRACKETS = re.compile(rb'"(?:[^"\\]|\\.)*+"?|[][{}]', re.DOTALL)
"""Strings, so that a bracket in one is not taken for one, and brackets."""
_TOO_DEEP = Problem(f"nested too deeply: more than {MAX_DEPTH} levels")
_STEPS = {b"{": 1, b"[": 1, b"}": -1, b"]": -1}
_KINDS = {"[": "an array", '"': "a string", "t": "a boolean", "f": "a boolean", "n": "null"}


class _Forbidden(Exception):
    """JSON that Python would read although the standard forbids it or readers may take it differently."""


def json_records(lines: Lines, codec: str) -> Iterator[Record]:
    r"""The records of a text, good and malformed, in their order; a line of nothing but JSON's white space is none.

    A good record has no `\r`: within a line it can only be white space, and becomes a blank.
    """
    while lines.advance():
        for number, line in enumerate(lines.lines, lines.first):
            text = line.removesuffix(b"\r") if lines.end == b"\n" else line
            if not text.strip(_BLANK):
                continue
            if len(text) > MAX_JSON_LINE:
                yield judged(number, beginning(text, MAX_JSON_LINE), too_long(MAX_JSON_LINE), codec)
                continue
            record = judged(number, text, None, codec)
            yield record if record.problem else _parsed(record)


class FirstObject(NamedTuple):
    """The first line of a file of JSON lines; the names of its object in order, none where it is not an object."""

    line: str
    names: tuple[str, ...]

    @property
    def is_spaced(self) -> bool:
        """Whether blanks follow `:` and `,`."""
        return '": ' in self.line


def first_object(path: Path, before: bytes = b"") -> FirstObject:
    """The first object of a file of JSON lines in UTF-8.

    Args:
        path: The file.
        before: What ends the number of each line, where it has one.

    Raises:
        Unreadable: The file cannot be read.
        FileNotFoundError: It is gone.
    """
    with closing(content(path)) as pieces:
        text = next(pieces, b"").lstrip(b"\n\r\t ").partition(b"\n")[0]
    line = (text.partition(before)[2] if before else text).decode(errors="replace").strip()
    try:
        value = _DECODER.decode(line)
    except (ValueError, RecursionError, _Forbidden):
        return FirstObject(line, ())
    return FirstObject(line, tuple(value) if isinstance(value, dict) else ())


def _parsed(record: Record) -> Record:
    problem = object_problem(record.raw)
    return record._replace(raw=record.raw.replace(b"\r", b" ")) if problem is None else Record(*record[:2], *problem)


def object_problem(text: bytes) -> Problem | None:
    """Why this valid UTF-8 is not one JSON object without repeated names; None when it is."""
    return _read(text, is_object=True)[1]


def value_of(text: bytes) -> tuple[object, Problem | None]:
    """The value that this valid UTF-8 is, numbers as their text, and why it is not JSON as `object_problem` has it."""
    return _read(text, is_object=False)


def _read(text: bytes, *, is_object: bool) -> tuple[object, Problem | None]:
    if _is_too_deep(text):
        return None, _TOO_DEEP
    try:
        value = _DECODER.decode(text.decode())
        if is_object and not isinstance(value, dict):
            kind = _KINDS.get(text.strip(_BLANK)[:1].decode(), "a number")
            return None, Problem(f"not an object but {kind}", "object")
        if _SURROGATE.search(text):
            json.dumps(value, ensure_ascii=False).encode()
    except json.JSONDecodeError as error:
        what = "text after the end of the object" if error.msg == "Extra data" else f"not JSON: {error.msg}"
        return None, Problem(f"{what} at column {error.colno}", "object")
    except _Forbidden as error:
        return None, Problem(str(error))
    except UnicodeEncodeError:
        return None, Problem(r"half of a surrogate pair: \ud800 to \udfff mean a character only in pairs")
    except RecursionError:  # only when the caller is nested as deeply itself
        return None, _TOO_DEEP
    return value, None


def _is_too_deep(text: bytes) -> bool:
    """Whether objects and arrays stand in each other on more levels than are allowed; only of many is it counted."""
    if text.count(b"{") + text.count(b"[") <= MAX_DEPTH:
        return False
    depth = 0
    for token in _BRACKETS.finditer(text):
        depth += _STEPS.get(token[0], 0)
        if depth > MAX_DEPTH:
            return True
    return False


def _without_repeats(pairs: list[tuple[str, object]]) -> dict[str, object]:
    members = dict(pairs)
    if len(members) != len(pairs):
        seen: set[str] = set()
        repeated = next(name for name, _ in pairs if name in seen or seen.add(name))  # type: ignore[func-returns-value]
        raise _Forbidden(f"the name {json.dumps(repeated)} occurs more than once in one object")
    return members


def _no_number(word: str) -> NoReturn:
    raise _Forbidden(f"{word} is no JSON number")


_DECODER = json.JSONDecoder(
    object_pairs_hook=_without_repeats, parse_constant=_no_number, parse_int=str, parse_float=str
)
"""Numbers stay text: Python refuses to convert integers of more than 4,300 digits, the standard does not."""
