"""What DuckDB reads of CSV, held against the definition of a record in `assay.text`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import duckdb
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from assay.base.warehouse import prepare
from assay.contract.contract import Contract
from assay.contract.format import Format
from assay.contract.parse import parse_contract
from assay.reading.arrow_csv import ArrowCsv
from assay.reading.read_views import arrow_view, csv_view
from assay.text import Unreadable, fields, raws_at, scan, split, write_clean
from tests.source import bronze_node

NAMES = ("a", "b")
PLAIN = parse_contract(
    bronze_node("s", dict.fromkeys(NAMES, "varchar"), ["a"], format={"type": "csv", "header": False})
)
DIALECTS = [
    Format("csv", header=False),
    Format("csv", header=False, delimiter=";", nulls=("NA", "")),
    Format("csv", header=False, quote="'", escape="'", nulls=()),
    Format("csv", header=False, escape="\\", delimiter="|"),
    Format("csv", header=False, quote="", escape="", delimiter="\t"),
]
Row = tuple[str | None, ...]


@pytest.fixture(scope="module")
def con() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as connection:
        prepare(connection)
        yield connection


@st.composite
def files(draw: st.DrawFn) -> tuple[Format, bytes]:
    """A dialect, and a text of whole and broken records in it."""
    form = draw(st.sampled_from(DIALECTS))
    end = draw(st.sampled_from(["\n", "\r\n"]))
    field = st.one_of(
        st.sampled_from(["", "x", "NA", " y ", "é", f"{form.quote}{form.quote}", f"{form.quote}NA{form.quote}"]),
        st.text(alphabet=f"x {form.delimiter}{form.quote}\n").map(lambda text: _quoted(text, form)),
    )
    record = st.lists(field, min_size=2, max_size=2).map(form.delimiter.join)
    broken = st.text(alphabet=f"x1 {form.delimiter}{form.quote}{form.escape}\n\r", max_size=8)
    records = draw(st.lists(st.one_of(record, record, record, broken), min_size=1, max_size=8))
    return form, (end.join(records) + draw(st.sampled_from(["", end]))).encode()


def _quoted(text: str, form: Format) -> str:
    if not form.quote:
        return text.replace(form.delimiter, "").replace("\n", "")
    return form.quote + text.replace(form.quote, form.escape + form.quote) + form.quote


def expected(path: Path, form: Format) -> list[Row]:
    return [tuple(fields(record.raw, form)) for record in split(path, form, 2) if record.problem is None]


def fast(
    con: duckdb.DuckDBPyConnection, path: Path, contract: Contract, *, has_quoted_line_ends: bool
) -> list[Row] | None:
    con.register("scanned", ArrowCsv(path, contract, None, has_quoted_line_ends=has_quoted_line_ends))
    try:
        return con.execute(f"select a, b from ({arrow_view('scanned', contract, None)})").fetchall()
    except duckdb.Error:
        return None


NUMBERS = parse_contract(
    bronze_node(
        "n", {"a": "bigint", "b": "tinyint"}, ["a"], format={"type": "csv", "header": False, "nulls": ["", "NA"]}
    )
)
NUMBER = st.one_of(
    st.integers(-(2**64), 2**64).map(str),
    st.integers(-200, 200).map(str),
    st.from_regex(r"[ \t]?[+-]?(0[xX])?[0-9]{0,4}[.eExX]?[0-9]{0,3}[ \t]?", fullmatch=True),
    st.sampled_from(["", '""', "NA", '"NA"', '"7"', "nan", "null", "0x1F", "-0X1f", " 0x7", "1_000", "0b1", "\u0661"]),
)


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=st.lists(st.tuples(NUMBER, NUMBER), min_size=1, max_size=4))
def test_a_whole_number_is_what_the_careful_way_takes_it_for_or_sends_the_file_there(
    con: duckdb.DuckDBPyConnection, tmp_path: Path, rows: list[tuple[str, str]]
) -> None:
    path, good, bad = (tmp_path / name for name in ("in.csv", "good", "bad"))
    path.write_text("\n".join(map(",".join, rows)), encoding="utf-8")
    counts = write_clean(path, NUMBERS.format, 2, good, bad)
    view = csv_view(str(good), NUMBERS, None, is_parallel=True)
    read = con.execute(f"select a, b, _reasons is not null from ({view}) order by _line").fetchall()
    fast_rows = fast(con, path, NUMBERS, has_quoted_line_ends=False)
    assert fast_rows is None or (fast_rows, counts.bad) == ([(a, b) for a, b, is_bad in read if not is_bad], 0)
    if all(value.removeprefix("-").isdecimal() and value.isascii() for row in rows for value in row):
        assert (fast_rows is None) == any(is_bad for *_, is_bad in read)


@pytest.mark.parametrize(("text", "is_fast"), [("10x20 cm", True), ("0x20", False), ("box", True), ("a 0X1", False)])
def test_only_what_may_be_a_hexadecimal_number_is_left_to_the_careful_way(
    con: duckdb.DuckDBPyConnection, tmp_path: Path, text: str, is_fast: bool
) -> None:
    path = tmp_path / "in.csv"
    path.write_text(f"{text},1\n" * 20_000, encoding="utf-8")
    assert (fast(con, path, PLAIN, has_quoted_line_ends=False) is not None) == is_fast


def careful(con: duckdb.DuckDBPyConnection, good: Path, contract: Contract, *, has_quoted: bool) -> list[Row]:
    view = csv_view(str(good), contract, None, is_parallel=not has_quoted)
    return con.execute(f"select a, b from ({view}) order by _line").fetchall()


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(files())
def test_both_ways_give_the_fields_of_every_good_record(
    con: duckdb.DuckDBPyConnection, tmp_path: Path, file: tuple[Format, bytes]
) -> None:
    form, content = file
    contract = replace(PLAIN, format=form)
    path, good, bad = (tmp_path / name for name in ("in.csv", "good", "bad"))
    path.write_bytes(content)
    try:
        seen = scan(path, form, 2)
    except Unreadable:
        return
    rows = expected(path, form)
    records = list(split(path, form, 2))[::2]
    assert [*raws_at(path, form, 2, iter([r.line for r in records]))] == [(r.line, r.raw) for r in records]
    counts = write_clean(path, form, 2, good, bad)
    assert careful(con, good, contract, has_quoted=counts.has_quoted_line_ends) == rows

    if seen.records is not None:
        fast_rows = fast(con, path, contract, has_quoted_line_ends=seen.has_quoted_line_ends)
        if fast_rows is not None and len(fast_rows) == seen.records:
            assert (fast_rows, counts.bad) == (rows, 0)


ONE = parse_contract(bronze_node("o", {"a": "varchar"}, ["a"], format={"type": "csv", "header": False}))
LINES = st.lists(st.sampled_from(["", "", "x", '""', '"y"', '"a\n\nb"', " ", 'q"']), min_size=1, max_size=12)


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(lines=LINES, nulls=st.sampled_from([("",), ("NA",), ()]), end=st.sampled_from(["\n", "\r\n", "\r"]))
def test_both_ways_give_every_line_of_one_column_the_empty_ones_too(
    con: duckdb.DuckDBPyConnection, tmp_path: Path, lines: list[str], nulls: tuple[str, ...], end: str
) -> None:
    contract = replace(ONE, format=replace(ONE.format, nulls=nulls))
    path, good, bad = (tmp_path / name for name in ("in.csv", "good", "bad"))
    path.write_bytes((end.join(line.replace("\n", end) for line in lines) + end).encode())
    rows = [tuple(fields(record.raw, contract.format)) for record in split(path, contract.format, 1)]
    seen, counts = scan(path, contract.format), write_clean(path, contract.format, 1, good, bad)
    assert (len(rows), counts.good + counts.bad) == (len(lines), len(lines))
    view = csv_view(str(good), contract, None, is_parallel=not counts.has_quoted_line_ends)
    assert len(con.execute(f"select a from ({view})").fetchall()) == counts.good
    if seen.records is not None:
        con.register("scanned", ArrowCsv(path, contract, None, has_quoted_line_ends=seen.has_quoted_line_ends))
        rows_read = con.execute(f"select a from ({arrow_view('scanned', contract, None)})").fetchall()
        assert (seen.records, rows_read, counts.bad) == (len(lines), rows, 0)
