"""JSON lines split into records: one object a line, strictly, and whatever is good is read by DuckDB as it stands."""

from __future__ import annotations

import gzip
import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assay.contract.format import Format
from assay.text import MAX_JSON_LINE, Record, scan, split, stream, write_clean
from assay.text.json_records import object_problem

JSONL = Format("jsonl")


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("json")


@pytest.fixture(scope="module")
def connection() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect(config={"threads": 2}) as opened:
        yield opened


@pytest.fixture
def records(folder):
    """Split these bytes."""

    def _records(content: bytes, form: Format = JSONL) -> list[Record]:
        path = folder / "file"
        path.write_bytes(content)
        return list(split(path, form, 1))

    return _records


@pytest.fixture
def problem(records):
    """What is said about this line, between two good ones that must survive."""

    def _problem(line: bytes) -> str | None:
        entries = records(b'{"before":1}\n' + line + b'\n{"after":2}\n')
        assert [(r.line, r.raw, r.problem) for r in (entries[0], entries[-1])] == [
            (1, b'{"before":1}', None),
            (3, b'{"after":2}', None),
        ]
        assert len(entries) == 3
        return entries[1].problem

    return _problem


def read_by_duckdb(connection: duckdb.DuckDBPyConnection, path: Path) -> list[tuple[str, str]]:
    """The clean file as lines of text; the separator is the byte itself, DuckDB takes `\\x01` for four characters."""
    return connection.execute(
        f"select * from read_csv('{path}', columns = {{'line': 'VARCHAR', 'j': 'VARCHAR'}}, auto_detect = false, "
        "header = false, delim = '\x01', quote = '', escape = '', nullstr = [''], strict_mode = true, "
        r"new_line = '\n', max_line_size = 67108864)"
    ).fetchall()


@pytest.mark.parametrize(
    "line",
    [
        b'{"a":1}',
        b"{}",
        b' \t{ "a" : [ 1 , -2.5e-3 , "x" , true , false , null , { } ] } ',
        '{"ä":"😀"}'.encode(),
        rb'{"a":"\ud83d\ude00 \u00e4 \" \\ \/ \b\f\n\r\t \u0000"}',
        b'{"a":{"b":1},"c":{"b":2}}',
        b'{"a":1,"A":2}',
        b'{"a":1e400,"b":' + b"9" * 5_000 + b"}",
        b'{"a":"' + b"x" * 3_000_000 + b'"}',
        b'{"a":' + b"[" * 200 + b"]" * 200 + b"}",
        b'{"a":"\x7f\xc2\x85\xe2\x80\xa8"}',
    ],
)
def test_an_object_by_the_standard_is_good_and_kept_as_it_is(records, line):
    assert records(line + b"\n") == [Record(1, line, None)]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (b'{"a":NaN}', "NaN is no JSON number"),
        (b'{"a":[Infinity]}', "Infinity is no JSON number"),
        (b'{"a":-Infinity}', "-Infinity is no JSON number"),
        (b'{"a":1,}', "not JSON: "),
        (b'{"a":[1,]}', "not JSON: "),
        (b"{'a':1}", "not JSON: "),
        (b'{"a":1 /* b */}', "not JSON: "),
        (b'{"a":01}', "not JSON: "),
        (b'{"a":+1}', "not JSON: "),
        (b'{"a":.5}', "not JSON: "),
        (b'{"a":1.}', "not JSON: "),
        (b'{"a":0x1}', "not JSON: "),
        (b'{"a":"\t"}', "not JSON: Invalid control character"),
        (b'{"a":"\x01"}', "not JSON: Invalid control character"),
        (b'{"a":"\r"}', "not JSON: Invalid control character"),
        (b'{"a":"\\x"}', "not JSON: Invalid \\escape"),
        (b'{"a":"\\u12"}', "not JSON: Invalid \\uXXXX escape"),
        (b'{"a":1', "not JSON: Expecting ',' delimiter at column 7"),
        (b'{"a":"open}', "not JSON: Unterminated string"),
        (b'{"a"}', "not JSON: Expecting ':' delimiter"),
        (b"{a:1}", "not JSON: "),
        (b'{"a":True}', "not JSON: "),
        (b"hello", "not JSON: "),
        (b'\xef\xbb\xbf{"a":1}', "not JSON: "),
        (b'{"a":1}\x0c', "text after the end of the object at column 8"),
        (b'{"a":1}{"b":2}', "text after the end of the object at column 8"),
        (b'{"a":1},', "text after the end of the object at column 8"),
        (b'[{"a":1}]', "not an object but an array"),
        (b'"a"', "not an object but a string"),
        (b"12", "not an object but a number"),
        (b" -1", "not an object but a number"),
        (b"true", "not an object but a boolean"),
        (b"null", "not an object but null"),
        (b'{"a":1,"b":2,"a":3}', 'the name "a" occurs more than once in one object'),
        (b'{"x":[{"a":1,"\\u0061":1}]}', 'the name "a" occurs more than once in one object'),
        (rb'{"a":"\ud800"}', "half of a surrogate pair"),
        (rb'{"a":"\udc00\ud800"}', "half of a surrogate pair"),
        (rb'{"\uDBFFx":1}', "half of a surrogate pair"),
        (b'{"a":"\xff"}', "byte 0xff at column 7 is not utf-8"),
        ('{"ä":"'.encode() + b'\xed\xa0\x80"}', "byte 0xed at column 7 is not utf-8"),
        (b'{"a":"\xc3', "byte 0xc3 at column 7 is not utf-8"),
        (b'{"a":' + b"[" * 200_000 + b"]" * 200_000 + b"}", "nested too deeply: more than 500 levels"),
        (b'{"a":' * 501 + b"1" + b"}" * 501, "nested too deeply: more than 500 levels"),
        (b'{"a":"]}",' + b'"b":[' + b"[" * 499 + b"]" * 500 + b"}", "nested too deeply: more than 500 levels"),
        (b'{"a":"' + rb"\"" * 600 + b"[" * 600, "not JSON: Unterminated string starting at at column 6"),
    ],
)
def test_anything_else_is_malformed_and_told_why(problem, line, message):
    assert str(problem(line)).startswith(message)


def test_a_nul_byte_makes_a_line_malformed(records):
    entries = records(b'{"a":1}\n' * 9_000 + b'{"a":"\0"}\n{"b":1}\n')
    assert [(r.line, r.problem) for r in entries if r.problem] == [(9_001, "a NUL byte at column 7")]


def test_lines_of_nothing_but_json_s_white_space_are_no_records(records):
    entries = records(b'\n \t\n{"a":1}\n\r\n \r\n{"b":2}')
    assert [(r.line, r.problem) for r in entries] == [(3, None), (6, None)]
    assert records(b"\x0b\n")[0].problem == "not JSON: Expecting value at column 1"


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r"])
def test_every_line_end_is_understood(records, end):
    assert records(b'{"a":1}' + end + b'{"b":2}' + end) == [Record(1, b'{"a":1}', None), Record(2, b'{"b":2}', None)]


def test_a_return_within_a_line_is_white_space_and_becomes_a_blank(records):
    assert records(b'{"a":\r1}\n{"b":2}\r\r\n') == [Record(1, b'{"a": 1}', None), Record(2, b'{"b":2} ', None)]


def test_a_byte_order_mark_and_other_encodings_are_understood(records):
    assert records(b'\xef\xbb\xbf{"a":1}\n') == [Record(1, b'{"a":1}', None)]
    assert records('{"ä":1}\n'.encode("utf-16"), Format("jsonl", encoding="utf-16"))[0].raw == '{"ä":1}'.encode()
    assert records('{"ä":1}\n'.encode("latin-1"), Format("jsonl", encoding="latin-1"))[0].raw == '{"ä":1}'.encode()


def test_a_line_beyond_the_limit_is_malformed_and_kept_in_part(records):
    entries = records(b'{"a":"' + b"x" * MAX_JSON_LINE + b'"}\n{"b":2}\n')
    assert [(r.line, r.problem is None, len(r.raw)) for r in entries] == [(1, False, MAX_JSON_LINE), (2, True, 7)]
    assert "longer than 16,777,216 bytes" in str(entries[0].problem)


def test_an_object_of_very_many_names_with_one_repeated_is_judged_in_no_time(problem):
    names = b",".join(b'"k%d":1' % number for number in range(200_000))
    started = time.perf_counter()
    assert "k199999" in str(problem(b"{" + names + b',"k199999":2}'))
    assert time.perf_counter() - started < 5


def test_gzipped_json_lines_are_decompressed(records):
    assert records(gzip.compress(b'{"a":1}\n')) == [Record(1, b'{"a":1}', None)]


def test_good_and_malformed_lines_are_written_to_two_files(folder, connection):
    (folder / "file").write_bytes(b'{"a":1}\r\n\n[1]\n{"b":\r2}\n{"c":"\xff"}')
    counts = write_clean(folder / "file", JSONL, 1, folder / "good", folder / "bad")
    assert (counts.good, counts.bad, counts.has_quoted_line_ends) == (2, 2, False)
    assert (folder / "good").read_bytes() == b'1\x01{"a":1}\n4\x01{"b": 2}\n'
    assert [json.loads(line) for line in (folder / "bad").open()] == [
        {"line": 3, "raw": "[1]", "problems": ["not an object but an array"]},
        {"line": 5, "raw": '{"c":"\\xff"}', "problems": ["byte 0xff at column 7 is not utf-8"]},
    ]
    assert read_by_duckdb(connection, folder / "good") == [("1", '{"a":1}'), ("4", '{"b": 2}')]


def test_malformed_text_of_any_kind_can_be_read_from_its_file(folder, connection):
    content = b'{"a":1}\n' * 9_000 + bytes(range(256)).replace(b"\n", b"").replace(b"\r", b"") + b"\n"
    (folder / "file").write_bytes(content)
    assert write_clean(folder / "file", JSONL, 1, folder / "good", folder / "bad").bad == 1
    rows = connection.execute(
        f"select line, raw, problems from read_json('{folder / 'bad'}', format = 'newline_delimited', "
        "columns = {line: 'BIGINT', raw: 'VARCHAR', problems: 'VARCHAR[]'})"
    ).fetchall()
    raw = "".join(map(chr, range(128))).replace("\n", "").replace("\r", "")
    raw += "".join(f"\\x{byte:02x}" for byte in range(128, 256))
    assert rows == [(9_001, raw, ["a NUL byte at column 1"])]


# Properties

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=8,
)


@given(
    objects=st.lists(st.dictionaries(st.text(max_size=5), VALUES, max_size=4), min_size=1, max_size=6),
    is_ascii=st.booleans(),
    end=st.sampled_from(["\n", "\r\n"]),
    piece=st.sampled_from([4, 64 * 1024]),
)
@settings(max_examples=200, deadline=None)
def test_what_a_json_writer_writes_is_good_and_read_back(folder, connection, objects, is_ascii, end, piece):
    lines = [json.dumps(value, ensure_ascii=is_ascii) for value in objects]
    path = folder / "written"
    path.write_bytes("".join(line + end for line in lines).encode())
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(stream, "PIECE", piece)
        assert [(r.raw.decode(), r.problem) for r in split(path, JSONL, 1)] == [(line, None) for line in lines]
        assert scan(path, JSONL).records == len(lines)
    write_clean(path, JSONL, 1, folder / "good", folder / "bad")
    got = read_by_duckdb(connection, folder / "good")
    assert got == [(str(number), line) for number, line in enumerate(lines, 1)]
    valid = connection.execute("select bool_and(json_valid(j)) from (select unnest(?::varchar[]) as j)", [lines])
    assert valid.fetchall() == [(True,)]


JUNK = st.sampled_from(
    [b"{", b"}", b'"a"', b":", b",", b"1", b"[", b"]", b"\n", b"\n", b"\r", b"\r\n", b" ", b"\t", b'{"a":1}', b"\xff"]
)


@given(content=st.one_of(st.lists(JUNK, max_size=40).map(b"".join), st.binary(max_size=60).map(lambda b: b"x" + b)))
@settings(max_examples=400, deadline=None)
def test_of_arbitrary_bytes_every_line_is_one_record_or_blank(folder, connection, content):
    content = content.replace(b"\0", b"") or b"\n"
    path = folder / "anything"
    path.write_bytes(content)
    entries = list(split(path, JSONL, 1))
    end = b"\n" if b"\n" in content or b"\r" not in content else b"\r"
    lines = enumerate(content.removeprefix(b"\xef\xbb\xbf").split(end), 1)
    assert [r.line for r in entries] == [number for number, line in lines if line.strip(b" \t\r")]
    for record in entries:
        if record.problem is None:
            assert isinstance(json.loads(record.raw), dict)
    write_clean(path, JSONL, 1, folder / "good", folder / "bad")
    good = [(str(r.line), r.raw.decode()) for r in entries if r.problem is None]
    assert read_by_duckdb(connection, folder / "good") == good


def called_from(depth: int, call: Callable[[], object]) -> object:
    return call() if depth == 0 else called_from(depth - 1, call)


@pytest.mark.parametrize(
    "line",
    [
        b'{"id":' + b"[" * 499 + b"]" * 499 + b"}",
        b'{"id":' * 500 + b"1" + b"}" * 500,
        b'{"id":"' + b"[{" * 5_000 + b'"}',
        b'{"id":[' + b"[]," * 5_000 + b"1]}",
    ],
    ids=["arrays", "objects", "brackets in a string", "beside each other"],
)
def test_a_line_of_as_many_levels_as_are_allowed_is_good_wherever_it_is_read_and_duckdb_reads_it(
    problem, connection: duckdb.DuckDBPyConnection, line: bytes
) -> None:
    assert called_from(300, lambda: problem(line)) is None
    text = line.decode()
    read = 'select json_valid(?), from_json(?::json, \'{"id": "VARCHAR"}\').id, to_json(?::json) is not null'
    valid, value, _ = connection.execute(read, [text, text, text]).fetchall()[0]
    assert valid
    assert len(value) >= 499


def test_the_levels_of_a_long_line_are_counted_in_one_pass() -> None:
    line = b'{"a":' + rb'"\"' * 500_000 + b"[" * 600
    began = time.perf_counter()
    object_problem(line)
    assert time.perf_counter() - began < 2
