r"""CSV of one column: an empty line is a record, as DuckDB and PostgreSQL write a NULL there."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import pytest

from assay.checks.recount import recount
from assay.loading.file_load import FileLoad, NeedsStrictParse
from tests.source import Source

Make = Callable[..., Source]
FAST, CAREFUL = True, False


def load(make: Make, content: bytes | str, kind: str = "varchar", header: bool = True, **form: Any) -> Source:
    source = make({"x": kind}, format={"type": "csv", "header": header, **form})
    source.put("a.csv", content)
    source.run()
    assert recount(source.connection, source.landing, source.contract).differing == ()
    return source


def in_order(source: Source) -> list[str | None]:
    """The values as they stand in the file."""
    return [value for (value,) in source.sql(f"select x from {source.table} order by rowid")]


@pytest.fixture(params=[FAST, CAREFUL], ids=["fast", "careful"])
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Forces the one way, or fails when it is not taken."""

    def not_this(*_: object, **__: object) -> None:
        raise AssertionError("the careful way was taken") if request.param == FAST else NeedsStrictParse

    monkeypatch.setattr(FileLoad, "careful" if request.param == FAST else "fast", not_this)


FILES = {
    "issue": (b"x\na\n\nb\n", ["a", None, "b"]),
    "no last line end": (b"x\na\n\nb", ["a", None, "b"]),
    "first": (b"x\n\na\n", [None, "a"]),
    "several at the end": (b"x\na\n\n\n\n", ["a", None, None, None]),
    "nothing else": (b"x\n\n\n\n", [None, None, None]),
    "none": (b"x\n", []),
    "return and line feed": (b"x\r\na\r\n\r\nb\r\n\r\n", ["a", None, "b", None]),
    "return": (b"x\ra\r\rb\r\r", ["a", None, "b", None]),
    "gzip": (gzip.compress(b"x\na\n\nb\n\n"), ["a", None, "b", None]),
    "mark": (b"\xef\xbb\xbfx\n\nb\n", [None, "b"]),
    "quoted": (b'x\n"a"\n\n""\n"b\n\nc"\n\n', ["a", None, "", "b\n\nc", None]),
}


@pytest.mark.usefixtures("way")
@pytest.mark.parametrize("name", FILES)
def test_an_empty_line_is_a_null_both_ways(make: Make, name: str) -> None:
    content, expected = FILES[name]
    source = load(make, content)
    assert in_order(source) == expected
    assert source.sql("select records_read, records_malformed from ops.files") == [(len(expected), 0)]


@pytest.mark.usefixtures("way")
def test_it_is_the_empty_text_where_that_is_no_null(make: Make) -> None:
    assert in_order(load(make, b"x\nNA\n\nb\n\n", nulls=["NA"])) == [None, "", "b", ""]


@pytest.mark.usefixtures("way")
def test_without_a_header_the_first_line_is_a_record_too(make: Make) -> None:
    assert in_order(load(make, b"\na\n\n", header=False)) == [None, "a", None]


@pytest.mark.usefixtures("way")
def test_whole_numbers_are_null_too(make: Make) -> None:
    assert in_order(load(make, b"x\n1\n\n2\n\n", kind="bigint")) == [1, None, 2, None]


def test_where_it_is_no_null_and_the_type_holds_no_empty_text_it_is_malformed(make: Make) -> None:
    source = load(make, b"x\n1\n\n2\n\n", kind="bigint", nulls=["NA"])
    assert in_order(source) == [1, 2]
    assert source.malformed() == [(3, "", ["x: '' is no bigint"]), (5, "", ["x: '' is no bigint"])]


@pytest.mark.parametrize("encoding", ["latin-1", "utf-16", "cp1252"])
def test_encodings_that_are_decoded_first_hold_the_same_records(make: Make, encoding: str) -> None:
    source = load(make, "x\r\né\r\n\r\n\r\nb\r\n\r\n".encode(encoding), encoding=encoding)
    assert in_order(source) == ["é", None, None, "b", None]


@pytest.mark.parametrize("content", [b"\n", b"\n\n\n", b"\r\n\r\n", b"\r\r"])
def test_without_a_header_a_file_of_nothing_but_empty_lines_has_that_many_records(make: Make, content: bytes) -> None:
    source = load(make, content, header=False)
    assert in_order(source) == [None] * (content.count(b"\n") or content.count(b"\r"))


def test_blank_lines_before_a_header_are_none(make: Make) -> None:
    assert in_order(load(make, b"\n\n\nx\n\na\n")) == [None, "a"]
    assert in_order(load(make, b"\r\n\r\nx\r\n\r\na\r\n")) == [None, "a"]


def test_a_malformed_line_beside_them_costs_itself_alone(make: Make) -> None:
    source = load(make, b'x\n\na,b\n\nc"\n\n')
    assert in_order(source) == [None, None, None]
    assert [line for line, _, _ in source.malformed()] == [3, 5]


def test_a_file_of_more_columns_has_no_record_on_a_blank_line(make: Make) -> None:
    source = make({"x": "varchar", "y": "varchar"})
    source.put("a.csv", "x,y\na,b\n\nc,d\n\n\n")
    source.put("b.csv", "x,y\n\ne,f\ng\n\n")
    source.run()
    assert source.rows() == [("a", "b"), ("c", "d"), ("e", "f")]
    assert [line for line, _, _ in source.malformed()] == [4]


@pytest.mark.parametrize("lines", [200_000, 1_500_000], ids=["one block", "several blocks"])
def test_empty_lines_at_the_edge_of_a_block_are_counted(make: Make, lines: int) -> None:
    """Arrow parses 8 MB at a time."""
    source = load(make, b"x\n" + b"abcd\n\n" * lines + b"\n" * 5)
    counted = f"select count(*), count(x) from {source.table}"
    assert source.sql(counted) == [(2 * lines + 5, lines)]


@pytest.mark.parametrize("values", [["a", None, "b"], [None], [None, None, ""], ["", "a\n\nb", None]])
def test_what_duckdb_exports_comes_back(make: Make, tmp_path: Path, values: list[str | None]) -> None:
    path = tmp_path / "export.csv"
    with duckdb.connect() as connection:
        connection.execute("create table t (x varchar)")
        connection.executemany("insert into t values (?)", [[value] for value in values])
        connection.execute(f"copy t to '{path}' (header true)")
    assert in_order(load(make, path.read_bytes())) == values
