"""CSV files in every dialect: columns by name, values exactly, and nothing guessed."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from tests.source import Source

Make = Callable[..., Source]
GOODS = {"id": "bigint", "name": "varchar", "price": "decimal(12,2)"}
TWO = [(1, "tea", Decimal("2.50")), (2, "milk", Decimal("1.00"))]
PLAIN = "id,name,price\n1,tea,2.50\n2,milk,1.00\n"


def load_one(make: Make, content: bytes | str, name: str = "a.csv", **contract: Any) -> Source:
    source = make(GOODS, **contract)
    source.put(name, content)
    source.run()
    return source


def test_a_plain_file_is_loaded_and_counted(make: Make) -> None:
    source = load_one(make, PLAIN)
    assert source.rows() == TWO
    assert source.sql("select records_read, records_loaded, records_malformed from ops.files") == [(2, 2, 0)]


@pytest.mark.parametrize(
    ("content", "form"),
    [
        ("id;name;price\n1;tea;2,50\n2;milk;1,00\n", {"delimiter": ";", "decimal": ","}),
        ("id\tname\tprice\n1\ttea\t2.50\n2\tmilk\t1.00\n", {"delimiter": "\t"}),
        ("id|name|price\n1|'tea'|2.50\n2|'milk'|1.00\n", {"delimiter": "|", "quote": "'", "escape": "'"}),
        ("id||name||price\n1||tea||2.50\n2||milk||1.00\n", {"delimiter": "||"}),
        ('id~|~name~|~price\n1~|~"tea"~|~2.50\n2~|~milk~|~1.00\n', {"delimiter": "~|~"}),
        ("id¦name¦price\n1¦tea¦2.50\n2¦milk¦1.00\n", {"delimiter": "¦"}),
        ("1,tea,2.50\n2,milk,1.00\n", {"header": False}),
        ("\n\nid,name,price\n\n1,tea,2.50\n\n2,milk,1.00\n\n", {}),
        ("id,name,price\r\n1,tea,2.50\r\n2,milk,1.00\r\n", {}),
        ("id,name,price\r1,tea,2.50\r2,milk,1.00\r", {}),
        ("\ufeffid,name,price\n1,tea,2.50\n2,milk,1.00", {}),
        ('"id","name","price"\n"1","tea","2.50"\n"2","milk","1.00"\n', {}),
        ("price,id,name\n2.50,1,tea\n1.00,2,milk\n", {}),
    ],
)
def test_a_dialect_is_read_as_the_contract_says(make: Make, content: str, form: dict[str, Any]) -> None:
    assert load_one(make, content, format={"type": "csv", **form}).rows() == TWO


def test_columns_of_two_files_in_other_orders_do_not_swap(make: Make) -> None:
    """DuckDB's `columns = {…}` goes by position: a file `name,id` read as `id,name` swaps values silently."""
    source = make({"id": "bigint", "a": "varchar", "b": "varchar"})
    source.put("1.csv", "id,a,b\n1,left,right\n")
    source.put("2.csv", "b,id,a\nright,2,left\n")
    source.run()
    assert source.rows() == [(1, "left", "right"), (2, "left", "right")]


@pytest.mark.parametrize("encoding", ["latin-1", "cp1252", "utf-16", "utf-16-le", "utf-8-sig", "ascii"])
def test_an_encoding_is_the_one_of_the_contract(make: Make, encoding: str) -> None:
    name = "the" if encoding == "ascii" else "thé"
    content = f"id,name,price\n1,{name},2.50\n".encode(encoding)
    source = load_one(make, content, format={"type": "csv", "encoding": encoding})
    assert source.rows("name") == [(name,)]


def test_a_file_in_another_encoding_keeps_its_bytes_as_malformed_records(make: Make) -> None:
    source = load_one(make, b"id,name,price\n1,th\xe9,2.50\n2,milk,1.00\n")
    assert source.rows() == TWO[1:]
    [(line, raw, reasons)] = source.malformed()
    assert (line, raw) == (2, "1,th\\xe9,2.50")
    assert "0xe9" in reasons[0]


def test_quotes_hold_delimiters_line_ends_and_quotes(make: Make) -> None:
    source = load_one(make, 'id,name,price\n1,"a,b",1\n2,"say ""hi""",1\n3,"two\nlines",1\n4,"",1\n5,,1\n')
    assert source.rows("name") == [("",), ("a,b",), ('say "hi"',), ("two\nlines",), (None,)]


def test_an_escape_that_is_no_quote_is_taken_out(make: Make) -> None:
    form = {"type": "csv", "escape": "\\"}
    source = load_one(make, 'id,name,price\n1,"say \\"hi\\"",1\n2,"back\\\\slash",1\n', format=form)
    assert source.rows("name") == [("back\\slash",), ('say "hi"',)]


@pytest.mark.parametrize(
    ("nulls", "expected"),
    [([""], ["NA", "x", None]), (["NA", ""], [None, "x", None]), (["NA"], [None, "x", ""]), ([], ["NA", "x", ""])],
)
def test_only_the_declared_texts_mean_null(make: Make, nulls: list[str], expected: list[str | None]) -> None:
    source = load_one(make, "id,name,price\n1,NA,1\n2,x,1\n3,,1\n", format={"type": "csv", "nulls": nulls})
    assert [name for _, name in source.rows("id", "name")] == expected


@pytest.mark.parametrize("bad", ["", "4,x,1,1\n"], ids=["fast", "careful"])
def test_a_quoted_null_is_one_where_the_contract_says_so(make: Make, bad: str) -> None:
    form = {"type": "csv", "nulls": ["", "NA"], "quoted_nulls": True}
    source = load_one(make, f'id,name,price\n1,"NA",""\n2,"x","NA"\n3,"",1\n{bad}', format=form)
    assert source.rows() == [(1, None, None), (2, "x", None), (3, None, Decimal("1.00"))]


def test_missing_and_unexpected_columns_refuse_a_file_and_are_named(make: Make) -> None:
    source = load_one(make, "id,title,colour,price\n1,tea,red,1\n")
    assert source.files() == {"a.csv": "refused"}
    assert (
        source.reason("a.csv")
        .partition(" 1.0.0: ")[2]
        .startswith("missing columns: name; unexpected columns: title, colour; if one of these is")
    )


def test_unexpected_columns_are_refused_where_the_contract_says_so(make: Make) -> None:
    source = load_one(make, "id,name,price,colour\n1,tea,1,red\n", new_columns="refuse")
    assert source.files() == {"a.csv": "refused"}
    assert "unexpected columns: colour" in source.reason("a.csv")


def test_unexpected_columns_are_rescued_as_json(make: Make) -> None:
    content = 'id,"co""l",name,price,it\'s\n1,"a ""b""\n",tea,1,\n2,x,milk,1,é\n'
    source = load_one(make, content)
    assert source.rescued() == [{'co"l': 'a "b"\n', "it's": None}, {'co"l': "x", "it's": "é"}]


def test_without_unexpected_columns_nothing_is_rescued(make: Make) -> None:
    assert load_one(make, PLAIN).rescued() == [None, None]


def test_a_gzipped_file_is_read_whatever_it_is_called(make: Make) -> None:
    source = make(GOODS)
    source.put("a.csv", gzip.compress(PLAIN.encode()))
    source.put("b.csv.gz", gzip.compress(b"id,name,price\n3,jam,1\n") + gzip.compress(b"4,bun,1\n"))
    source.put("c.csv.gz", "id,name,price\n5,egg,1\n")
    source.run()
    assert source.rows("id") == [(1,), (2,), (3,), (4,), (5,)]


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda packed: packed[: len(packed) // 2], "cut off"),
        (lambda packed: packed[:-8] + zlib.crc32(b"other").to_bytes(4, "little") + packed[-4:], "checksum"),
        (lambda packed: packed + b"id,name,price\n9,x,1\n", "not gzip"),
        (lambda packed: packed[:40] + b"\0" * 8 + packed[48:], "damaged"),
    ],
)
def test_a_damaged_gzip_file_is_refused_and_none_of_it_is_loaded(
    make: Make, damage: Callable[[bytes], bytes], message: str
) -> None:
    """DuckDB gives 403 of 2,299 rows of a truncated file and no error, and none for a wrong checksum."""
    lines = "".join(f"{n},name {n * 7919 % 1000},1\n" for n in range(2000))
    source = load_one(make, damage(gzip.compress(("id,name,price\n" + lines).encode(), mtime=0)))
    assert source.files() == {"a.csv": "refused"}
    assert message in source.reason("a.csv")
    assert source.rows() == []


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "empty"),
        (b"\xef\xbb\xbf", "empty"),
        (gzip.compress(b""), "empty"),
        (b"\n\n\n", "header is missing"),
        (b"id,name,id\n1,a,2\n", "two columns alike"),
        (b'id,"name,price\n1,a,2\n', "quote in it is never closed"),
        ("id,name,price\n1,a,1\n".encode("utf-16"), "byte-order mark of utf-16"),
        (b"PAR1\0\0\0\0", "NUL"),
    ],
)
def test_a_file_that_is_no_such_csv_is_refused_with_its_reason(make: Make, content: bytes, message: str) -> None:
    source = load_one(make, content)
    assert source.files() == {"a.csv": "refused"}
    assert message in source.reason("a.csv")


def test_a_header_alone_is_a_file_of_no_records(make: Make) -> None:
    source = load_one(make, "id,name,price\n")
    assert source.files() == {"a.csv": "loaded"}
    assert source.sql("select records_read, records_loaded from ops.files") == [(0, 0)]


def test_big_files_with_quoted_line_ends_keep_every_record(make: Make) -> None:
    """Over 32 MB DuckDB reads in parallel, which with quoted line ends loses or splits records."""
    filler = "x" * 60
    source = make({"id": "bigint", "name": "varchar", "note": "varchar"})
    records = "".join(f'{n},"{filler}\nid,name,note\n{n + 1},,",{n}\n' for n in range(400_000))
    assert source.put("a.csv", f"id,name,note\n{records}").stat().st_size > 32 * 1024 * 1024
    source.run()
    counted = "select count(*), count(distinct id), min(id), max(id), count(*) filter (note = id::varchar)"
    assert source.sql(f"{counted} from {source.table}") == [(400_000, 400_000, 0, 399_999, 400_000)]
    assert source.malformed() == []


def test_columns_may_be_called_like_our_own(make: Make) -> None:
    columns = {"v1": "bigint", "v0": "bigint", "r0": "varchar", "c1": "varchar", "j": "date", "select": "bigint"}
    source = make(columns, name="reading")
    source.put("a.csv", "select,j,c1,r0,v0,v1\n1,2017-01-02,c,r,10,11\nx,2017-01-02,c,r,20,21\n")
    source.run()
    assert source.rows("v1", "v0", "r0", "c1", "select") == [(11, 10, "r", "c", 1)]
    assert source.malformed() == [(3, "x,2017-01-02,c,r,20,21", ["select: 'x' is no bigint"])]
