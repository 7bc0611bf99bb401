"""CSV split into records: what is good, what is malformed, that nothing is lost, and that DuckDB reads the same."""

from __future__ import annotations

import csv
import io
import json
import re
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import duckdb
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from assay.contract.format import Format
from assay.text import (
    MAX_RECORD,
    Record,
    Unreadable,
    csv_records,
    fields,
    scan,
    split,
    splitting,
    stream,
    write_clean,
)
from assay.text import (
    quote_lookahead as ahead,
)

CSV = Format("csv")
BARE = Format("csv", header=False)
SEMICOLON = Format("csv", delimiter=";", quote="'", escape="'", header=False)
BACKSLASH = Format("csv", escape="\\", header=False)
UNQUOTED = Format("csv", quote="", escape="", header=False)
UNESCAPED = Format("csv", escape="", header=False)


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("records")


@pytest.fixture(scope="module")
def connection() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect(config={"threads": 4}) as opened:
        yield opened


@pytest.fixture
def records(folder):
    """Split these bytes."""

    def _records(content: bytes, columns: int = 3, form: Format = BARE) -> list[Record]:
        path = folder / "file"
        path.write_bytes(content)
        return list(split(path, form, columns))

    return _records


def lines_of(entries: list[Record]) -> dict[str, list[int]]:
    return {
        "good": [record.line for record in entries if record.problem is None],
        "bad": [record.line for record in entries if record.problem is not None],
    }


def literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def read_by_duckdb(
    connection: duckdb.DuckDBPyConnection,
    path: Path,
    columns: int,
    form: Format,
    *,
    header: bool = False,
    line_end: str | None = "\n",
    parallel: bool = True,
) -> list[tuple[str | None, ...]]:
    """What DuckDB reads in its strict mode, guessing nothing; `new_line` only where the line end is a line feed."""
    typed = ", ".join(f"'c{index}': 'VARCHAR'" for index in range(columns))
    return connection.execute(
        f"select * from read_csv({literal(str(path))}, columns = {{{typed}}}, auto_detect = false, "
        f"header = {str(header).lower()}, delim = {literal(form.delimiter)}, quote = {literal(form.quote)}, "
        f"escape = {literal(form.escape)}, nullstr = [{', '.join(map(literal, form.nulls))}], "
        f"allow_quoted_nulls = false, strict_mode = true, null_padding = false, parallel = {str(parallel).lower()}"
        + (r", new_line = '\n')" if line_end == "\n" else ")")
    ).fetchall()


# Good records


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"1,2,3\n4,5,6\n", {1: b"1,2,3", 2: b"4,5,6"}),
        (b"1,2,3\n4,5,6", {1: b"1,2,3", 2: b"4,5,6"}),
        (b"1,2,3\r\n4,5,6\r\n", {1: b"1,2,3", 2: b"4,5,6"}),
        (b"1,2,3\r\n4,5,6\n7,8,9", {1: b"1,2,3", 2: b"4,5,6", 3: b"7,8,9"}),
        (b"1,2,3\r4,5,6\r", {1: b"1,2,3", 2: b"4,5,6"}),
        (b"\xef\xbb\xbf1,2,3\n", {1: b"1,2,3"}),
        (b"\n\n1,2,3\n\r\n\n4,5,6\n\n", {3: b"1,2,3", 6: b"4,5,6"}),
        (b'1,"2,2",3\n"","4""4",""\n', {1: b'1,"2,2",3', 2: b'"","4""4",""'}),
        (b'1,"a\nb\n\nc",3\n4,5,6\n', {1: b'1,"a\nb\n\nc",3', 5: b"4,5,6"}),
        (b'1,"a\r\nb",3\r\n4,5,6\r\n', {1: b'1,"a\r\nb",3', 3: b"4,5,6"}),
        (b'1,"a\rb",3\r4,5,6\r', {1: b'1,"a\rb",3', 3: b"4,5,6"}),
        (b'1,5" x 3",b"c"\n4,a""b,6""\n', {1: b'1,5" x 3",b"c"', 2: b'4,a""b,6""'}),
        (b"1, 2 ,\t3\n,,\n", {1: b"1, 2 ,\t3", 2: b",,"}),
        ("ä,€,😀\n".encode(), {1: "ä,€,😀".encode()}),
    ],
)
def test_good_records_come_with_their_line_and_without_their_line_end(records, content, expected):
    entries = records(content)
    assert {record.line: record.raw for record in entries} == expected
    assert lines_of(entries)["bad"] == []


def test_the_header_is_line_one_and_no_record(records):
    assert [r.line for r in records(b"a,b,c\n1,2,3\n", form=CSV)] == [2]
    assert records(b"a,b,c\n", form=CSV) == []


def test_of_one_column_a_blank_line_is_a_record_and_the_end_of_the_file_is_none(records):
    entries = records(b'a\n\n \n\r\n""\nb\n\n', columns=1)
    expected = [b"a", b"", b" ", b"", b'""', b"b", b""]
    assert [(r.line, r.raw, r.problem) for r in entries] == [(n, raw, None) for n, raw in enumerate(expected, 1)]


def test_text_in_another_encoding_arrives_as_utf_8(records):
    latin = Format("csv", header=False, encoding="latin-1")
    assert records("ä;,ß,\xa0\n".encode("latin-1"), form=latin)[0].raw == "ä;,ß,\xa0".encode()
    wide = Format("csv", header=False, encoding="utf-16")
    assert records("Ċ,\u0a0a,3\r\n4,5,6\n".encode("utf-16"), form=wide) == [
        Record(1, "Ċ,\u0a0a,3".encode(), None),
        Record(2, b"4,5,6", None),
    ]


def test_delimiters_of_several_bytes_and_other_quotes_are_understood(records):
    section = Format("csv", delimiter="§", header=False)
    assert lines_of(records('1§"2§2"§3\n1§2\n'.encode(), form=section)) == {"good": [1], "bad": [2]}
    assert lines_of(records(b"1;'2;\n''2';3\n1;2,2;3\n", form=SEMICOLON)) == {"good": [1, 3], "bad": []}
    assert lines_of(records(b'1,"2,3\n4,5,6"\n', form=UNQUOTED)) == {"good": [1, 2], "bad": []}


def test_a_backslash_may_escape_quotes_and_itself(records):
    content = b'1,"a\\"b,c",3\n4,"\\\\",6\n7,a\\b,\\\n8,"\\"\n\\"",9\n'
    assert lines_of(records(content, form=BACKSLASH)) == {"good": [1, 2, 3, 4], "bad": []}


def test_without_an_escape_the_next_quote_closes(records):
    assert lines_of(records(b'1,"a\\",3\n4,"a""b",6\n', form=UNESCAPED)) == {"good": [1], "bad": [2]}


# Malformed records


def test_ten_kinds_of_malformed_records_are_named_and_the_good_ones_between_them_survive(records):
    bad = [
        b"1,2",
        b"1,2,3,4",
        b"1,2,3,",
        b'1,"2"x,3',
        b'1,"2" ,3',
        b'1, "2",3',
        b"1,\xff,3",
        b"1,\r2,3",
        b"1,2,\xe2\x82",
        b'1,"2,3',
    ]
    content = b"h1,h2,h3\n" + b"".join(b"%d,good,x\n%b\n" % (number, line) for number, line in enumerate(bad))
    entries = records(content + b"99,good,x\n", form=CSV)
    assert lines_of(entries) == {"good": list(range(2, 23, 2)), "bad": list(range(3, 22, 2))}
    assert [r.problem for r in entries if r.problem] == [
        "2 fields, expected 3",
        "4 fields, expected 3",
        "4 fields, expected 3",
        "text after a closing quote",
        "text after a closing quote",
        "a space before an opening quote",
        "byte 0xff at column 3 is not utf-8",
        "a carriage return outside of quotes",
        "byte 0xe2 at column 5 is not utf-8",
        "unclosed quote: no other closes it before the end of the file",
    ]


def test_an_open_quote_that_a_later_line_closes_by_accident_takes_only_its_own_line(records):
    entries = records(b'1,a,b\n2,"open,b\n3,c,d\n4,"e",f\n')
    assert lines_of(entries) == {"good": [1, 3, 4], "bad": [2]}
    problem = "unclosed quote: the next one is on line 4, and no field ends there"
    assert entries[1] == Record(2, b'2,"open,b', problem, "quotes")


def test_a_record_that_a_quote_led_over_its_line_with_a_wrong_number_of_fields_takes_only_its_first_line(records):
    entries = records(b'1,"open,b\n2,c,d\n3,close",e,f,g\n4,h,i\n')
    assert lines_of(entries) == {"good": [2, 4], "bad": [1, 3]}
    assert entries[0].problem == "unclosed quote: 5 fields, expected 3, up to line 3"
    assert entries[2].problem == "5 fields, expected 3"


def test_two_open_quotes_in_a_row_are_two_malformed_lines(records):
    entries = records(b'1,"a,b\n2,"c,d\n3,e,f\n')
    assert lines_of(entries) == {"good": [3], "bad": [1, 2]}


def test_an_open_quote_at_the_end_of_the_file_takes_only_its_own_line(records):
    assert lines_of(records(b'1,2,3\n4,5,"6')) == {"good": [1], "bad": [2]}
    assert lines_of(records(b'1,2,3\n4,5,"\n6,7,8\n')) == {"good": [1, 3], "bad": [2]}


def test_an_open_quote_is_given_up_after_the_longest_record(records):
    content = b'1,"a,b\n' + b"2,c,d\n" * 400_000 + b'3,"e",f\n4,g,"h"\n'
    entries = records(content)
    assert entries[0].problem == f"unclosed quote: no other closes it within {MAX_RECORD:,} bytes"
    assert lines_of(entries)["bad"] == [1]
    assert len(entries) == 400_003


def test_a_record_with_bad_bytes_in_a_quoted_line_end_is_malformed_as_a_whole(records):
    entries = records(b'1,"a\n\xff,b",c\n2,d,e\n')
    assert entries == [
        Record(1, b'1,"a\n\\xff,b",c', "byte 0xff at column 6 is not utf-8"),
        Record(3, b"2,d,e", None),
    ]


def test_a_nul_byte_makes_its_record_malformed(records):
    content = b"1,2,3\n" * 11_000 + b"4,\xc3\xa4\0,6\n7,8,9\n"
    entries = records(content)
    assert lines_of(entries)["bad"] == [11_001]
    assert entries[-2].problem == "a NUL byte at column 4"


def test_bytes_that_the_declared_encoding_does_not_know_are_named(records):
    assert records(b"1,\x81,3\n", form=replace(BARE, encoding="cp1252")) == [
        Record(1, b"1,\\x81,3", "byte 0x81 at column 3 is not cp1252")
    ]
    wide = "1,x,3\n".encode("utf-16-le").replace(b"x\0", b"\x00\xd8") + "4,5,6\n".encode("utf-16-le")
    entries = records(wide, form=replace(BARE, encoding="utf-16-le"))
    assert [(r.line, r.problem is None) for r in entries] == [(1, False), (2, True)]
    assert "0x00 at column 3 is not utf-16-le" in str(entries[0].problem)


def test_an_escape_before_an_ordinary_character_is_malformed_because_duckdb_would_drop_it(records):
    entries = records(b'1,"C:\\temp",3\n4,"a\\\nb",6\n7,8,9\n', form=BACKSLASH)
    assert [(r.line, r.problem) for r in entries] == [
        (1, "\\ before something other than a quote or itself"),
        (2, "\\ before something other than a quote or itself"),
        (4, None),
    ]


def test_a_line_longer_than_the_limit_is_malformed_and_kept_in_part(records):
    content = b"1,2,3\n" + b"4," + "ä".encode() * 1_500_000 + b",6\n7,8,9\n"
    entries = records(content)
    assert lines_of(entries) == {"good": [1, 3], "bad": [2]}
    assert entries[1].problem == "longer than 1,999,950 bytes; only its beginning is kept here"
    assert MAX_RECORD - 4 <= len(entries[1].raw) <= MAX_RECORD
    assert entries[1].raw.decode()


def test_a_file_that_is_one_endless_line_is_read_in_bounded_memory(records):
    entries = records(b"x" * 20_000_000)
    assert len(entries) == 1
    assert len(entries[0].raw) <= MAX_RECORD


@pytest.mark.slow  # a large file each
@pytest.mark.parametrize(
    "line",
    [b'%d,"open,b\n', b'%d,b,"open\n', b'x","%d\n', b'"a","b%d\n', b'%d,"a""\n', b'"""",""x,"%d\n', b'"""""""%d\n'],
)
@pytest.mark.parametrize("columns", [2, 1_000])
def test_a_file_of_nothing_but_open_quotes_is_split_in_no_time(records, line, columns):
    started = time.perf_counter()
    entries = records(b"".join(line % number for number in range(100_000)), columns)
    assert time.perf_counter() - started < 10, (
        "normally under a second; looking ahead anew from each line takes minutes"
    )
    assert sum(r.raw.count(b"\n") + 1 for r in entries) == 100_000


def test_a_line_of_very_many_quotes_is_split_in_no_time(records):
    started = time.perf_counter()
    entries = records((b'"",' * 600_000 + b"x\n") + b'"' * 1_900_000 + b"x\n")
    assert time.perf_counter() - started < 10
    assert [r.problem for r in entries] == ["600,001 fields, expected 3", "text after a closing quote"]


# The values of a record


@pytest.mark.parametrize(
    ("raw", "form", "values"),
    [
        ('1,"a,b",', CSV, ["1", "a,b", None]),
        (',"",', CSV, [None, "", None]),
        ('NA,"NA",', replace(CSV, nulls=("NA",)), [None, "NA", ""]),
        ('"say ""hi""\n",5" pipe', CSV, ['say "hi"\n', '5" pipe']),
        ("'a;''b';c", SEMICOLON, ["a;'b", "c"]),
        (r'"a\"b\\",c\d', BACKSLASH, ['a"b\\', "c\\d"]),
        ('"a",b', UNQUOTED, ['"a"', "b"]),
        ("ä§€", replace(CSV, delimiter="§"), ["ä", "€"]),
        ("", CSV, [None]),
    ],
)
def test_fields_are_the_values_of_a_record(raw, form, values):
    assert fields(raw.encode(), form) == values


def test_fields_of_broken_quotes_are_an_error():
    for raw in (b'a,"b', b'a,"b"c'):
        with pytest.raises(ValueError, match="quote"):
            fields(raw, CSV)


# The two files


def test_good_and_malformed_records_are_written_to_two_files(folder):
    (folder / "file").write_bytes('a,b\n1,ä\n2\n"3\n",\x80\n4,"x\r\ny"\n'.encode("latin-1"))
    form = Format("csv", encoding="latin-1")
    counts = write_clean(folder / "file", form, 2, folder / "good", folder / "bad")
    assert (counts.good, counts.bad, counts.has_quoted_line_ends) == (3, 1, True)
    assert (folder / "good").read_bytes() == '2,1,ä\n4,"3\n",\x80\n6,4,"x\r\ny"\n'.encode()
    assert [json.loads(line) for line in (folder / "bad").open()] == [
        {"line": 3, "raw": "2", "problems": ["1 field, expected 2"]}
    ]


def test_a_clean_file_without_quoted_line_ends_says_so(folder):
    (folder / "file").write_bytes(b'a,b\r\n1,"2"\r\n')
    assert not write_clean(folder / "file", CSV, 2, folder / "good", folder / "bad").has_quoted_line_ends
    assert (folder / "good").read_bytes() == b'2,1,"2"\n'


def test_a_per_cent_sign_may_be_the_delimiter(folder):
    (folder / "file").write_bytes(b'1%2\n"3"%4\n')
    write_clean(folder / "file", replace(BARE, delimiter="%"), 2, folder / "good", folder / "bad")
    assert (folder / "good").read_bytes() == b'1%1%2\n2%"3"%4\n'


def test_the_longest_good_record_is_one_that_duckdb_reads_with_its_own_limit(folder, connection):
    (folder / "file").write_bytes(b"1," + b"x" * (MAX_RECORD - 2) + b"\n" + b"2," + b"x" * (MAX_RECORD - 1) + b"\n")
    counts = write_clean(folder / "file", BARE, 2, folder / "good", folder / "bad")
    assert (counts.good, counts.bad) == (1, 1)
    assert len(read_by_duckdb(connection, folder / "good", 3, BARE)) == 1


def test_quoted_line_ends_in_a_large_clean_file_need_one_thread_and_then_read_the_same(folder, connection):
    inner = "\n".join(f"{number},{'x' * 100},y" for number in range(20))
    with (folder / "file").open("w", newline="") as out:
        writer = csv.writer(out)
        written = [(number, inner, '"q",\n"z"') for number in range(12_000)]
        writer.writerows(written)
    counts = write_clean(folder / "file", BARE, 3, folder / "good", folder / "bad")
    assert (counts.good, counts.has_quoted_line_ends) == (12_000, True)
    assert (folder / "good").stat().st_size > 25_000_000, "several pieces of 8 MB, at which DuckDB's threads begin"
    got = read_by_duckdb(connection, folder / "good", 4, BARE, parallel=False)
    assert [row[1:] for row in got] == [(str(number), *rest) for number, *rest in written]


# Properties

TEXT = st.text(st.characters(exclude_characters="\0", exclude_categories=("Cs",)), max_size=12)
TRICKY = st.text(st.sampled_from("\",\n\r a;'1\t\\ä"), max_size=8)
TABLE = st.integers(1, 5).flatmap(
    lambda width: st.lists(
        st.lists(st.one_of(TEXT, TRICKY), min_size=width, max_size=width).map(tuple), min_size=1, max_size=8
    )
)


@given(
    rows=TABLE,
    quoting=st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL, csv.QUOTE_NONNUMERIC]),
    line_end=st.sampled_from(["\n", "\r\n"]),
    piece=st.sampled_from([3, 64 * 1024]),
)
@settings(max_examples=300, deadline=None)
def test_what_a_csv_writer_writes_is_split_into_exactly_what_was_written(
    folder, connection, rows, quoting, line_end, piece
):
    width = len(rows[0])
    text = io.StringIO()
    csv.writer(text, quoting=quoting, lineterminator=line_end).writerows(rows)
    content = text.getvalue()
    # a return is quoted by Python's writer only where its own line end has one
    assume(quoting != csv.QUOTE_MINIMAL or line_end == "\r\n" or "\r" not in content)
    path = folder / "written"
    path.write_bytes(content.encode())
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(stream, "PIECE", piece)
        entries = list(split(path, BARE, width))
        counted = scan(path, BARE)
    assert [r.problem for r in entries] == [None] * len(rows)
    assert [tuple(v or "" for v in fields(r.raw, BARE)) for r in entries] == rows
    assert counted.records in (None, len(rows))
    counts = write_clean(path, BARE, width, folder / "good", folder / "bad")
    for parallel in (True, False):
        got = read_by_duckdb(connection, folder / "good", width + 1, BARE, parallel=parallel)
        assert got == [(str(r.line), *fields(r.raw, BARE)) for r in entries]
    assert counts.good == len(rows)


COMMON = (b'"', b'"', b",", b",", b"\n", b"\n", b"a", b"1", b" ", b'""', b'",', b',"', b'"\n', b'\n"', b"NA")
STRANGE = (b"\\", b'\\"', b"\r", b"\r\n", b"\xff", b"\xc3\xa4", b"\xc3", b"\t", b";", b"'", b' "', b'" ', b"  ", b"\0")
PARTS = st.sampled_from((*COMMON, *COMMON, *STRANGE, b"\xef\xbb\xbf", b"PK\x03\x04"))
FORMATS = st.sampled_from(
    (
        *(CSV, BARE, BARE, SEMICOLON, BACKSLASH, UNQUOTED, UNESCAPED),
        *(replace(BARE, nulls=("NA", "")), replace(BARE, nulls=("NA",))),
        *(replace(BARE, delimiter=" "), replace(BARE, delimiter="\t")),
        *(replace(BARE, encoding="ascii"), replace(BARE, encoding="latin-1")),
    )
)
ANYTHING = st.one_of(st.lists(PARTS, max_size=40).map(b"".join), st.binary(max_size=60))


@given(content=ANYTHING, form=FORMATS, columns=st.integers(1, 4), piece=st.sampled_from([2, 5, 64 * 1024]))
@settings(max_examples=500, deadline=None)
def test_of_arbitrary_bytes_every_line_is_covered_once_and_the_good_ones_are_what_duckdb_reads(
    folder, connection, content, form, columns, piece
):
    path = folder / "anything"
    path.write_bytes(content)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(stream, "PIECE", piece)
        try:
            counted = scan(path, form, columns)
        except Unreadable:
            with pytest.raises(Unreadable):
                list(split(path, form, columns))
            return
        entries = list(split(path, form, columns))
    assert_covered(content, form, entries, columns)
    assert all(len(fields(r.raw, form)) == columns for r in entries if r.problem is None)
    assert all(r.raw.decode() is not None for r in entries)
    if len(counted.header or range(columns)) == columns and counted.records is not None:
        assert counted.records == len(entries)
        assert_fast_way_agrees(connection, path, columns, form, counted, entries)
    counts = write_clean(path, form, columns, folder / "good", folder / "bad")
    good = [(str(r.line), *fields(r.raw, form)) for r in entries if r.problem is None]
    assert (counts.good, counts.bad) == (len(good), len(entries) - len(good))
    for parallel in (True, False):
        assert read_by_duckdb(connection, folder / "good", columns + 1, form, parallel=parallel) == good


def assert_covered(content: bytes, form: Format, entries: list[Record], columns: int) -> None:
    """Every line that is not blank, or is a field, belongs to one record, in order; the header's lines to none."""
    text = content.decode(form.encoding).encode() if form.encoding == "latin-1" else content
    text = text.removeprefix(b"\xef\xbb\xbf")
    end = b"\n" if b"\n" in text or b"\r" not in text else b"\r"
    lines = [line.removesuffix(b"\r") if end == b"\n" else line for line in text.removesuffix(end).split(end)]
    covered = [line for r in entries for line in range(r.line, r.line + 1 + r.raw.count(end))]
    assert covered == sorted(set(covered))
    first = 1
    if form.header:
        first = covered[0] if covered else len(lines) + 1
    uncovered = set(range(first, len(lines) + 1)) - set(covered)
    assert not any(lines[number - 1] or (columns == 1 and text) for number in uncovered), "a line is lost"
    for record in entries:
        if record.problem is None and end not in record.raw:
            assert record.raw == lines[record.line - 1]


def assert_fast_way_agrees(connection, path: Path, columns: int, form: Format, counted, entries: list[Record]) -> None:
    """Where DuckDB reads the file itself and finds as many rows as were counted, they are the same."""
    if form.encoding == "latin-1":
        return
    for parallel in (True, False):
        try:
            got = read_by_duckdb(
                connection, path, columns, form, header=form.header, line_end=counted.line_end, parallel=parallel
            )
        except duckdb.Error:
            continue
        if len(got) == counted.records:
            assert got == [tuple(fields(r.raw, form)) for r in entries]


def split_by_the_book(text: str, columns: int) -> list[tuple[int, str, bool]]:
    """The definition, written to be read and not to be fast: (line, raw, good), for quotes, commas and line feeds."""
    lines, entries, at = text.removesuffix("\n").split("\n"), [], 0
    while at < len(lines):
        end, state = at, _fields_by_the_book(lines[at])
        while state == "open" and end + 1 < len(lines):
            end += 1
            state = _fields_by_the_book("\n".join(lines[at : end + 1]))
        end = end if state == columns else at
        if lines[at] or columns == 1:
            raw = "\n".join(lines[at : end + 1])
            entries.append((at + 1, raw, state == columns and not _has_stray_quote(raw)))
        at = end + 1
    return entries


def _has_stray_quote(text: str) -> bool:
    """Whether a field that does not begin with a quote holds an odd number of them."""
    return any(field[:1] != '"' and field.count('"') % 2 for field in re.findall('"(?:[^"]|"")*"|[^,]+', text))


def _fields_by_the_book(text: str) -> int | str:
    state, count = "start", 1
    for character in text:
        if state == "inside":
            state = "quote" if character == '"' else "inside"
        elif state == "quote" and character == '"':
            state = "inside"
        elif character == "," or (state == "quote" and character != ","):
            if character != ",":
                return "broken"
            state, count = "start", count + 1
        elif state == "start" and character == '"':
            state = "inside"
        else:
            state = "ordinary"
    return "open" if state == "inside" else count


@given(st.lists(st.sampled_from(['"', '"', ",", "\n", "\n", "a", '""', ',"', '",']), max_size=60), st.integers(1, 4))
@settings(max_examples=800, deadline=None)
def test_recovery_is_by_the_book(folder, parts, columns):
    text = "".join(parts)
    assume(text)
    path = folder / "book"
    path.write_text(text)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(stream, "PIECE", 8)
        entries = [(r.line, r.raw.decode(), r.problem is None) for r in split(path, BARE, columns)]
    assert entries == split_by_the_book(text, columns)


@given(st.lists(st.sampled_from(['1,"a', "2,b", '3,"c"', '"', "", 'x"y,z', '"4', '5",6', "7,8,9"]), max_size=40))
@settings(max_examples=300, deadline=None)
def test_a_look_ahead_that_ends_at_the_limit_loses_no_line(folder, lines):
    path = folder / "limit"
    path.write_bytes(b"\n" + "\n".join(lines).encode())
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(stream, "PIECE", 8)
        for module in (csv_records, ahead, splitting):
            patch.setattr(module, "MAX_RECORD", 12)
        entries = list(split(path, BARE, 2))
    covered = [line for r in entries for line in range(r.line, r.line + 1 + r.raw.count(b"\n"))]
    assert covered == sorted(set(covered))
    missing = set(range(2, len(lines) + 2)) - set(covered)
    assert not any(lines[number - 2] for number in missing)
    assert all(len(r.raw) <= 12 for r in entries)
