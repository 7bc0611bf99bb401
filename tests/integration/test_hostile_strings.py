"""Strings that formats trip over come back byte for byte: from bronze, from what is published, and from exports."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import pytest
from typer.testing import CliRunner

from assay.cli.main import app
from assay.contract.format import Format
from assay.text import fields, split
from tests.hostile import FORMATS, STRINGS, Written
from tests.lab import Lab
from tests.source import Source
from tests.sources_project import write_sources

COLUMNS = {"id": "bigint", "text": "varchar"}


def texts(written: Written) -> dict[int, str]:
    """The strings that a format can say, by their place in the list."""
    return {number: text for number, text in enumerate(STRINGS) if written.holds(text)}


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Lab:
    folder = tmp_path_factory.mktemp("hostile")
    sources = {each.name: {"columns": COLUMNS, "key": ("id",), "format": dict(each.form)} for each in FORMATS}
    lab = Lab(folder / "lake", write_sources(folder, **sources))
    for each in FORMATS:
        lab.put(f"{each.name}/a.{each.ending}", each.write(texts(each)))
    lab.good_run()
    return lab


def exported(lab: Lab, name: str, output: str, monkeypatch: pytest.MonkeyPatch) -> bytes:
    monkeypatch.setenv("ASSAY_HOME", str(lab.settings.home))
    monkeypatch.setenv("ASSAY_DBT_PROJECT", str(lab.settings.dbt_project))
    done = CliRunner().invoke(app, ["query", f"select id, text from silver.{name} order by id", "--format", output])
    assert done.exit_code == 0
    return done.stdout_bytes


@pytest.mark.slow  # a run over twenty-two sources
@pytest.mark.timeout(900)
@pytest.mark.parametrize("name", [each.name for each in FORMATS])
def test_strings_come_back_from_every_format(
    lab: Lab, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = texts(next(each for each in FORMATS if each.name == name))
    with duckdb.connect(str(lab.settings.warehouse), read_only=True) as warehouse:
        bronze = dict(warehouse.execute(f"select id, text from bronze.{name}").fetchall())
    assert lab.rows(f"select reasons, left(record, 99) from quarantine.{name}") == []
    assert [number for number in expected if bronze.get(number) != expected[number]] == []
    assert bronze == expected
    assert dict(lab.rows(f"select id, text from silver.{name}")) == expected
    records = json.loads(exported(lab, name, "json", monkeypatch))
    assert {record["id"]: record["text"] for record in records} == expected
    (tmp_path / "x.csv").write_bytes(exported(lab, name, "csv", monkeypatch))
    rows = [fields(record.raw, Format(type="csv")) for record in split(tmp_path / "x.csv", Format(type="csv"), 2)]
    assert {int(number or -1): text for number, text in rows} == expected
    with duckdb.connect() as reader:
        query = "select id, text from read_csv(?, auto_detect = false, header = true, delim = ',', quote = '\"', "
        query += "escape = '\"', columns = {id: 'bigint', text: 'varchar'}, allow_quoted_nulls = false)"
        assert dict(reader.execute(query, [str(tmp_path / "x.csv")]).fetchall()) == expected


def test_json_holds_a_nul_character_and_no_half_ones(make: Callable[..., Source]) -> None:
    source = make(COLUMNS, format={"type": "jsonl"})
    lines = [r'{"id": 1, "text": "a\u0000b"}', r'{"id": 2, "text": "\ud83d\ude00"}', r'{"id": 3, "text": "\ud83d"}']
    source.put("a.jsonl", "\n".join(lines))
    source.run()
    assert source.rows() == [(1, "a\x00b"), (2, "\U0001f600")]
    assert [(line, raw) for line, raw, _ in source.malformed()] == [(3, lines[2])]


@pytest.mark.parametrize("form", [{"type": "csv"}, {"type": "fixed", "widths": [2, -1, 4]}], ids=["csv", "fixed"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16-le"])
def test_half_a_character_costs_its_record(make: Callable[..., Source], form: dict[str, Any], encoding: str) -> None:
    source = make(COLUMNS, format={**form, "encoding": encoding})
    between = "," if form["type"] == "csv" else " "
    text = f"id{between}text\n 1{between}a\ud83db \n 2{between}abcd\n"
    source.put("a.txt", text.encode(encoding, "surrogatepass"))
    source.run()
    assert source.rows() == [(2, "abcd")]
    [(line, _, [reason])] = source.malformed()
    assert line == 2
    assert f"is not {encoding}" in reason
