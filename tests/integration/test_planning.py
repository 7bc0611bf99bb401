"""`assay plan` says what a change will do; a run then does that and nothing else."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path
from types import SimpleNamespace

import pytest

from assay.cli import planning
from assay.cli.git_project import NoSuchProject
from assay.cli.plan_report import as_markdown
from assay.cli.planning import NoPlan, make_plan
from assay.contract.errors import ContractError
from assay.planning.plan import Plan
from tests.lab import Lab, copy_project, edit, product, receipt

BRONZE = "models/bronze/bronze_transactions.yml"
DAILY = "models/gold/gold_daily_sales.sql"
RECEIPTS = ["bronze.transactions", "silver.transactions", "gold.daily_sales", "gold.product_performance"]


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Lab:
    folder = tmp_path_factory.mktemp("planned")
    lab = Lab(folder / "lake", copy_project(folder))
    lab.products("2017-01-01", [product()])
    lab.receipts("day1", [receipt(basket_id=number) for number in range(5)])
    lab.good_run()
    return lab


@pytest.fixture
def lab(built: Lab, tmp_path: Path) -> Lab:
    """A lake of one's own, with its project."""
    for folder in (built.settings.home, built.settings.dbt_project):
        subprocess.run(["cp", "-a", str(folder), str(tmp_path)], check=True)
    own = Lab(tmp_path / "lake", tmp_path / "dbt_project")
    for path in (own.settings.published / "states").rglob("manifest.json"):
        path.write_text(path.read_text().replace(str(built.settings.home), str(own.settings.home)))
    return own


def change(lab: Lab, path: str, *changes: tuple[str, str]) -> None:
    edit(lab.settings.dbt_project / path, *changes)


def planned(lab: Lab, against: str = planning.PUBLISHED) -> Plan:
    return make_plan(lab.settings, against)


def words(plan: Plan) -> list[tuple[str, str, bool]]:
    return [(c.table, f"{c.column} {c.words}".strip(), c.is_breaking) for c in plan.changes]


def rebuilt(lab: Lab) -> dict[str, int]:
    return dict(lab.rows("select table_name, rebuilt_seq from ops.tables"))


@pytest.mark.slow
def test_what_a_lake_was_built_with_is_what_its_project_says(lab: Lab) -> None:
    plan = planned(lab)
    assert (plan.changes, plan.works, plan.problems, plan.touched) == ((), (), (), ())
    assert plan.is_accepted
    assert "Nothing changes against what is published" in as_markdown(plan)


def tighten(lab: Lab) -> None:
    change(lab, BRONZE, ('expression: "quantity >= 0"', 'expression: "quantity > 0"'))


def mean(lab: Lab) -> None:
    change(lab, DAILY, ("count(distinct basket_id) as baskets", "count(distinct basket_id) + 0 as baskets"))


def narrow(lab: Lab) -> None:
    old = lab.settings.dbt_project / BRONZE
    text = old.read_text()
    at = text.index("- name: store_id")
    old.write_text(text[:at] + text[at:].replace("data_type: bigint", "data_type: integer", 1))


def add(lab: Lab) -> None:
    column = (
        "    columns:\n      - name: till\n        description: The till.\n        data_type: varchar\n"
        "        config: {meta: {optional: true}}\n"
    )
    change(lab, BRONZE, ("    columns:\n", column))


def shrink(lab: Lab) -> None:
    change(lab, BRONZE, ("        data_type: integer\n", "        data_type: smallint\n"))


def widen(lab: Lab) -> None:
    change(lab, BRONZE, ("        data_type: integer\n", "        data_type: bigint\n"))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("act", "changes", "asked", "works"),
    [
        (
            tighten,
            [("bronze.transactions", "rule quantity_not_negative: quantity >= 0 → quantity > 0", True)],
            ["bronze.transactions"],
            [],
        ),
        (
            shrink,
            [("bronze.transactions", "week has another type: integer → smallint", True)],
            ["bronze.transactions"],
            RECEIPTS,
        ),
        (
            mean,
            [("gold.daily_sales", "baskets means something else: its SQL is another", True)],
            ["gold.daily_sales"],
            ["gold.daily_sales"],
        ),
        (add, [("bronze.transactions", "till is new, varchar", False)], [], []),
        (widen, [("bronze.transactions", "week widened: integer → bigint", False)], [], []),
    ],
    ids=["tighten", "shrink", "mean", "add", "widen"],
)
def test_a_run_builds_what_was_planned_and_nothing_else(
    lab: Lab,
    act: Callable[[Lab], None],
    changes: Sequence[tuple[str, str, bool]],
    asked: Sequence[str],
    works: Sequence[str],
) -> None:
    act(lab)
    plan = planned(lab)
    assert words(plan) == changes
    assert plan.is_accepted is not any(is_breaking and table != "gold.daily_sales" for table, _, is_breaking in changes)
    assert plan.refreshed == asked
    assert [work.table for work in plan.works if work.how not in ("widened", "judged again")] == works
    assert plan.seconds is not None
    before = rebuilt(lab)
    lab.good_run(full_refresh=plan.refreshed)
    after = rebuilt(lab)
    assert sorted(table for table in after if after[table] != before.get(table)) == sorted(works)
    assert planned(lab).works == ()


@pytest.mark.slow
def test_sql_that_would_fail_is_told_before_anything_runs(lab: Lab) -> None:
    change(lab, DAILY, ("sum(sales_usd)::decimal(18, 2)", "sum(sales_eur)::decimal(18, 2)"))
    change(lab, "models/gold/gold_product_performance.sql", ("group by", "group by all --"))
    column = "    columns:\n      - {name: x, description: x, data_type: date}\n"
    change(lab, "models/silver/silver_products.yml", ("    columns:\n", column))
    narrow(lab)
    messages = {problem.table: problem.message for problem in planned(lab).problems}
    assert "sales_eur" in messages["gold.daily_sales"]
    assert "column store_id: expected BIGINT, found INTEGER" in messages["silver.transactions"]
    assert "column x: expected DATE, found none" in messages["silver.products"]
    assert not planned(lab).is_accepted


@pytest.mark.slow
def test_a_commit_is_what_the_project_is_held_against(lab: Lab) -> None:
    folder = lab.settings.dbt_project.parent

    def git(*arguments: str) -> None:
        who = ["-c", "user.name=a", "-c", "user.email=a@example.org"]
        subprocess.run(["git", "-C", str(folder), *who, *arguments], check=True, capture_output=True)

    git("init", "-q", "-b", "main")
    with pytest.raises(NoSuchProject, match="'main' is not a branch, tag or commit"):
        planned(lab, "main")
    git("add", "dbt_project")
    git("commit", "-q", "-m", "as it was")
    assert words(planned(lab, "main")) == []
    tighten(lab)
    plan = planned(lab, "HEAD")
    assert [(r.before, r.after, r.is_enough) for r in plan.releases] == [("1.0.0", "1.0.0", False)]
    assert "| `bronze.transactions` |  | rule quantity_not_negative: quantity >= 0 → quantity > 0 | **breaking** |" in (
        as_markdown(plan)
    )
    change(lab, BRONZE, ("version: 1.0.0", "version: 2.0.0"))
    assert planned(lab, "main").is_accepted
    with pytest.raises(NoSuchProject, match="is not a branch"):
        planned(lab, "--output=/tmp/x")
    settings = lab.settings.model_copy(update={"home": folder / "no lake"})
    assert next(work.how for work in make_plan(settings, "main").works) == "judged again"
    with pytest.raises(NoPlan, match="nothing is published"):
        make_plan(settings, planning.PUBLISHED)


@pytest.mark.slow
def test_a_gold_table_has_a_version_of_its_own_and_a_change_that_breaks_it_another(lab: Lab) -> None:
    yml = "models/gold/gold_daily_sales.yml"
    change(lab, yml, ("      meta:\n", "      meta:\n        version: 1.4.0\n"))
    assert planned(lab).works == ()
    lab.receipts("day2", [receipt(basket_id=9)])
    lab.good_run()
    assert lab.rows("select version from ops.tables where table_name = 'gold.daily_sales'") == [("1.4.0",)]
    mean(lab)
    plan = planned(lab)
    assert [(r.before, r.after, r.is_enough) for r in plan.releases] == [("1.4.0", "1.4.0", False)]
    assert "its version is still 1.4.0 after 1.4.0" in as_markdown(plan)
    change(lab, yml, ("version: 1.4.0", "version: 2.0.0"))
    assert planned(lab).is_accepted
    change(lab, yml, ("        version: 2.0.0\n", ""))
    assert "its version 1.4.0 is gone" in as_markdown(planned(lab))
    assert not planned(lab).is_accepted
    change(lab, yml, ("      meta:\n", "      meta:\n        version: two\n"))
    with pytest.raises(ContractError, match=r"gold_daily_sales.yml: version: 'two' is not a semantic version"):
        planned(lab)


@pytest.mark.slow
def test_apply_does_what_the_plan_said_and_refuses_when_something_moved(
    lab: Lab, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("assay.cli.planning.Settings", SimpleNamespace(from_env=lambda: lab.settings))
    monkeypatch.setattr("assay.cli.running.Settings", SimpleNamespace(from_env=lambda: lab.settings))
    kept = lab.settings.home / "plan.json"
    with pytest.raises(NoPlan, match="there is no plan at"):
        planning.apply(None)
    mean(lab)
    assert planning.plan(planning.PUBLISHED, tmp_path / "p.json", as_json=True, markdown=False) == 0
    assert json.loads(kept.read_text())["full_refresh"] == ["gold.daily_sales"]
    lab.receipts("day2", [receipt(basket_id=9)])
    lab.run()
    with pytest.raises(NoPlan, match="the lake has moved on"):
        planning.apply(None)
    planning.plan(planning.PUBLISHED, None, as_json=True, markdown=False)
    before = rebuilt(lab)
    assert planning.apply(None) == 0
    assert [table for table, seq in rebuilt(lab).items() if seq != before[table]] == ["gold.daily_sales"]
    with pytest.raises(NoPlan, match="the lake has moved on"):
        planning.apply(tmp_path / "p.json")
    kept.write_text("{}")
    with pytest.raises(NoPlan, match="is not a plan: expected an object with"):
        planning.apply(None)
