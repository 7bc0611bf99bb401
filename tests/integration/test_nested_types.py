"""Objects, lists and maps as columns of their own types, in JSON, Avro, XML and Parquet."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from datetime import date
from decimal import Decimal
from typing import Any

import fastavro
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from assay.contract.errors import ContractError
from assay.contract.parse import parse_contract
from assay.tables.versions import ChangedWithData
from tests.source import Source, bronze_node

Make = Callable[..., Source]
ADDRESS = "struct(zip integer, geo struct(lat decimal(8,6)), tags varchar[])"


def load(make: Make, kind: str, *values: str, **more: Any) -> Source:
    """JSON lines of an id and a value `it`."""
    source = make({"id": "bigint", "it": kind}, **{"format": {"type": "jsonl"}, **more})
    source.put("a.jsonl", "\n".join(f'{{"id": {at}, "it": {value}}}' for at, value in enumerate(values, 1)))
    source.run()
    return source


def reasons(source: Source) -> dict[int, list[str]]:
    """Of malformed lines."""
    return {line: reasons for line, _, reasons in source.malformed()}


def test_an_object_becomes_a_struct_of_exact_values(make: Make) -> None:
    source = load(
        make,
        ADDRESS,
        '{"zip": 8001, "geo": {"lat": 47.3769}, "tags": ["a", null, "b"]}',
        '{"tags": [], "geo": {}, "zip": "12"}',
        "{}",
        "null",
    )
    assert source.rows() == [
        (1, {"zip": 8001, "geo": {"lat": Decimal("47.376900")}, "tags": ["a", None, "b"]}),
        (2, {"zip": 12, "geo": {"lat": None}, "tags": []}),
        (3, {"zip": None, "geo": None, "tags": None}),
        (4, None),
    ]
    assert source.rescued() == [None] * 4


MALFORMED = {
    '{"zip": 1.5}': ["it/zip: '1.5' is no integer"],
    '{"zip": "x", "geo": {"lat": 1.1234567}}': [
        "it/zip: 'x' is no integer",
        "it/geo/lat: '1.1234567' is no decimal(8,6)",
    ],
    '{"zip": {"a": 1.0}}': ["it/zip: '{\"a\":1.0}' is no integer"],
    '{"tags": "a", "zip": 2147483648}': [
        "it/tags is not an array but a string",
        "it/zip: '2147483648' is no integer",
    ],
    '{"geo": [1]}': ["it/geo is not an object but an array"],
    "true": ["it is not an object but a boolean"],
    '"{}"': ["it is not an object but a string"],
    '"{\\"v\\":{\\"zip\\":\\"1\\"}}"': ["it is not an object but a string"],
    '{"zip": 1, "zip": 1}': ['the name "zip" occurs more than once in one object'],
}


@pytest.mark.parametrize("good", ['{"zip":1,"geo":null,"tags":null}', "null"], ids=["written back", "null"])
def test_each_place_that_cannot_be_held_is_a_reason_with_its_pointer(make: Make, good: str) -> None:
    source = load(make, ADDRESS, good, *MALFORMED)
    assert reasons(source) == dict(enumerate(MALFORMED.values(), 2))
    assert [raw for _, raw, _ in source.malformed()] == [
        f'{{"id": {at}, "it": {value}}}' for at, value in enumerate(MALFORMED, 2)
    ]


def test_what_no_field_is_called_is_rescued_where_it_stands(make: Make) -> None:
    kind = "struct(zip integer, items struct(n integer)[], by map(varchar, struct(n integer)))"
    source = load(
        make,
        kind,
        '{"zip": 1, "Zip": 1.10, "more": {"a": 1e2}}',
        '{"items": [{"n": 1}, {"n": 2, "x": null}, null], "by": {"a": {"n": 3}, "b": {"y": [1.0]}}}',
        '{"zip": 2}',
    )
    assert [row[1]["items"] for row in source.rows()] == [None, [{"n": 1}, {"n": 2}, None], None]
    assert source.sql(f"select _rescued::varchar from {source.table} order by id") == [
        ('{"it":{"Zip":1.10,"more":{"a":1e2}}}',),
        ('{"it":{"items":[null,{"x":null},null],"by":{"b":{"y":[1.0]}}}}',),
        (None,),
    ]


def test_what_no_field_is_called_refuses_the_file_where_the_contract_says_so(make: Make) -> None:
    value = '{"zip": 1, "geo": {"lat": 1, "lon": 2}, "tags": [], "a/b": 1}'
    source = load(make, ADDRESS, value, new_columns="refuse")
    assert source.files() == {"a.jsonl": "refused"}
    assert "unexpected columns: /it/a~1b, /it/geo/lon" in source.reason("a.jsonl")


def test_keys_of_a_map_are_values_of_their_type(make: Make) -> None:
    source = load(
        make,
        "map(integer, date)",
        '{"1": "2024-02-29", "-2": null}',
        "{}",
        '{"1": null, "01": null}',
        '{"x": "2023-02-29"}',
        '{"": null, "~/": null}',
        "[]",
    )
    assert [row for (row,) in source.sql(f"select it::varchar from {source.table} order by id")] == [
        "{1=2024-02-29, -2=NULL}",
        "{}",
    ]
    assert reasons(source) == {
        3: ["it: two of its keys are one integer"],
        4: ["it: its key: 'x' is no integer", "it/x: '2023-02-29' is no date"],
        5: ["it: its key: '' is no integer", "it: its key: '~/' is no integer"],
        6: ["it is not an object but an array"],
    }


@pytest.mark.slow
def test_of_many_wrong_places_some_are_told_and_the_others_counted(make: Make) -> None:
    source = load(make, "integer[]", json.dumps([1, *["x"] * 1025]), json.dumps([[1.5]] * 30))
    for line, of in ((1, 1025), (2, 30)):
        told = reasons(source)[line]
        assert len(told) == 21
        assert told[-1] == f"it: {of - 20:,} more of its values are not of its type"
    assert reasons(source)[1][:2] == ["it/1: 'x' is no integer", "it/2: 'x' is no integer"]


REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "csv": ({"format": {"type": "csv"}}, "a field of CSV, of fixed width or of a sheet is one text"),
    "excel": ({"format": {"type": "excel"}}, "a field of CSV, of fixed width or of a sheet is one text"),
    "newest_by": ({"newest_by": "it"}, "newest_by: it holds other values"),
    "dates": ({"written": {"it": {"dates": ["%d.%m.%Y"]}}}, "written: dates says nothing of values of this type"),
    "repeated": (
        {"format": {"type": "jsonl", "each": "/a"}, "paths": {"it": "^/x"}},
        "each element would repeat it",
    ),
}


@pytest.mark.parametrize(("options", "problem"), REFUSED.values(), ids=list(REFUSED))
def test_where_no_nested_value_can_stand_the_contract_is_refused_by_its_yml(
    options: dict[str, Any], problem: str
) -> None:
    node = bronze_node("sales", {"id": "bigint", "it": "varchar[]"}, ["id"], **{"format": {"type": "jsonl"}, **options})
    with pytest.raises(ContractError, match=r"bronze_sales.yml: .*it") as error:
        parse_contract(node)
    assert problem in str(error.value)


def test_a_nested_value_is_no_key() -> None:
    with pytest.raises(ContractError, match=r"primary_key: it is varchar\[\], and rows are told apart by plain"):
        parse_contract(bronze_node("sales", {"it": "varchar[]"}, ["it"], format={"type": "jsonl"}))


@pytest.mark.slow
def test_elements_of_a_list_have_nested_values_of_their_own(make: Make) -> None:
    source = make(
        {"id": "bigint", "it": "struct(n decimal(3,1))", "tags": "varchar[]"},
        format={"type": "json", "records": "/data", "each": "/items"},
        paths={"id": "/id", "it": "/it", "tags": "/tags"},
    )
    items = '{"id": 1, "it": {"n": 1.50, "x": 2.0}, "tags": ["a"]}, {"id": 2, "it": {"n": 1.55}, "y": 1}'
    source.put("a.json", f'{{"data": [{{"items": [{items}]}}, {{"items": [{{"id": 3}}]}}]}}')
    source.run()
    assert source.rows() == [(1, {"n": Decimal("1.5")}, ["a"]), (3, None, None)]
    assert source.rescued()[0] == {"it": {"x": 2.0}}
    assert source.malformed() == [
        (2, '{"id":2,"it":{"n":1.55},"tags":null,"_":{"y":1}}', ["it/n: '1.55' is no decimal(3,1)"])
    ]


@pytest.mark.slow
def test_elements_that_are_lists_are_values_themselves(make: Make) -> None:
    source = make(
        {"at": "bigint", "it": "integer[]"},
        format={"type": "jsonl", "each": "/rows"},
        paths={"at": "#", "it": ""},
    )
    source.put("a.jsonl", '{"rows": [[1, 2], [], null, [1.5]]}')
    source.run()
    assert source.rows() == [(1, [1, 2]), (2, []), (3, None)]
    assert reasons(source) == {4: ["it/0: '1.5' is no integer"]}


@pytest.mark.slow
def test_a_lone_element_of_xml_is_a_list_of_one(make: Make) -> None:
    source = make(
        {"id": "bigint", "tag": "varchar[]", "at": "struct(lat decimal(4,2), way struct(n integer)[])"},
        format={"type": "xml", "records": "/all/one"},
    )
    one = "<one><id>1</id><tag>a</tag><at><lat>1.5</lat><way><n>1</n></way></at></one>"
    two = "<one><id>2</id><tag>a</tag><tag>b</tag><at><lat>x</lat></at></one>"
    source.put("a.xml", f"<all>{one}{two}<one><id>3</id></one></all>")
    source.run()
    assert source.rows() == [(1, ["a"], {"lat": Decimal("1.50"), "way": [{"n": 1}]}), (3, None, None)]
    assert [told for *_, told in source.malformed()] == [["at/lat: 'x' is no decimal(4,2)"]]


def parquet(make: Make, kind: str, arrow: pa.DataType, *values: Any, **more: Any) -> Source:
    """A Parquet file of an id and a value `it`."""
    source = make({"id": "bigint", "it": kind}, format={"type": "parquet"}, **more)
    sink = pa.BufferOutputStream()
    pq.write_table(pa.table({"id": range(1, len(values) + 1), "it": pa.array(values, arrow)}), sink)
    source.put("a.parquet", sink.getvalue().to_pybytes())
    source.run()
    return source


POINT = pa.struct([("n", pa.float64()), ("b/c", pa.string()), ("x", pa.int64())])


@pytest.mark.parametrize("bad", [False, True], ids=["fast", "careful"])
def test_nested_values_of_parquet_are_typed_exactly(make: Make, bad: bool) -> None:
    values = [[{"n": 1.5, "b/c": "7", "x": 2**60}, None], [], None, *([[{"n": 0.1}, {"n": 1.25, "b/c": "y"}]] * bad)]
    source = parquet(make, 'struct("b/c" integer, n decimal(3,1))[]', pa.list_(POINT), *values)
    assert source.rows() == [(1, [{"b/c": 7, "n": Decimal("1.5")}, None]), (2, []), (3, None)]
    assert source.rescued() == [{"it": [{"x": 2**60}, None]}, {"it": []}, {"it": None}]
    assert reasons(source) == (
        {4: ["it/1/b~1c: 'y' is no integer", "it/1/n: '1.25' is no decimal(3,1)"]} if bad else {}
    )


@pytest.mark.slow
def test_maps_of_parquet_have_keys_of_their_type(make: Make) -> None:
    arrow = pa.map_(pa.string(), POINT)
    values = [[("1", {"n": float("nan"), "x": 1}), ("2", None)], [], None, [("1", None), ("01", None)], [("x", None)]]
    source = parquet(make, "map(integer, struct(n double))", arrow, *values)
    assert str(source.rows()) == "[(1, {1: {'n': nan}, 2: None}), (2, {}), (3, None)]"
    assert source.rescued()[0] == {"it": {"1": {"b/c": None, "x": 1}, "2": None}}
    assert source.rescued()[1:] == [{"it": {}}, {"it": None}]
    assert reasons(source) == {4: ["it: two of its keys are one integer"], 5: ["it: its key: 'x' is no integer"]}


@pytest.mark.slow
def test_a_map_of_parquet_with_a_key_twice_refuses_the_file(make: Make) -> None:
    source = parquet(make, "map(varchar, integer)", pa.map_(pa.string(), pa.int32()), [("a", 1), ("a", 2)])
    assert source.files() == {"a.parquet": "refused"}
    assert "duplicate key" in source.reason("a.parquet")


OUTLINES: dict[str, tuple[str, pa.DataType, Any, str]] = {
    "plain": ("integer[]", pa.int64(), 1, "its column it is INT64, where the contract has integer[]"),
    "text": ("struct(a integer)", pa.string(), "{}", "its column it is STRING, where the contract has struct(a"),
    "inside": ("struct(n integer[])", POINT, {}, "its column it/n is double, where the contract has integer[]"),
    "list": ("map(varchar, integer)", pa.list_(pa.int64()), [], "is list<element: int64>, where the contract has map"),
    "field": ("struct(n double, y date)[]", pa.list_(POINT), [], "nothing stands at /it/y, which the contract has in"),
    "case": ("struct(N double)", POINT, {}, "nothing stands at /it/N"),
}


@pytest.mark.parametrize(("kind", "arrow", "value", "problem"), OUTLINES.values(), ids=list(OUTLINES))
def test_a_file_whose_schema_is_not_of_the_outline_is_refused(
    make: Make, kind: str, arrow: pa.DataType, value: Any, problem: str
) -> None:
    source = parquet(make, kind, arrow, value)
    assert source.files() == {"a.parquet": "refused"}
    assert problem in source.reason("a.parquet")


@pytest.mark.slow
def test_fields_that_files_leave_out_are_null_in_an_optional_column(make: Make) -> None:
    source = parquet(make, "struct(n double, y date)", POINT, {"n": 1}, optional=["it"])
    assert source.rows() == [(1, {"n": 1.0, "y": None})]


@pytest.mark.slow
def test_fields_of_parquet_that_no_type_names_refuse_the_file_where_the_contract_says_so(make: Make) -> None:
    source = parquet(make, "map(varchar, struct(n double))", pa.map_(pa.string(), POINT), [], new_columns="refuse")
    assert "unexpected fields: /it/b~1c, /it/x" in source.reason("a.parquet")


@pytest.mark.slow
def test_a_nested_column_beside_a_value_of_it(make: Make) -> None:
    source = make(
        {"id": "bigint", "it": "struct(n integer)", "m": "varchar"}, format={"type": "jsonl"}, paths={"m": "/it/m/z"}
    )
    source.put("a.jsonl", '{"id": 1, "it": {"n": 1, "m": {"z": "q", "y": 1.0}}}\n{"id": 2, "it": {"m": {"z": "q"}}}')
    source.run()
    assert source.rows() == [(1, {"n": 1}, "q"), (2, {"n": None}, "q")]
    assert source.rescued() == [{"it": {"m": {"y": 1.0}}}, None]


def test_lines_that_are_written_back_are_read_once(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    kind = "struct(zip integer, lat double, on_ date, tags varchar[], by map(varchar, decimal(5,2)))"
    values = [
        '{"zip": 1, "lat": 1.5, "on_": "2024-02-29", "tags": ["a\\"b", null], "by": {"x": 1.25, "y": null}}',
        '{"zip": null, "lat": null, "on_": null, "tags": [], "by": {}}',
        "null",
    ]
    monkeypatch.setattr("assay.loading.file_load.FileLoad.careful", None)
    source = load(make, kind, *values)
    assert len(source.rows()) == 3
    assert source.rows()[0][1]["by"] == {"x": Decimal("1.25"), "y": None}
    compact = make({"id": "bigint", "it": kind}, format={"type": "jsonl"})
    lines = (
        f'{{"id":{at},"it":{json.dumps(json.loads(value), separators=(",", ":"))}}}'
        for at, value in enumerate(values, 1)
    )
    compact.put("b.jsonl", "\n".join(lines))
    compact.run()
    assert compact.rows() == source.rows()


def test_fields_in_another_order_are_read_once_where_all_objects_have_it(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("assay.loading.file_load.FileLoad.careful", None)
    kind = "struct(a integer, b struct(c integer, d date)[], e varchar)"
    source = load(make, kind, '{"b": [null, {"d": "2024-02-29"}], "a": 1}', "null", '{"b": [], "a": null}')
    assert source.rows() == [
        (1, {"a": 1, "b": [None, {"c": None, "d": date(2024, 2, 29)}], "e": None}),
        (2, None),
        (3, {"a": None, "b": [], "e": None}),
    ]


@pytest.mark.slow
def test_avro_brings_records_arrays_and_maps(make: Make) -> None:
    schema = {
        "type": "record",
        "name": "event",
        "fields": [
            {"name": "id", "type": "long"},
            {
                "name": "it",
                "type": {
                    "type": "record",
                    "name": "point",
                    "fields": [
                        {"name": "lat", "type": ["null", "double"]},
                        {"name": "tags", "type": {"type": "array", "items": "string"}},
                        {"name": "by", "type": {"type": "map", "values": "int"}},
                    ],
                },
            },
        ],
    }
    records = [
        {"id": 1, "it": {"lat": float("inf"), "tags": ["a"], "by": {"x": 1}}},
        {"id": 2, "it": {"lat": None, "tags": [], "by": {"y": 300}}},
    ]
    out = io.BytesIO()
    fastavro.writer(out, fastavro.parse_schema(schema), records)
    source = make(
        {"id": "bigint", "it": "struct(lat double, tags varchar[], by map(varchar, tinyint))"}, format={"type": "avro"}
    )
    source.put("a.avro", out.getvalue())
    source.run()
    assert source.rows() == [(1, {"lat": float("inf"), "tags": ["a"], "by": {"x": 1}})]
    assert reasons(source) == {2: ["it/by/y: '300' is no tinyint"]}


HOSTILE = {
    "a key twice": '{"id": 1, "it": {"a": 1, "a": 2}}',
    "no number": '{"id": 1, "it": {"a": NaN}}',
    "cut off": '{"id": 1, "it": {"a": 1}',
    "null as a key": '{"id": 1, "it": {null: 1}}',
    "a comma more": '{"id": 1, "it": {"a": 1,}}',
    "more digits than Python reads": '{"id": 1, "it": {"a": ' + "9" * 5000 + "}}",
    "half a character": '{"id": 1, "it": {"\\ud800": 1}}',
}


@pytest.mark.slow
@pytest.mark.parametrize("bad", HOSTILE.values(), ids=list(HOSTILE))
@pytest.mark.parametrize("kind", ["map(varchar, double)", "struct(a double)"])
def test_a_line_that_is_no_json_costs_itself_wherever_it_stands(make: Make, kind: str, bad: str) -> None:
    good = '{"id": 2, "it": {"a": 1.5}}'
    source = make({"id": "bigint", "it": kind}, format={"type": "jsonl"})
    source.put("first.jsonl", f"{bad}\n{good}")
    source.put("last.jsonl", f"{good}\n{bad}")
    source.run()
    assert source.rows() == [(2, {"a": 1.5})] * 2
    assert [raw for _, raw, _ in source.malformed()] == [bad] * 2


@pytest.mark.slow
def test_a_nested_column_that_comes_later_is_read_and_not_taken_from_what_was_rescued(make: Make) -> None:
    for values, is_taken in (([None], True), ([None, {"n": 1}], False)):
        source = make({"id": "bigint"}, format={"type": "parquet"})
        for at, value in enumerate(values):
            columns = {"id": [at]} | ({"it": pa.array([value], POINT)} if value else {})
            sink = pa.BufferOutputStream()
            pq.write_table(pa.table(columns), sink)
            source.put(f"{at}.parquet", bytes(sink.getvalue()))
        source.run()
        source.columns["it"] = "struct(n integer)"
        source.options["optional"] = ["it"]
        if is_taken:
            source.run()
            assert source.rows() == [(0, None)]
            continue
        with pytest.raises(ChangedWithData, match=r"1 stored rows hold a value of it .* --full-refresh bronze\.sales"):
            source.run()
        source.load(is_full_refresh=True)
        assert source.rows() == [(0, None), (1, {"n": 1})]
