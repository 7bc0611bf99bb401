"""In which encoding files are, by their marks and all of their bytes."""

from __future__ import annotations

import codecs
import re
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
_RUNS = re.compile(rb"[\x80-\xff](?:[\x80-\xff]|[@-~](?=[\x80-\xff]))*")
"""Bytes beyond ASCII with those between them that may be the second half of a character."""
_CYRILLIC = re.compile(rb"[\xc0-\xff\xa8\xb8]")
_JAPANESE = re.compile("[\u3000-\u30ff\u4e00-\u9fff\uff00-\uffef]")
_WORD = 3
_MOSTLY, _NEARLY = 0.6, 0.9
_NOT_CP1252 = (0x81, 0x8D, 0x8F, 0x90, 0x9D)


def marked_encoding(head: bytes) -> str:
    """The encoding that the mark at the beginning of a text says; empty where there is none."""
    return next((name for mark, name in _ORDER_MARKS if head.startswith(mark)), "")


def encoding_of(paths: Sequence[Path], heads: Mapping[Path, bytes]) -> tuple[str, list[str]]:
    """The encoding of all files, and what is not sure of it.

    Raises:
        Undescribable: They are of several.
    """
    marks = {marked_encoding(head) for head in heads.values()}
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
    if name := _of_script(b"".join(heads[path] for path in others)):
        return name, [
            f"encoding: {others[0].name} is not UTF-8; {name} was taken, by which it says words of one script"
        ]
    is_cp1252 = not set().union(*(used[path] or () for path in others)) & set(_NOT_CP1252)
    name = "cp1252" if is_cp1252 else "latin-1"
    return name, [f"encoding: {others[0].name} is not UTF-8; {name} was taken, which most such bytes are letters in"]


def _of_script(head: bytes) -> str:
    """A code page that makes words of one script of bytes that stand in runs; empty for none.

    Letters with accents stand alone between others, whereas a word in Cyrillic or Japanese is a run.
    """
    runs = _RUNS.findall(head)
    together = sum(map(len, runs))
    in_words = b"".join(run for run in runs if len(run) >= _WORD)
    if len(in_words) < _MOSTLY * together:
        return ""
    if len(_CYRILLIC.findall(in_words)) >= _NEARLY * len(in_words):
        return "cp1251"
    japanese = head.decode("cp932", "ignore")
    beyond = sum(not letter.isascii() for letter in japanese)
    return "cp932" if len(_JAPANESE.findall(japanese)) >= _NEARLY * beyond and 2 * beyond >= _NEARLY * together else ""


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
