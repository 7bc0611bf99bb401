"""Values inside others in JSON and Parquet, as columns of their own."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from assay.contract.errors import ContractError
from tests.source import Source

Make = Callable[..., Source]
COLUMNS = {"id": "bigint", "city": "varchar", "lat": "decimal(12,6)"}
PATHS = {"city": "/address/city", "lat": "/address/geo/lat"}


def load(
    make: Make, *lines: str, paths: dict[str, str] = PATHS, columns: dict[str, str] = COLUMNS, **more: Any
) -> Source:
    source = make(columns, paths=paths, **{"format": {"type": "jsonl"}, **more})
    source.put("a.jsonl", "\n".join(lines))
    source.run()
    return source


def test_values_inside_objects_become_columns(make: Make) -> None:
    source = load(
        make,
        '{"id": 1, "address": {"city": "Zürich", "geo": {"lat": 47.376900}}}',
        '{"address": {"geo": {"lat": "1.5"}, "city": "\\u00e9 \\"x\\""}, "id": 2}',
    )
    assert source.rows() == [(1, "Zürich", Decimal("47.376900")), (2, 'é "x"', Decimal("1.500000"))]
    assert source.rescued() == [None, None]


def test_where_an_object_is_missing_its_columns_are_null(make: Make) -> None:
    lines = (
        '{"id": 1}',
        '{"id": 1, "address": null}',
        '{"id": 1, "address": {}}',
        '{"id": 1, "address": {"geo": null}}',
    )
    assert load(make, *lines).rows() == [(1, None, None)] * 4


def test_what_no_column_names_is_rescued_where_it_stands(make: Make) -> None:
    source = load(
        make,
        '{"id": 1, "city": "top", "address": {"city": "A", "zip": 1.10, "geo": {"lat": 1, "lon": 1e400}}, "_": [1.0]}',
        '{"id": 2, "address": {"city": "B", "tags": [], "more": {}}}',
        '{"id": 3, "address": {"geo": {}}}',
        '{"id": 4, "address": {"geo": {"lat": 2}}}',
    )
    assert source.sql(f"select _rescued::varchar from {source.table} order by id") == [
        ('{"city":"top","address":{"zip":1.10,"geo":{"lon":1e400}},"_":[1.0]}',),
        ('{"address":{"tags":[],"more":{}}}',),
        ('{"address":{"geo":{}}}',),
        (None,),
    ]


MALFORMED = {
    '"Bern"': "/address is not an object but a string",
    "[1]": "/address is not an object but an array",
    "12.5": "/address is not an object but a number",
    "false": "/address is not an object but a boolean",
    '{"geo": "x", "city": "A"}': "/address/geo is not an object but a string",
    '{"geo": {"lat": 1.1234567}}': "lat: '1.1234567' is no decimal(12,6)",
    '{"geo": {"lat": 1e400}}': "lat: '1e400' is no decimal(12,6)",
    '{"city": "A", "city": "B"}': 'the name "city" occurs more than once in one object',
}


def test_a_place_inside_of_no_object_makes_the_record_malformed_as_it_is_written(make: Make) -> None:
    bad = [f'{{"id": 2,  "address": {address}}}' for address in MALFORMED]
    source = load(make, '{"id": 1}', *bad, '{"id": 3}')
    assert source.rows("id") == [(1,), (3,)]
    expected = enumerate(zip(bad, MALFORMED.values(), strict=True), 2)
    assert source.malformed() == [(line, raw, [reason]) for line, (raw, reason) in expected]


def test_an_object_as_a_whole_and_a_value_of_it_are_both_columns(make: Make) -> None:
    columns = {"id": "bigint", "address": "varchar", "city": "varchar"}
    source = load(
        make, '{"id": 1, "address": {"city": "A", "n": 1.10}}', columns=columns, paths={"city": "/address/city"}
    )
    assert source.rows() == [(1, '{"city":"A","n":1.10}', "A")]
    assert source.rescued() == [None]


def test_depth_and_digits_stay(make: Make) -> None:
    deep = "/a" * 400
    text = '{"a":' * 399 + "123456789012345678901234567890.10" + "}" * 399
    columns = {"id": "bigint", "deep": "decimal(38,2)", "whole": "varchar"}
    source = load(
        make,
        '{"id": 9007199254740993, "a": ' + text + ', "w": {"w": [-0, 1E5, 0.10, 1e400]}}',
        columns=columns,
        paths={"deep": deep, "whole": "/w/w"},
    )
    assert source.rows() == [(9007199254740993, Decimal("123456789012345678901234567890.10"), "[-0,1E5,0.10,1e400]")]


def test_documents_and_compressed_lines_are_flattened_too(make: Make) -> None:
    source = make(COLUMNS, paths=PATHS, format={"type": "json", "records": "/data"}, files="sales/*")
    source.put("a.json", '{"data": [{"id": 1, "address": {"city": "A"}}, {"id": 2, "address": 7}]}')
    source.put("b.json", gzip.compress(b'{"data": [{"id": 3, "address": {"city": "C"}}]}', mtime=0))
    source.run()
    assert source.rows("id", "city") == [(1, "A"), (3, "C")]
    assert source.malformed() == [(2, '{"id":2,"address":7}', ["/address is not an object but a number"])]


def test_a_file_whose_records_have_all_something_else_there_is_refused(make: Make) -> None:
    source = load(make, *['{"id": 1, "address": "x"}'] * 20)
    assert source.files() == {"a.jsonl": "refused"}
    assert "inside of no object" in source.reason("a.jsonl")


def test_a_contract_of_many_columns_is_flattened(make: Make) -> None:
    columns = {"id": "bigint", **{f"c{n}": "bigint" for n in range(300)}}
    paths = {f"c{n}": f"/x/c{n}" for n in range(300)}
    record = {"id": 1, "x": {f"c{n}": n for n in range(301)}}
    source = load(make, json.dumps(record), columns=columns, paths=paths)
    assert source.rows() == [(1, *range(300))]
    assert source.rescued() == [{"x": {"c300": 300}}]


def test_new_names_refuse_a_file_where_the_contract_says_so(make: Make) -> None:
    source = load(make, '{"id": 1, "address": {"zip": 1}}', new_columns="refuse")
    assert source.files() == {"a.jsonl": "refused"}
    assert "unexpected columns: /address/zip" in source.reason("a.jsonl")


@pytest.mark.parametrize(
    ("path", "form", "reason"),
    [
        ("/a/b", {"type": "csv"}, "column city: path: a row of fields has no values inside others"),
        ("/a/b", {"type": "excel"}, "column city: path: a row of fields has no values inside others"),
        ("a/b", {"type": "jsonl"}, "column city: path: 'a/b' is no JSON pointer"),
        ("/a~2", {"type": "jsonl"}, "column city: path: '/a~2' is no JSON pointer"),
        ("", {"type": "jsonl"}, "column city: path: '' is the whole record"),
    ],
)
def test_a_path_that_is_none_stops_the_contract(make: Make, path: str, form: dict[str, str], reason: str) -> None:
    with pytest.raises(ContractError, match=reason):
        _ = make({"id": "bigint", "city": "varchar"}, paths={"city": path}, format=form).contract


def parquet(make: Make, tmp_path: Path, table: pa.Table, columns: dict[str, str], **more: Any) -> Source:
    source = make(columns, format={"type": "parquet"}, **more)
    pq.write_table(table, tmp_path / "made")
    source.put("a.parquet", (tmp_path / "made").read_bytes())
    source.run()
    return source


GEO = pa.struct([("lat", pa.decimal128(9, 6)), ("l'n", pa.float64())])
ADDRESS = pa.struct([("City", pa.string()), ("zip", pa.int64()), ("geo", GEO), ("tags", pa.list_(pa.string()))])
ADDRESSES = [
    {"City": "A", "zip": 2**53 + 1, "geo": {"lat": Decimal("1.5"), "l'n": float("nan")}, "tags": ["x"]},
    {"City": None, "zip": 7, "geo": None, "tags": None},
    None,
]
TABLE = pa.table({"id": [1, 2, 3], "address": pa.array(ADDRESSES, ADDRESS), "it": ["x", "y", None]})
FIELDS = {
    "id": "bigint",
    "city": "varchar",
    "zip": "integer",
    "lat": "decimal(12,6)",
    "tags": "varchar",
    "name": "varchar",
}
INSIDE = {
    "city": "/address/City",
    "zip": "/address/zip",
    "lat": "/address/geo/lat",
    "tags": "/address/tags",
    "name": "/it",
}


def test_fields_of_structs_become_columns(make: Make, tmp_path: Path) -> None:
    """A value that its type cannot hold is malformed, with the record as the file has it."""
    source = parquet(make, tmp_path, TABLE, FIELDS, paths=INSIDE)
    assert source.rows() == [(2, None, 7, None, None, "y"), (3, None, None, None, None, None)]
    assert source.rescued() == [{"address": {"geo": None}}, {"address": None}]
    [(line, record, reasons)] = source.malformed()
    assert (line, reasons) == (1, ["zip: '9007199254740993' is no integer"])
    assert json.loads(record)["address"]["geo"] == {"lat": 1.5, "l'n": "NaN"}


def test_what_is_left_of_a_struct_is_rescued(make: Make, tmp_path: Path) -> None:
    source = parquet(
        make, tmp_path, TABLE, {**FIELDS, "zip": "hugeint", "gone": "double"},
        paths={**INSIDE, "gone": "/address/geo/gone"}, optional=["gone"],
    )  # fmt: skip
    assert source.rows()[0] == (1, "A", 2**53 + 1, Decimal("1.500000"), '["x"]', "x", None)
    assert source.rescued()[0] == {"address": {"geo": {"l'n": "NaN"}}}


def test_fields_that_no_column_names_refuse_a_file_where_the_contract_says_so(make: Make, tmp_path: Path) -> None:
    source = parquet(make, tmp_path, TABLE, FIELDS, paths=INSIDE, new_columns="refuse")
    assert source.files() == {"a.parquet": "refused"}
    assert "unexpected fields: /address/geo/l'n" in source.reason("a.parquet")


@pytest.mark.parametrize("new_columns", ["rescue", pytest.param("refuse", marks=pytest.mark.slow)])
def test_what_is_left_of_a_struct_that_is_called_otherwise_is_not_lost(
    make: Make, tmp_path: Path, new_columns: str
) -> None:
    columns = {"id": "bigint", "home": "struct(zip bigint, geo struct(lat decimal(8,6)))"}
    source = parquet(make, tmp_path, TABLE, columns, aliases={"home": ["address"]}, new_columns=new_columns)
    if new_columns == "refuse":
        assert "/address/City, /address/geo/l'n, /address/tags" in source.reason("a.parquet")
    else:
        assert source.rescued()[0]["address"] == {"City": "A", "geo": {"l'n": "NaN"}, "tags": ["x"]}


def test_fields_that_are_all_named_refuse_nothing(make: Make, tmp_path: Path) -> None:
    columns, paths = {**FIELDS, "zip": "bigint", "geo": "varchar"}, {**INSIDE, "geo": "/address/geo"}
    source = parquet(make, tmp_path, TABLE, columns, paths=paths, new_columns="refuse")
    assert source.files() == {"a.parquet": "loaded"}
    assert source.rescued() == [None] * 3


def test_whole_structs_of_parquet_leave_nothing(make: Make, tmp_path: Path) -> None:
    columns = {"id": "bigint", "address": "varchar", "city": "varchar", "it": "varchar"}
    source = parquet(make, tmp_path, TABLE, columns, paths={"city": "/address/City"})
    assert source.rescued() == [None] * 3
    assert source.rows("city") == [("A",), (None,), (None,)]


@pytest.mark.parametrize(
    ("path", "kind", "reason"),
    [
        ("/it/x", "varchar", "nothing stands at /it/x, which leads through STRING in its column it"),
        ("/address/tags/0", "varchar", "nothing stands at /address/tags/0, which leads through list<"),
        ("/address/city", "varchar", "nothing stands at /address/city, where column city has to be"),
        ("/address/geo", "bigint", "its column address/geo is struct<lat"),
        ("/nowhere/city", "varchar", "missing columns: nowhere"),
    ],
)
def test_a_path_into_no_struct_refuses_the_file(make: Make, tmp_path: Path, path: str, kind: str, reason: str) -> None:
    source = parquet(make, tmp_path, TABLE, {"id": "bigint", "city": kind}, paths={"city": path})
    assert source.files() == {"a.parquet": "refused"}
    assert reason in source.reason("a.parquet")


def test_small_files_of_structs_are_read_at_once(make: Make, tmp_path: Path) -> None:
    source = make({"id": "bigint", "city": "varchar"}, format={"type": "parquet"}, paths={"city": "/address/City"})
    pq.write_table(TABLE, tmp_path / "made")
    pq.write_table(TABLE.slice(0, 1), tmp_path / "less")
    for name in ("made", "less"):
        source.put(f"{name}.parquet", (tmp_path / name).read_bytes())
    source.run()
    assert source.rows() == [(1, "A"), (1, "A"), (2, None), (3, None)]
    assert source.rescued()[-1] == {"address": None, "it": None}
