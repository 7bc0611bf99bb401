"""Files whose numbers and dates are written otherwise than DuckDB writes them, in each format and on each way in."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from datetime import date
from decimal import Decimal

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.source import Source

Make = Callable[..., Source]
COLUMNS = {"id": "bigint", "price": "decimal(12,2)", "day": "date", "share_pct": "double"}
FORM = {"type": "csv", "delimiter": ";", "decimal": ",", "thousands": ".", "dates": ["%d.%m.%Y", "%Y-%m-%d"]}
GOOD = "id;price;day;share_pct\n1.001;12.345,50;01.02.2024;12,5 %\n1002;-7,00;2024-02-01;100\n"
ROWS = [
    (1001, Decimal("12345.50"), date(2024, 2, 1), 12.5),
    (1002, Decimal("-7.00"), date(2024, 2, 1), 100.0),
]


@pytest.mark.parametrize("bad", ["", "1003;12.34,5;31.04.2024;1\n"], ids=["fast", "careful"])
def test_csv(make: Make, bad: str) -> None:
    source = make(COLUMNS, format=FORM, written={"share_pct": {"units": ["%"]}})
    source.put("a.csv", GOOD + bad)
    source.put("b.csv", "id;price;day;share_pct\n7;0,10;02.02.2024;1\n")
    source.run()
    assert source.rows() == [(7, Decimal("0.10"), date(2024, 2, 2), 1.0), *ROWS]
    reasons = [
        "price: '12.34,5' is no decimal(12,2)",
        "day: '31.04.2024' is no date written %d.%m.%Y or %Y-%m-%d",
    ]
    assert source.malformed() == ([(4, bad.strip(), reasons)] if bad else [])
    source.assert_conserved()


@pytest.mark.parametrize("lines", [2, 3], ids=["fast", "careful"])
def test_json_lines(make: Make, lines: int) -> None:
    price = {"decimal": ",", "thousands": " ", "negative": "trailing"}
    written = {"price": price, "day": {"dates": ["%d.%m.%Y"]}}
    source = make(COLUMNS, format={"type": "jsonl"}, written=written)
    records = [
        {"id": 1001, "price": "12 345,50", "day": "01.02.2024", "share_pct": 12.5},
        {"id": 1002, "price": "7,00-", "day": "01.02.2024", "share_pct": 100},
        {"id": 1003, "price": 7, "day": "2024-02-01", "share_pct": 1},
    ]
    source.put("a.jsonl", "".join(json.dumps(record) + "\n" for record in records[:lines]))
    source.run()
    assert source.rows() == ROWS
    reasons = [reasons for _, _, reasons in source.malformed()]
    assert reasons == [["day: '2024-02-01' is no date written %d.%m.%Y"]][: lines - 2]


def test_texts_in_parquet_and_its_own_values(make: Make) -> None:
    columns = {"id": "bigint", "price": "decimal(12,2)", "day": "date"}
    written = {"price": {"decimal": ",", "thousands": "."}, "day": {"dates": ["%d.%m.%Y"]}}
    source = make(columns, format={"type": "parquet"}, written=written)
    file = io.BytesIO()
    pq.write_table(pa.table({"id": [1001], "price": ["12.345,50"], "day": ["01.02.2024"]}), file)
    source.put("a.parquet", file.getvalue())
    file = io.BytesIO()
    pq.write_table(pa.table({"id": [1002], "price": [Decimal("-7.00")], "day": [date(2024, 2, 1)]}), file)
    source.put("b.parquet", file.getvalue())
    source.run()
    assert source.rows() == [row[:3] for row in ROWS]


def test_another_way_of_writing_is_another_contract(make: Make) -> None:
    before = make(COLUMNS, format=FORM).contract.fingerprint
    changed = make(COLUMNS, format=FORM, written={"share_pct": {"units": ["%"]}})
    assert changed.contract.fingerprint != before
