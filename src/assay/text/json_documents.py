"""One JSON document as lines of JSON: each record of it in a line of its own, as it is written, without the blanks.

A record is an element of the array at a JSON pointer (RFC 6901), or the object there. The document is read a piece at a
time: what stands before and after the records is looked at for its brackets alone. The line of a record is its place
among the records, from 1.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from assay.contract.pointer import pointer_keys
from assay.text.record import MAX_DEPTH, MAX_JSON_LINE
from assay.text.stream import PIECE, Unreadable

_TOKEN = re.compile(rb'"(?:[^"\\]|\\.)*+"|[][{},:]|[^][{},:"\s]+', re.DOTALL)
_OPEN, _CLOSED = b"[{", b"]}"
_MARKS = (b"[", b"]", b"{", b"}", b",", b":")


def json_lines(text: Iterable[bytes], pointer: str) -> Iterator[bytes]:
    """The records of a document in UTF-8, a line each.

    Raises:
        Unreadable: It breaks off, its brackets do not match, or nothing stands at the pointer.
    """
    document = _Document(tuple(key.encode() for key in pointer_keys(pointer)))
    for token in _tokens(text):
        if (record := document.take(token)) is not None:
            yield record + b"\n"
    if document.is_open or not document.is_begun:
        raise Unreadable("the JSON document breaks off")
    if not document.is_found:
        raise Unreadable(f"nothing stands at {pointer or 'the top'} of the JSON document, where the records have to be")


def _tokens(text: Iterable[bytes]) -> Iterator[bytes]:
    left, wanted = b"", 0
    for piece in text:
        left += piece
        if len(left) < wanted:
            continue  # a long string, which is looked at again when there is twice as much
        left, tokens = _whole(left, is_last=False)
        wanted = 2 * len(left) if len(left) > PIECE else 0
        yield from tokens
        if len(left) > 2 * MAX_JSON_LINE:
            raise Unreadable(f"a string in the JSON document goes on for more than {2 * MAX_JSON_LINE:,} bytes")
    left, tokens = _whole(left, is_last=True)
    yield from tokens
    if left.strip():
        raise Unreadable("the JSON document breaks off in a string")


def _whole(text: bytes, *, is_last: bool) -> tuple[bytes, list[bytes]]:
    """The tokens that are whole, and the rest of the text: a string without its end, or what may go on."""
    tokens: list[bytes] = []
    at = 0
    for match in _TOKEN.finditer(text):
        if text[at : match.start()].strip() or (match.end() == len(text) and not is_last):
            break
        tokens.append(match.group())
        at = match.end()
    return text[at:], tokens


class _Level(NamedTuple):
    """An array or object that is open: its bracket, and whether it is on the way to the records."""

    bracket: bytes
    is_on_way: bool


class _Document:
    def __init__(self, keys: tuple[bytes, ...]) -> None:
        self._keys = keys
        self._levels: list[_Level] = []
        self._key = b""
        self._last = b""
        self._record: list[bytes] | None = None
        self._record_depth = 0
        self._size = 0
        self._in_records = False
        self.is_found = False
        self.is_begun = False

    @property
    def is_open(self) -> bool:
        """Whether a bracket is."""
        return bool(self._levels)

    def take(self, token: bytes) -> bytes | None:
        """Go on by a token; gives a record that it ends."""
        if self.is_begun and not self._levels:
            raise Unreadable("text after the end of the JSON document")
        self.is_begun = True
        done = self._in_record(token) if self._record is not None else self._outside(token)
        self._last = token
        return done

    def _in_record(self, token: bytes) -> bytes | None:
        if len(self._levels) == self._record_depth and token in (b",", b"]", b"}"):
            record = self._ended()
            self._close(token)
            return record
        self._keep(token)
        if token in (b"[", b"{"):
            self._open(token, is_on_way=False)
        elif token in (b"]", b"}"):
            self._pop(token)
            if len(self._levels) == self._record_depth and not self._in_records:
                return self._ended()
        return None

    def _outside(self, token: bytes) -> bytes | None:
        if token in (b"]", b"}", b","):
            if self._last in (b",", b":") or (token == b"," and self._last in (b"[", b"{")):
                raise Unreadable(f"the JSON document has {token.decode()!r} where a value has to be")
            self._close(token)
            return None
        if self._levels and self._last not in (b"[", b"{", b",", b":") and token != b":":
            raise Unreadable("two values of the JSON document have no comma between them")
        if token == b":":
            self._key = self._last
            return None
        if self._levels and self._levels[-1].bracket == b"{" and self._last != b":":
            return None  # a name
        if self._in_records:
            self._begin(token)
        elif self._is_at_records():
            self.is_found = True
            if token == b"[":
                self._in_records = True
                self._open(token, is_on_way=True)
            else:
                self._begin(token)
                if token != b"{":
                    return self._ended()
        elif token in (b"[", b"{"):
            self._open(token, is_on_way=token == b"{" and self._is_next())
        return None

    def _is_next(self) -> bool:
        """Whether the value that begins is the one that the next name of the pointer speaks of."""
        depth = len(self._levels)
        if depth == 0:
            return True
        return self._levels[-1].is_on_way and depth <= len(self._keys) and _name(self._key) == self._keys[depth - 1]

    def _is_at_records(self) -> bool:
        is_there = len(self._levels) == len(self._keys) and self._is_next()
        if is_there and self.is_found:
            raise Unreadable("the place of the records stands twice in the JSON document")
        return is_there

    def _begin(self, token: bytes) -> None:
        self._record, self._size, self._record_depth = [], 0, len(self._levels)
        self._keep(token)
        if token in (b"[", b"{"):
            self._open(token, is_on_way=False)

    def _keep(self, token: bytes) -> None:
        """Of a record that is too long the beginning, by which it is told to be; of a line end in a string a mark."""
        if token[:1] not in _MARKS and self._record and self._record[-1][:1] not in _MARKS:
            self._record.append(b" ")  # two values without a mark between them are no JSON, and must not become one
        self._size += len(token)
        if self._record is not None and self._size <= MAX_JSON_LINE + len(token):
            self._record.append(token.replace(b"\n", b"\x01").replace(b"\r", b"\x01"))

    def _ended(self) -> bytes:
        record = b"".join(self._record or [])
        self._record = None
        return record

    def _open(self, bracket: bytes, *, is_on_way: bool) -> None:
        if len(self._levels) > 2 * MAX_DEPTH:
            raise Unreadable(f"the JSON document is nested on more than {2 * MAX_DEPTH} levels")
        self._levels.append(_Level(bracket, is_on_way))

    def _close(self, token: bytes) -> None:
        if token == b",":
            return
        if self._in_records and self._levels and self._levels[-1].is_on_way and token == b"]":
            self._in_records = False
        self._pop(token)

    def _pop(self, token: bytes) -> None:
        if not self._levels or _OPEN.index(self._levels.pop().bracket) != _CLOSED.index(token):
            raise Unreadable("the brackets of the JSON document do not match")


def _name(token: bytes) -> bytes:
    return token[1:-1]
