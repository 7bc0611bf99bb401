"""What the UI shows: the definitions, and what each materialization says."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from assay.contract.errors import ContractError
from assay.orchestration.definitions import build_definitions
from assay.orchestration.lakehouse import Lakehouse
from assay.orchestration.refresh import JOB
from tests.lab import HOSTILE_HOME, WHOLE, Lab, copy_project, product, receipt, receipts_csv

SOURCES = {
    "campaign_households", "campaigns", "coupon_redemptions", "coupons", "households", "products", "promotions",
    "transactions",
}  # fmt: skip
GOLD = {"campaign_results", "daily_sales", "household_value", "product_performance", "promotion_lift"}
TABLES = {f"{layer}/{source}" for layer in ("bronze", "silver", "quarantine") for source in SOURCES} | {
    f"gold/{name}" for name in GOLD
}
OTHERS = {f"landing/{source}" for source in SOURCES} | {"published/lake", "features/household_features"}
ARRIVALS = {"validity", "volume", "completeness"}
MEASURED = {"households", "products", "promotions", "transactions"}
REFERRING = {"campaign_households", "coupon_redemptions", "coupons", "transactions"}
CHECKS = (
    {f"bronze/{name}": ARRIVALS | ({"distribution"} if name in MEASURED else set()) for name in SOURCES}
    | {"bronze/transactions": {*ARRIVALS, "distribution", "freshness"}}
    | {
        f"silver/{name}": {"contract", "conservation", *(["consistency"] if name in REFERRING else [])}
        for name in SOURCES
    }
    | {"silver/campaigns": {"contract", "conservation", "versions_are_ordered"}}
    | {f"gold/{name}": {"contract", "consistency"} for name in GOLD}
    | {"features/household_features": {"features_are_sound"}}
)
ODD_TEST = """
{{ config(severity='warn', meta={'dagster': {'ref': {'name': 'silver_transactions'}}}) }}
select basket_id, household_id from {{ ref('silver_transactions') }}
"""


@pytest.fixture
def lab(tmp_path: Path) -> Lab:
    """An empty lake of the whole project, which commands of their own work on too."""
    return Lab(tmp_path / HOSTILE_HOME, WHOLE)


def specs(lab: Lab) -> dict[str, dg.AssetSpec]:
    definitions = build_definitions(Lakehouse.open(lab.settings))
    dg.Definitions.validate_loadable(definitions)
    return {spec.key.to_user_string(): spec for spec in definitions.resolve_all_asset_specs()}


def metadata(lab: Lab) -> dict[str, Mapping[str, Any]]:
    """What the last materialization of each asset says."""
    with dg.DagsterInstance.from_config(str(lab.settings.dagster_home)) as instance:
        by_asset = {}
        for name in TABLES | OTHERS:
            event = instance.get_latest_materialization_event(dg.AssetKey(name.split("/")))
            assert event is not None, name
            assert event.asset_materialization is not None, name
            by_asset[name] = {key: entry.value for key, entry in event.asset_materialization.metadata.items()}
    return by_asset


def test_every_asset_says_what_it_is_whose_it_is_and_what_its_columns_mean(lab: Lab) -> None:
    """An asset without group, owner or description is one that nobody finds and nobody answers for."""
    assets = specs(lab)
    assert set(assets) == TABLES | OTHERS
    for name, spec in assets.items():
        layer = name.split("/")[0]
        assert spec.group_name == layer, name
        assert spec.description, name
        assert spec.kinds, name
        if layer != "published":
            assert spec.owners, name
            assert any(tag.startswith("assay/") for tag in spec.tags), name
        if name in TABLES:
            schema = spec.metadata["dagster/column_schema"]
            assert len(schema.columns) > 4, name
            assert all(column.description and column.type for column in schema.columns), name


def test_what_depends_on_what_runs_from_the_files_to_the_readers(lab: Lab) -> None:
    assets = specs(lab)
    parents = {name: {dep.asset_key.to_user_string() for dep in spec.deps} for name, spec in assets.items()}
    assert parents["bronze/transactions"] == {"landing/transactions"}
    assert parents["silver/transactions"] == {"bronze/transactions"}
    assert parents["quarantine/transactions"] == {"bronze/transactions"}
    assert parents["gold/daily_sales"] == {"silver/transactions", "silver/products"}
    assert parents["published/lake"] == {name for name in TABLES if not name.startswith("bronze")}


def test_checks_block_and_runs_stay_in_one_process(lab: Lab) -> None:
    """With the default executor each step is a process, and the warehouse can be open in one only."""
    definitions = build_definitions(Lakehouse.open(lab.settings))
    graph = definitions.resolve_asset_graph()
    checks: dict[str, set[str]] = {}
    for key in graph.asset_check_keys:
        check = graph.get(key)
        assert check.description, key
        assert check.blocking, key
        checks.setdefault(key.asset_key.to_user_string(), set()).add(key.name)
    assert checks == CHECKS
    assert definitions.resolve_job_def(JOB).executor_def.name == "lake"


@pytest.mark.slow  # a real run
def test_each_materialization_says_where_every_record_went(lab: Lab) -> None:
    lab.products("2017-01-01", [product(), product(product_id=11)])
    lab.receipts("day1", [receipt()])
    lab.good_run()
    lab.receipts("day1", [receipt(), receipt(basket_id=101, quantity=-1), receipt(basket_id=102, product_id=99)])
    again = receipts_csv([receipt(), receipt(sales_value="1.00")])
    lab.put("transactions/day2.csv", again + b"too,few,fields\n")
    lab.good_run()
    by_asset = metadata(lab)

    of_the_run = {"files": 2, "records_read": 6, "rows_loaded": 5, "malformed": 1}
    of_the_table = {"quarantined": 1, "superseded": 1}
    assert by_asset["bronze/transactions"].items() >= (of_the_run | of_the_table | {"dagster/row_count": 6}).items()
    duplicates = {"duplicates_identical": 1, "duplicates_conflicting": 1}
    silver = of_the_run | of_the_table | duplicates | {"dagster/row_count": 2}
    assert by_asset["silver/transactions"].items() >= silver.items()
    assert by_asset["gold/daily_sales"]["dagster/row_count"] == 2
    assert by_asset["gold/daily_sales"]["data_through"] == "2017-01-02"
    assert by_asset["quarantine/transactions"]["dagster/row_count"] == 2
    assert by_asset["landing/transactions"]["files_arrived"] == 2
    assert "silver.transactions" in by_asset["published/lake"]["tables_changed"]
    for name in TABLES:
        assert by_asset[name]["seconds"] >= 0, name
    lineage = by_asset["gold/daily_sales"]["dagster/column_lineage"].deps_by_column
    assert {(dep.asset_key.to_user_string(), dep.column_name) for dep in lineage["sales_usd"]} == {
        ("silver/transactions", "sales_usd")
    }
    assert ("silver/products", "department") in {
        (dep.asset_key.to_user_string(), dep.column_name) for dep in lineage["department"]
    }


@pytest.mark.slow  # a real run
def test_results_of_checks_and_data_tests_carry_evidence(tmp_path: Path) -> None:
    """A warning does not hold anything back, a pass says how much it looked at, and nobody is named."""
    project = copy_project(tmp_path)
    (project / "tests").mkdir()
    (project / "tests" / "odd.sql").write_text(ODD_TEST)
    lab = Lab(tmp_path / "lake", dbt_project=project)
    lab.receipts("day1", [receipt(household_id=4711)])
    lab.good_run()
    with dg.DagsterInstance.from_config(str(lab.settings.dagster_home)) as instance:
        [record] = instance.get_run_records()
        events = instance.all_logs(record.dagster_run.run_id, of_type=dg.DagsterEventType.ASSET_CHECK_EVALUATION)
    evaluations = {
        (evaluation.asset_key.to_user_string(), evaluation.check_name): evaluation
        for evaluation in (event.get_dagster_event().asset_check_evaluation_data for event in events)
    }
    core = ("silver/transactions", "silver/products", "gold/daily_sales", "bronze/transactions")
    assert {(name, check) for name in core for check in CHECKS[name]} < set(evaluations)
    warning = evaluations["silver/transactions", "odd"]
    assert (warning.passed, warning.severity) == (False, dg.AssetCheckSeverity.WARN)
    assert warning.metadata["failures"].value == 1
    assert "household_id = masked" in str(warning.metadata["examples"])
    assert "4711" not in str(warning.metadata)
    counted = evaluations["silver/transactions", "conservation"]
    assert counted.description == "1 records read, every one accounted for; every row counted again"
    assert (counted.metadata["looked_at"].value, counted.metadata["rows_looked_at"].value) == ("every row", 2)
    assert lab.rows("select count(*) from gold.daily_sales") == [(1,)]
    kept = lab.rows("select rule, severity, has_passed, value from ops.check_results where check_name = 'odd'")
    assert kept == [("odd", "warn", False, 1.0)]
    assert lab.rows("select count(*) from ops.check_results where examples::varchar like '%4711%'") == [(0,)]


@pytest.mark.slow
def test_a_data_test_of_several_tables_has_to_say_which_it_is_about(tmp_path: Path) -> None:
    """dagster-dbt leaves such a test out without a word, so that it would never run."""
    project = copy_project(tmp_path)
    test = project / "tests" / "sums.sql"
    test.parent.mkdir()
    test.write_text("select 1 from {{ ref('gold_daily_sales') }}, {{ ref('silver_transactions') }} where false")
    lab = Lab(tmp_path / "lake", dbt_project=project)
    with pytest.raises(ContractError, match=r"tests/sums.sql: .* say which model the test is about"):
        build_definitions(Lakehouse.open(lab.settings))
