"""What comes inside of columns, or beside them in an object, is told by its place, and is no column."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from assay.ledger.schema_changes import columns_that_came, read_changes
from tests.source import Source

Make = Callable[..., Source]
Row = Mapping[str, Any]
COLUMNS = {"id": "bigint", "zip": "varchar", "lines": "struct(sku varchar)[]"}
OPTIONS: dict[str, Any] = {"paths": {"zip": "/address/zip"}, "optional": ["lines"], "new_columns": "add"}


def places(source: Source) -> list[tuple[str, str, str]]:
    return source.sql(
        "select replace(path, 'sales/', ''), column_name, name_in_file from ops.schema_changes "
        "where what = 'came' and name_in_file is not null order by change_id"
    )


def load(source: Source, *rows: Row) -> None:
    """Load a file of JSON lines for each row."""
    for number, row in enumerate(rows, len(source.files())):
        source.put(f"{number}.jsonl", json.dumps({"id": number, **row}) + "\n")
        source.run()


def test_a_place_is_told_once_and_is_neither_a_column_nor_gone(make: Make) -> None:
    source = make(COLUMNS, format={"type": "jsonl"}, **OPTIONS)
    lines = [{"sku": "a"}, None, {"sku": "b", "price": 1.50, "a/b": {"c": 1}}]
    load(source, {"address": {"zip": "1"}}, {"address": {"zip": "1", "zip4": 5}, "lines": lines, "more": 1})
    load(source, {"address": {"zip4": 6}}, {})
    told = [
        ("1.jsonl", "/address/zip4", "zip4"),
        ("1.jsonl", "/lines/a~1b", "a/b"),
        ("1.jsonl", "/lines/price", "price"),
    ]
    assert places(source) == told
    assert columns_that_came(source.connection, "sales") == ["more"]
    changes = read_changes(source.connection)
    assert {change.column for change in changes} == {"more", *(place for _, place, _ in told)}
    assert [change.column for change in changes if change.proposed_type] == ["more"]
    source.load(is_full_refresh=True)
    assert places(source) == told


@pytest.mark.slow
def test_places_of_maps_aliases_and_of_each_element_are_told_by_what_columns_are_called(make: Make) -> None:
    columns = {"id": "bigint", "n": "bigint", "it": "map(varchar, struct(n integer))"}
    source = make(
        columns, format={"type": "jsonl", "each": "/lines"}, paths={"id": "^/id", "n": "#"}, aliases={"it": ["old"]}
    )
    load(source, {"lines": [{"it": {"k": {"n": 1, "m": 2}}}, {"old": {"j": {"m": 3, "o": [1]}}, "top": {"x": 1}}]})
    assert places(source) == [("0.jsonl", "/it/m", "m"), ("0.jsonl", "/it/o", "o")]
    assert columns_that_came(source.connection, "sales") == ["top"]


@pytest.mark.slow
def test_what_refuses_a_file_of_elements_is_named(make: Make) -> None:
    paths = {"id": "^/id", "n": "#"}
    source = make({"id": "bigint", "n": "bigint", "sku": "varchar"}, format={"type": "jsonl", "each": "/lines"},
        paths=paths, new_columns="refuse")  # fmt: skip
    load(source, {"lines": [{"sku": "a"}]}, {"lines": [{"sku": "a", "price": 1}]})
    assert source.files() == {"0.jsonl": "loaded", "1.jsonl": "refused"}
    assert source.reason("1.jsonl").endswith("unexpected columns: price")


@pytest.mark.slow
def test_fields_of_structs_of_parquet_are_told(make: Make, tmp_path: Path) -> None:
    source = make(COLUMNS, format={"type": "parquet"}, aliases={"lines": ["items"]}, **OPTIONS)
    rows = [
        {"address": {"zip": "1"}, "lines": [{"sku": "a"}]},
        {"address": {"zip": "1", "zip4": 5}, "lines": [{"sku": "a", "price": None}, {"sku": "b", "price": 1.5}]},
        {"address": {"zip": "1", "zip4": 5}, "items": [{"sku": "a", "price": 1.5, "qty": 2}]},
        {"address": {"zip": "1"}, "lines": [{"sku": "a"}]},
    ]
    for number, row in enumerate(rows):
        pq.write_table(pa.Table.from_pylist([{"id": number, **row}]), tmp_path / "made")
        source.put(f"{number}.parquet", (tmp_path / "made").read_bytes())
        source.run()
    assert places(source) == [
        ("1.parquet", "/address/zip4", "zip4"),
        ("1.parquet", "/lines/price", "price"),
        ("2.parquet", "/lines/qty", "qty"),
    ]
    assert [change.words for change in read_changes(source.connection) if change.name_in_file is None] == []


def renames(source: Source) -> list[tuple[str, str, str]]:
    return source.sql(
        "select replace(path, 'sales/', ''), column_name, name_in_file from ops.schema_changes "
        "where what = 'renamed' order by change_id"
    )


def test_aliases_in_objects_and_of_columns_that_hold_others_are_told_once(make: Make) -> None:
    source = make(COLUMNS, format={"type": "jsonl"}, aliases={"zip": ["plz"], "lines": ["items"]}, **OPTIONS)
    load(source, {"address": {"zip": "1", "plz": None}}, {"address": {"plz": "2"}})
    load(source, {"address": {"plz": "3"}, "items": [{"sku": "a"}]}, {"items": []})
    told = [("1.jsonl", "zip", "plz"), ("2.jsonl", "lines", "items")]
    assert renames(source) == told
    source.load(is_full_refresh=True)
    assert renames(source) == told


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["xml", "json", "parquet"])
def test_aliases_in_objects_are_told_of_each_format(make: Make, tmp_path: Path, kind: str) -> None:
    form = {"xml": {"records": "/all/one"}, "json": {"records": ""}}.get(kind, {})
    source = make(COLUMNS, format={"type": kind, **form}, aliases={"zip": ["plz"]}, **OPTIONS)
    for number, name in enumerate(("zip", "plz", "plz", "zip")):
        row = {"id": number, "address": {name: str(number)}}
        pq.write_table(pa.Table.from_pylist([row]), tmp_path / "made")
        xml = f"<all><one><id>{number}</id><address><{name}>{number}</{name}></address></one></all>"
        content = {"xml": xml.encode(), "json": json.dumps([row]).encode(), "parquet": (tmp_path / "made").read_bytes()}
        source.put(f"{number}.x", content[kind])
        source.run()
    assert [row[0] for row in source.rows("zip")] == ["0", "1", "2", "3"]
    assert renames(source) == [("1.x", "zip", "plz")]


@pytest.mark.slow
def test_of_keys_that_are_values_not_all_places_are_told(make: Make) -> None:
    source = make(COLUMNS, format={"type": "jsonl"}, **OPTIONS)
    for number in range(12):
        load(source, {"address": {f"{number} {key}": 1 for key in range(150)}})
    assert len(places(source)) == 1_000
