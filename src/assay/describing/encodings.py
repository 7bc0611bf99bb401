"""In which encoding files are, by their marks and all of their bytes."""

from __future__ import annotations

import codecs
from collections.abc import Mapping, Sequence
from pathlib import Path

from assay.describing.kinds import Undescribable
from assay.text import content

_ORDER_MARKS = (
    (b"\xff\xfe\x00\x00", "utf-32"),
    (b"\x00\x00\xfe\xff", "utf-32"),
    (b"\xff\xfe", "utf-16"),
    (b"\xfe\xff", "utf-16"),
)
_BEYOND_ASCII = 0x80
_NOT_CP1252 = (0x81, 0x8D, 0x8F, 0x90, 0x9D)


def encoding_of(paths: Sequence[Path], heads: Mapping[Path, bytes]) -> tuple[str, list[str]]:
    """The encoding of all files, and what is not sure of it.

    Raises:
        Undescribable: They are of several.
    """
    marks = {next((name for mark, name in _ORDER_MARKS if head.startswith(mark)), "") for head in heads.values()}
    if len(marks) > 1:
        raise Undescribable("some files are UTF-16 and others are not; a source has one encoding")
    if mark := marks.pop():
        return mark, []
    used = {path: _bytes_beyond_ascii(path) for path in paths}
    others = [path for path in paths if used[path] is not None]
    unicode = [path for path in paths if used[path] is None and not _is_ascii(path)] if others else []
    if not others:
        return "utf-8", []
    if unicode:
        raise Undescribable(f"{unicode[0].name} is UTF-8 and {others[0].name} is not; a source has one encoding")
    is_cp1252 = not set().union(*(used[path] or () for path in others)) & set(_NOT_CP1252)
    name = "cp1252" if is_cp1252 else "latin-1"
    return name, [f"encoding: {others[0].name} is not UTF-8; {name} was taken, which most such bytes are letters in"]


def _bytes_beyond_ascii(path: Path) -> set[int] | None:
    """Which bytes beyond ASCII a file holds that is not UTF-8; None of one that is."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    used: set[int] = set()
    is_utf8 = True
    for piece in content(path):
        used |= {byte for byte in set(piece) if byte >= _BEYOND_ASCII}
        try:
            decoder.decode(piece)
        except UnicodeDecodeError:
            is_utf8 = False
            decoder.reset()
    try:
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        is_utf8 = False
    return None if is_utf8 else used


def _is_ascii(path: Path) -> bool:
    return all(piece.isascii() for piece in content(path))
