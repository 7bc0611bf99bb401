"""How a contract writes types that hold others: `struct(zip integer)`, `varchar[]`, `map(varchar, integer)`.

Belongs here: taking such a text apart, once for each level. Keep out: what the types inside are
(`assay.contract.types`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Literal, NamedTuple

from assay.contract.errors import ContractError

NestedKind = Literal["struct", "list", "map"]
NESTED: tuple[NestedKind, ...] = ("struct", "list", "map")

_OF_FIXED_LENGTH = re.compile(r"\[\s*\d+\s*\]$")
_LIST = re.compile(r"\[\s*\]$")
_CALL = re.compile(r"(struct|row|map)\s*\((.*)\)", re.IGNORECASE | re.DOTALL)
_OTHER = re.compile(
    r"(?:struct|row|map|list|array)\s*<|(?:list|array)\s*\(|(?:struct|row|map|list|array)\s*$", re.IGNORECASE
)
_TOKEN = re.compile(r'"(?:[^"]|"")*"?|[(),]|[^"(),]+')
_FIELD = re.compile(r'\s*(?:"((?:[^"]|"")+)"|([^\W\d]\w*))\s+(\S.*)', re.DOTALL)
_PLAIN = re.compile(r"[^\W\d]\w*")
_EXAMPLES = "write as in `struct(zip integer, tags varchar[])`, `varchar[]` and `map(varchar, integer)`"


class Level(NamedTuple):
    """The outermost level of a nested type.

    Attributes:
        kind: What it is.
        parts: The types inside as they are written, by name: fields of a struct, `key` and `value` of a map; the one of
            a list has no name.
    """

    kind: NestedKind
    parts: tuple[tuple[str, str], ...]


def outer_level(written: str) -> Level | None:
    """The outermost level of a type; None where it holds no others.

    Raises:
        ContractError: It is begun as one that does, and is none.
    """
    text = written.strip()
    if _OF_FIXED_LENGTH.search(text):
        raise ContractError(f"type {written!r}: a list may have any number of elements; write `[]`")
    if ends := _LIST.search(text):
        return Level("list", (("", text[: ends.start()]),))
    call = _CALL.fullmatch(text)
    if not call:
        if _OTHER.match(text):
            raise ContractError(f"type {written!r} is not understood; {_EXAMPLES}")
        return None
    parts = list(_arguments(call[2], written))
    if call[1].lower() != "map":
        return Level("struct", tuple(_fields(parts, written)))
    if len(parts) != 2:  # noqa: PLR2004 - a key and a value
        raise ContractError(
            f"type {written!r}: a map has the types of its keys and of its values, as in map(varchar, integer)"
        )
    return Level("map", (("key", parts[0]), ("value", parts[1])))


def shown_name(name: str) -> str:
    """The name of a field as a contract writes it: in quotes where it is not one plain word."""
    return name if _PLAIN.fullmatch(name) else '"{}"'.format(name.replace('"', '""'))


def _arguments(text: str, written: str) -> Iterator[str]:
    """What stands between the commas that are in no quotes and no parentheses.

    Raises:
        ContractError: These are not paired.
    """
    part, depth = "", 0
    for piece in _TOKEN.findall(text):
        depth += {"(": 1, ")": -1}.get(piece, 0)
        if depth < 0 or (piece[0] == '"' and (len(piece) == 1 or piece[-1] != '"')):
            break
        if piece == "," and not depth:
            yield part
            part = ""
        else:
            part += piece
    else:
        if not depth:
            yield part
            return
    raise ContractError(f"type {written!r}: its quotes and parentheses are not paired; {_EXAMPLES}")


def _fields(parts: list[str], written: str) -> Iterator[tuple[str, str]]:
    known: set[str] = set()
    for part in parts:
        field = _FIELD.fullmatch(part)
        if not field:
            raise ContractError(
                f"type {written!r}: {part.strip()!r} is not the name of a field and its type; {_EXAMPLES}"
            )
        name = field[1].replace('""', '"') if field[1] else field[2]
        if not name.strip() or "\0" in name:
            raise ContractError(f"type {written!r}: a field has no name")
        if name.lower() in known:
            raise ContractError(
                f"type {written!r}: field {name} stands there twice; upper and lower case are one in SQL"
            )
        known.add(name.lower())
        yield name, field[3]
