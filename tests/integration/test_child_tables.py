"""A list inside each record as a table of its own: its elements are the records of another source."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pytest

from assay.contract.errors import ContractError
from assay.contract.format import Format
from assay.text.nested import flat_records
from assay.text.record import Record
from tests.lab import Lab
from tests.source import Source
from tests.sources_project import write_sources

Make = Callable[..., Source]
LINES = {"order_id": "bigint", "position": "bigint", "sku": "varchar", "price": "decimal(9,2)"}
PATHS = {"order_id": "^/order/id", "position": "#", "price": "/cost/price"}
EACH = {"type": "jsonl", "each": "/lines"}


def load(
    make: Make, *records: str, columns: dict[str, str] = LINES, paths: dict[str, str] = PATHS, **more: Any
) -> Source:
    source = make(columns, paths=paths, **{"format": EACH, **more})
    source.put("a.jsonl", "\n".join(records))
    source.run()
    return source


def test_each_element_is_a_row_with_its_parent_and_its_position(make: Make) -> None:
    source = load(
        make,
        '{"order": {"id": 9007199254740993}, "lines": [{"sku": "a", "cost": {"price": 1.10}}, {"sku": "b"}], "x": 1}',
        '{"order": {"id": 2}, "lines": [{"sku": "é\\n\\"", "cost": {"price": 2, "in": 1e400}, "more": [1.0]}]}',
    )
    assert source.rows() == [
        (2, 1, 'é\n"', Decimal("2.00")),
        (9007199254740993, 1, "a", Decimal("1.10")),
        (9007199254740993, 2, "b", None),
    ]
    assert source.sql(f"select _rescued::varchar from {source.table} where _rescued is not null") == [
        ('{"cost":{"in":1e400},"more":[1.0]}',)
    ]


def test_a_list_that_is_missing_null_or_empty_has_no_elements(make: Make) -> None:
    source = load(make, '{"order": {"id": 1}}', '{"lines": null}', '{"lines": []}', '{"lines": [{"sku": "a"}]}')
    assert source.rows("sku") == [("a",)]
    assert source.sql("select records_read from ops.files") == [(1,)]


BAD = [
    ('{"lines": {"sku": "a"}}', "/lines is not an array but an object"),
    ('{"lines": ""}', "/lines is not an array but a string"),
    ('{"lines": false}', "/lines is not an array but a boolean"),
    ('{"lines": 0}', "/lines is not an array but a number"),
    ("{", "not JSON: Expecting property name enclosed in double quotes at column 2"),
    ('{"lines": [{"sku": "a", "sku": "b"}]}', 'the name "sku" occurs more than once in one object'),
]
BAD_ELEMENTS = [
    ("7.50", '"_":7.50', "the element is not an object but a number"),
    ("null", '"_":null', "the element is not an object but null"),
    ("[]", '"_":[]', "the element is not an object but an array"),
    ('{"cost": 1}', '"_":{"cost":1}', "/cost is not an object but a number"),
    ('{"cost":{"price":1.005}}', '"sku":null,"price":1.005', "price: '1.005' is no decimal(9,2)"),
]


def test_a_list_that_is_none_is_malformed_as_its_record_is_written(make: Make) -> None:
    """It is one record of the source, at its place among the elements."""
    source = load(make, '{"lines": [{"sku": "a"}, {"sku": "b"}]}', *(record for record, _ in BAD), '{"lines": [{}]}')
    assert source.rows("sku") == [("a",), ("b",), (None,)]
    assert source.malformed() == [(at, record, [reason]) for at, (record, reason) in enumerate(BAD, 3)]


def test_an_element_that_is_malformed_tells_its_parent_and_position(make: Make) -> None:
    lines = ", ".join(element for element, _, _ in BAD_ELEMENTS)
    source = load(make, f'{{"order": {{"id": 5}}, "lines": [{lines}, {{"sku": "a"}}]}}')
    assert source.rows("position", "sku") == [(len(BAD_ELEMENTS) + 1, "a")]
    assert source.malformed() == [
        (at, f'{{"order_id":5,"position":{at},{raw}}}', [reason]) for at, (_, raw, reason) in enumerate(BAD_ELEMENTS, 1)
    ]


def test_a_parent_that_is_none_makes_all_its_elements_malformed(make: Make) -> None:
    source = load(make, '{"order": 7, "lines": [{"sku": "a"}, {"sku": "b"}]}', '{"lines": [{"sku": "c"}]}')
    assert source.rows("sku") == [("c",)]
    assert source.malformed() == [
        (at, f'{{"position":{at},"_":{{"sku":"{sku}"}}}}', ["/order is not an object but a number"])
        for at, sku in ((1, "a"), (2, "b"))
    ]


def test_elements_may_be_values_themselves(make: Make) -> None:
    columns = {"id": "bigint", "tag": "decimal(9,2)"}
    source = load(
        make, '{"id": 1, "lines": [1.10, "2", null]}', '{"id": 2, "lines": [{"a": 1}]}',
        columns=columns, paths={"id": "^/id", "tag": ""},
    )  # fmt: skip
    assert source.rows() == [(1, Decimal("1.10")), (1, Decimal("2.00")), (1, None)]
    assert source.malformed() == [(4, '{"id":2,"tag":{"a":1}}', ["tag: '{\"a\":1}' is no decimal(9,2)"])]


def test_documents_have_children_too(make: Make) -> None:
    source = make(LINES, paths=PATHS, format={"type": "json", "records": "/orders", "each": "/lines"})
    source.put(
        "a.json", json.dumps({"orders": [{"order": {"id": 1}, "lines": [{"sku": "a"}, {"sku": "b"}]}, 7]}, indent=1)
    )
    source.run()
    assert source.rows("order_id", "position", "sku") == [(1, 1, "a"), (1, 2, "b")]
    assert source.malformed() == [(3, "7", ["not an object but a number"])]


def test_what_elements_repeat_of_their_record_is_bounded(make: Make) -> None:
    record = json.dumps({"order": {"id": "x" * 2_000_000}, "lines": [1] * 1000})
    source = load(make, record, '{"lines": [{"sku": "a"}]}')
    assert source.rows("sku") == [("a",)]
    [(_, raw, reasons)] = source.malformed()
    assert raw == record
    assert reasons == ["what its 1,000 elements repeat of it takes over 1,073,741,824 bytes"]


@pytest.mark.parametrize(
    ("form", "paths", "reason"),
    [
        ({"type": "jsonl"}, {"sku": "^/id"}, "column sku: path: '\\^' goes with `each`"),
        ({"type": "jsonl"}, {"sku": "#"}, "column sku: path: '#' goes with `each`"),
        (EACH, {"sku": "^"}, "column sku: path: '\\^' is the whole record"),
        (EACH, {"sku": "^id"}, "column sku: path: 'id' is no JSON pointer"),
        ({"type": "jsonl", "each": "lines"}, {}, "format: each 'lines' is no JSON pointer"),
        ({"type": "jsonl", "each": ""}, {}, "format: each"),
        ({"type": "parquet", "each": "/lines"}, {}, "unknown key 'each'"),
    ],
)
def test_what_has_no_meaning_stops_the_contract(
    make: Make, form: dict[str, str], paths: dict[str, str], reason: str
) -> None:
    with pytest.raises(ContractError, match=reason):
        _ = make(LINES, format=form, paths=paths).contract


def test_another_reader_counts_the_same_elements() -> None:
    """DuckDB, by its own JSON, of lists that are lists."""
    rng = random.Random(5)  # noqa: S311
    lists: list[Any] = [None, [], [{}], [{"a": [1, "]"]}, {"lines": [1, 2]}], [{"sku": '"],[,{'}] * 3]
    records = [{"x": rng.choice(lists), **({"lines": lines} if lines != "x" else {})}
               for lines in (rng.choice([*lists, "x"]) for _ in range(300))]  # fmt: skip
    texts = [json.dumps(record, indent=rng.choice([None, 1])).replace("\n", " ") for record in records]
    form = Format("jsonl", each="/lines", places=(("sku", "/sku"),))
    parts = list(flat_records((Record(at, text.encode(), None) for at, text in enumerate(texts)), form))
    with duckdb.connect() as connection:
        counted = connection.execute(
            "select sum(json_array_length(t, '/lines')) from (select unnest(?::varchar[]) as t)", [texts]
        ).fetchall()
    assert [(len(parts),)] == counted
    assert [part.line for part in parts] == list(range(1, len(parts) + 1))


@pytest.mark.slow
def test_parent_and_child_are_two_tables_of_the_same_files(tmp_path: Path) -> None:
    """A newer order replaces its row and those of its lines that it still has."""
    own = {"format": {"type": "jsonl"}, "files": "orders/*.jsonl", "newest_by": "updated_at"}

    def column(kind: str, path: str) -> dict[str, Any]:
        return {"data_type": kind, "config": {"meta": {"path": path}}}

    orders = {"order_id": "bigint", "city": column("varchar", "/customer/city"), "updated_at": "timestamp"}
    lines = {
        "order_id": column("bigint", "^/order_id"),
        "position": column("bigint", "#"),
        "sku": "varchar",
        "updated_at": column("timestamp", "^/updated_at"),
    }
    project = write_sources(
        tmp_path,
        orders={**own, "columns": orders, "key": ("order_id",), "shares_with": ["order_lines"]},
        order_lines={**own, "columns": lines, "key": ("order_id", "position"), "format": EACH},
    )
    lab = Lab(tmp_path / "lake", project)

    def order(day: int, city: str, *skus: str) -> bytes:
        record = {"order_id": 1, "updated_at": f"2026-01-0{day} 10:00:00", "customer": {"city": city}}
        return json.dumps({**record, "lines": [{"sku": sku} for sku in skus]}).encode() + b"\n"

    lab.put("orders/2.jsonl", order(2, "Basel", "a", "c"))
    lab.put("orders/1.jsonl", order(1, "Bern", "a", "b"))
    lab.good_run()
    assert lab.rows("select order_id, city from silver.orders") == [(1, "Basel")]
    assert lab.rows("select position, sku from silver.order_lines order by all") == [(1, "a"), (2, "c")]
    read = lab.rows(
        "select source, sum(records_read) from ops.conservation where is_conserved group by all order by all"
    )
    assert read == [("order_lines", 4), ("orders", 2)]
