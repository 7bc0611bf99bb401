"""What dbt passes over in silence is refused: unknown and repeated keys of a yml, and inputs that nobody named."""

from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest

from assay.contract.contract import Column
from assay.contract.errors import ContractError
from assay.contract.rebuild_key import Input, parse_redo
from assay.contract.sql_validation import check_redo, empty_database
from assay.contract.types import column_type
from assay.contract.yaml_lint import check_written

MODEL = """
models:
  - name: bronze_sales
    description: One row per sale.
    config: {meta: {contract: {version: 1.0.0}}}
    constraints:
      - {type: primary_key, columns: [id]}
    columns:
      - name: id
        description: The number.
        data_type: bigint
        constraints:
          - {type: check, name: positive, expression: "id > 0"}
"""


def refusal(tmp_path: Path, text: str | bytes) -> str:
    path = tmp_path / "bronze_sales.yml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(ContractError) as error:
        check_written(path)
    assert str(error.value).startswith("bronze_sales.yml: ")
    return str(error.value)


def test_a_yml_of_known_keys_passes(tmp_path: Path) -> None:
    path = tmp_path / "bronze_sales.yml"
    for text in (MODEL, "version: 2\n", "sources: []\nmodels: []\n"):
        path.write_text(text)
        check_written(path)


@pytest.mark.parametrize(
    ("right", "wrong", "message"),
    [
        ("description: One row", "descriptoin: One row", "bronze_sales: unknown key 'descriptoin'"),
        ("data_type: bigint", "datatype: bigint", "column id: unknown key 'datatype'"),
        ("data_type: bigint", "optional: true", "; write `config: {meta: {optional: true}}`"),
        ("name: bronze_sales", "docs: {}", "models: missing name"),
        ("expression:", "expresion:", "column id: constraints: unknown key 'expresion'"),
        ("columns: [id]}", "column: [id]}", "bronze_sales: constraints: unknown key 'column'"),
        ("data_type: bigint", "data_type: bigint\n      - name: ID", "column id stands there 2 times"),
        ("{version: 1.0.0}", "{version: 1.0.0, version: 2.0.0}", "the key 'version' stands there twice"),
        ("data_type: bigint", "data_type: bigint\n        data_type: varchar", "line 9: the key 'data_type' stands"),
        ("columns:\n", "columns: id\n    docs:\n", "columns is a list, not 'id'"),
        ("- name: id", "- id", "line 10: is not YAML"),
        ("models:", "models: {a: b}\nversion:", "models is a list"),
        ("description: One", "description: [One", "line 5: is not YAML"),
        ("    description:", "\tdescription:", "line 4: is not YAML"),
        ("    description:", "\tdescription:", "; indent with blanks, not with tabs"),
        ("models:", "model:", "unknown key 'model'; known are models, version, sources, "),
        ("models:", "model:", "; write `models:`"),
        ("{meta: {contract: {version: 1.0.0}}}", "", "line 5: config has no value; indent what belongs to it"),
        ("{contract: {version: 1.0.0}}", "", "line 5: meta has no value"),
        ("{meta: {contract: {version: 1.0.0}}}", "[meta]", "config: expected keys with values, found ['meta']"),
        ("{contract: {version: 1.0.0}}", "none", "config: meta: expected keys with values, found 'none'"),
        ("      - name: id\n", "        id:\n", "columns is a list, not {"),
        ("The number.", "", "line 10: description has no value"),
        ("data_type: bigint", "data_type: [bigint]", "column id: data_type is a text, not ['bigint']"),
        (
            "type: check",
            "type: checked",
            "column id: constraints: type: 'checked' is not one of primary_key, not_null, ",
        ),
        ("{type: primary_key, columns: [id]}", "{name: key}", "constraints: type: None is not one of primary_key"),
        ("columns: [id]", "columns: id", "bronze_sales: constraints: columns is a list of names, not 'id'"),
        ("constraints:", "data_tests: unique\n    constraints:", "bronze_sales: data_tests is a list, not 'unique'"),
        ("data_type:", "from: nr\n        data_type:", "; write `config: {meta: {from: …}}`"),
    ],
)
def test_what_dbt_would_pass_over_is_named(tmp_path: Path, right: str, wrong: str, message: str) -> None:
    assert right in MODEL
    assert message in refusal(tmp_path, MODEL.replace(right, wrong, 1))


def test_what_is_no_yml_at_all_is_named(tmp_path: Path) -> None:
    assert "expected keys with values, found ['a']" in refusal(tmp_path, "- a\n")
    assert "expected keys with values, found 'x'" in refusal(tmp_path, "models: [x]\n")
    assert "cannot be read as UTF-8" in refusal(tmp_path, b"models: \xff\n")
    assert "line 1: is not YAML" in refusal(tmp_path, "models: !!python/object:os.system {}\n")


def test_a_yml_that_says_nothing_is_named(tmp_path: Path) -> None:
    assert "is empty; write `models:`" in refusal(tmp_path, "")
    assert "is empty" in refusal(tmp_path, "# models:\n#   - name: bronze_sales\n")
    assert "line 1: models has no value" in refusal(tmp_path, "models:\n")


def test_a_yml_that_is_gone_is_named(tmp_path: Path) -> None:
    with pytest.raises(ContractError, match=r"^bronze_x\.yml: "):
        check_written(tmp_path / "bronze_x.yml")


BRONZE = {"constraints": [{"type": "primary_key", "columns": ["id"]}]}
INPUTS = {"silver_a": {}, "silver_b": {}}
DECLARED = {"key": ["id"], "inputs": {"silver_a": ["id"], "silver_b": {"via": "silver_a", "by": ["product_id"]}}}


def gold(redo: object = None) -> dict[str, Any]:
    return {
        "name": "gold_x",
        "patch_path": "assay://models/gold/gold_x.yml",
        "columns": {"id": {}, "day": {}},
        "config": {"meta": {} if redo is None else {"redo": redo}},
    }


def test_a_table_over_one_bronze_table_is_redone_by_its_key() -> None:
    redo = parse_redo(gold(), {"bronze_a": BRONZE})
    assert (redo.key, redo.inputs) == (("id",), (Input("bronze_a", ('"id"',)),))


def test_the_key_of_a_bronze_table_is_followed_through_from() -> None:
    def renamed(name: str) -> dict[str, Any]:
        return {"config": {"meta": {"from": name}}}

    bronze = {"constraints": [{"type": "primary_key", "columns": ["Click ID", "day"]}]}
    node = {**gold(), "columns": {"copy": renamed("day"), "click_id": renamed("Click ID"), "day": {}}}
    redo = parse_redo(node, {"bronze_a": bronze})
    assert (redo.key, redo.inputs) == (("click_id", "day"), (Input("bronze_a", ('"Click ID"', '"day"')),))
    swapped = {**gold(), "columns": {"day": renamed("Click ID"), "Click ID": renamed("day")}}
    assert parse_redo(swapped, {"bronze_a": bronze}).key == ("day", "Click ID")


def test_a_declared_way_from_inputs_to_keys_is_taken() -> None:
    redo = parse_redo(gold(DECLARED), INPUTS)
    assert redo.input("silver_a").keys == ("id",)
    assert (redo.input("silver_b").via, redo.input("silver_b").by) == ("silver_a", ("product_id",))


@pytest.mark.parametrize(
    ("redo", "inputs", "message"),
    [
        (None, INPUTS, "needs `config: meta: redo:`, because it reads silver_a, silver_b"),
        (None, {}, "because it reads nothing"),
        (None, {"bronze_a": {"constraints": []}}, "its input bronze_a has no primary_key"),
        (
            None,
            {"bronze_a": {"constraints": [{"type": "primary_key", "columns": ["nr"]}]}},
            "no column is nr, of the key of bronze_a; the table has id, day. Write",
        ),
        ("id", INPUTS, "redo needs `key` and `inputs`"),
        ({"key": ["id"]}, INPUTS, "redo needs `key` and `inputs`"),
        ({**DECLARED, "more": 1}, INPUTS, "redo needs `key` and `inputs`, and nothing else"),
        ({**DECLARED, "key": "id"}, INPUTS, "redo: `key` is a list"),
        ({**DECLARED, "key": ["nr"]}, INPUTS, "redo: key: nr is not a column of the table"),
        (DECLARED, {"silver_a": {}}, "a change of an input that is not named would be lost"),
        (DECLARED, {**INPUTS, "silver_c": {}}, "a change of an input that is not named would be lost"),
        ({**DECLARED, "key": ["id", "day"]}, INPUTS, "redo: silver_a gives 1 expressions for the key id, day"),
        ({"key": ["id"], "inputs": {"silver_a": "id"}}, {"silver_a": {}}, "redo: silver_a needs a list of expressions"),
        (
            {
                "key": ["id"],
                "inputs": {"silver_a": {"via": "silver_b", "by": ["x"]}, "silver_b": {"via": "x", "by": []}},
            },
            INPUTS,
            "redo: silver_a goes via silver_b, which is not an input with expressions",
        ),
        (
            {"key": ["id"], "inputs": {"silver_a": ["id"], "silver_b": {"via": "silver_a", "where": ""}}},
            INPUTS,
            "redo: silver_b: `by` is a list of columns, `where` is SQL over `changed` and `via`",
        ),
        (
            {"key": ["id"], "inputs": {"silver_a": ["id"], "silver_b": {"via": "silver_a"}}},
            INPUTS,
            "redo: silver_b needs a list of expressions, or `via` and a list `by`, or `via` and `where`",
        ),
    ],
)
def test_a_way_that_would_lose_changes_is_refused(redo: object, inputs: dict[str, Any], message: str) -> None:
    with pytest.raises(ContractError) as error:
        parse_redo(gold(redo), inputs)
    assert str(error.value).startswith("models/gold/gold_x.yml: ")
    assert message in str(error.value)


@pytest.mark.parametrize(
    ("way", "message"),
    [
        (["nosuch"], "silver_a leads to no keys"),
        ({"via": "silver_b", "by": ["nosuch"]}, "silver_a leads to no keys"),
        ({"via": "silver_b", "where": "changed.nosuch = via.id"}, "silver_a leads to no keys"),
        (["unnest(range(id, id + 2))"], None),
        ({"via": "silver_b", "by": ["id"]}, None),
        ({"via": "silver_b", "where": "changed.id < via.id -- older"}, None),
    ],
)
def test_a_way_that_is_no_sql_shows_before_a_run_needs_it(way: object, message: str | None) -> None:
    redo = parse_redo(gold({"key": ["id"], "inputs": {"silver_a": way, "silver_b": ["id"]}}), INPUTS)
    columns = [Column("id", column_type("bigint"))]
    with empty_database() as connection, pytest.raises(ContractError, match=message) if message else nullcontext():
        check_redo(connection, "gold_x.yml", redo, {"silver_a": columns, "silver_b": columns})
