"""The records of an XML document counted by expat, which also refuses what may stand for something else."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import NoReturn
from xml.parsers import expat

from assay.text.stream import Unreadable
from assay.text.xml_records import is_step, steps_of

_LONGEST = 10_000_000
"""Bytes of a tag or a comment, as lxml has it; expat looks through them again with each piece."""


def count_elements(received: Iterable[bytes], path: str) -> int:
    """How many elements there are at a path.

    Args:
        received: The bytes of the document, in pieces.
        path: Of the records.

    Raises:
        Unreadable: The document is not well-formed, has a tag that goes on and on, defines entities or defaults, uses
            entities that it does not define, or has no place for records.
    """
    count = _Count(steps_of(path))
    walk(received, count.start, count.end)
    if not count.records and (count.others or not count.places):
        raise Unreadable(f"the XML document has no element at {path}, where the records have to be")
    return count.records


def walk(
    received: Iterable[bytes], start: Callable[[str, dict[str, str]], object], end: Callable[[str], object]
) -> None:
    """Go through the elements of a document.

    Args:
        received: Its bytes, in pieces.
        start: Told the name and the attributes of an element that begins; its namespace and a blank stand before it.
        end: Told of one that ends.

    Raises:
        Unreadable: As of `count_elements`.
    """
    parser = expat.ParserCreate(namespace_separator=" ")
    parser.StartElementHandler = start
    parser.EndElementHandler = end
    parser.StartDoctypeDeclHandler = _doctype
    parser.SkippedEntityHandler = _entity
    size = 0
    try:
        for piece in received:
            parser.Parse(piece)
            size += len(piece)
            if size - parser.CurrentByteIndex > _LONGEST:
                raise Unreadable(f"a tag or comment of the XML document goes on for more than {_LONGEST:,} bytes")
        parser.Parse(b"", True)
    except (expat.ExpatError, ValueError, LookupError) as error:
        raise Unreadable(f"is no well-formed XML: {error}") from error


class _Count:
    def __init__(self, steps: tuple[str, ...]) -> None:
        self._steps = steps
        self._open: list[bool] = []
        self.records = 0
        self.places = 0
        self.others = 0

    def start(self, name: str, _: object) -> None:
        """Go into an element; on the way to the records where each before it was."""
        depth = len(self._open)
        is_on_way = depth == 0 or self._open[-1]
        is_next = is_on_way and depth < len(self._steps) and is_step(self._steps[depth], _tag(name))
        self._open.append(is_next)
        if depth == len(self._steps) - 1 and is_on_way:
            self.records += is_next
            self.others += not is_next
        self.places += is_next and depth == len(self._steps) - 2

    def end(self, _: str) -> None:
        """Go out of an element."""
        self._open.pop()


def _tag(name: str) -> str:
    space, _, local = name.rpartition(" ")
    return f"{{{space}}}{local}" if space else local


def _doctype(_: str, __: str | None, ___: str | None, has_own: bool) -> None:
    if has_own:
        raise Unreadable(
            "the DOCTYPE of the XML document defines entities or defaults of its own, which are not read: have it sent "
            "without them"
        )


def _entity(name: str, _: bool) -> NoReturn:
    raise Unreadable(f"the XML document uses the entity &{name}; and does not say what it is")
