"""Each line of `assay connect` that can run here runs as it stands, in a folder with an ugly name."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from assay.cli import connecting, main
from assay.consumers.connect import Line, connection_lines
from assay.consumers.spreadsheet import Guarded
from assay.consumers.tables import UnknownTable, find_table, shown_tables
from assay.publish.reader import open_published
from tests.lab import HOSTILE_HOME
from tests.readers import Shop, row

FORMULA = '=HYPERLINK("http://evil","x")'


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Shop:
    shop = Shop(tmp_path_factory.mktemp("connect") / HOSTILE_HOME / "amount=5" / "published")
    shop.bring("a", [row(number, "2024-01-15", amount=number) for number in range(7)])
    shop.publish()
    return shop


def lines(shop: Shop, **options: bool) -> dict[str, Line]:
    every = connection_lines(shop.published.parent, shop.published, "silver.x", **options)
    return {line.tool: line for line in every}


def value_of(line: str) -> Any:
    """What the last expression of a line of Python gives."""
    *before, last = line.split("; ")
    names: dict[str, object] = {}
    exec("; ".join(before), names)  # noqa: S102 - the line is what is tested
    return eval(last, names)  # noqa: S307


@pytest.mark.parametrize("has_parts", [True, False], ids=["Parquet", "DuckDB alone"])
def test_data_frames_are_read_by_the_line(shop: Shop, has_parts: bool) -> None:
    by_tool = lines(shop, has_parts=has_parts)
    pandas, polars = (value_of(by_tool[tool].line) for tool in ("pandas", "polars"))
    assert sorted(pandas["amount"]) == sorted(polars["amount"]) == list(range(7))
    assert ("spark" in by_tool) is has_parts


def test_ibis_reads_the_table_by_the_line(shop: Shop) -> None:
    assert value_of(lines(shop)["ibis"].line).count().execute() == 7


def test_python_and_the_command_line_of_duckdb_show_rows_and_cannot_write(shop: Shop) -> None:
    by_tool = lines(shop)
    shown = subprocess.run([sys.executable, "-c", by_tool["python"].line], capture_output=True, text=True, check=True)
    assert "amount" in shown.stdout
    client = Path(sys.executable).with_name("duckdb")
    assert client.exists(), "the package duckdb-cli is not installed"
    path = f"{client.parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        ["sh", "-c", by_tool["duckdb"].line],
        capture_output=True,
        text=True,
        env={**os.environ, "PATH": path},
        check=True,
    )
    assert "amount" in done.stdout
    write = by_tool["duckdb"].line.replace("from silver.x limit 10", "create table silver.y as select 1")
    refused = subprocess.run(
        ["sh", "-c", write], capture_output=True, text=True, env={**os.environ, "PATH": path}, check=False
    )
    assert "read-only" in refused.stderr


def test_lines_that_cannot_run_here_name_the_file_as_it_is(shop: Shop) -> None:
    by_tool, file = lines(shop), str(shop.published / "lake.duckdb")
    assert by_tool["jdbc"].line == f"jdbc:duckdb:{file};access_mode=read_only;"
    assert by_tool["metabase"].line == file
    assert by_tool["superset"].line == f"duckdb:///{file}?access_mode=read_only"
    assert by_tool["r"].line.count('\\"') == 2  # of the folder's name


def test_a_name_that_sql_has_to_quote_is_quoted() -> None:
    line = connection_lines(Path("/p"), Path("/lake/published"), 'gold.a "b".c')[0].line
    assert r"from gold.\"a \"\"b\"\".c\" limit" in line


def test_a_table_that_is_not_there_is_named_with_those_that_are(shop: Shop) -> None:
    with open_published(shop.published) as connection:
        tables = shown_tables(connection)
    assert find_table(tables, "silver/x").table == "silver.x"
    with pytest.raises(UnknownTable, match=r"'silver\.y' for readers; there is silver\.x"):
        find_table(tables, "silver.y")


def test_texts_that_a_spreadsheet_would_run_are_guarded_and_counted() -> None:
    guarded = Guarded()
    texts = [FORMULA, "+1", "-", "@SUM(1)", "\t=1", "\r", " =1", "\uff1d1"]
    assert guarded.row(texts) == tuple(f"'{text}" for text in texts)
    assert "8 values look like a formula" in guarded.sentence
    harmless = Guarded()
    plain = ("a=b", "'", "", None, -5, -1.5, True, "{}")
    assert harmless.row(plain) == plain
    assert "byte for byte" not in harmless.sentence


def test_the_command_prints_one_line_and_excel_gets_a_guarded_file(
    shop: Shop, monkeypatch: pytest.MonkeyPatch, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    monkeypatch.setenv("ASSAY_HOME", str(shop.published.parent))
    connecting.show("python", "silver.x", as_json=False)
    assert capfdbinary.readouterr().out.decode() == lines(shop)["python"].line + "\n"
    for options, begin in (({}, b"a,n\n"), ({"for_excel": True}, b"\xef\xbb\xbfa,n\n")):
        main.query("select '=1+1' as a, -1 as n", "csv", **options)
        written = capfdbinary.readouterr()
        assert written.out == begin + (b"'=1+1,-1\n" if options else b"=1+1,-1\n")
        assert (b"1 value looks like a formula" in written.err) is bool(options)


def test_the_file_for_excel_is_written_by_the_line(shop: Shop) -> None:
    home = str(shop.published.parent)
    words = shlex.split(lines(shop)["excel"].line)
    assert words == [
        *("assay", "--project", home, "--home", home),
        *("query", "from silver.x", "--for-excel", ">", "silver.x.csv"),
    ]
