"""A bad record is kept as it stood in the file, with its line and all its reasons, and takes no good one with it."""

from __future__ import annotations

import gzip
from collections.abc import Callable

import pytest

from assay.loading import file_load
from assay.loading.file_load import FileLoad, NeedsStrictParse
from tests.source import Source

Make = Callable[..., Source]
COLUMNS = {"id": "bigint", "name": "varchar", "price": "decimal(12,2)", "day": "date"}
HEADER = b"id,name,price,day\n"
BAD = [
    (b"x1,tea,1.00,2017-01-01", ["id: 'x1' is no bigint"]),
    (b"2,tea,1.239,2017-01-01", ["price: '1.239' is no decimal(12,2)"]),
    (b"3,tea,1.00,2017-02-30", ["day: '2017-02-30' is no date"]),
    (b"4.5,tea,1e2,gone", ["id: '4.5' is no bigint", "price: '1e2' is no decimal(12,2)", "day: 'gone' is no date"]),
    (b"5,tea,1.00", ["3 fields, expected 4"]),
    (b"6,tea,1.00,2017-01-01,,", ["6 fields, expected 4"]),
    (b'7,"tea" x,1.00,2017-01-01', ["text after a closing quote"]),
    (b"8,t\xffa,1.00,2017-01-01", ["byte 0xff at column 4 is not utf-8"]),
    (b"9,te\0a,1.00,2017-01-01", ["a NUL byte at column 5"]),
    (b'10,"tea,1.00,2017-01-01', ["unclosed quote"]),
    (b"99999999999999999999,tea,1.00,2017-01-01", ["id: '99999999999999999999' is no bigint"]),
    (b'12, "tea",1.00,2017-01-01', ["a space before an opening quote"]),
]


def good(number: int) -> bytes:
    return b"%d,good,1.00,2017-01-01" % number


def mixed() -> bytes:
    """A good record before, between and after all bad ones; the NUL is far enough from the head for a text file."""
    lines = [good(1000 + n) for n in range(3000)]
    for number, (raw, _) in enumerate(BAD):
        lines += [raw, good(5000 + number)]
    return HEADER + b"\n".join(lines) + b"\n"


def shown(raw: bytes) -> str:
    return raw.replace(b"\xff", b"\\xff").decode()


@pytest.mark.parametrize("pack", [lambda content: content, gzip.compress], ids=["plain", "gzipped"])
@pytest.mark.parametrize("part", [8, 1 << 40], ids=["read once", "read by each query"])
def test_twelve_kinds_of_malformed_records_are_kept_with_line_and_reasons(
    make: Make, monkeypatch: pytest.MonkeyPatch, pack: Callable[[bytes], bytes], part: int
) -> None:
    monkeypatch.setattr(file_load, "_KEPT", part)
    source = make(COLUMNS)
    source.put("a.csv", pack(mixed()))
    source.run()
    malformed = source.malformed()
    assert [(line, raw) for line, raw, _ in malformed] == [(3002 + 2 * n, shown(raw)) for n, (raw, _) in enumerate(BAD)]
    for (_, _, reasons), (_, expected) in zip(malformed, BAD, strict=True):
        assert len(reasons) == len(expected)
        assert all(reason.startswith(message) for reason, message in zip(reasons, expected, strict=True))
    assert source.rows("id") == [(n,) for n in range(1000, 4000)] + [(n,) for n in range(5000, 5000 + len(BAD))]
    assert source.sql("select records_read, records_loaded, records_malformed from ops.files") == [
        (3000 + 2 * len(BAD), 3000 + len(BAD), len(BAD))
    ]


def test_an_open_quote_swallows_no_good_record_after_it(make: Make) -> None:
    """DuckDB makes one reject of the eight lines after it."""
    source = make(COLUMNS)
    source.put("a.csv", HEADER + b'1,"open,1.00,2017-01-01\n' + b"\n".join(good(n) for n in range(2, 10)) + b"\n")
    source.run()
    assert source.rows("id") == [(n,) for n in range(2, 10)]
    assert [(line, raw) for line, raw, _ in source.malformed()] == [(2, '1,"open,1.00,2017-01-01')]


def test_the_line_is_the_physical_one_also_behind_quoted_line_ends_and_blank_lines(make: Make) -> None:
    source = make(COLUMNS)
    source.put("a.csv", b"\n" + HEADER + b'1,"a\nb\nc",1.00,2017-01-01\n\n2,"x\ny",one,2017-01-01\n3,c,1,never\n')
    source.run()
    assert [(line, raw) for line, raw, _ in source.malformed()] == [
        (7, '2,"x\ny",one,2017-01-01'),
        (9, "3,c,1,never"),
    ]


def test_the_raw_text_keeps_quotes_blanks_and_unicode(make: Make) -> None:
    raw = '1, é "ü" \t,\'"\', ☕ 2017 '
    source = make(COLUMNS)
    source.put("a.csv", HEADER + raw.encode() + b"\n")
    source.run()
    assert [record for _, record, _ in source.malformed()] == [raw]


def test_a_value_that_is_long_is_kept_whole_and_shown_short(make: Make) -> None:
    value = "y" * 5000
    source = make(COLUMNS)
    source.put("a.csv", HEADER + f"{value},n,1,2017-01-01\n".encode())
    source.run()
    [(_, raw, [reason])] = source.malformed()
    assert raw == f"{value},n,1,2017-01-01"
    assert reason == f"id: '{'y' * 100}' is no bigint"


def test_a_file_of_nothing_but_malformed_records_is_loaded_with_no_row(make: Make) -> None:
    source = make(COLUMNS)
    source.put("a.csv", HEADER + b"x,n,1,2017-01-01\n" * 25_000)
    source.run()
    assert source.files() == {"a.csv": "loaded"}
    assert source.sql("select count(*), min(line), max(line), count(distinct line) from ops.malformed") == [
        (25_000, 2, 25_001, 25_000)
    ]


def force_careful(monkeypatch: pytest.MonkeyPatch) -> None:
    def doubt(*_: object) -> None:
        raise NeedsStrictParse

    monkeypatch.setattr(FileLoad, "fast", doubt)


def forbid_careful(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise AssertionError("the careful way was taken")

    monkeypatch.setattr(FileLoad, "careful", fail)


CLEAN = {
    "csv": (
        {"type": "csv"},
        b'day,extra,name,id,price\n2017-01-01,"a, b",x,1, 1.50 \n2017-01-01,,"two\nlines",2,\n,"",""" q",3,1.00000\n',
    ),
    "csv without header, gzipped": (
        {"type": "csv", "header": False, "delimiter": ";"},
        gzip.compress(b"1;x;1;\n2;;;\n"),
    ),
    "csv with decimal comma": (
        {"type": "csv", "delimiter": ";", "decimal": ","},
        b"id;name;price;day\n1;a.b,c;1,50;2017-01-01\n",
    ),
    "jsonl": (
        {"type": "jsonl"},
        b'{"id": 1, "name": "a\\u00e9\\n", "price": 1.50, "day": "2017-01-01"}\n\n'
        b'{"day": null, "price": 123456789.12, "name": 1.10, "id": 9007199254740993.0}\n{"id":3,"name":0.00000123}\n',
    ),
}


@pytest.mark.parametrize("name", CLEAN)
def test_the_fast_way_and_the_careful_way_give_the_same_rows(
    make: Make, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    form, content = CLEAN[name]
    fast, careful = make(COLUMNS, format=form), make(COLUMNS, format=form)
    for source in (fast, careful):
        source.put("a", content)
    with monkeypatch.context() as patch:
        forbid_careful(patch)
        fast.run()
    with monkeypatch.context() as patch:
        force_careful(patch)
        careful.run()
    columns = (*COLUMNS, "_rescued", "_violations")
    assert fast.rows(*columns) == careful.rows(*columns) != []
    assert fast.malformed() == careful.malformed() == []


def test_a_rule_that_fails_on_a_row_refuses_the_file_and_the_others_go_on(make: Make) -> None:
    """A cast in a rule raises where the value is odd; the run must not end on every later day because of one row."""
    source = make(COLUMNS, verdict="case when name::bigint > 0 then null else ['name_positive'] end")
    source.put("1.csv", HEADER + b"1,12,1,2017-01-01\n")
    source.put("2.csv", HEADER + b"2,many,1,2017-01-01\n")
    source.put("3.csv", HEADER + b"3,-1,1,2017-01-01\n")
    source.run()
    assert source.files() == {"1.csv": "loaded", "2.csv": "refused", "3.csv": "loaded"}
    assert "its rows cannot be judged" in source.reason("2.csv")
    assert "many" in source.reason("2.csv")
    assert source.rows("id", "_violations") == [(1, None), (3, ["name_positive"])]


@pytest.mark.parametrize("name", ["no space left on device", "permission denied", "read-only mode"])
def test_a_value_that_reads_like_a_full_disk_is_not_taken_for_one(make: Make, name: str) -> None:
    """DuckDB's errors quote the value; a run that ends on it would end on every later day too."""
    source = make(COLUMNS, verdict="case when strptime(name, '%Y') is not null then null else ['name_odd'] end")
    source.put("1.csv", HEADER + f"1,{name},1,2017-01-01\n".encode())
    source.put("2.csv", HEADER + b"2,2017,1,2017-01-01\n")
    source.run()
    assert source.files() == {"1.csv": "refused", "2.csv": "loaded"}
    assert name in source.reason("1.csv")


def test_a_model_that_drops_rows_loads_nothing_and_says_so(make: Make) -> None:
    """The model's SQL may end with a comment, as any file may."""
    source = make(COLUMNS)
    source.put("a.csv", HEADER + good(1) + b"\n" + good(2) + b"\n")
    source.model = "select *, null::varchar[] as _violations from {landing} where id > 1 -- the first is odd"
    source.run()
    assert source.files() == {"a.csv": "refused"}
    assert "2 records were counted in it, but 1 rows and 0 malformed" in source.reason("a.csv")
    assert source.rows() == []
