"""A contract that cannot be honoured is refused before data meets it; the message names the yml and the fact."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from assay.contract.contract import Column, Rule
from assay.contract.errors import ContractError
from assay.contract.parse import parse_contract
from assay.contract.sql_validation import check_rules, empty_database
from assay.contract.table_schema import parse_promise
from assay.contract.types import column_type
from tests.source import bronze_node, built, catalog

COLUMNS = {"id": "bigint", "name": "varchar", "sold": "timestamp"}
YML = "models/bronze/bronze_sales.yml"


def node(**contract: Any) -> dict[str, Any]:
    return bronze_node("sales", COLUMNS, ["id"], **contract)


def keyed(key: str, **contract: Any) -> dict[str, Any]:
    model = node(**contract)
    model["config"]["meta"]["contract"]["key"] = key
    return model


def refusal(model: dict[str, Any]) -> str:
    """Why a contract is refused, without the name of the yml, which must stand first."""
    with pytest.raises(ContractError) as error:
        parse_contract(model)
    path, _, reason = str(error.value).partition(": ")
    assert path == YML
    return reason


def test_a_contract_says_what_its_yml_says() -> None:
    model = node(newest_by="sold", format={"type": "csv", "delimiter": ";", "nulls": ["", "NA"]}, new_columns="refuse")
    contract = parse_contract(model)
    assert (contract.source, contract.names, contract.key) == ("sales", ["id", "name", "sold"], ("id",))
    assert (contract.newest_by, contract.file_date, contract.load) == ("sold", None, "events")
    assert (contract.format.delimiter, contract.format.nulls, contract.format.quote) == (";", ("", "NA"), '"')
    assert [rule.name for rule in contract.rules] == ["id_not_null"]


@pytest.mark.parametrize(
    ("contract", "message"),
    [
        ({"colour": "red"}, "contract: unknown key 'colour'; known are files, version, owner"),
        ({1: 2, "x": 3}, "contract: unknown key '1', 'x'"),
        ({"version": "1.0"}, "version: '1.0' is not a semantic version"),
        ({"version": 1.0}, "version: 1.0 is not a semantic version"),
        ({"owner": ""}, "owner: '' is not the name"),
        ({"load": "stream"}, "load: 'stream' is not one of events, snapshot"),
        ({"load": "snapshot"}, "load: snapshot needs `newest_by: {file_date"),
        ({"new_columns": "keep"}, "new_columns: 'keep' is not one of rescue, add, refuse"),
        ({"new_columns": True}, "new_columns: True is not one of"),
        ({"newest_by": "when"}, "newest_by: 'when' is not a column"),
        ({"newest_by": {"date": "x"}}, "newest_by: unknown key 'date'"),
        ({"newest_by": {"file_date": "%Y-%Q"}}, "newest_by: file_date '%Y-%Q' is not a pattern of names: `%Q`"),
        ({"newest_by": {"file_date": "%Y%Y"}}, "newest_by: file_date '%Y%Y' is not a pattern of names: it names"),
        ({"newest_by": {"file_date": "sales.csv"}}, "newest_by: file_date 'sales.csv' names a file"),
        ({"newest_by": {"file_date": "sales/%Y.csv"}}, "newest_by: file_date 'sales/%Y.csv' names a file without"),
        ({"max_loss": 0.5}, "max_loss: a file of `load: events` replaces no other; it goes with `load: snapshot`"),
        ({"max_loss": 50}, "max_loss: 50 is not a share from 0 to 1 such as 0.5"),
        ({"max_loss": -0.1}, "max_loss: -0.1 is not a share"),
        ({"max_loss": True}, "max_loss: True is not a share"),
        ({"max_loss": "50 %"}, "max_loss: '50 %' is not a share"),
        ({"max_loss": float("nan")}, "max_loss: nan is not a share"),
        ({"shares_with": "products"}, "shares_with: 'products' is not a list of sources such as [products]"),
        ({"newest_by": {}}, "newest_by: missing file_date"),
        ({"files": ["a/*.csv"]}, "files: ['a/*.csv'] is not a glob under the landing zone"),
        (
            {"files": "x/*.zip!/*.zip!/*.csv"},
            "files: 'x/*.zip!/*.zip!/*.csv': an archive within an archive is not opened",
        ),
        ({"files": "*.zip!/*.csv"}, "files: '*.zip!/*.csv': `!` follows an archive in a folder"),
        ({"files": "x/*.zip!"}, "files: 'x/*.zip!': `!` follows an archive in a folder"),
        ({"files": "x/!/*.csv"}, "files: 'x/!/*.csv': `!` follows an archive in a folder"),
        ({"files": "x/**!/*.csv"}, "files: 'x/**!/*.csv': `**` stands for folders"),
        ({"files": "x/*.zip!/**"}, "files: 'x/*.zip!/**': `**` stands for folders"),
        ({"files": "x/*.zip!/../*.csv"}, "files: 'x/*.zip!/../*.csv' is not a glob under the landing zone"),
        ({"files": "x/*.zip!/_x/*.csv"}, "files: 'x/*.zip!/_x/*.csv': names that start with"),
        ({"files": "*.csv"}, "files: '*.csv' is not a glob under the landing zone"),
        ({"files": "../secret/*.csv"}, "files: '../secret/*.csv' is not a glob"),
        ({"files": "/abs/*.csv"}, "files: '/abs/*.csv' is not a glob"),
        ({"files": "a/**.csv"}, "files: 'a/**.csv': `**` stands for folders"),
        ({"files": "_a/*.csv"}, "files: '_a/*.csv': names that start with"),
        ({"format": "csv"}, "format: expected keys such as"),
        ({"format": {}}, "format: type: None is not one of csv, fixed, excel, jsonl, json, xml, avro, parquet"),
        (
            {"format": {"type": ["csv"]}},
            "format: type: ['csv'] is not one of csv, fixed, excel, jsonl, json, xml, avro, parquet",
        ),
        ({"format": {"type": "orc"}}, "format: type: 'orc' is not one of"),
        *(
            ({"format": {"type": "excel", "range": cells}}, f"format: range {cells!r} is not a range of cells such as")
            for cells in (
                "B4",
                "B4:",
                "b4:h9",
                "H4:B9",
                "B9:H4",
                "B0:H4",
                "A1:XFE9",
                "A1:B1048577",
                "A1:B2:C3",
                "$B$4:$H$9",
            )
        ),
        ({"format": {"type": "excel", "range": 4}}, "format: range is a text, not 4"),
        ({"format": {"type": "csv", "range": "A1:B2"}}, "format: unknown key 'range'; known for csv"),
        ({"format": {"type": "csv", "separator": ";"}}, "format: unknown key 'separator'; known for csv are"),
        ({"format": {"type": "parquet", "delimiter": ";"}}, "format: unknown key 'delimiter'; known for parquet"),
        ({"format": {"type": "jsonl", "decimal": ","}}, "format: unknown key 'decimal'; known for jsonl"),
        ({"format": {"type": "csv", "delimiter": "|||||"}}, "format: delimiter has 1 to 4 bytes"),
        ({"format": {"type": "csv", "delimiter": ""}}, "format: delimiter has 1 to 4 bytes"),
        ({"format": {"type": "csv", "delimiter": 1}}, "format: delimiter is a text, not 1"),
        ({"format": {"type": "csv", "delimiter": '"'}}, "format: delimiter holds neither quote"),
        ({"format": {"type": "csv", "delimiter": "\n"}}, "format: delimiter holds neither quote nor escape, and none"),
        ({"format": {"type": "csv", "quote": "«"}}, "format: quote '«'"),
        (
            {"format": {"type": "csv", "header": "yes"}},
            "format: header is true, false, or the number of its lines, not 'yes'",
        ),
        ({"format": {"type": "csv", "decimal": "'"}}, 'format: decimal: "\'" is not one of'),
        ({"format": {"type": "csv", "encoding": "utf-9"}}, "format: unknown encoding 'utf-9'"),
        ({"format": {"type": "csv", "encoding": "undefined"}}, "format: unknown encoding 'undefined'"),
        ({"format": {"type": "jsonl", "encoding": 8859}}, "format: encoding is a text, not 8859"),
        ({"format": {"type": "csv", "nulls": "NA"}}, "format: nulls is a list of texts"),
        ({"format": {"type": "csv", "nulls": ["", None]}}, "format: nulls is a list of texts"),
        ({"format": {"type": "csv", "nulls": ["a,b"]}}, "format: nulls: 'a,b' holds a delimiter"),
    ],
)
def test_what_a_contract_says_wrongly_is_named(contract: dict[Any, Any], message: str) -> None:
    model = node()
    model["config"]["meta"]["contract"].update(contract)
    assert refusal(model).startswith(message)


@pytest.mark.parametrize("key", ["version", "owner", "files", "format", "load", "new_columns"])
def test_a_missing_key_is_named(key: str) -> None:
    model = node()
    del model["config"]["meta"]["contract"][key]
    assert refusal(model) == f"contract: missing {key}"


def test_without_a_key_each_record_counts_by_itself() -> None:
    keyless = {**keyed("none"), "constraints": []}
    assert parse_contract(keyless).key == ()
    assert "no columns tell the rows apart" in refusal({**node(), "constraints": []})


@pytest.mark.parametrize(
    ("contract", "message"),
    [
        ({"key": "none"}, "key: none stands beside a primary_key; keep one of the two"),
        ({"key": "id"}, "key: 'id' is not none; a key is a constraint of the model"),
        ({"key": "none", "newest_by": "id"}, "newest_by: chooses among rows of one key"),
    ],
)
def test_a_key_that_contradicts_itself_is_told(contract: dict[str, Any], message: str) -> None:
    model = keyed(contract.pop("key"), **contract)
    assert refusal(model).startswith(message)


def test_half_of_a_snapshot_may_go_where_the_contract_does_not_say() -> None:
    snapshot: dict[str, Any] = {"load": "snapshot", "newest_by": {"file_date": "s_%Y.csv"}}
    assert parse_contract(node(**snapshot)).max_loss == 0.5
    assert parse_contract(node(**snapshot, max_loss=0)).max_loss == 0


def test_a_model_without_a_contract_is_told_where_one_is_shown() -> None:
    model = node()
    model["config"] = {"meta": {"contracts": {}}}
    assert "docs/adding-a-source.md" in refusal(model)


@pytest.mark.parametrize(
    ("column", "message"),
    [
        ({"name": "x", "data_type": "money"}, "column x: unknown type 'money'"),
        ({"name": "x", "data_type": "decimal"}, "column x: unknown type 'decimal'"),
        ({"name": "x", "data_type": "decimal(39,2)"}, "column x: type 'decimal(39,2)': precision is 1 to 38"),
        ({"name": "x", "data_type": "decimal(4,5)"}, "column x: type 'decimal(4,5)'"),
        ({"name": "x"}, "column x: data_type is missing"),
        (
            {"name": "x", "data_type": "bigint", "config": {"meta": {"personal": "no"}}},
            "column x: config: meta: personal is true or false, not 'no'",
        ),
        (
            {"name": "x", "data_type": "bigint", "config": {"meta": {"optional": 1}}},
            "column x: config: meta: optional is true or false, not 1",
        ),
        ({"name": "_x", "data_type": "bigint"}, "column _x: names that start with `_`"),
        ({"name": "", "data_type": "bigint"}, "column '': a name is neither empty nor blank"),
        ({"name": " \t", "data_type": "bigint"}, "column ' \\t': a name is neither empty nor blank"),
        (
            {"name": "a\0b", "data_type": "bigint"},
            "column 'a\\x00b': a name is neither empty nor blank, and holds no NUL",
        ),
        ({"name": "NAME", "data_type": "bigint"}, "columns: name stands there twice"),
    ],
)
def test_a_wrong_column_is_named(column: dict[str, Any], message: str) -> None:
    model = node()
    model["columns"][column["name"]] = column
    assert refusal(model).startswith(message)


@pytest.mark.parametrize("kind", ["json", "JSON"])
def test_json_is_no_type_and_what_to_write_is_told(kind: str) -> None:
    model = node()
    model["columns"]["x"] = {"name": "x", "data_type": kind}
    assert "JSON is kept in a varchar; `struct(zip integer)`, `varchar[]`" in refusal(model)


@pytest.mark.parametrize(
    ("constraints", "message"),
    [
        ([], "constraints: expected one primary_key of the model, found 0"),
        (
            [{"type": "primary_key", "columns": ["id"]}] * 2,
            "constraints: expected one primary_key of the model, found 2",
        ),
        ([{"type": "primary_key", "columns": ["nr"]}], "primary_key: nr is not a column"),
        ([{"type": "primary_key", "columns": []}], "primary_key: columns is empty"),
        ([{"type": "primary_key"}], "primary_key: columns is empty"),
        ([{"type": "primary_key", "columns": ["id", "id"]}], "primary_key: id, id names a column twice"),
        ([{"type": "primary_key", "columns": ["id"]}, {"type": "foreign_key"}], "constraints: a constraint of type"),
        (
            [{"type": "primary_key", "columns": ["id"]}, {"type": "check", "expression": "x"}],
            "constraints: a check needs",
        ),
    ],
)
def test_a_wrong_constraint_is_named(constraints: list[dict[str, Any]], message: str) -> None:
    model = {**node(), "constraints": constraints}
    assert refusal(model).startswith(message)


def test_two_rules_of_one_name_are_refused() -> None:
    model = node()
    check = {"type": "check", "name": "odd", "expression": "id > 0"}
    model["columns"]["id"]["constraints"] = [check]
    model["columns"]["name"]["constraints"] = [{"type": "not_null"}, check]
    assert refusal(model).startswith("two rules are called odd")


def test_rules_are_those_of_key_columns_and_model() -> None:
    model = node()
    model["columns"]["id"]["constraints"] = [{"type": "not_null"}]
    model["columns"]["name"]["constraints"] = [{"type": "not_null"}]
    model["constraints"].append({"type": "check", "name": "late", "expression": "sold > now()"})
    assert [rule.name for rule in parse_contract(model).rules] == ["id_not_null", "name_not_null", "late"]


def test_only_what_decides_how_rows_are_made_is_in_the_fingerprint() -> None:
    plain = parse_contract(node()).fingerprint
    prose = node(version="1.2.3", owner="others")
    prose["columns"]["id"]["description"] = "Another story."
    assert parse_contract(prose).fingerprint == plain
    others = [node(new_columns="refuse"), node(format={"type": "csv", "nulls": []}), node(newest_by="sold")]
    assert len({plain, *(parse_contract(other).fingerprint for other in others)}) == 4


def test_types_are_known_by_their_usual_names() -> None:
    assert column_type(" Decimal( 12 , 2 ) ").sql == "decimal(12,2)"
    assert column_type("INT").sql == "integer"
    assert column_type("timestamp  WITH time zone") == column_type("timestamptz")
    for unknown in ("float", "json", "time", "bigint[x]", "varchar(10)", ""):
        with pytest.raises(ContractError, match="unknown type"):
            column_type(unknown)


def test_a_promise_that_is_not_understood_names_its_yml() -> None:
    model = {**node(), "name": "gold_x", "patch_path": "assay://models/gold/gold_x.yml", "constraints": []}
    with pytest.raises(ContractError, match=r"^models/gold/gold_x\.yml: constraints: expected one primary_key"):
        parse_promise(model)


def test_a_key_of_silver_holds_no_other_values() -> None:
    model = {**node(), "name": "silver_x", "patch_path": "assay://models/silver/silver_x.yml"}
    [first, *_] = model["columns"].values()
    model = {
        **model,
        "columns": {first["name"]: {"name": first["name"], "data_type": "struct(a integer)"}},
        "constraints": [{"type": "primary_key", "columns": [first["name"]]}],
    }
    with pytest.raises(
        ContractError, match=r"silver_x\.yml: primary_key: \w+ is struct\(a integer\), and rows are told"
    ):
        parse_promise(model)


def test_a_place_in_a_record_is_nothing_that_silver_has() -> None:
    model = {**node(), "name": "silver_x", "patch_path": "assay://models/silver/silver_x.yml"}
    model["columns"]["id"]["config"] = {"meta": {"path": "/a/id"}}
    with pytest.raises(ContractError, match=r"^models/silver/silver_x\.yml: column id: path is of a bronze column"):
        parse_promise(model)


RULES = [
    ("id >", "not SQL over one row"),
    ("nr > 0", 'column "nr"'),
    ("id + 1", "is BIGINT, expected a condition"),
    ("name", "is VARCHAR, expected a condition"),
    ("sum(id) > 0", "cannot contain aggregates"),
    ("row_number() over () = 1", "cannot contain window functions"),
    ("id <= (select max(nr) from bronze.sales)", "Catalog Error"),
    ("id > 0 -- positive", "not SQL over one row"),
    ("id > 0; drop table x", "not SQL over one row"),
]


@pytest.mark.parametrize(("expression", "message"), RULES)
def test_a_rule_that_cannot_judge_a_row_is_refused(expression: str, message: str) -> None:
    columns = [Column(name, column_type(kind)) for name, kind in COLUMNS.items()]
    with empty_database() as connection, pytest.raises(ContractError) as error:
        check_rules(connection, "bronze_sales.yml", columns, [Rule("fine", "id > 0"), Rule("odd", expression)])
    assert str(error.value).startswith(f"bronze_sales.yml: rule odd: {expression!r}")
    assert message in str(error.value)


def test_rules_over_all_kinds_of_columns_pass() -> None:
    columns = [Column(name, column_type(kind)) for name, kind in {**COLUMNS, "order by": "decimal(4,2)"}.items()]
    expressions = [
        "id > 0",
        "sold <= now()",
        "null",
        '"order by" between 1 and 2',
        "name in ('a', 'b''c')",
        "not (id = 1)",
    ]
    with empty_database() as connection:
        check_rules(
            connection, "x.yml", columns, [Rule(str(n), expression) for n, expression in enumerate(expressions)]
        )


def test_a_wrong_type_in_silver_names_its_yml(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """It was the one mistake of a column that was told without its file."""
    silver = built("silver_sales", "bronze_sales")
    silver["columns"]["id"]["data_type"] = "json"
    bronze = {**node(), "depends_on": {"nodes": []}}
    monkeypatch.setattr("assay.contract.catalog.check_written", lambda *_: iter(()))
    with pytest.raises(ContractError, match=r"^models/silver_sales\.yml: column id: unknown type 'json'"):
        catalog(bronze, silver).check(tmp_path)
