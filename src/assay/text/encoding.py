"""Decodes the declared encoding to UTF-8 without losing a byte that does not belong to it.

Bytes that the encoding does not know travel on as the lone surrogates U+DC00 to U+DCFF, which no valid text holds:
the line they are in is found by the same check as in a UTF-8 file.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator
from itertools import chain

from assay.text.stream import Unreadable

_HEAD = 64 * 1024
_DIRECT = frozenset(("utf-8", "ascii"))
_MARK = "assay-mark-bytes"
_MARKED = re.compile("[\udc00-\udcff]")
_ORDER_MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32", "-le"),
    (codecs.BOM_UTF32_BE, "utf-32", "-be"),
    (codecs.BOM_UTF16_LE, "utf-16", "-le"),
    (codecs.BOM_UTF16_BE, "utf-16", "-be"),
    (codecs.BOM_UTF8, "utf-8", ""),
)


def codec_name(encoding: str) -> str:
    """The one name of an encoding, `utf-8` for `utf8` and `utf-8-sig`.

    Raises:
        LookupError: Python knows no such encoding.
    """
    name = codecs.lookup(encoding).name
    return "utf-8" if name == "utf-8-sig" else name


def is_direct(codec: str) -> bool:
    """Whether text in this encoding is UTF-8 as it stands."""
    return codec in _DIRECT


def checked(content: Iterator[bytes], codec: str) -> Iterator[bytes]:
    """The content, once it is clear that it can be in this encoding; a UTF-8 byte-order mark is dropped.

    The first piece holds at least the first 64 KiB, or everything.

    Raises:
        Unreadable: The content is empty, or as a whole in another encoding.
    """
    head = b""
    for piece in content:
        head += piece
        if len(head) >= _HEAD:
            break
    refuse_other(head[:_HEAD], codec)
    return chain([head.removeprefix(codecs.BOM_UTF8)], content)


def refuse_other(head: bytes, codec: str) -> None:
    """Look for signs of another encoding in the first bytes.

    Raises:
        Unreadable: There are some, or there are no bytes at all.
    """
    if not head.removeprefix(codecs.BOM_UTF8):
        raise Unreadable("the file is empty")
    for mark, family, order in _ORDER_MARKS:
        if head.startswith(mark):
            if codec not in (family, family + order) and not (family == "utf-8" and codec == "ascii"):
                raise Unreadable(f"the file begins with the byte-order mark of {family}{order}, not of {codec}")
            break
    if not codec.startswith(("utf-16", "utf-32")) and b"\0" in head:
        at = head.index(b"\0")
        raise Unreadable(f"the file holds NUL bytes (the first at byte {at:,}): it is not {codec} text")


def as_utf8(content: Iterator[bytes], codec: str) -> Iterator[bytes]:
    """The content in UTF-8; bytes that the encoding does not know as marks (see the module)."""
    if is_direct(codec):
        yield from content
        return
    codecs.register_error(_MARK, _mark)
    decoder = codecs.getincrementaldecoder(codec)(_MARK)
    is_first = True
    for piece in content:
        text = decoder.decode(piece)
        if is_first and text:
            text, is_first = text.removeprefix("\ufeff"), False
        yield text.encode("utf-8", "surrogatepass")
    yield decoder.decode(b"", final=True).encode("utf-8", "surrogatepass")


def _mark(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeDecodeError):
        raise error
    return "".join(chr(0xDC00 + byte) for byte in error.object[error.start : error.end]), error.end


def is_valid(text: bytes, codec: str) -> bool:
    """Whether these bytes, as `as_utf8` gives them, are all of the encoding."""
    if text.isascii():
        return True
    try:
        text.decode("ascii" if codec == "ascii" else "utf-8")
    except UnicodeDecodeError:
        return False
    return True


def printable(text: bytes, codec: str) -> bytes:
    r"""Valid UTF-8 for a person to read; a byte that is not of the encoding becomes `\xff`."""
    shown = _MARKED.sub(lambda match: f"\\x{ord(match.group()) & 0xFF:02x}", _marked(text, codec))
    return shown.encode("utf-8", "replace")


def foreign_byte(text: bytes, codec: str) -> str:
    """What is wrong with text that is not valid; the column counts characters from 1."""
    match = _MARKED.search(_marked(text, codec))
    if match is None:
        return f"not {codec}"
    return f"byte 0x{ord(match.group()) & 0xFF:02x} at column {match.start() + 1} is not {codec}"


def _marked(text: bytes, codec: str) -> str:
    if is_direct(codec):
        return text.decode(codec, "surrogateescape")
    return text.decode("utf-8", "surrogatepass")
