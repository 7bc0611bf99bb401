"""A reading typed a type at a time, held against the reading that SQL types column by column."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from assay.base.warehouse import prepare
from assay.contract.contract import Contract
from assay.contract.parse import parse_contract
from assay.reading import wide_reading
from assay.reading.arrow_csv import ArrowCsv
from assay.reading.json_lines import jsonl_copy_view, jsonl_view, wide_jsonl, wide_jsonl_copy
from assay.reading.read_views import arrow_view, csv_view
from assay.reading.wide_reading import Texts, WideReading, wide_csv, wide_csv_copy
from assay.text import FirstObject, write_clean
from tests.source import bronze_node

pytestmark = pytest.mark.slow  # hundreds of examples

TYPES = {
    "id": "bigint",
    "it's": "tinyint",
    'a "b"': "hugeint",
    "price": "decimal(9,2)",
    "long": "decimal(38,10)",
    "ratio": "double",
    "flag": "boolean",
    "day": "date",
    "at": "timestamp",
    "instant": "timestamptz",
    "text": "varchar",
    "more text": "varchar",
    "day too": "date",
}
EXTRA = ("x", 'y "é', "_line")
VALUES = [
    *(
        "",
        "1",
        "-7",
        "300",
        "1.5",
        "1.50",
        "+2.0",
        " 3",
        "1e3",
        "1e999",
        "1e-999",
        "0x1F",
        "1_0",
        "nan",
        "1,5",
        "1.234",
    ),
    *(str(2**63), str(2**126), "9" * 39, "true", "No", "t", "maybe", "2024-02-30", "2024-02-29", "0000-01-01"),
    *("2024-01-01 10:00:00.123456", "2024-01-01T10:00Z", "2024-01-01 10:00:00+02", "10000-01-01", "NA"),
    *('say "x"', "é\t\u0001", "a\nb", "x" * 150, '{"a": 1}', "null", "\\"),
]
SLOW = settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def contract(form: dict[str, Any]) -> Contract:
    return parse_contract(bronze_node("s", TYPES, ["id"], optional=list(TYPES)[1:], format=form))


@pytest.fixture(scope="module")
def con() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as connection:
        prepare(connection)
        yield connection


def rows(con: duckdb.DuckDBPyConnection, view: str) -> list[tuple[object, ...]] | None:
    """The rows of a reading; None where it ends with an error."""
    try:
        result = con.execute(f"select *, _rescued::varchar from ({view})")
        return sorted(result.fetchall(), key=repr)
    except duckdb.Error:
        return None


def wide(
    con: duckdb.DuckDBPyConnection, read: Contract, texts: Texts, *, has_lines: bool
) -> list[tuple[object, ...]] | None:
    typed = WideReading(con, read, texts, has_lines=has_lines)
    con.register("wide", typed)
    records = rows(con, typed.view("wide"))
    assert (typed.error is None) == (records is not None)
    assert rows(con, typed.view("wide")) == records  # read once more, or kept
    return records


@pytest.fixture(params=[1 << 20, 20], ids=["one batch", "batches of a row or two"], autouse=True)
def cells(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wide_reading, "_CELLS", request.param)


@SLOW
@given(data=st.data())
def test_csv_is_read_cell_for_cell_as_column_by_column(
    con: duckdb.DuckDBPyConnection, tmp_path: Path, data: st.DataObject
) -> None:
    decimal, delimiter = data.draw(st.sampled_from([(".", ","), (",", ";")]))
    spelled = data.draw(st.sampled_from([{}, {"thousands": "'"}, {"dates": ["%d.%m.%Y", "%Y-%m-%d"]}]))
    nulls = data.draw(st.sampled_from([[""], ["", "NA"], []]))
    read = contract({"type": "csv", "decimal": decimal, "delimiter": delimiter, "nulls": nulls, **spelled})
    names = [*read.names, *EXTRA]
    header = tuple(data.draw(st.permutations(names))[: data.draw(st.integers(2, len(names)))])
    good_values = data.draw(st.sampled_from([VALUES, ["1", "", "0"], ["2024-02-29", ""]]))
    records = data.draw(st.lists(st.lists(st.sampled_from(good_values), min_size=len(header), max_size=len(header))))
    text = io.StringIO()
    writer = csv.writer(
        text,
        delimiter=delimiter,
        lineterminator="\n",
        quoting=data.draw(st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL])),
    )
    writer.writerows([header, *records])
    path, good, bad = (tmp_path / name for name in ("in.csv", "good", "bad"))
    path.write_text(text.getvalue(), encoding="utf-8")
    split = write_clean(path, read.format, len(header), good, bad)
    is_parallel = not split.has_quoted_line_ends
    careful = rows(con, csv_view(str(good), read, header, is_parallel=is_parallel))
    assert careful is not None
    assert wide(con, read, wide_csv_copy(str(good), read, header, is_parallel=is_parallel), has_lines=True) == careful
    scanned = ArrowCsv(path, read, header, has_quoted_line_ends=split.has_quoted_line_ends)
    con.register("scanned", scanned)
    fast = rows(con, arrow_view("scanned", read, header))
    assert wide(con, read, wide_csv(scanned, read, header), has_lines=False) == fast


JSON_VALUES = st.one_of(
    st.sampled_from(VALUES).map(json.dumps),
    st.sampled_from(
        ["null", "true", "1", "1.50", "-0", "1e2", "12345678901234567890", "[1.50, 2]", '{"a": 1e2}', "2.0"]
    ),
)


@SLOW
@given(data=st.data())
def test_json_lines_are_read_cell_for_cell_as_column_by_column(
    con: duckdb.DuckDBPyConnection, tmp_path: Path, data: st.DataObject
) -> None:
    read = contract({"type": "jsonl"})
    names = st.sampled_from([*read.names, *read.names, *EXTRA])
    objects = data.draw(st.lists(st.dictionaries(names, JSON_VALUES), min_size=1))
    lines = [", ".join(f"{json.dumps(name)}: {value}" for name, value in each.items()) for each in objects]
    path, good, bad = (tmp_path / name for name in ("in.jsonl", "good", "bad"))
    path.write_text("".join(f"{{{line}}}\n" for line in lines), encoding="utf-8")
    write_clean(path, read.format, len(read.columns), good, bad)
    first = FirstObject("{}", ())  # as of a contract of many columns: no line is written back
    careful = rows(con, jsonl_copy_view(str(good), read, first))
    assert careful is not None
    assert wide(con, read, wide_jsonl_copy(str(good), read, first), has_lines=True) == careful
    fast = rows(con, jsonl_view(str(path), read, "none"))
    assert wide(con, read, wide_jsonl(str(path), read, "none"), has_lines=False) == fast


def test_memory_that_runs_out_in_a_wide_reading_is_not_taken_for_the_files_fault(
    con: duckdb.DuckDBPyConnection,
) -> None:
    def fails(_: duckdb.DuckDBPyConnection) -> Iterator[pa.RecordBatch]:
        raise MemoryError("too little")
        yield

    read = contract({"type": "csv"})
    typed = WideReading(con, read, Texts(fails, read.names), has_lines=False)
    con.register("wide", typed)
    with pytest.raises(duckdb.Error):
        con.execute(f"select * from ({typed.view('wide')})").fetchall()
    assert isinstance(typed.error, MemoryError)
