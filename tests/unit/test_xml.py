"""XML documents as lines of JSON: what becomes of elements and attributes, and what is refused."""

from __future__ import annotations

import json
import random
import tracemalloc
from collections.abc import Iterator
from typing import Any
from xml.sax.saxutils import escape, quoteattr

import pytest

from assay.text.stream import Unreadable
from assay.text.xml_count import count_elements
from assay.text.xml_records import steps_of, xml_lines

PATH = "/c/i"
XSI = 'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"'


def pieces(text: str | bytes, size: int = 7) -> Iterator[bytes]:
    content = text.encode() if isinstance(text, str) else text
    for at in range(0, len(content), size):
        yield content[at : at + size]


def lines(text: str | bytes, path: str = PATH, nulls: tuple[str, ...] = ("",), size: int = 7) -> list[str]:
    return b"".join(xml_lines(pieces(text, size), path, nulls)).decode().splitlines()


def count(text: str | bytes, path: str = PATH) -> int:
    return count_elements(pieces(text), path)


def record(inner: str, attributes: str = "") -> Any:
    """What one record becomes."""
    [line] = lines(f"<c {XSI}><i{attributes}>{inner}</i></c>")
    return json.loads(line)


@pytest.mark.parametrize(
    ("inner", "fields"),
    [
        ("<a>1</a>", {"a": "1"}),
        ("<a> 1 </a>", {"a": " 1 "}),
        ("\n  <a>1</a>\n  <b>2</b>\n", {"a": "1", "b": "2"}),
        ("<a/><b></b>", {"a": None, "b": None}),
        ("<a>1</a><a>2</a><a/>", {"a": ["1", "2", None]}),
        ("<a><b>1</b><b>2</b><d k='3'/></a>", {"a": {"b": ["1", "2"], "d": {"@k": "3"}}}),
        ('<p cur="EUR" x="">2.50</p>', {"p": "2.50", "p@cur": "EUR", "p@x": None}),
        ('<p cur="EUR">1</p><p>2</p>', {"p": [{"@cur": "EUR", "#text": "1"}, "2"]}),
        ("<a>te<!-- no -->a<?no no?>!</a>", {"a": "tea!"}),
        ("<a><![CDATA[<b>&]]></a>", {"a": "<b>&"}),
        ("<a>&lt;&amp;&#13;&#x20ac;</a>", {"a": "<&\r\u20ac"}),
        ("<a>hi <b k='&lt;&quot;'>x &amp; y</b> you</a>", {"a": "hi <b k='&lt;\"'>x &amp; y</b> you"}),
        ("<a k='1'>hi <b/></a>", {"a": {"@k": "1", "#text": "hi <b></b>"}}),
        ("loose <a>1</a>", {"a": "1", "#text": "loose <a>1</a>"}),
        (" only text ", {"#text": " only text "}),
        ('<a xsi:nil="true"/>', {"a": None}),
        ('<a xsi:nil="1" k="2"/>', {"a": None, "a@k": "2"}),
        ('<a xsi:nil="false">5</a><b xsi:nil="0"/>', {"a": "5", "b": None}),
        ('<a xsi:nil="true">5</a>', {"a": "5", "a@nil": "true"}),
        ('<n:a xmlns:n="urn:n" n:k="1">5</n:a>', {"a": "5", "a@k": "1"}),
        ("<i>7</i>", {"i": "7"}),
    ],
)
def test_elements_and_attributes_are_fields(inner: str, fields: dict[str, Any]) -> None:
    assert record(inner) == fields
    assert record(inner, " id='9'") == {"@id": "9", **fields}


def test_texts_that_mean_nothing_are_said_by_the_contract() -> None:
    text = '<c><i k="NA"><a>NA</a><b/></i></c>'
    assert lines(text, nulls=("NA",)) == ['{"@k":null,"a":null,"b":""}']
    assert lines(f'<c {XSI}><i><a xsi:nil="true"/></i></c>', nulls=()) == ['{"a":null}']


def test_two_names_that_differ_in_their_namespace_alone_both_stand_there() -> None:
    [line] = lines('<c xmlns:x="u:x" xmlns:y="u:y"><i><x:a>1</x:a><y:a>2</y:a></i></c>')
    assert line == '{"a":"1","a":"2"}'  # which makes the record malformed


@pytest.mark.parametrize(
    ("path", "records"),
    [
        ("/c/i", 4),
        ("/{u:x}c/{u:x}i", 2),
        ("/c/{u:y}i", 1),
        ("/c/{}i", 1),
        ("/c", 1),
        ("/c/g/i", 1),
    ],
)
def test_the_path_is_of_elements_with_or_without_their_namespace(path: str, records: int) -> None:
    text = """<c xmlns="u:x" xmlns:y="u:y"><i><i/></i><y:i/><i xmlns=""/><g><i/></g><i/></c>"""
    assert len(lines(text, path)) == count(text, path) == records


@pytest.mark.parametrize("path", ["", "/", "c/i", "/c/", "/c//i", "/x:c/i", "/c/@id", "/c/{u", "/c i", "//i"])
def test_what_is_no_path_is_told_with_an_example(path: str) -> None:
    with pytest.raises(ValueError, match="such as '/catalog/item'"):
        steps_of(path)


LAUGHS = "".join(f'<!ENTITY a{n} "{f"&a{n - 1};" * 10}">' for n in range(1, 10))
NOT_SOUND: dict[str, tuple[str | bytes, str]] = {
    "nothing": ("", "no well-formed XML"),
    "text": ("hello", "no well-formed XML"),
    "cut off": ("<c><i>", "no well-formed XML"),
    "not closed": ("<c><i></c>", "no well-formed XML"),
    "two documents": ("<c/><c/>", "no well-formed XML"),
    "a prefix of nothing": ("<c><x:i/></c>", "no well-formed XML"),
    "an attribute twice": ("<c><i a='1' a='2'/></c>", "no well-formed XML"),
    "bytes of another encoding": (b"<c><i>\xff</i></c>", "no well-formed XML"),
    "a control character": ("<c><i>&#1;</i></c>", "no well-formed XML"),
    "billion laughs": (f'<!DOCTYPE c [<!ENTITY a0 "ha">{LAUGHS}]><c><i>&a9;</i></c>', "defines entities or defaults"),
    "an external entity": (
        '<!DOCTYPE c [<!ENTITY x SYSTEM "file:///etc/passwd">]><c><i>&x;</i></c>',
        "defines entities",
    ),
    "an external parameter": ('<!DOCTYPE c [<!ENTITY % x SYSTEM "http://127.0.0.1/x">%x;]><c><i/></c>', "defines"),
    "defaults": ('<!DOCTYPE c [<!ATTLIST i k CDATA "1">]><c><i/></c>', "defines entities or defaults"),
    "an entity of nothing": ("<c><i>&x;</i></c>", "no well-formed XML"),
    "an entity of elsewhere": ('<!DOCTYPE c SYSTEM "x.dtd"><c><i>&x;</i></c>', "uses the entity &x;"),
    "another root": ("<d><i/></d>", "has no element at /c/i"),
    "no records": ("<c><j/></c>", "has no element at /c/i"),
    "an encoding of several bytes": (
        '<?xml version="1.0" encoding="shift_jis"?><c/>',
        "multi-byte encodings are not supported",
    ),
    "an encoding that is none": ('<?xml version="1.0" encoding="klingon"?><c/>', "no well-formed XML"),
}


@pytest.mark.parametrize("name", NOT_SOUND)
def test_what_is_no_sound_document_is_refused(name: str) -> None:
    text, reason = NOT_SOUND[name]
    with pytest.raises(Unreadable, match=reason):
        count(text)


def test_neither_reader_takes_what_the_other_does_not_close() -> None:
    text = '<c><i k="1"><a>1</a></i>\n<i/></c>'
    for cut in range(len(text)):
        for read in (count, lines):
            with pytest.raises(Unreadable):
                read(text[:cut])


def test_no_damaged_byte_loses_a_record() -> None:
    text = ("<c>" + "".join(f'<i k="{n}"><a>{n}</a></i>' for n in range(9)) + "</c>").encode()
    for at in range(len(text)):
        for flip in (0x01, 0x20, 0x80):
            damaged = text[:at] + bytes([text[at] ^ flip]) + text[at + 1 :]
            try:
                assert count(damaged) == len(lines(damaged)) >= 8  # an element of another name is another record
            except Unreadable:
                continue


def test_a_document_without_records_is_one_whose_place_of_them_is_empty() -> None:
    assert (count("<c> <!-- none --> </c>"), lines("<c/>")) == (0, [])


@pytest.mark.parametrize("text", ["<c><i a='{}'/></c>", "<c><!--{}--></c>", "<c><?x {}?></c>", "<c><i{}/></c>"])
def test_a_tag_or_comment_without_end_is_refused_before_it_costs_more_than_it_is(
    text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("assay.text.xml_count._LONGEST", 1000)
    with pytest.raises(Unreadable, match="a tag or comment of the XML document goes on for more than 1,000 bytes"):
        count(text.format("x" * 5000))
    assert count("<c><i>" + "x" * 5000 + "</i></c>") == 1


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "iso-8859-1", "windows-1252", "us-ascii"])
def test_the_encoding_is_the_one_that_the_document_says(encoding: str) -> None:
    name = encoding.removesuffix("-sig")
    letter = "x" if name == "us-ascii" else "\u00e9"
    text = f'<?xml version="1.0" encoding="{name}"?><c><i><a>{letter}</a></i></c>'.encode(encoding)
    assert (lines(text), count(text)) == ([f'{{"a":"{letter}"}}'], 1)


def nested(levels: int) -> str:
    return f"<c><i>{'<a>' * levels}{'</a>' * levels}</i></c>"


def test_elements_in_each_other_end_somewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    assert len(lines(nested(190))) == 1
    for levels in (199, 100_000):
        with pytest.raises(Unreadable, match="more than 200 elements in each other"):
            lines(nested(levels), size=1 << 16)
    monkeypatch.setattr("assay.text.xml_records._LARGEST", 10_000)
    with pytest.raises(Unreadable, match="a record of the XML document goes on for more than 10,000 bytes"):
        lines(f"<c><i>{'<a/>' * 1000}</i></c>")


def test_memory_does_not_follow_the_size_of_a_document() -> None:
    def document() -> Iterator[bytes]:
        yield b"<c>"
        for n in range(40):
            yield b"<x>%s</x>\n" % (b"y" * 200_000) + b"".join(b"<i><a>%d</a></i>\n" % at for at in range(n, n + 20))
        yield b"</c>"

    tracemalloc.start()
    read = sum(piece.count(b"\n") for piece in xml_lines(document(), PATH, ()))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert read == count_elements(document(), PATH) == 800
    assert peak < 2 << 20


def hostile(rng: random.Random) -> str:
    letters = ["a", '"', "'", "<", ">", "&", "]]>", "\u20ac", "\U0001f642", "\\", "\t", " ", "{", "}", "\u2028", "\x85"]
    return "".join(rng.choice(letters) for _ in range(rng.randint(1, 9)))


def test_hostile_texts_come_back_as_they_were() -> None:
    rng = random.Random(3)  # noqa: S311
    texts = [(hostile(rng), hostile(rng)) for _ in range(300)]
    text = "".join(f"<i k={quoteattr(k, {chr(9): '&#9;'})}><a>{escape(a)}</a></i>" for k, a in texts)
    read = [json.loads(line) for line in b"".join(xml_lines(pieces(f"<c>{text}</c>"), PATH, ())).split(b"\n") if line]
    assert [(row["@k"], row["a"]) for row in read] == texts
