"""The body of a response as records, each with the bytes that the source sent, and what stands around them.

Belongs here: JSON documents and JSON lines. Keep out: what leads from one page to the next (`pages.py`). What is
wrong inside a record is not looked at: it lands, and becomes malformed with its reason as a record of any file.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from json import decoder as _decoder
from typing import Any, NoReturn

from assay.contract.pointer import pointer_keys, pointer_of
from assay.feeds.errors import Permanent, Transient

_BLANKS = re.compile(r"[ \t\r\n]*")
_LINE_END = re.compile(r"[\r\n]+")
_KINDS = {dict: "an object", list: "an array", bool: "a boolean", type(None): "null", str: "a string"}
_scan: Callable[[str, int, bool], tuple[str, int]] = _decoder.scanstring  # type: ignore[attr-defined]
_SHOWN = 8
"""Names that a message lists."""


@dataclass
class Page:
    """Records of one response.

    Attributes:
        lines: The records as they were sent, a line each, without line ends.
        envelope: What stands around them, numbers as texts; None where nothing does.
        values: Of each record what stands at the pointers that were asked for, in their order.
        is_single: Whether there was one object in place of an array.
    """

    lines: list[bytes] = field(default_factory=list)
    envelope: Any = None
    values: list[tuple[Any, ...]] = field(default_factory=list)
    is_single: bool = False


class Missing:
    """Stands for what is not there, which null is not."""

    def __bool__(self) -> bool:
        return False


MISSING = Missing()


class Number(str):
    """A number as it is written."""

    __slots__ = ()


def at(value: Any, pointer: str) -> Any:
    """What stands at a pointer; `MISSING` where nothing does."""
    for key in pointer_keys(pointer):
        if not isinstance(value, dict) or key not in value:
            return MISSING
        value = value[key]
    return value


def kind_of(value: object) -> str:
    """What a value is, in words."""
    return "a number" if isinstance(value, Number) else _KINDS.get(type(value), "nothing")


def page_of(body: bytes, pointer: str, wanted: Sequence[str] = (), *, is_lines: bool = False) -> Page:
    """The records of a body.

    Args:
        body: As it came, unpacked.
        pointer: Where the array of records stands.
        wanted: Pointers into each record.
        is_lines: Whether each line is a record.

    Raises:
        Permanent: It is not what was declared; the sentence begins with what it is.
        Transient: It breaks off.
    """
    try:
        text = body.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise Permanent(f"the body is not UTF-8, as JSON has to be: {error.reason} at byte {error.start:,}") from None
    reader = _Reader(text, wanted)
    try:
        if is_lines:
            reader.read_lines()
        else:
            reader.page.envelope = reader.walk(pointer_keys(pointer), "")
            reader.end()
    except RecursionError:
        raise Permanent("the body is nested too deeply") from None
    return reader.page


def document_of(body: bytes) -> Any:
    """All of a document, numbers as texts.

    Raises:
        Permanent: It is not JSON in UTF-8.
        Transient: It breaks off.
    """
    try:
        reader = _Reader(body.decode("utf-8-sig"), ())
        value = reader.value()
        reader.end()
    except UnicodeDecodeError:
        raise Permanent("the body is not UTF-8, as JSON has to be") from None
    except RecursionError:
        raise Permanent("the body is nested too deeply") from None
    return value


class _Reader:
    def __init__(self, text: str, wanted: Sequence[str]) -> None:
        self.page = Page()
        self._text, self._at, self._wanted = text, 0, wanted

    def walk(self, keys: tuple[str, ...], place: str) -> Any:
        """Read the value here, of which the records stand below some keys; gives it without them."""
        self._skip()
        if not keys:
            self._records(place)
            return None
        if self._text[self._at : self._at + 1] != "{":
            kind = kind_of(self._value(_STRICT))
            raise Permanent(f"{place or 'the document'} is {kind}, expected an object with {keys[0]!r}")
        members: dict[str, Any] = {}
        self._at += 1
        for name in self._names():
            if name in members:
                raise Permanent(f"{pointer_of(name)} stands twice in {place or 'the document'}")
            inside = f"{place}{pointer_of(name)}"
            members[name] = self.walk(keys[1:], inside) if name == keys[0] else self._value(_STRICT)
        if keys[0] not in members:
            listed = ", ".join(list(members)[:_SHOWN]) or "nothing"
            raise Permanent(f"nothing stands at {place}{pointer_of(keys[0])}; {place or 'the document'} has {listed}")
        return members

    def value(self) -> Any:
        """Read the value here."""
        return self._value(_STRICT)

    def end(self) -> None:
        """Refuse what follows the document."""
        self._skip()
        if self._at < len(self._text):
            raise Transient(f"text follows the end of the document at character {self._at:,}")

    def read_lines(self) -> None:
        """Read all as one record a line."""
        while self._at < len(self._text):
            self._skip()
            if self._at < len(self._text):
                self._record(f"record {len(self.page.lines) + 1:,}")

    def _names(self) -> Any:
        """The names of the object here; who asks reads the value of each."""
        self._skip()
        if self._is_next("}"):
            return
        while True:
            self._skip()
            if self._text[self._at : self._at + 1] != '"':
                self._refuse("a name in quotes")
            try:
                name, self._at = _scan(self._text, self._at + 1, True)
            except ValueError:
                self._refuse("the end of a name")
            self._skip()
            if not self._is_next(":"):
                self._refuse("`:`")
            yield name
            self._skip()
            if self._is_next("}"):
                return
            if not self._is_next(","):
                self._refuse("`,` or `}`")

    def _records(self, place: str) -> None:
        if self._text[self._at : self._at + 1] == "{":
            self.page.is_single = True
            self._record(place)
            return
        if not self._is_next("["):
            kind = kind_of(self._value(_STRICT))
            raise Permanent(f"{place or 'the document'} is {kind}, expected the array of records")
        self._skip()
        if self._is_next("]"):
            return
        while True:
            self._record(f"{place}/{len(self.page.lines)}")
            self._skip()
            if self._is_next("]"):
                return
            if not self._is_next(","):
                self._refuse("`,` or `]`")

    def _record(self, place: str) -> None:
        self._skip()
        start = self._at
        value = self._value(_LENIENT)
        if not isinstance(value, dict):
            raise Permanent(f"{place or 'the document'} is {kind_of(value)}, expected a record, which is an object")
        raw = self._text[start : self._at]
        if "\n" in raw or "\r" in raw:  # blanks between tokens: a string holds none
            raw = _LINE_END.sub(" ", raw)
        self.page.lines.append(raw.encode())
        if self._wanted:
            self.page.values.append(tuple(at(value, pointer) for pointer in self._wanted))

    def _value(self, decoder: json.JSONDecoder) -> Any:
        self._skip()
        try:
            value, self._at = decoder.raw_decode(self._text, self._at)
        except json.JSONDecodeError as error:
            self._at = error.pos
            self._refuse("a value")
        except StopIteration:
            self._refuse("a value")
        return value

    def _skip(self) -> None:
        match = _BLANKS.match(self._text, self._at)
        self._at = match.end() if match else self._at

    def _is_next(self, mark: str) -> bool:
        is_next = self._text.startswith(mark, self._at)
        self._at += is_next
        return is_next

    def _refuse(self, expected: str) -> NoReturn:
        if self._text.lstrip()[:1] == "<":
            raise Permanent("the body is a page or XML, expected JSON")
        raise Transient(f"the body breaks off or is not JSON: expected {expected} at character {self._at:,}")


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise Permanent(f"a name stands twice in an object around the records: {', '.join(members)}")
    return members


def _no_number(word: str) -> NoReturn:
    raise Permanent(f"the body holds {word}, which is not JSON")


_STRICT = json.JSONDecoder(object_pairs_hook=_unique, parse_constant=_no_number, parse_int=Number, parse_float=Number)
_LENIENT = json.JSONDecoder(parse_constant=str, parse_int=Number, parse_float=Number)
"""Of records: names that stand twice, NaN and infinity are told of each record when it is loaded."""
