"""The records of an XML document as lines of JSON, made as lxml reads it: nothing of the document is kept.

A name is that of an element without its namespace. Nothing outside of the file is read; one that defines
entities is refused where its records are counted (`assay.text.xml_count`), before they are read here.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from xml.sax.saxutils import escape, quoteattr

from assay.text.record import MAX_JSON_LINE
from assay.text.stream import PIECE, Unreadable

_STEP = re.compile(r"/((?:\{[^{}]*\})?[^/{}:@\s]+)")
_NIL = "{http://www.w3.org/2001/XMLSchema-instance}nil"
_DEEPEST = 200
"""Elements in each other; of a document that has more, no reader of JSON would take the records."""
_LARGEST = 4 * MAX_JSON_LINE
"""Bytes that a record may take here; one of more than `MAX_JSON_LINE` is malformed."""
_OWN = 64
"""What an element takes by itself, about."""


def steps_of(path: str) -> tuple[str, ...]:
    """The names in a path of elements.

    Raises:
        ValueError: It is none.
    """
    steps = tuple(_STEP.findall(path))
    if not steps or "".join(f"/{step}" for step in steps) != path:
        raise ValueError(
            f"{path!r} is not a path of elements such as '/catalog/item'; names stand in it without a prefix, or with "
            "their namespace in braces before them"
        )
    return steps


def is_step(step: str, tag: str) -> bool:
    """Whether a step of a path speaks of an element, whose tag has its namespace in braces before it, if any."""
    return (
        step == tag
        if step.startswith("{") and not step.startswith("{}")
        else step.removeprefix("{}") == (tag if step.startswith("{}") else local_name(tag))
    )


def local_name(tag: str) -> str:
    """The name of an element or attribute without its namespace."""
    return tag.rpartition("}")[2]


def xml_lines(received: Iterable[bytes], path: str, nulls: Sequence[str]) -> Iterator[bytes]:
    """The records of a document, a line each.

    Args:
        received: The bytes of the document, in pieces.
        path: Where the records are.
        nulls: Texts that mean no value.

    Raises:
        Unreadable: It is not well-formed, or nested too deeply.
    """
    from lxml import etree  # noqa: PLC0415 - only who reads XML

    target = _Records(steps_of(path), frozenset(nulls))
    # Where no entity is resolved, libxml2 gives `&amp;` in an attribute as `&#38;`.
    options = {"resolve_entities": "internal", "load_dtd": False, "no_network": True, "huge_tree": False}
    parser = etree.XMLParser(target=target, **options)
    try:
        for piece in received:
            parser.feed(piece)
            if target.size >= PIECE:
                yield target.taken()
        parser.close()
    except etree.XMLSyntaxError as error:
        why = " ".join(str(error.msg).split())
        raise Unreadable(f"is no well-formed XML: {why}") from error
    yield target.taken()


class _Element:
    """An element of a record: its attributes, and its texts and elements in their order."""

    __slots__ = ("attributes", "content", "elements", "tag")

    def __init__(self, tag: str, attributes: Mapping[str, str]) -> None:
        self.tag = tag
        self.attributes = attributes
        self.content: list[str | _Element] = []
        self.elements: list[_Element] = []

    @property
    def text(self) -> str:
        if not self.elements:
            return "".join(self.content)  # type: ignore[arg-type]
        return "".join(part for part in self.content if isinstance(part, str))


class _Records:
    """Told by lxml of elements and texts as they come; makes lines of those that are records."""

    def __init__(self, steps: Sequence[str], nulls: frozenset[str]) -> None:
        self._steps = steps
        self._nulls = nulls
        self._depth = 0
        self._matched = 0
        self._open: list[_Element] = []
        self._left = _LARGEST
        self._lines: list[bytes] = []
        self.size = 0

    def start(self, tag: str, attributes: Mapping[str, str]) -> None:
        self._depth += 1
        if self._depth > _DEEPEST:
            raise Unreadable(f"the XML document has more than {_DEEPEST} elements in each other")
        if not self._open:
            is_next = self._matched == self._depth - 1 and self._depth <= len(self._steps)
            if not is_next or not is_step(self._steps[self._depth - 1], tag):
                return
            self._matched = self._depth
            if self._matched < len(self._steps):
                return
            self._left = _LARGEST
        self._take(_OWN + len(tag) + sum(len(name) + len(value) for name, value in attributes.items()))
        element = _Element(tag, attributes)
        if self._open:
            self._open[-1].content.append(element)
            self._open[-1].elements.append(element)
        self._open.append(element)

    def end(self, _: str) -> None:
        if self._open:
            element = self._open.pop()
            if not self._open:
                self._lines.append(_record(element, self._nulls))
                self.size += len(self._lines[-1])
        if self._matched == self._depth:
            self._matched -= 1
        self._depth -= 1

    def data(self, text: str) -> None:
        if self._open:
            self._take(len(text))
            self._open[-1].content.append(text)

    def comment(self, _: str) -> None:
        """No data."""

    def pi(self, _: str, __: str | None = None) -> None:
        """No data."""

    def close(self) -> None:
        """The document is over."""

    def taken(self) -> bytes:
        """The lines up to now."""
        lines, self._lines, self.size = self._lines, [], 0
        return b"".join(line + b"\n" for line in lines)

    def _take(self, size: int) -> None:
        self._left -= size
        if self._left < 0:
            raise Unreadable(f"a record of the XML document goes on for more than {_LARGEST:,} bytes")


def _record(element: _Element, nulls: frozenset[str]) -> bytes:
    """A record as an object of its fields.

    An attribute is called `@name`. An element that stands there once and holds a text is that text, and its attributes
    are fields of their own, `name@attribute`.
    """
    members = _attributes(element, nulls)
    for name, same in _by_tag(element):
        if len(same) > 1 or same[0].elements:
            members.append((name, _values(same, nulls)))
            continue
        leaf = same[0]
        members.append((name, _text(leaf, nulls)))
        members += [(f"{name}{key}", value) for key, value in _attributes(leaf, nulls)]
    return _object(members + (_own_text(element, nulls) if element.text.strip() else []))


def _by_tag(element: _Element) -> Iterator[tuple[str, list[_Element]]]:
    """The elements within one, by their names; those of two namespaces apart."""
    tags: dict[str, list[_Element]] = {}
    for child in element.elements:
        tags.setdefault(child.tag, []).append(child)
    for tag, same in tags.items():
        yield local_name(tag), same


def _values(same: Sequence[_Element], nulls: frozenset[str]) -> str:
    values = [_value(element, nulls) for element in same]
    return values[0] if len(values) == 1 else f"[{','.join(values)}]"


def _value(element: _Element, nulls: frozenset[str]) -> str:
    """A text, or an object of attributes, elements and text; the markup where texts stand between elements."""
    attributes = _attributes(element, nulls)
    if element.elements and element.text.strip():
        content = _json(_markup(element))
        return _object([*attributes, ("#text", content)]).decode() if attributes else content
    if not element.elements and not attributes:
        return _text(element, nulls)
    members = [*attributes, *((name, _values(same, nulls)) for name, same in _by_tag(element))]
    return _object(members + _own_text(element, nulls)).decode()


def _own_text(element: _Element, nulls: frozenset[str]) -> list[tuple[str, str]]:
    """The text of an element that is an object."""
    if element.elements:
        return [("#text", _json(_markup(element)))] if element.text.strip() else []
    return [("#text", _text(element, nulls))] if element.text else []


def _attributes(element: _Element, nulls: frozenset[str]) -> list[tuple[str, str]]:
    """The attributes without the one that says whether there is a value, as far as it says what is there."""
    if not element.attributes:
        return []
    kept = dict(element.attributes)
    if _NIL in kept and not (_is_nil(element) and element.content):
        del kept[_NIL]
    return [(f"@{local_name(name)}", "null" if value in nulls else _json(value)) for name, value in kept.items()]


def _text(element: _Element, nulls: frozenset[str]) -> str:
    text = element.text
    return "null" if text in nulls or (not text and _is_nil(element)) else _json(text)


def _is_nil(element: _Element) -> bool:
    return element.attributes.get(_NIL, "").strip() in ("true", "1")


def _markup(element: _Element) -> str:
    """What is within an element, as XML without namespaces."""
    parts = []
    for part in element.content:
        if isinstance(part, str):
            parts.append(escape(part))
        else:
            name = local_name(part.tag)
            attributes = "".join(f" {local_name(key)}={quoteattr(value)}" for key, value in part.attributes.items())
            parts.append(f"<{name}{attributes}>{_markup(part)}</{name}>")
    return "".join(parts)


def _object(members: Iterable[tuple[str, str]]) -> bytes:
    return f"{{{','.join(f'{_json(name)}:{value}' for name, value in members)}}}".encode()


_json = json.JSONEncoder(ensure_ascii=False).encode
