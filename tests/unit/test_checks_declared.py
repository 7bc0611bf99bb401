"""What a yml says about checks is understood or refused, and a threshold without a reason is refused."""

from __future__ import annotations

from typing import Any

import pytest

from assay.contract.checks import parse_load_checks, parse_table_checks
from assay.contract.declared_checks import FILES_AGREE, ROWS_AGREE
from assay.contract.errors import ContractError
from assay.contract.parse import parse_columns
from tests.source import bronze_node, built, catalog

WHY = "A reason."


def node(checks: object) -> dict[str, Any]:
    made = bronze_node("sales", {"id": "bigint", "price": "decimal(12,2)"}, ["id"])
    made["config"]["meta"]["checks"] = checks
    return made


def test_what_is_not_said_is_ordinary() -> None:
    made = node(None)
    checks = parse_load_checks(made, parse_columns(made))
    assert (checks.volume_pct, checks.completeness_points, checks.psi, checks.broken_pct) == (20, 2, 0.25, 1)
    assert (checks.columns, checks.severity, checks.accepted) == ((), {}, {})


def test_everything_that_can_be_said_is_read() -> None:
    made = node(
        {
            "volume": {"change_pct": 50, "severity": "error", "because": WHY},
            "completeness": {"change_points": 5, "because": WHY},
            "distribution": {"columns": ["price"], "psi": 0.5, "because": WHY},
            "validity": {"most_pct": 3, "because": WHY},
            "accepted": [{"file": "sales/a.csv", "because": WHY}],
        }
    )
    checks = parse_load_checks(made, parse_columns(made))
    assert (checks.volume_pct, checks.completeness_points, checks.psi, checks.broken_pct) == (50, 5, 0.5, 3)
    assert checks.columns == ("price",)
    assert (checks.severity, checks.accepted) == ({"volume": "error"}, {"sales/a.csv": WHY})


@pytest.mark.parametrize(
    ("checks", "message"),
    [
        ({"volumes": {}}, "unknown key 'volumes'"),
        ({"volume": {"change": 5, "because": WHY}}, "unknown key 'change'"),
        ({"volume": {"change_pct": 50}}, "volume: needs `because:`"),
        ({"volume": {"severity": "error"}}, "volume: needs `because:`"),
        ({"volume": {"severity": "regression", "because": WHY}}, "'regression' is not one of warn, error"),
        ({"volume": {"change_pct": "much", "because": WHY}}, "'much' is not a number"),
        ({"distribution": {"columns": ["nosuch"]}}, "nosuch is not a column"),
        ({"freshness": {"hours": 30}}, "unknown key 'freshness'"),
        ({"accepted": [{"file": "a.csv"}]}, "needs `because:`"),
        ({"accepted": ["a.csv"]}, "a list of {file: …, because: …}"),
        (["volume"], "expected keys with values"),
        ({"volume": 5}, "volume: expected keys with values"),
        (
            {"volume": {"change_pct": float("nan"), "because": WHY}},
            "checks: volume: change_pct: nan is not a number of 0 or",
        ),
        ({"volume": {"change_pct": 5, "because": 5}}, "checks: volume: because is a text, not 5; put it in quotes"),
        ({"distribution": {"columns": "price"}}, "checks: distribution: columns is a list of names, not 'price'"),
        ({"accepted": [{"file": "a.csv", "because": WHY, "x": 1}]}, "checks: accepted: a.csv: unknown key 'x'"),
        ({"accepted": [{"because": WHY}]}, "checks: accepted: missing file"),
    ],
)
def test_what_is_not_understood_is_refused_with_the_yml(checks: object, message: str) -> None:
    made = node(checks)
    with pytest.raises(ContractError) as error:
        parse_load_checks(made, parse_columns(made))
    assert message in str(error.value)
    assert str(error.value).startswith("models/bronze/bronze_sales.yml: checks")


REFERENCE = {"columns": ["id"], "to": "silver_shops", "severity": "warn", "because": WHY}


@pytest.mark.parametrize(
    ("checks", "message"),
    [
        ({"rules": {"nosuch": {"severity": "warn", "because": WHY}}}, "nosuch is not a rule of a constraint"),
        ({"rules": {"positive": {"severity": "warn"}}}, "needs `because:`"),
        ({"rules": {"positive": {"severity": "regression", "because": WHY}}}, "accepted_pct belongs to severity"),
        ({"rules": {"positive": {"severity": "warn", "accepted_pct": 3, "because": WHY}}}, "accepted_pct belongs"),
        ({"consistency": {"known": {**REFERENCE, "to": "silver_nosuch"}}}, "'silver_nosuch' is not a model"),
        ({"consistency": {"known": {**REFERENCE, "columns": ["x"]}}}, "x is not a column of silver_shops"),
        ({"consistency": {"known": {**REFERENCE, "columns": []}}}, "nothing is not a column of silver_shops"),
        ({"consistency": {"known": {**REFERENCE, "else": 1}}}, "unknown key 'else'"),
        ({"volume": {}}, "unknown key 'volume'"),
        ({"rules": "positive"}, "checks: rules: expected keys with values, found 'positive'"),
        ({"rules": {"positive": 5}}, "checks: rules: positive: expected keys with values, found 5"),
        (
            {"rules": {"positive": {"level": 1}}},
            "positive: unknown key 'level'; known are severity, accepted_pct, because",
        ),
        ({"consistency": {"known": {"columns": ["id"], "because": WHY}}}, "checks: consistency: known: missing to"),
    ],
)
def test_a_table_says_only_what_it_can(checks: object, message: str) -> None:
    with pytest.raises(ContractError) as error:
        parse_table_checks(node(checks), ["positive"], {"silver_shops": ["id"]})
    assert message in str(error.value)


def test_a_reference_names_the_rows_that_have_no_partner() -> None:
    checks = parse_table_checks(node({"consistency": {"known": REFERENCE}}), [], {"silver_shops": ["id"]})
    [reference] = checks.references
    assert (reference.name, reference.to, reference.where) == ("known", "silver_shops", "true")
    assert 'from "silver"."shops"' in reference.broken("silver.sales")


EVENTS = {"load": "events", "newest_by": {"file_date": "d_%Y.csv"}}


@pytest.mark.parametrize(
    ("contract", "rules", "blocks"),
    [
        (EVENTS, {}, True),
        (EVENTS, {FILES_AGREE: {"severity": "warn", "because": WHY}}, True),
        (EVENTS, {name: {"severity": "warn", "because": WHY} for name in (FILES_AGREE, ROWS_AGREE)}, False),
        ({**EVENTS, "load": "snapshot"}, {}, None),
        ({**EVENTS, "newest_by": "id"}, {}, None),
        ({"load": "events"}, {}, None),
    ],
)
def test_versions_are_asked_for_where_names_of_files_order_rows(
    contract: dict[str, Any], rules: object, blocks: bool | None
) -> None:
    bronze = {**bronze_node("sales", {"id": "bigint"}, ["id"], **contract), "depends_on": {"nodes": []}}
    project = catalog(bronze, built("silver_sales", "bronze_sales", checks={"rules": rules}))
    assert project.checks["silver.sales"].get("versions_are_ordered") is blocks


def test_a_rule_of_a_check_that_a_table_does_not_have_is_refused() -> None:
    bronze = {**bronze_node("sales", {"id": "bigint"}, ["id"]), "depends_on": {"nodes": []}}
    silver = built(
        "silver_sales", "bronze_sales", checks={"rules": {FILES_AGREE: {"severity": "warn", "because": WHY}}}
    )
    with pytest.raises(ContractError, match=f"{FILES_AGREE} is not a rule"):
        assert catalog(bronze, silver).table_checks
