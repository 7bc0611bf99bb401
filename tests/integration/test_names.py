"""Every name that a file can hold works from the file to readers, and nobody has to write `quote: true`."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from assay.cli.querying import query
from assay.contract.names import quoted
from tests.lab import Lab
from tests.names_project import TYPES, write_project

pytestmark = pytest.mark.slow  # real runs of three sources

NAMES = {
    "Group By": "bigint",
    "it's": "varchar",
    "50%": "decimal(10,2)",
    'a "b" c': "varchar",
    "%(x)s": "varchar",
    "select": "varchar",
    "a.b": "varchar",
    "$1": "varchar",
    "{x}": "varchar",
    "[y]": "varchar",
    "a/b~c": "varchar",
    "new\nline": "varchar",
    "ünï ☕": "varchar",
    "; drop table ops.files; --": "varchar",
    "/* c */": "varchar",
    "back\\slash": "varchar",
    "<b>": "varchar",
    " blank ": "varchar",
    "*": "varchar",
}
GOOD = [1, "x", "2.50", *["v"] * (len(NAMES) - 3)]
QUARANTINED = [2, "y", "0.10", *["v"] * (len(NAMES) - 4), "bad"]
MALFORMED = ["three", *GOOD[1:]]


def csv_file(rows: Sequence[Sequence[object]]) -> bytes:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([list(NAMES), *rows])
    return text.getvalue().encode()


def json_file(rows: Sequence[Sequence[object]]) -> bytes:
    return "".join(json.dumps(dict(zip(NAMES, row, strict=True))) + "\n" for row in rows).encode()


def parquet_file(rows: Sequence[Sequence[object]]) -> bytes:
    columns = {name: [str(row[at]) for row in rows] for at, name in enumerate(NAMES)}
    sink = io.BytesIO()
    pq.write_table(pa.table(columns), sink)
    return sink.getvalue()


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Lab:
    folder = tmp_path_factory.mktemp("names")
    lab = Lab(folder / "home", write_project(folder, NAMES))
    rows = [GOOD, QUARANTINED, MALFORMED]
    for source, write in (("csv", csv_file), ("jsonl", json_file), ("parquet", parquet_file)):
        lab.put(f"{source}/1.{source}", write([GOOD]))
        lab.put(f"{source}/2.{source}", write(rows))
    lab.good_run()
    for source, write in (("csv", csv_file), ("jsonl", json_file), ("parquet", parquet_file)):
        lab.put(f"{source}/3.{source}", write([[9, *GOOD[1:]]]))
    lab.good_run()
    return lab


@pytest.mark.parametrize("source", TYPES)
def test_rows_reach_silver_and_gold(lab: Lab, source: str) -> None:
    status = lab.source(source)
    assert lab.rows("select path, reason from ops.files where status <> 'loaded'") == []
    assert status["is_conserved"]
    assert status["rows"] == {"bronze": 4, "silver": 2, "quarantined": 1, "superseded": 0, "duplicates": 1}
    assert [row[:2] for row in lab.table(f"gold.{source}")] == [(1, "x"), (9, "x")]


@pytest.mark.parametrize("source", TYPES)
def test_rejected_records_are_shown_with_their_names(lab: Lab, source: str) -> None:
    rows = lab.rows(f"select kind, reasons, record from quarantine.{source} order by kind")
    assert [(kind, reasons) for kind, reasons, _ in rows] == [
        ("malformed", ["Group By: 'three' is no bigint"]),
        ("quarantined", ["no_bad"]),
    ]
    assert list(json.loads(rows[1][2])) == list(NAMES)
    assert json.loads(rows[1][2])[list(NAMES)[-1]] == "bad"


def test_every_check_could_be_asked(lab: Lab) -> None:
    assert lab.rows("select count(*) from ops.checks where verdict = 'not evaluated'") == [(0,)]
    assert lab.rows("select count(distinct column_name) from ops.profiles where source = 'csv'") == [(len(NAMES) + 1,)]


@pytest.mark.parametrize("output", ["table", "csv", "json"])
def test_readers_can_ask_for_them(
    lab: Lab, output: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ASSAY_HOME", str(lab.settings.home))
    query(f"select {', '.join(map(quoted, NAMES))} from gold.csv", output)
    shown = capsys.readouterr().out
    if output == "csv":
        assert next(csv.reader(io.StringIO(shown))) == list(NAMES)
    assert output == "table" or "50%" in shown


def test_a_full_refresh_gives_the_same(lab: Lab) -> None:
    before: dict[str, Any] = {source: lab.table(f"silver.{source}") for source in TYPES}
    lab.good_run(full_refresh=[f"bronze.{source}" for source in TYPES])
    assert {source: lab.table(f"silver.{source}") for source in TYPES} == before
