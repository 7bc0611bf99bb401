"""Avro containers from landing to bronze: types, reasons, and what is refused."""

from __future__ import annotations

import gzip
import io
import math
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import fastavro
import pytest

from assay.text import avro
from tests.source import Source

Make = Callable[..., Source]
DECIMAL = {"type": "bytes", "logicalType": "decimal", "precision": 12, "scale": 3}
MICROS = {"type": "long", "logicalType": "timestamp-micros"}
FIELDS: dict[str, tuple[Any, str]] = {
    "id": ("long", "bigint"),
    "name": (["null", "string"], "varchar"),
    "price": (["null", DECIMAL], "decimal(9,2)"),
    "weight": ("double", "double"),
    "day": (["null", {"type": "int", "logicalType": "date"}], "date"),
    "at": (["null", MICROS], "timestamp with time zone"),
    "tags": ({"type": "array", "items": "string"}, "varchar"),
    "kind": ({"type": "enum", "name": "kind", "symbols": ["A", "B"]}, "varchar"),
}
COLUMNS = {name: kind for name, (_, kind) in FIELDS.items()}
ROW = {"name": None, "price": None, "weight": 1.0, "day": None, "at": None, "tags": [], "kind": "A"}
AT = datetime(2024, 2, 1, 10, 30, 5, 123456, tzinfo=UTC)


def schema(**fields: Any) -> dict[str, Any]:
    return {"type": "record", "name": "r", "fields": [{"name": name, "type": kind} for name, kind in fields.items()]}


SCHEMA = schema(**{name: kind for name, (kind, _) in FIELDS.items()})


def written(records: Sequence[Any], of: Any = SCHEMA, codec: str = "deflate") -> bytes:
    out = io.BytesIO()
    fastavro.writer(out, of, records, codec=codec)
    return out.getvalue()


def load(make: Make, content: bytes, columns: dict[str, str] = COLUMNS, **more: Any) -> Source:
    source = make(columns, format={"type": "avro"}, **more)
    source.put("a.avro", content)
    source.run()
    return source


def test_values_come_in_the_types_of_the_contract(make: Make) -> None:
    rows = [
        {**ROW, "id": 2**63 - 1, "name": 'te"a\n\u20ac', "price": Decimal("-2.500"), "day": date(2024, 2, 1), "at": AT},
        {**ROW, "id": -1, "weight": math.nan, "tags": ["a", 'b"'], "kind": "B"},
        {**ROW, "id": 3, "weight": -math.inf},
    ]
    source = load(make, written(rows))
    assert source.malformed() == []
    assert source.rows("id", "name", "price", "day", "at", "tags", "kind") == [
        (-1, None, None, None, None, '["a","b\\""]', "B"),
        (3, None, None, None, None, "[]", "A"),
        (2**63 - 1, 'te"a\n\u20ac', Decimal("-2.50"), date(2024, 2, 1), AT, "[]", "A"),
    ]
    weights = source.sql(f"select weight::varchar from {source.table} order by id")
    assert weights == [("nan",), ("-inf",), ("1.0",)]
    source.assert_conserved()


def test_what_a_type_cannot_hold_exactly_is_malformed_with_its_reason(make: Make) -> None:
    nanos = {"type": "long", "logicalType": "timestamp-nanos"}
    of = schema(id="long", price=DECIMAL, at=nanos, text="bytes", kinds=["null", "string", "double"])
    columns = {
        "id": "smallint", "price": "decimal(9,2)", "at": "timestamp", "text": "varchar", "kinds": "double",
    }  # fmt: skip
    fine = {"id": 1, "price": Decimal("1.100"), "at": 1_000_000_000_000_001_000, "text": b"\xc3\xa9", "kinds": 2.5}
    rows = [
        fine,
        {**fine, "id": 70_000},
        {**fine, "id": 3, "price": Decimal("1.105")},
        {**fine, "id": 4, "at": 1_000_000_000_000_000_001},
        {**fine, "id": 5, "text": b"\xff\x00"},
        {**fine, "id": 6, "kinds": "heavy"},
    ]
    source = load(make, written(rows, of, "null"), columns)
    at = datetime(2001, 9, 9, 1, 46, 40, 1)
    assert source.rows() == [(1, Decimal("1.10"), at, "\u00e9", 2.5)]
    assert [(line, reasons) for line, _, reasons in source.malformed()] == [
        (2, ["id: '70000' is no smallint"]),
        (3, ["price: '1.105' is no decimal(9,2)"]),
        (4, ["at: '2001-09-09T01:46:40.000000001Z' is no timestamp"]),
        (5, ["byte 0xff at column 69 is not utf-8"]),
        (6, ["kinds: 'heavy' is no double"]),
    ]
    source.assert_conserved()


def test_fields_that_the_contract_does_not_name_are_rescued_or_refused(make: Make) -> None:
    of = schema(id="long", more={"type": "map", "values": "long"}, wide={**DECIMAL, "precision": 60})
    content = written([{"id": 1, "more": {"a": 2**62}, "wide": Decimal("1234567890123456789.125")}], of)
    source = load(make, content, {"id": "bigint"})
    [(text,)] = source.sql(f"select _rescued::varchar from {source.table}")
    assert text == '{"more":{"a":4611686018427387904},"wide":1234567890123456789.125}'
    source = load(make, content, {"id": "bigint"}, name="strict", new_columns="refuse")
    assert "unexpected columns: more, wide" in source.reason("a.avro")


def test_a_schema_without_a_column_of_the_contract_refuses_the_file(make: Make) -> None:
    content = written([{"id": 1}], schema(id="long"))
    source = load(make, content, {"id": "bigint", "name": "varchar"})
    assert "missing columns: name" in source.reason("a.avro")
    source = load(make, content, {"id": "bigint", "name": "varchar"}, name="lax", optional=["name"])
    assert source.rows() == [(1, None)]


@pytest.mark.parametrize(
    ("codec", "wrap"), [("null", bytes), ("zstandard", gzip.compress)], ids=["plain", "packed twice"]
)
def test_every_codec_and_any_wrapping(make: Make, codec: str, wrap: Callable[[bytes], bytes]) -> None:
    source = load(make, wrap(written([{**ROW, "id": n} for n in range(2000)], codec=codec)))
    assert source.sql(f"select count(*), sum(id) from {source.table}") == [(2000, 1999000)]
    assert source.sql("select records_read, plain_records from ops.files") == [(2000, 2000)]


def test_a_damaged_file_is_refused_and_none_of_it_is_loaded(make: Make) -> None:
    content = written([{**ROW, "id": n} for n in range(5000)])
    source = make(COLUMNS, format={"type": "avro"})
    source.put("cut.avro", content[:-7])
    source.put("sync.avro", content[:-1] + b"!")
    source.put("good.avro", content)
    middle = len(content) // 2
    source.put("block.avro", content[:middle] + bytes(8) + content[middle + 8 :])
    source.run()
    assert source.files() == dict.fromkeys(("cut.avro", "sync.avro", "block.avro"), "refused") | {"good.avro": "loaded"}
    assert "breaks off in block" in source.reason("cut.avro")
    assert "sync marker" in source.reason("sync.avro")
    assert source.sql(f"select count(*) from {source.table}") == [(5000,)]


def test_a_file_of_which_two_readers_count_other_records_is_not_loaded(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = avro._lines
    monkeypatch.setattr(avro, "_lines", lambda *args: [b"".join(lines(*args)).partition(b"\n")[2]])
    source = load(make, written([{**ROW, "id": n} for n in range(3)]))
    assert source.reason("a.avro").startswith("3 records were counted in it, but 2 were read")


def test_many_fields_are_read_as_few_are(make: Make) -> None:
    names = [f"f{n}" for n in range(300)]
    content = written([{name: n for n, name in enumerate(names)}], schema(**dict.fromkeys(names, "double")))
    source = load(make, content, {"f7": "double", "f299": "bigint"})
    assert source.rows() == [(7.0, 299)]
    assert len(source.rescued()[0]) == 298
    wide = load(make, content, dict.fromkeys(names, "double"), name="wide")
    assert wide.rows("f0", "f299") == [(0.0, 299.0)]
    missing = written([dict.fromkeys(names, math.nan)], schema(**dict.fromkeys(names, "double")))
    wide.put("b.avro", missing)
    wide.run()
    assert wide.sql(f"select count(*) from {wide.table} where isnan(f299)") == [(1,)]


def test_a_container_without_records_is_loaded_and_empty(make: Make) -> None:
    assert load(make, written([])).files() == {"a.avro": "loaded"}
