"""What every table has to say of itself, or why not."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from assay.base.settings import Settings
from assay.cli import contract_lint
from assay.contract.catalog import Catalog
from assay.contract.errors import ContractError
from assay.contract.policy import gaps
from assay.tables.dbt import parse_if_changed
from tests.lab import WHOLE
from tests.source import bronze_node, built, catalog

FRESHNESS = {"lag": "1 day"}


def described(node: dict[str, Any]) -> dict[str, Any]:
    for column in node["columns"].values():
        column["description"] = "What it means."
    return {**node, "description": "One row per id."}


def source(*, is_keyless: bool = False, **meta: Any) -> dict[str, Any]:
    node = described(bronze_node("s", {"id": "bigint", "x": "varchar"}, ["id"]))
    node["config"]["meta"] |= meta
    if is_keyless:
        node["config"]["meta"]["contract"]["key"], node["constraints"] = "none", []
    return {**node, "depends_on": {"nodes": []}}


def silver(**meta: Any) -> dict[str, Any]:
    return described(built("silver_s", "bronze_s", owner="sales", **meta))


def missing(*nodes: dict[str, Any]) -> list[tuple[str, str, str]]:
    return [(gap.table, gap.column, gap.missing) for gap in gaps(catalog(*nodes))]


def test_a_table_that_says_everything_has_no_gap() -> None:
    assert missing(source(freshness=FRESHNESS), silver()) == []


@pytest.mark.parametrize(
    ("model", "changes", "gap"),
    [
        ("bronze_s", {"description": " "}, ("bronze.s", "", "description")),
        ("silver_s", {"description": None}, ("silver.s", "", "description")),
        ("bronze_s", {"meta": {"freshness": None}}, ("bronze.s", "", "freshness")),
        ("silver_s", {"meta": {"owner": ""}}, ("silver.s", "", "owner")),
        ("bronze_s", {"meta": {"reasons": {"freshness": "x"}}}, ("bronze.s", "", "reason")),
        ("silver_s", {"meta": {"reasons": {"key": "x"}}}, ("silver.s", "", "reason")),
    ],
)
def test_what_a_table_does_not_say_is_named(model: str, changes: dict[str, Any], gap: tuple[str, str, str]) -> None:
    nodes = {"bronze_s": source(freshness=FRESHNESS), "silver_s": silver()}
    nodes[model]["config"]["meta"] |= changes.pop("meta", {})
    nodes[model] |= changes
    assert missing(*nodes.values()) == [gap]


def test_a_column_without_a_description_is_named_with_its_yml() -> None:
    node = source(freshness=FRESHNESS)
    del node["columns"]["x"]["description"]
    [gap] = gaps(catalog(node))
    assert (gap.column, gap.missing, gap.where) == ("x", "description", "models/bronze/bronze_s.yml")


def test_a_source_may_say_why_it_has_no_freshness_and_no_key() -> None:
    keyless = source(is_keyless=True, reasons={"freshness": "Nobody knows.", "key": "Rows count."})
    below = {**silver(key="none"), "constraints": []}
    assert missing(keyless, below) == []
    del keyless["config"]["meta"]["reasons"]["key"]
    assert missing(keyless, below) == [("bronze.s", "", "key"), ("silver.s", "", "key")]


def test_a_yml_that_is_made_of_a_contract_has_its_gaps_there() -> None:
    made = {**silver(), "description": "", "patch_path": "x://build/models/silver/silver_s.yml"}
    assert missing(source(freshness=FRESHNESS), made) == []


@pytest.mark.parametrize(
    ("reasons", "message"),
    [
        ("none", "expected {key: …} or {freshness: …}, each with a sentence, found 'none'"),
        ({"owner": "x"}, "reasons: unknown key 'owner'; known are key, freshness"),
        ({"key": 1}, "reasons: key is a text, not 1"),
    ],
)
def test_reasons_that_are_not_understood_are_refused(reasons: Any, message: str) -> None:
    with pytest.raises(ContractError) as error:
        gaps(catalog(source(freshness=FRESHNESS, reasons=reasons)))
    assert message in str(error.value)
    assert str(error.value).startswith("models/bronze/bronze_s.yml: ")


def test_the_demo_has_no_gap(tmp_path: Path) -> None:
    parse_if_changed(Settings(home=tmp_path, dbt_project=WHOLE))
    assert gaps(Catalog.read(WHOLE)) == []


def test_the_command_ends_with_1_where_something_is_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    nodes = [source(), silver()]
    monkeypatch.setenv("ASSAY_HOME", str(tmp_path))
    monkeypatch.setattr(contract_lint, "parse_if_changed", lambda _: None)
    monkeypatch.setattr(contract_lint.Catalog, "read", lambda _: catalog(*nodes))
    assert contract_lint.lint(as_json=True) == 1
    [gap] = json.loads(capsys.readouterr().out)
    assert (gap["table"], gap["missing"]) == ("bronze.s", "freshness")
    assert contract_lint.lint(as_json=False) == 1
    assert "1 gaps in 1 of 2 tables" in capsys.readouterr().out
    nodes[:] = [source(freshness=FRESHNESS), silver()]
    assert contract_lint.lint(as_json=False) == 0
    assert "2 tables: each says" in capsys.readouterr().out
