"""A quote inside an unquoted field is ordinary only where no reader of CSV can take it for the edge of a field.

PostgreSQL's COPY and Excel toggle at every quote, also in the middle of a field. Here that reading is written down, and
a record is good only when it has as many fields to it as by RFC 4180.
"""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assay.contract.format import Format
from assay.text import Record, Unreadable, scan, split

BARE = Format("csv", header=False)
BACKSLASH = replace(BARE, escape="\\")
SINGLE = Format("csv", header=False, delimiter=";", quote="'", escape="'")
TWO_BYTES = replace(BARE, delimiter="§")
UNQUOTED = replace(BARE, quote="")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("quotes")


def records(folder: Path, content: str, columns: int, form: Format = BARE) -> list[Record]:
    path = folder / "file"
    path.write_bytes(content.encode())
    return list(split(path, form, columns))


@pytest.mark.parametrize(
    ("line", "form"),
    [
        ('7,Socks"warm, soft"', BARE),
        ('7,a,5"', BARE),
        ('7,5",a', BARE),
        ('5",7,a', BARE),
        ('7,5" pipe,a', BARE),
        ('7,x"a,b"', BARE),
        ('7,x"a""b,c', BARE),
        ('x"y,"a,b",c"', BARE),
        ('7,a, b"', BARE),
        ('"7","a",b"', BARE),
        ("7;it's;a", SINGLE),
        ('7§a"b§c', TWO_BYTES),
        ('7,5\\" pipe,a', BACKSLASH),
        ('7,a"b\\"c,d', BACKSLASH),
        ('7,5\\" x 3\\",d', BACKSLASH),
    ],
)
@pytest.mark.parametrize("end", ["\n", "\r\n", ""])
def test_a_quote_that_may_hide_a_delimiter_or_a_line_end_makes_its_record_malformed(
    folder: Path, line: str, form: Format, end: str
) -> None:
    good = form.delimiter.join("123")
    first, bad = records(folder, f"{good}{end or chr(10)}{line}{end}", 3, form)
    assert (first.problem, bad.raw.decode(), bad.fault) == (None, line, "stray quote")
    assert f"a {form.quote} inside an unquoted field" in str(bad.problem)
    assert 'quote: ""' in str(bad.problem)
    assert scan(folder / "file", form).records is None


@pytest.mark.parametrize(
    ("line", "form"),
    [
        ('7,5" x 3",a', BARE),
        ('7,a""b,c', BARE),
        ('7,Socks "warm",a', BARE),
        ('7,"Socks, ""warm",a', BARE),
        ('7,"5""","a"', BARE),
        ("7;'it''s';a", SINGLE),
        ('7,a\\b,"c\\"d"', BACKSLASH),
        ("7,5' 10\",a", UNQUOTED),
        ('7,Socks"warm,soft"', UNQUOTED),
    ],
)
def test_quotes_that_can_hide_nothing_stay_ordinary(folder: Path, line: str, form: Format) -> None:
    assert [(r.raw.decode(), r.problem) for r in records(folder, f"{line}\n", 3, form)] == [(line, None)]


@pytest.mark.parametrize("line", ['7"', 'x"a"b"', 'a "'])
def test_a_file_of_one_column_follows_the_same_rule(folder: Path, line: str) -> None:
    result = records(folder, f"a\n{line}\nb\n", 1)
    assert [(r.line, r.fault) for r in result] == [(1, None), (2, "stray quote"), (3, None)]
    assert scan(folder / "file", BARE).records is None


@pytest.mark.parametrize("header", ['id,siz"e', 'id,Socks"warm, soft"', 'i"d,name', 'id,5"'])
def test_a_header_with_such_a_quote_refuses_the_file(folder: Path, header: str) -> None:
    path = folder / "file"
    path.write_text(f"{header}\n1,2\n")
    for read in (lambda: scan(path, Format("csv")), lambda: list(split(path, Format("csv"), 2))):
        with pytest.raises(Unreadable, match='the header is malformed: a " inside an unquoted field'):
            read()


def test_a_quote_behind_a_field_of_several_lines_makes_the_record_malformed_as_a_whole(folder: Path) -> None:
    result = records(folder, '1,"a\nb",5"\n2,c,d\n', 3)
    assert [(r.line, r.raw, r.fault) for r in result] == [(1, b'1,"a\nb",5"', "stray quote"), (3, b"2,c,d", None)]


@pytest.mark.parametrize(
    "line",
    [
        'x"' * 32_000 + '",,',
        'x"' * 31_999 + ",,",
        'x"y",' * 13_000,
        'x"' * 50_000 + "x",
        'x",' * 40_000 + "x",
        'x""' * 40_000,
        'x"\n' * 10_000,
    ],
)
def test_files_of_nothing_but_such_quotes_are_split_in_no_time(folder: Path, line: str) -> None:
    started = time.perf_counter()
    records(folder, f"{line}\n" * 10, 3)
    assert time.perf_counter() - started < 10, "normally well under a second"


def toggled(text: str, escape: str) -> list[int] | None:
    """Fields of each record to a reader that toggles at every quote, as PostgreSQL's COPY does; None when one is open.

    `escape` is heeded inside of quotes alone.
    """
    counts, fields, is_open, at = [], 1, False, 0
    while at < len(text):
        if is_open and escape != '"' and text[at] == escape and text[at + 1 : at + 2] in (escape, '"'):
            at += 1
        elif text[at] == '"':
            is_open = not is_open
        elif not is_open and text[at] == ",":
            fields += 1
        elif not is_open and text[at] == "\n":
            counts.append(fields)
            fields = 1
        at += 1
    return None if is_open else counts


PARTS = st.sampled_from(['"', '"', ",", ",", "\n", "a", " ", '""', ',"', '",', "\\", '\\"'])


@given(st.lists(PARTS, max_size=40).map("".join), st.integers(1, 4), st.sampled_from([BARE, BACKSLASH]))
@settings(max_examples=1_500, deadline=None)
def test_a_good_record_has_the_same_fields_to_a_reader_that_toggles(
    folder: Path, text: str, columns: int, form: Format
) -> None:
    for record in records(folder, text or "x", columns, form):
        if record.problem is None:
            assert toggled(record.raw.decode() + "\n", form.escape) == [columns], record
