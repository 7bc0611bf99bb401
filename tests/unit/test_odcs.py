"""Contracts as documents of the Open Data Contract Standard, and back."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings

from assay.contract.checks import parse_freshness, parse_load_checks
from assay.contract.errors import ContractError
from assay.contract.parse import parse_columns, parse_contract, parse_rules
from assay.odcs.custom import read_custom
from assay.odcs.reading import MOST_BYTES, read_documents
from assay.odcs.types import type_of
from tests.documents import bronze_models, built_models, exported, imported, node_of, violations

FOREIGN = """
kind: DataContract
apiVersion: v3.1.0
id: 1f0c
version: 2.1.0
status: draft
tenant: north
team: {name: logistics, members: [{username: ann, role: Owner}]}
servers: [{server: lake, type: s3, location: "s3://b/*.json", format: json, delimiter: new_line}]
slaProperties: [{property: frequency, value: 1, unit: d}, {property: retention, value: 3, unit: y}]
support: [{channel: "#help"}]
schema:
  - name: Parcels
    tags: [post]
    quality: [{metric: rowCount, mustBeGreaterThan: 10}]
    properties:
      - {name: number, physicalName: parcel no, logicalType: integer, primaryKey: true, physicalType: int8}
      - name: customer
        logicalType: string
        physicalType: varchar(40)
        classification: PII
        examples: [Ann Smith]
        required: true
      - {name: weight_kg, logicalType: number, physicalType: "numeric(9, 3)", logicalTypeOptions: {exclusiveMinimum: 0}}
      - {name: state, logicalType: string, enum: [{value: sent}, {value: lost}]}
      - {name: sent_at, logicalType: timestamp, logicalTypeOptions: {timezone: true}}
      - {name: route, logicalType: array, items: {logicalType: string, examples: [secret]}}
      - {name: note, logicalType: string, quality: [{metric: missingValues, mustBeLessThan: 5, unit: percent}]}
"""


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    path = Path(tempfile.mkdtemp())
    yield path
    shutil.rmtree(path)


def check_source(folder: Path, model: dict[str, Any]) -> None:
    text = exported(model)
    back = imported(text, folder)
    assert exported(back) == text
    assert violations(text) == []
    before, after = node_of(model), node_of(back)
    assert parse_rules(after, []) == parse_rules(before, [])
    assert parse_columns(after) == parse_columns(before)
    assert parse_freshness(after) == parse_freshness(before)
    columns = parse_columns(before)
    assert parse_load_checks(after, columns) == parse_load_checks(before, columns)
    assert back["config"]["meta"]["contract"] == model["config"]["meta"]["contract"]


def check_table(folder: Path, model: dict[str, Any]) -> None:
    text = exported(model)
    back = imported(text, folder)
    assert exported(back) == text
    assert violations(text) == []
    before, after = node_of(model), node_of(back)
    assert parse_rules(after, []) == parse_rules(before, [])
    assert parse_columns(after) == parse_columns(before)
    assert parse_freshness(after) == parse_freshness(before)
    metas = [{**element["config"]["meta"], "freshness": None} for element in (back, model)]
    assert metas[0] == metas[1]
    assert back.get("docs") == model.get("docs")
    tests = [[column.get("data_tests") for column in element["columns"]] for element in (back, model)]
    assert tests[0] == tests[1]


@settings(max_examples=12, deadline=None)
@given(model=bronze_models())
def test_a_source_comes_back_from_its_document(folder: Path, model: dict[str, Any]) -> None:
    check_source(folder, model)


def test_a_source_with_a_feed_comes_back_from_its_document(folder: Path) -> None:
    feed = {"kind": "postgres", "url": "${env:SHOP}", "table": "public.sales", "mode": "whole"}
    meta = {"contract": {"version": "1.0.0", "owner": "shop", "new_columns": "rescue"}, "feed": feed}
    columns = [{"name": "id", "data_type": "bigint", "description": "The number."}]
    key = [{"type": "primary_key", "columns": ["id"]}]
    model = {"name": "bronze_fed", "description": "", "config": {"meta": meta}, "constraints": key, "columns": columns}
    check_source(folder, model)
    assert imported(exported(model), folder)["config"]["meta"]["feed"] == feed
    assert yaml.safe_load(exported(model))["servers"][0]["path"] == "landing/feeds/fed/*/*/*/*.parquet"


@settings(max_examples=12, deadline=None)
@given(model=built_models())
def test_a_table_comes_back_from_its_document(folder: Path, model: dict[str, Any]) -> None:
    check_table(folder, model)


@pytest.mark.slow
@settings(max_examples=500, deadline=None)
@given(source=bronze_models(), table=built_models())
def test_many_sources_and_tables_come_back_from_their_documents(
    folder: Path, source: dict[str, Any], table: dict[str, Any]
) -> None:
    check_source(folder, source)
    check_table(folder, table)


def sample(**column: Any) -> dict[str, Any]:
    contract = {
        "version": "1.0.0", "owner": "sales", "files": "s/*.csv", "format": {"type": "csv"}, "load": "events",
        "new_columns": "rescue",
    }  # fmt: skip
    return {
        "name": "bronze_s",
        "description": "One row per x.",
        "config": {"meta": {"contract": contract}},
        "constraints": [{"type": "primary_key", "columns": ["x", "id"]}],
        "columns": [{"name": "id", "data_type": "bigint"}, {"name": "x", "data_type": "varchar", **column}],
    }


def property_of(model: dict[str, Any], name: str) -> dict[str, Any]:
    [table] = yaml.safe_load(exported(model))["schema"]
    [column] = [column for column in table["properties"] if column["name"] == name]
    return dict(column)


def test_a_document_says_in_the_words_of_the_standard_what_it_can() -> None:
    rule = {"type": "check", "name": "short", "expression": "length(x) < 9"}
    model = sample(constraints=[rule], config={"meta": {"personal": True, "optional": True}})
    column = property_of(model, "x")
    assert (column["required"], column["primaryKey"], column["primaryKeyPosition"]) == (True, True, 1)
    assert (column["logicalType"], column["physicalType"], column["classification"]) == (
        "string",
        "varchar",
        "personal",
    )
    [check] = column["quality"]
    assert check["query"] == "select count(*) from {object} where not (length(x) < 9)"
    assert (check["name"], check["mustBe"], check["severity"]) == ("short", 0, "error")
    assert read_custom(column) == {"meta": {"optional": True}}
    assert "unique" not in property_of(model, "id")


def test_a_key_column_that_may_be_null_is_not_required() -> None:
    assert "required" not in property_of(sample(config={"meta": {"nullable_key": True}}), "x")


def test_what_a_person_changes_in_a_document_is_what_is_imported(folder: Path) -> None:
    document = yaml.safe_load(exported(sample()))
    [table] = document["schema"]
    document |= {"version": "2.0.0", "team": {"name": "stock"}}
    table["properties"][1] |= {"physicalType": "decimal(9,2)", "logicalType": "number", "primaryKey": False}
    table["properties"].append({"name": "new", "physicalType": "date", "logicalType": "date", "required": True})
    model = imported(yaml.safe_dump(document), folder)
    contract = parse_contract(node_of(model))
    assert (contract.version, contract.owner, contract.key) == ("2.0.0", "stock", ("id",))
    assert [column.type.sql for column in contract.columns] == ["bigint", "decimal(9,2)", "date"]
    assert [rule.name for rule in contract.rules] == ["id_not_null", "x_not_null", "new_not_null"]


def test_a_document_of_another_tool_is_a_source(folder: Path) -> None:
    model = imported(FOREIGN, folder)
    contract = parse_contract(node_of(model))
    assert (contract.source, contract.owner, contract.version, contract.files) == (
        "parcels", "logistics", "2.1.0", "parcels/*",
    )  # fmt: skip
    assert [(column.name, column.type.sql) for column in contract.columns] == [
        ("parcel no", "bigint"), ("customer", "varchar"), ("weight_kg", "decimal(9,3)"), ("state", "varchar"),
        ("sent_at", "timestamp with time zone"), ("route", "varchar"), ("note", "varchar"),
    ]  # fmt: skip
    assert [(rule.name, rule.expression) for rule in contract.rules] == [
        ("parcel no_not_null", '"parcel no" is not null'),
        ("customer_not_null", '"customer" is not null'),
        ("customer_longest", 'length("customer") <= 40'),
        ("weight_kg_above", '"weight_kg" > 0'),
        ("state_one_of", "\"state\" in ('sent', 'lost')"),
    ]
    assert model["columns"][1]["config"]["meta"]["personal"] is True
    assert model["config"]["meta"]["freshness"] == {"lag": "1 day"}
    assert "Ann Smith" not in str(model)
    assert "secret" not in str(model)


def test_what_assay_does_not_read_of_another_tool_is_exported_again(folder: Path) -> None:
    model = imported(FOREIGN, folder)
    text = exported(model)
    again = yaml.safe_load(text)
    assert violations(text) == []
    assert exported(imported(text, folder)) == text
    assert (again["id"], again["status"], again["tenant"]) == ("1f0c", "draft", "north")
    assert {"channel": "#help"} in again["support"]
    assert {"property": "retention", "value": 3, "unit": "y"} in again["slaProperties"]
    assert [server["server"] for server in again["servers"]] == ["landing", "lake"]
    assert again["team"]["members"] == [{"username": "ann", "role": "Owner"}]
    [table] = again["schema"]
    assert {"metric": "rowCount", "mustBeGreaterThan": 10} in table["quality"]
    assert table["properties"][5]["logicalType"] == "array"


@pytest.mark.parametrize(
    ("before", "after", "message"),
    [
        ("kind: DataContract", "kind: Dashboard", "kind is 'Dashboard'; expected DataContract"),
        ("apiVersion: v3.1.0", "apiVersion: v2.2.2", "apiVersion is 'v2.2.2'; expected a version 3"),
        ("version: 2.1.0", "version: 2.1", "version is a text, not 2.1; put it in quotes"),
        ("version: 2.1.0", "version: v2", "schema: Parcels: as a contract: version: 'v2' is not a semantic version"),
        ("id: 1f0c\n", "", "missing id"),
        ("format: json,", "format: delta,", "schema: Parcels: the document says 'delta'; say it with --format"),
        ("format: json, ", "", "the document does not say how files are written; say it with --format"),
        ("name: logistics, members", "members", None),
        ("role: Owner", "role: Fan", None),
        ("{name: logistics, members: [{username: ann, role: Owner}]}", "[]", "nobody is named who answers for it"),
        ("logicalType: array", "logicalType: blob", "property route: physicalType None is not a type"),
        ("physicalName: parcel no", "physicalName: _no", "property _no: names that start with `_`"),
        ("required: true", "required: 'yes'", "Parcels: property customer: required is true or false, not 'yes'"),
        ("enum: [", "enum: {", "line"),
        ("tags: [post]", "properties: 7\n    tags: [post]", "the key 'properties' stands there twice"),
        ("tags: [post]", "description: 'a {{ env_var(1) }}'", "holds '{{', which dbt would run as Jinja"),
        ("tags: [post]", "tags: &a [post]", "anchors and aliases of YAML are not read"),
    ],
)
def test_a_document_that_cannot_be_read_is_refused_with_its_place(
    folder: Path, before: str, after: str, message: str | None
) -> None:
    text = FOREIGN.replace(before, after, 1)
    assert text != FOREIGN
    if message is None:
        imported(text, folder)
        return
    with pytest.raises(ContractError) as error:
        imported(text, folder)
    assert message in str(error.value)


def test_yaml_that_is_made_to_exhaust_its_reader_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.yaml"
    hostile = {
        "a: &a [x, x]\nb: [*a, *a]\n": "line 1: anchors and aliases",
        "[" * 100_000: "line 1: is nested deeper than 64 levels",
        "a: " + "{b: " * 5_000: "line 1: is nested deeper than 64 levels",
        " " * (MOST_BYTES + 1): "is larger than 10,000,000 bytes",
        "": "is empty",
        "- a": "expected keys with values",
        "a: !!python/object/apply:os.system [ls]": "is not YAML: could not determine a constructor",
        "a: !!int x": "holds a value that cannot be",
        "? [a]\n: b": "a key is a text",
        'a: "\\ud800"': "is not YAML: found invalid Unicode character",
        "a: \x00": "is not YAML",
        "a:\n\t- b": "line 2: is not YAML",
    }
    for text, message in hostile.items():
        path.write_text(text, encoding="utf-8")
        with pytest.raises(ContractError) as error:
            read_documents(path)
        assert message in str(error.value), (text[:40], str(error.value))
    path.write_bytes(b"a: \xff")
    with pytest.raises(ContractError, match=r"a\.yaml: is not UTF-8"):
        read_documents(path)
    with pytest.raises(ContractError, match=r"none\.yaml: cannot be read: No such file or directory"):
        read_documents(tmp_path / "none.yaml")


@pytest.mark.parametrize("name", ["gold.../../../x", "gold.a/b", "quarantine.s", "gold.a b", "bronze.é"])
def test_a_document_cannot_name_a_file_elsewhere(folder: Path, name: str) -> None:
    document = yaml.safe_load(exported(sample()))
    document["customProperties"][0]["value"] = name
    document["schema"][0]["name"] = name.replace(".", "_", 1)
    with pytest.raises(ContractError, match="is not the name of a table"):
        imported(yaml.safe_dump(document), folder)


@pytest.mark.parametrize(
    ("physical", "logical", "sql"),
    [
        ("VARCHAR(18)", "string", "varchar"),
        ("numeric(38,0)", "number", "decimal(38,0)"),
        ("decimal(9)", None, "decimal(9,0)"),
        ("decimal(50,2)", "number", "double"),
        ("timestamp(6) with time zone", None, "timestamp with time zone"),
        ("timestamp without time zone", None, "timestamp"),
        ("character varying(3)", None, "varchar"),
        ("int8", "integer", "bigint"),
        ("bytea", "string", "varchar"),
        (None, "integer", "bigint"),
    ],
)
def test_types_of_other_databases_become_types_that_hold_their_values(
    physical: str | None, logical: str | None, sql: str
) -> None:
    assert type_of(physical, logical, {})[0] == sql
