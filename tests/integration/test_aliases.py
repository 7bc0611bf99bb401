"""A column may have other names in files; a name that comes into the contract later loads nothing again."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from assay.contract.errors import ContractError
from assay.contract.parse import parse_contract
from assay.tables.versions import ChangedWithData
from tests.source import Source, bronze_node
from tests.table_files import FORMATS, csv, jsonl, parquet

Make = Callable[..., Source]
COLUMNS = {"id": "bigint", "till": "bigint"}
NAMES = {"till": ["Till No.", "kasse"]}


@pytest.mark.slow
@pytest.mark.parametrize("kind", FORMATS)
def test_each_format_is_read_by_any_name_and_not_by_two(make: Make, kind: str) -> None:
    form, written = FORMATS[kind]
    source = make(COLUMNS, aliases={"till": ["kasse", "caisse"]}, format=form)
    source.put("a", written({"id": [1], "till": [7]}))
    source.put("b", written({"kasse": [8], "id": [2]}))
    source.put("c", written({"id": [3, 4], "caisse": [9, "x"] if kind not in ("parquet", "avro") else [9, 2**62]}))
    source.put("d", written({"id": [5], "till": [1], "kasse": [2]}))
    source.run()
    rows = source.rows()
    assert rows[:3] == [(1, 7), (2, 8), (3, 9)]
    assert source.rescued() == [None] * len(rows)
    reasons = [reason for *_, record in source.malformed() for reason in record] + [source.reason("d") or ""]
    assert any("kasse are names of one column, till" in reason for reason in reasons)
    assert len(rows) == 3 if kind not in ("parquet", "avro") else 4


def test_a_name_with_other_blanks_or_in_upper_case_is_another_one_until_it_is_an_alias(make: Make) -> None:
    source = make(COLUMNS)
    source.put("a.csv", csv({"id": [1], "Till": [7]}))
    source.put("b.csv", csv({"id": [2], " till ": [8]}))
    source.run()
    assert set(source.files().values()) == {"refused"}
    source.options["aliases"] = {"till": ["Till", " till "]}
    source.run()
    assert source.rows() == [(1, 7), (2, 8)]


def test_loose_names_are_read_without_regard_to_case_and_blanks(make: Make) -> None:
    source = make({**COLUMNS, "unit price": "bigint"})
    source.put("a.csv", csv({"id": [1], "TILL": [7], " Unit_Price": [3]}))
    source.put("b.csv", csv({"Id": [2, "x"], "till\u00a0": [8, 9], "unit-price": [4, 5], "More": [1, 2]}))
    source.run()
    assert "where case or blanks alone differ, `names: loose`" in source.reason("a.csv")
    source.options["format"] = {"type": "csv", "names": "loose"}
    source.put("c.csv", csv({"till": [1], "id": [3], "Unit Price": [2], "unit_price": [5]}))
    source.put("d.csv", csv({"id": [4], "till": [1], "unit.price": [5]}))
    source.run()
    assert source.rows() == [(1, 7, 3), (2, 8, 4)]
    assert source.rescued() == [None, {"More": "1"}]
    assert [reasons for *_, reasons in source.malformed()] == [["id: 'x' is no bigint"]]
    assert "Unit Price, unit_price are names of one column, unit price," in source.reason("c.csv")
    assert "missing columns: unit price; unexpected columns: unit.price" in source.reason("d.csv")


def test_names_that_become_loose_take_what_was_rescued_under_them(make: Make) -> None:
    source = make({**COLUMNS, "note": "varchar"}, optional=["till", "note"], aliases=NAMES)
    source.put("a.csv", csv({"id": [1], "Till": [7], "Clerk": ["x"]}))
    source.put("b.csv", csv({"id": [2], "KASSE": [8], "note": ["a"]}))
    source.put("c.csv", csv({"id": [3], "till": [9]}))
    source.run()
    assert [row[1] for row in source.rows()] == [None, None, 9]
    source.options["format"] = {"type": "csv", "names": "loose"}
    source.run()
    assert source.rows() == [(1, 7, None), (2, 8, "a"), (3, 9, None)]
    source.columns, source.options["optional"] = {**source.columns, "clerk": "varchar"}, ["till", "note", "clerk"]
    source.run()
    moved, rescued = source.rows(), source.rescued()
    assert (moved[0], rescued) == ((1, 7, None, "x"), [None, None, None])
    source.load(is_full_refresh=True)
    assert (source.rows(), source.rescued()) == (moved, rescued)
    source.options["format"] = {"type": "csv"}
    with pytest.raises(ChangedWithData):
        source.run()


@pytest.mark.slow
def test_a_file_with_two_loose_names_of_a_column_stops_their_coming(make: Make) -> None:
    source = make(COLUMNS, optional=["till"])
    source.put("a.csv", csv({"id": [1], "till": [7], "Till_": [8]}))
    source.run()
    source.options["format"] = {"type": "csv", "names": "loose"}
    with pytest.raises(ChangedWithData, match=r"till, Till_ are names of one column.*nothing was changed"):
        source.run()


@pytest.mark.parametrize(
    ("columns", "options", "reason"),
    [
        ({"a b": "bigint", "A_B": "bigint"}, {}, "takes 'A_B' of column A_B for a name of column a b"),
        ({"id": "bigint", "till": "bigint"}, {"aliases": {"till": ["ID"]}}, "takes 'ID' of column till for a name of"),
    ],
    ids=["columns", "aliases"],
)
def test_loose_names_of_two_columns_differ(columns: dict[str, str], options: dict[str, Any], reason: str) -> None:
    node = bronze_node("sales", columns, [next(iter(columns))], format={"type": "csv", "names": "loose"}, **options)
    with pytest.raises(ContractError, match=reason):
        parse_contract(node)
    exact = bronze_node("sales", columns, [next(iter(columns))], **options)
    assert parse_contract(exact).names == list(columns)


@pytest.mark.slow
def test_files_of_two_names_are_loaded_together(make: Make) -> None:
    source = make(COLUMNS, aliases=NAMES)
    for n in range(12):
        source.put(f"{n}.csv", csv({("till", "Till No.", "kasse")[n % 3]: [n * 10], "id": [n]}))
    source.run()
    assert source.rows() == [(n, n * 10) for n in range(12)]


def test_a_refused_file_loads_once_its_name_is_an_alias_and_the_others_are_left_alone(make: Make) -> None:
    source = make(COLUMNS)
    source.put("a.csv", csv({"id": [1], "till": [7]}))
    source.put("b.csv", csv({"id": [2], "Till No.": [8]}))
    source.run()
    assert "missing columns: till; unexpected columns: Till No." in source.reason("b.csv")
    before = source.sql(f"select id, _load_id, _loaded_at from {source.table}")
    source.options |= {"aliases": NAMES, "version": "1.1.0"}
    source.run()
    assert source.rows() == [(1, 7), (2, 8)]
    assert source.sql(f"select id, _load_id, _loaded_at from {source.table} where id = 1") == before
    versions = source.sql("select path, contract_version from ops.files where status = 'loaded' order by path")
    assert versions == [("sales/a.csv", "1.0.0"), ("sales/b.csv", "1.1.0")]


@pytest.mark.parametrize(
    "kind", ["csv", pytest.param("jsonl", marks=pytest.mark.slow), pytest.param("parquet", marks=pytest.mark.slow)]
)
def test_values_that_were_rescued_under_an_alias_move_into_the_column(make: Make, kind: str) -> None:
    form, written = FORMATS[kind]
    source = make({**COLUMNS, "note": "varchar"}, optional=["till", "note"], format=form)
    source.put("a", written({"id": [1], "till": [7]}))
    source.put("b", written({"id": [2, 3], "kasse": [8, 9], "more": [1, 2]}))
    source.run()
    assert source.rows() == [(1, 7, None), (2, None, None), (3, None, None)]
    source.options["aliases"] = {"till": ["kasse"]}
    source.run()
    assert source.rows() == [(1, 7, None), (2, 8, None), (3, 9, None)]
    assert [row and list(row) for row in source.rescued()] == [None, ["more"], ["more"]]
    moved = source.rows()
    source.load(is_full_refresh=True)
    assert source.rows() == moved


@pytest.mark.slow
def test_a_null_that_was_rescued_under_an_alias_takes_no_value_away(make: Make) -> None:
    source = make(COLUMNS, format={"type": "jsonl"})
    source.put("a.jsonl", '{"id": 1, "till": 7, "kasse": null}\n{"id": 2, "till": null, "kasse": 8}\n')
    source.run()
    source.options["aliases"] = {"till": ["kasse"]}
    source.run()
    assert (source.rows(), source.rescued()) == ([(1, 7), (2, 8)], [None, None])
    source.load(is_full_refresh=True)
    assert (source.rows(), source.rescued()) == ([(1, 7), (2, 8)], [None, None])


@pytest.mark.slow
def test_a_column_that_comes_with_an_alias_takes_both_names_from_what_was_rescued(make: Make) -> None:
    source = make({"id": "bigint"})
    source.put("a.csv", csv({"id": [1], "till": [7]}))
    source.put("b.csv", csv({"id": [2], "kasse": [8]}))
    source.run()
    source.put("c.csv", csv({"id": [3], "Till": [9]}))
    source.run()
    source.columns = COLUMNS
    source.options |= {"optional": ["till"], "aliases": {"till": ["kasse", "Till"]}}
    source.run()
    assert (source.rows(), source.rescued()) == ([(1, 7), (2, 8), (3, 9)], [None, None, None])


@pytest.mark.slow
@pytest.mark.parametrize(
    ("kind", "file"),
    [
        ("csv", csv({"id": [1], "till": [7], "kasse": [8]})),
        ("csv", csv({"id": [1], "till": [""], "kasse": [8]})),
        ("jsonl", jsonl({"id": [1], "till": [7], "kasse": [8]})),
    ],
    ids=["csv", "csv of none", "jsonl"],
)
def test_an_alias_that_a_loaded_file_has_beside_its_column_changes_nothing(make: Make, kind: str, file: bytes) -> None:
    source = make(COLUMNS, optional=["till"], format=FORMATS[kind][0])
    source.put("a", file)
    source.run()
    rows, rescued = source.rows(), source.rescued()
    source.options["aliases"] = {"till": ["kasse"]}
    with pytest.raises(ChangedWithData, match=r"till, kasse are names of one column, till.*nothing was changed"):
        source.run()
    assert (source.rows(), source.rescued()) == (rows, rescued)


@pytest.mark.slow
def test_an_alias_is_taken_back_by_a_full_refresh_alone(make: Make) -> None:
    source = make(COLUMNS, optional=["till"], aliases=NAMES)
    source.put("a.csv", csv({"id": [1], "kasse": [7]}))
    source.run()
    source.options["aliases"] = {}
    with pytest.raises(ChangedWithData, match="`format`"):
        source.run()
    source.load(is_full_refresh=True)
    assert (source.rows(), source.rescued()) == ([(1, None)], [{"kasse": "7"}])


def test_names_in_json_may_be_escaped_differ_by_record_and_be_null_beside_each_other(make: Make) -> None:
    source = make(
        {"id": "bigint", "tïll": "decimal(20,4)"}, aliases={"tïll": ['kas"se', "e"]}, format={"type": "jsonl"}
    )
    lines = [
        '{"id": 1, "tïll": 2.50}',
        '{"id": 2, "kas\\u0022se": 12345678901234.5000}',
        '{"id": 3, "\\u0065": 100, "tïll": null, "kas\\"se": null}',
        '{"id": 4, "e": "3", "other": {"e": 1.50}}',
        '{"id": 5, "e": 1, "tïll": 0}',
    ]
    source.put("a.jsonl", "\n".join(lines) + "\n")
    source.run()
    assert source.sql(f'select id, "tïll"::varchar from {source.table} order by id') == [
        (1, "2.5000"), (2, "12345678901234.5000"), (3, "100.0000"), (4, "3.0000"),
    ]  # fmt: skip
    assert source.rescued()[3] == {"other": {"e": 1.5}}
    [(line, record, reasons)] = source.malformed()
    assert (line, record, len(reasons)) == (5, lines[4], 1)


@pytest.mark.slow
def test_an_alias_of_a_value_inside_another_stands_beside_it(make: Make) -> None:
    paths = {"town": "/address/city"}
    source = make({"id": "bigint", "town": "varchar"}, paths=paths, aliases={"town": ["ort"]}, format={"type": "jsonl"})
    source.put("a.jsonl", '{"id": 1, "address": {"city": "Bern"}}\n{"id": 2, "address": {"ort": "Thun", "zip": 1}}\n')
    source.put("b.jsonl", '{"id": 3, "address": {"city": "Bern", "ort": "Thun"}, "ort": "no"}\n')
    source.run()
    assert (source.rows(), source.rescued()) == ([(1, "Bern"), (2, "Thun")], [None, {"address": {"zip": 1}}])
    assert "/address/city, /address/ort are names of one column" in source.malformed()[0][2][0]


@pytest.mark.slow
def test_so_does_that_of_an_element_and_of_the_field_of_a_struct(make: Make) -> None:
    paths = {"order": "^/id", "n": "#"}
    columns = {"order": "bigint", "n": "bigint", "sku": "varchar"}
    aliases = {"order": ["nr"], "sku": ["artikel"]}
    lines = make(columns, paths=paths, aliases=aliases, format={"type": "jsonl", "each": "/lines"})
    lines.put("a.jsonl", '{"id": 1, "lines": [{"sku": "a"}]}\n{"nr": 2, "lines": [{"artikel": "b"}, {"sku": "c"}]}\n')
    lines.run()
    assert lines.rows() == [(1, 1, "a"), (2, 1, "b"), (2, 2, "c")]
    town = make(
        {"id": "bigint", "town": "varchar"},
        paths={"town": "/address/city"}, aliases={"town": ["ort"]}, format={"type": "parquet"},
    )  # fmt: skip
    town.put("a.parquet", parquet({"id": [1], "address": [{"city": "Bern"}]}))
    town.put("b.parquet", parquet({"id": [2], "address": [{"ort": "Thun", "zip": 1}]}))
    town.put("c.parquet", parquet({"id": [3], "address": [{"ort": "Thun", "city": "Bern"}]}))
    town.run()
    assert (town.rows(), town.rescued()) == ([(1, "Bern"), (2, "Thun")], [None, {"address": {"zip": 1}}])
    assert "/address/ort" in town.reason("c.parquet")


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["csv", "jsonl", "parquet"])
def test_files_of_many_columns_are_read_by_any_name(make: Make, kind: str) -> None:
    form, written = FORMATS[kind]
    columns = {"id": "bigint"} | {f"c{n}": ("bigint", "varchar", "decimal(9,2)")[n % 3] for n in range(210)}
    source = make(columns, aliases={"c0": ["zero"], "c1": ["one"]}, format=form)
    values = {name: [n] for n, name in enumerate(columns)}
    source.put(
        "a", written({"one": [2], **{name: v for name, v in values.items() if name not in ("c0", "c1")}, "zero": [1]})
    )
    source.run()
    assert source.rows("id", "c0", "c1", "c2") == [(0, 1, "2", 3)]


@pytest.mark.parametrize(
    ("changes", "match"),
    [
        ({"aliases": {"till": ["id"]}}, "aliases: 'id' is what column id is called"),
        ({"aliases": {"till": ["till"]}}, "aliases: 'till' is already its own name"),
        ({"aliases": {"till": ["x"], "id": ["x"]}}, "aliases: 'x' is what column"),
        ({"aliases": {"till": ["x", "x"]}}, "aliases: 'x' is already"),
        ({"aliases": {"till": [" "]}}, "aliases: ' ' is not a name"),
        ({"aliases": {"till": ["x"]}, "format": {"type": "csv", "header": False}}, "without a header"),
        ({"aliases": {"till": ["x"]}, "files": "sales/{till}/*"}, "comes from the path of its file"),
        (
            {"aliases": {"till": ["x"]}, "paths": {"till": "#"}, "format": {"type": "jsonl", "each": "/l"}},
            "has no name",
        ),
    ],
)
def test_an_alias_that_cannot_be_one_is_named(changes: dict[str, Any], match: str) -> None:
    with pytest.raises(ContractError, match=match):
        parse_contract(bronze_node("sales", COLUMNS, ["id"], **changes))
