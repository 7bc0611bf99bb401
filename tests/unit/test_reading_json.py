"""What DuckDB reads of JSON lines, held against Python's own reading."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from contracts.format import Format
from contracts.parse import parse_contract
from resources.reading import jsonl_view
from resources.text import write_clean
from resources.warehouse import prepare
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
    found = json.loads(line, parse_float=Lexeme, parse_int=Lexeme)
    return tuple(found.get(name) for name in NAMES)


@pytest.fixture(scope="module")
def con() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as connection:
        prepare(connection)
        yield connection


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(LINES)
def test_every_line_gives_what_python_reads_with_numbers_as_written(
    con: duckdb.DuckDBPyConnection, tmp_path: Path, objects: list[dict[str, str]]
) -> None:
    lines = ["{" + ", ".join(f'"{name}": {text}' for name, text in said.items()) + "}" for said in objects]
    path, good, bad = (tmp_path / name for name in ("in", "good", "bad"))
    path.write_text("\n".join(lines), encoding="utf-8", newline="\n")
    counts = write_clean(path, Format("jsonl"), 1, good, bad)
    expected = [by_python(line) for line in lines]

    careful = jsonl_view(str(good), CONTRACT, compression="none", has_lines=True)
    found = con.execute(f"select a, b, c, _reasons from ({careful}) order by _line").fetchall()
    assert (counts.bad, [row[:3] for row in found]) == (0, expected)

    fast = con.execute(jsonl_view(str(path), CONTRACT, compression="none", has_lines=False)).fetchall()
    in_order = iter(expected)
    assert all(any(row[:3] == other for other in in_order) for row in fast), "the fast way reads something else"


def test_ordinary_lines_are_read_the_fast_way(con: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    """Else a year of files takes five times as long and no test would notice."""
    path = tmp_path / "in"
    rows = [{"a": n, "b": round(n * math.pi, 2), "c": f"text {n}, [{n}]: é"} for n in range(1000)]
    path.write_text("\n".join(json.dumps(row, ensure_ascii=False) for row in rows), encoding="utf-8")
    found = con.execute(jsonl_view(str(path), CONTRACT, compression="none", has_lines=False)).fetchall()
    assert len(found) == len(rows)
