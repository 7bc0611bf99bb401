"""JSON taken apart with each number as it is written, and put together again."""

from __future__ import annotations

import json
from typing import Any

NUMBER, _END = "\udc80", "\udc81"
"""Around a number while a record is taken apart: halves of surrogate pairs, which no valid record holds."""


def lexeme(digits: str) -> str:
    """A number as it stands in a record that is taken apart."""
    return f"{NUMBER}{digits}{_END}"


_DECODER = json.JSONDecoder(parse_int=lexeme, parse_float=lexeme)
_ENCODER = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), check_circular=False)


def parted(text: str) -> Any:
    """The value of a JSON text, its numbers as of `lexeme`."""
    return _DECODER.decode(text)


def written(value: object) -> str:
    """The JSON text of such a value."""
    return _ENCODER.encode(value).replace(f'"{NUMBER}', "").replace(f'{_END}"', "")


def value_text(value: object) -> str:
    """What a column of plain values is given: a string as it is, and of all else its JSON text."""
    if isinstance(value, str):
        return value[1:-1] if value.startswith(NUMBER) else value
    return written(value)


def kind_of(value: object) -> str:
    """What a value is, in words."""
    kinds = {type(None): "null", bool: "a boolean", list: "an array", dict: "an object"}
    return kinds.get(type(value)) or ("a number" if str(value).startswith(NUMBER) else "a string")


def json_key(name: str) -> str:
    """A name as it stands between the quotes of a JSON text."""
    return json.dumps(name, ensure_ascii=False)[1:-1]
