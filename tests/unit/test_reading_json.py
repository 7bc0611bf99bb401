"""What DuckDB reads of JSON lines, held against Python's own reading."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from assay.base.warehouse import prepare
from assay.contract.contract import Contract
from assay.contract.format import Format
from assay.contract.parse import parse_contract
from assay.reading.json_lines import expected_names, jsonl_copy_view, jsonl_view, round_trip, round_trip_view
from assay.text import FirstObject, first_object, write_clean
from tests.source import bronze_node

NAMES = ("a", "b", "c")
CONTRACT = parse_contract(bronze_node("s", dict.fromkeys(NAMES, "varchar"), ["a"], format={"type": "jsonl"}))
LEXEMES = st.one_of(
    st.integers().map(str),
    st.floats(allow_nan=False, allow_infinity=False).map(repr),
    st.from_regex(r"-?(0|[1-9][0-9]{0,25})(\.[0-9]{1,22})?([eE][+-]?[0-9]{1,3})?", fullmatch=True),
)
STRINGS = st.one_of(st.text(max_size=12), st.from_regex(r'[":,\[{} ]*[0-9]{1,20}\.[0-9]*[",:}]*', fullmatch=True))
TEXTS = st.one_of(STRINGS.filter(lambda text: "\0" not in text).map(json.dumps), LEXEMES, st.just("null"))
LINES = st.lists(st.dictionaries(st.sampled_from(NAMES), TEXTS), min_size=1, max_size=20)


class Lexeme(str):
    """A number as it is written."""


def by_python(line: str) -> tuple[object, ...]:
    record = json.loads(line, parse_float=Lexeme, parse_int=Lexeme)
    return tuple(record.get(name) for name in NAMES)


@pytest.fixture(scope="module")
def con() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as connection:
        prepare(connection)
        yield connection


def fast(con: duckdb.DuckDBPyConnection, path: Path, contract: Contract) -> list[list[tuple[object, ...]] | None]:
    """The rows of the two fast ways; None for one that leaves the file to the next."""
    first = first_object(path)
    views = [jsonl_view(str(path), contract, "none")]
    if expected_names(contract, first):
        views.append(round_trip_view(str(path), contract, "none", first))
    return [_rows(con, f"select * exclude _rescued from ({view})") for view in views]


def _rows(con: duckdb.DuckDBPyConnection, query: str) -> list[tuple[object, ...]] | None:
    try:
        return con.execute(query).fetchall()
    except duckdb.InvalidInputException:
        return None


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(LINES)
def test_every_line_gives_what_python_reads_with_numbers_as_written(
    con: duckdb.DuckDBPyConnection, tmp_path: Path, objects: list[dict[str, str]]
) -> None:
    lines = ["{" + ", ".join(f'"{name}": {text}' for name, text in texts.items()) + "}" for texts in objects]
    path, good, bad = (tmp_path / name for name in ("in", "good", "bad"))
    path.write_text("\n".join(lines), encoding="utf-8", newline="\n")
    counts = write_clean(path, Format("jsonl"), 1, good, bad)
    expected = [by_python(line) for line in lines]

    careful = jsonl_copy_view(str(good), CONTRACT, first_object(path))
    rows = con.execute(f"select a, b, c, _reasons from ({careful}) order by _line").fetchall()
    assert (counts.bad, [row[:3] for row in rows]) == (0, expected)

    for rows in fast(con, path, CONTRACT):
        in_order = iter(expected)
        assert all(any(row == other for other in in_order) for row in rows or ()), "a fast way reads something else"


KINDS = {
    "whole": "bigint",
    "tiny": "tinyint",
    "huge": "hugeint",
    "money": "decimal(12,2)",
    "wide": "decimal(18,2)",
    "fine": "decimal(38,20)",
    "rate": "decimal(10,8)",
    "round": "decimal(5,0)",
    "share": "double",
    "is_new": "boolean",
    "day": "date",
    "at": "timestamp",
    "sent": "timestamp with time zone",
    "note": "varchar",
}


def typed(*names: str) -> Contract:
    columns = {name: KINDS[name] for name in names}
    return parse_contract(bronze_node("t", columns, ["note"], format={"type": "jsonl"}))


NUMBERS = st.one_of(
    st.integers(-(2**70), 2**70).map(str),
    st.integers(-200, 200).map(str),
    st.floats().map(json.dumps),
    st.decimals(-(10**16), 10**16, places=2).map(str),
    st.floats(-(10**16), 10**16).map(lambda number: repr(round(number, 2))),
    st.from_regex(r"-?(0|[1-9][0-9]{0,18})(\.[0-9]{1,3})?([eE][+-]?[0-9]{1,3})?", fullmatch=True),
    st.sampled_from(
        ["0.1", "1.0", "-0", "-0.0", "true", "false", '"12"', '"1.5"', '"NaN"', "NaN", "Infinity", "1e400", "1e-400"]
    ),
)
TIMES = st.one_of(
    st.dates().map(lambda day: day.isoformat()),
    st.datetimes().map(lambda at: at.isoformat(" ")),
    st.datetimes().map(lambda at: at.isoformat() + "Z"),
    st.datetimes().map(lambda at: at.isoformat(" ", "seconds") + "+00"),
    st.sampled_from(
        ["infinity", "-infinity", "epoch", "10000-01-01", "0000-01-01", "0044-03-15 (BC)", "2017-02-30", "12:00"]
    ),
).map(json.dumps)
VALUES = {"day": TIMES, "at": TIMES, "sent": TIMES, "note": TEXTS}
COLUMNS = st.sampled_from(list(KINDS)).flatmap(
    lambda name: st.tuples(
        st.just(name), st.lists(st.one_of(VALUES.get(name, NUMBERS), st.just("null")), min_size=1, max_size=2)
    )
)
DENSE, SPACED = (",", ":"), (", ", ": ")


@example(("share", ["1.5", "NaN"]), DENSE)
@example(("share", ["1.5", "-Infinity"]), SPACED)
@example(("day", ['"infinity"']), DENSE)
@example(("day", ['"10000-01-01"']), SPACED)
@example(("at", ['"10000-01-01 00:00:00"']), DENSE)
@example(("wide", ["1234567890123456.70", "9999999999999999.99"]), DENSE)
@example(("rate", ["0.5", "1e-7"]), DENSE)
@example(("note", ['"a, \\"b\\": c"']), SPACED)
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(COLUMNS, st.sampled_from([DENSE, SPACED]))
def test_a_typed_value_is_what_the_careful_way_takes_it_for_or_sends_the_file_there(
    con: duckdb.DuckDBPyConnection, tmp_path: Path, column: tuple[str, list[str]], style: tuple[str, str]
) -> None:
    path, good, bad = (tmp_path / name for name in ("in", "good", "bad"))
    (name, values), (comma, colon) = column, style
    others = {"huge": "1"} if name == "note" else {"note": '"x"'}
    lines = [{name: value, **others} for value in values]
    path.write_text(
        "".join("{" + comma.join(f'"{k}"{colon}{v}' for k, v in line.items()) + "}\n" for line in lines),
        encoding="utf-8",
    )
    contract = typed(*lines[0])
    counts = write_clean(path, Format("jsonl"), 1, good, bad)
    read, again = (
        con.execute(
            f"select * exclude _line from ({jsonl_copy_view(str(good), contract, first)}) order by _line"
        ).fetchall()
        for first in (FirstObject("", ()), first_object(path))
    )
    assert repr(again) == repr(read)
    for fast_rows in fast(con, path, contract):
        if fast_rows is not None and len(fast_rows) == len(lines):
            assert (counts.bad, [reasons for *_, reasons in read if reasons]) == (0, [])
            assert repr(fast_rows) == repr([values[: len(contract.names)] for values in read])


@pytest.mark.parametrize("style", [DENSE, SPACED])
def test_lines_as_programs_write_them_come_back_as_they_are_read(
    con: duckdb.DuckDBPyConnection, style: tuple[str, str]
) -> None:
    """Else a load takes twice as long, and no test would notice."""
    rows = [
        {
            "whole": n,
            "money": n / 4,
            "share": n / 7 + 0.001,
            "is_new": n > 3,
            "day": "2017-01-01",
            "note": f"é, [{n}]: {{",
        }
        for n in range(9)
    ]
    lines = [json.dumps(row, separators=style, ensure_ascii=False) for row in rows]
    query = round_trip(typed(*rows[0]), "(select unnest(?) as j)", FirstObject(lines[0], tuple(rows[0])))
    assert con.execute(f"select count(*) from ({query}) where is_same", [lines]).fetchall() == [(len(rows),)]


def test_ordinary_lines_are_read_the_fast_way(con: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    """Else a year of files takes five times as long and no test would notice."""
    path = tmp_path / "in"
    rows = [{"a": n, "b": round(n * math.pi, 2), "c": f"text {n}, [{n}]: é"} for n in range(1000)]
    path.write_text("\n".join(json.dumps(row, ensure_ascii=False) for row in rows), encoding="utf-8")
    fast_rows = con.execute(jsonl_view(str(path), CONTRACT, "none")).fetchall()
    assert len(fast_rows) == len(rows)
