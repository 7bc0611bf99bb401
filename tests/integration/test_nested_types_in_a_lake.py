"""Structs, lists and maps from landing to what is published: judged, rebuilt by key, kept as they are."""

from __future__ import annotations

import json
from decimal import Decimal
from itertools import permutations
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.lab import Lab
from tests.sources_project import write_sources

EVENTS: dict[str, Any] = {
    "id": "bigint",
    "at": "timestamp",
    "address": {
        "data_type": 'struct(zip integer, "street no" varchar, lat double)',
        "constraints": [{"type": "check", "name": "zip_not_negative", "expression": "address.zip >= 0"}],
    },
    "lines": "struct(end varchar, price decimal(8,2), huge hugeint)[]",
    "days": "map(date, tinyint)",
}
ONE = '{"id": 1, "at": "2024-01-01 10:00:00", "address": {"zip": 8001, "street no": "1"}, "days": {"2024-01-01": 1}}'
HUGE = str(2**70)
TWO = '{"id": 2, "at": "2024-01-01 10:00:00", "lines": [{"end": "A", "price": 1.50, "huge": ' + HUGE + "}, null]}"
TIE = TWO.replace('"A"', '"B"')
NEWER = '{"id": 1, "at": "2024-02-01 10:00:00", "address": {"zip": 9, "planet": [1.0]}, "days": {"2024-01-01": 2}}'
COLD = '{"id": 3, "at": "2024-01-01 10:00:00", "address": {"zip": -1, "lat": 1e3}, "lines": []}'
BAD = '{"id": 4, "at": "2024-01-01 10:00:00", "address": {"zip": 1.5}, "days": {"2024-01-32": 1}}'
FILES = {"a": [ONE, TWO], "b": [NEWER, COLD, BAD], "c": [TIE, ONE]}
SILVER = [
    (1, {"zip": 9, "street no": None, "lat": None}, None, {"2024-01-01": 2}),
    (2, None, [{"end": "B", "price": 1.5, "huge": 2**70}, None], None),
]


def lab_of(folder: Path) -> Lab:
    form = {"format": {"type": "jsonl"}, "newest_by": "at", "key": ("id",)}
    return Lab(folder / "lake", write_sources(folder, events={"columns": EVENTS, **form}))


def put(lab: Lab, *names: str) -> None:
    for name in names:
        lab.put(f"events/{name}.jsonl", "\n".join(FILES[name]).encode())


def published(lab: Lab) -> list[tuple[Any, ...]]:
    rows = lab.rows("select id, to_json(address), to_json(lines), to_json(days) from silver.events order by id")
    return [(id_, *(text and json.loads(text) for text in texts)) for id_, *texts in rows]


@pytest.mark.slow
def test_nested_values_go_through_a_lake_in_any_order_of_files(tmp_path: Path) -> None:
    tables = []
    for number, order in enumerate(permutations(FILES)):
        if number % 2:
            continue
        lab = lab_of(tmp_path / str(number))
        for name in order:
            put(lab, name)
            lab.good_run()
        assert published(lab) == SILVER
        kept = "select id, address, lines, days, _duplicates_identical, _duplicates_conflicting from silver.events"
        tables.append(lab.rows(f"{kept} order by id"))
        [bad, cold] = lab.rows("select reasons, record from quarantine.events order by kind")
        assert bad == (["address/zip: '1.5' is no integer", "days: its key: '2024-01-32' is no date"], BAD)
        assert cold[0] == ["zip_not_negative"]
        assert json.loads(cold[1])["address"] == {"zip": -1, "street no": None, "lat": 1000.0}
    lab.good_run(full_refresh=("silver.events",))
    tables.append(lab.rows(f"{kept} order by id"))
    lab.good_run(full_refresh=("bronze.events",))
    tables.append(lab.rows(f"{kept} order by id"))
    assert all(table == tables[0] for table in tables)
    [(types,)] = lab.rows("select list(column_type order by column_name) from (describe silver.events)")
    assert 'STRUCT(zip INTEGER, "street no" VARCHAR, lat DOUBLE)' in types
    assert "MAP(DATE, TINYINT)" in types
    assert 'STRUCT("end" VARCHAR, price DECIMAL(8,2), huge HUGEINT)[]' in types
    [(line,)] = lab.rows("select lines[1] from silver.events where id = 2")
    assert line == {"end": "B", "price": Decimal("1.50"), "huge": 2**70}


@pytest.mark.slow
def test_nan_inside_a_rejected_row_is_json(tmp_path: Path) -> None:
    finite = {"type": "check", "name": "finite", "expression": "isfinite(p.v)"}
    columns = {"id": "bigint", "p": {"data_type": "struct(v double, t varchar)", "constraints": [finite]}}
    lab = Lab(tmp_path / "lake", write_sources(tmp_path, points={"columns": columns, "format": {"type": "parquet"}}))
    values = [{"v": float("nan"), "t": 'NaN:"NaN'}, {"v": float("-inf"), "t": ""}, {"v": 1.5, "t": None}]
    sink = pa.BufferOutputStream()
    pq.write_table(pa.table({"id": [1, 2, 3], "p": values}), sink)
    lab.put("points/a.parquet", bytes(sink.getvalue()))
    lab.good_run()
    records = [json.loads(text) for (text,) in lab.rows("select record from quarantine.points order by record")]
    assert records == [
        {"id": 1, "p": {"v": "NaN", "t": 'NaN:"NaN'}},
        {"id": 2, "p": {"v": "-Infinity", "t": ""}},
    ]
