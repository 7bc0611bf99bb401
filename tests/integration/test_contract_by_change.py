"""A pass of a contract stands for the rows that it covered: later runs ask those that changed, and miss nothing."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assay.base import clock
from assay.base.settings import Settings
from assay.checks.results import CheckResult
from assay.checks.session import Session
from assay.contract.catalog import Catalog
from assay.orchestration.checks import check_or_keep, run_check
from tests.keyed import Tables, regions
from tests.lab import Lab, product, receipt

MODEL, TABLE = "gold_regions", "gold.regions"


def lake(tables: Tables, rules: Iterable[str] = (), key: str = "region", **levels: Any) -> Session:
    """An open lake over keyed tables, of which `gold.regions` has some rules and a primary key."""
    for node in tables.models.values():
        parents = node["config"]["meta"].get("redo", {}).get("inputs", {})
        node.update(resource_type="model", depends_on={"nodes": list(parents)})
        for column in node["columns"].values():
            column["config"] = {"meta": {}}
    gold = tables.models[MODEL]
    gold["constraints"] = [
        {"type": "primary_key", "columns": [key]},
        *({"type": "check", "name": f"rule_{n}", "expression": rule} for n, rule in enumerate(rules)),
    ]
    if levels:
        gold["config"]["meta"]["checks"] = {"rules": levels}
    models = {name: node for name, node in tables.models.items() if not name.startswith("bronze")}
    catalog = Catalog({"nodes": models}, models)
    return Session(Settings(home=Path()), catalog, tables.connection, "run")


def asked(session: Session, *, has_full_checks: bool = False) -> CheckResult:
    """The contract of `gold.regions`, as a run asks and keeps it."""
    [result] = check_or_keep(replace(session, has_full_checks=has_full_checks), [(TABLE, "contract")])
    session.keep(result)
    return result


def broken(result: CheckResult) -> list[str]:
    return [rule.name for rule in result.rules if not rule.passed]


def three() -> Tables:
    """Three regions, which sold 10, 20 and 30."""
    tables = regions()
    tables.put("a", [(1, "north", 1.0, 10), (2, "south", 1.0, 20), (3, "west", 1.0, 30)])
    tables.build()
    return tables


def test_a_run_asks_the_rows_that_it_wrote_and_says_so() -> None:
    tables = three()
    session = lake(tables, ["amount < 100"])
    first = asked(session)
    assert (first.is_whole, first.rows_checked, first.summary) == (True, 3, "4 rules hold for 3 rows")
    tables.put("b", [(4, "south", 1.0, 1)])
    tables.build()
    second = asked(session)
    assert (second.passed, second.is_whole, second.rows_checked) == (True, False, 1)
    assert second.summary == (
        "4 rules hold for 1 rows that changed or share a key with them, of 3; the others passed before"
    )
    kept = tables.connection.execute("select is_whole, rows_checked, whole_at from ops.checks order by check_id")
    (_, _, whole_at), last = kept.fetchall()
    assert last == (False, 1, whole_at)
    tables.put("c", [(5, "east", 1.0, 100)])
    tables.build()
    third = asked(session)
    assert (broken(third), third.is_whole, third.rows_checked) == (["rule_0"], False, 1)
    fourth = asked(session)  # what failed stands for nothing
    assert (broken(fourth), fourth.is_whole, fourth.rows_checked) == (["rule_0"], True, 4)


def test_a_key_that_is_written_beside_one_that_was_there_is_there_twice() -> None:
    """The rows that a run wrote may be unique among themselves."""
    tables = three()
    session = lake(tables, key="amount")
    assert asked(session).passed
    tables.put("b", [(4, "south", 1.0, 10)])
    tables.build()
    result = asked(session)
    assert (broken(result), result.is_whole, result.rows_checked) == (["unique(amount)"], False, 2)
    assert [(e["amount"], e["times"]) for e in result.rules[1].examples] == [(30, 2)]


@pytest.mark.parametrize(
    "spoiling",
    [
        "update ops.tables set seq = seq + 1 where table_name = 'gold.regions'",
        "delete from ops.touched",
        "update ops.touched set from_seq = to_seq",
        "update ops.checks set definition = 'of another engine'",
        "update ops.check_results set has_passed = false where rule = 'columns_and_types'",
        "delete from ops.check_results",
        "update ops.checks set expires_at = now() - interval 1 second",
        "delete from ops.checks",
    ],
)
def test_every_row_is_asked_where_it_is_not_sure_what_changed_since_a_pass(spoiling: str) -> None:
    tables = three()
    session = lake(tables)
    asked(session)
    tables.put("b", [(4, "south", 1.0, 1)])
    tables.build()
    tables.connection.execute(spoiling)
    assert asked(session).is_whole


def test_every_row_is_asked_after_a_rebuild_in_a_full_check_and_where_most_of_them_changed() -> None:
    tables = three()
    session = lake(tables)
    asked(session)
    tables.build(is_full=True)
    assert asked(session).is_whole
    assert asked(session, has_full_checks=True).is_whole
    tables.put("b", [(4, "south", 1.0, 1), (5, "north", 1.0, 1)])
    tables.build()
    assert asked(session).is_whole
    tables.put("c", [(6, "south", 1.0, 1)])
    tables.build()
    assert not asked(session).is_whole


def test_a_row_that_is_changed_by_hand_is_found_by_a_full_check_and_from_then_on() -> None:
    tables = three()
    session = lake(tables, ["amount < 100"])
    asked(session)
    tables.connection.execute("update gold.regions set amount = 1000 where region = 'west'")
    assert asked(session).passed
    assert broken(run_check(session, TABLE, "contract")) == ["rule_0"]  # as `assay check` asks
    assert broken(asked(session, has_full_checks=True)) == ["rule_0"]
    tables.put("b", [(4, "south", 1.0, 1)])
    tables.build()
    assert broken(asked(session)) == ["rule_0"]


def test_a_rule_of_which_a_share_may_be_broken_is_asked_of_all_rows() -> None:
    tables = three()
    level = {"severity": "regression", "accepted_pct": 40, "because": "Some do."}
    session = lake(tables, ["amount < 25"], rule_0=level)
    assert asked(session).verdict == "pass"
    tables.put("b", [(4, "south", 1.0, 9)])
    tables.build()
    result = asked(session)
    assert (broken(result), result.is_whole) == (["rule_0"], False)
    assert "2 rows break it (66.67 %)" in result.summary


def test_a_rule_that_looks_at_the_clock_ends_when_the_oldest_result_that_it_stands_on_does(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    tables = three()
    session = lake(tables, ["amount < year(now()::timestamp)"])
    now = datetime(2026, 3, 1, tzinfo=UTC)
    monkeypatch.setattr(clock, "now", lambda: now)
    first = asked(session)
    now += timedelta(minutes=30)
    tables.put("b", [(4, "south", 1.0, 1)])
    tables.build()
    second = asked(session)
    assert first.expires_at == datetime(2026, 3, 1, 1, tzinfo=UTC)
    assert (second.is_whole, second.expires_at) == (False, first.expires_at)
    now += timedelta(minutes=30)
    assert asked(session).is_whole


SALE = st.tuples(st.integers(1, 4), st.sampled_from([None, "a", "b", "c"]), st.just(1.0), st.integers(0, 3))
STEPS = st.lists(st.tuples(st.sampled_from("pqr"), st.lists(SALE, max_size=3)), min_size=1, max_size=5)


@pytest.mark.slow  # many lakes
@settings(max_examples=25, deadline=None)
@given(steps=STEPS, key=st.sampled_from(["region", "amount", "sales"]))
def test_what_a_run_finds_is_what_a_full_check_finds(steps: list[tuple[str, list[Any]]], key: str) -> None:
    """Of rows that no hand changed, whatever was written, in any order, with keys that are NULL."""
    tables = three()
    session = lake(tables, ["amount < 5", "region <> 'c' or sales < 2"], key)
    asked(session)
    for path, rows in steps:
        tables.put(path, rows)
        tables.build()
        assert broken(asked(session)) == broken(run_check(session, TABLE, "contract"))


@pytest.mark.slow  # many lakes
def test_a_lake_asks_what_changed_and_a_full_run_finds_what_a_hand_did(lab: Lab) -> None:
    lab.products("2017-01-01", [product()])
    lab.receipts("day1", [receipt(), receipt(basket_id=101), receipt(basket_id=102)])
    lab.good_run()
    lab.receipts("day2", [receipt(basket_id=103)])
    lab.good_run()
    last = "select is_whole, rows_checked from ops.latest_checks where check_name = 'contract' and table_name = "
    assert lab.stored(f"{last} 'silver.transactions'") == [(False, 1)]
    lab.spoil("update silver.transactions set quantity = -1 where basket_id = 101")
    lab.receipts("day3", [receipt(basket_id=104)])
    lab.good_run()
    outcome = lab.run(has_full_checks=True)
    assert "quantity_not_negative: expected quantity >= 0, found 1 rows break it" in outcome.failures[0]
    assert lab.stored(f"{last} 'silver.transactions'") == [(True, 5)]
