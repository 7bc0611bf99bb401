"""Builds without dbt give what dbt gives: the same rows, book-keeping, results and errors, and never older ones."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

import dagster as dg
import duckdb
import pytest
import yaml

from assay.base.settings import Settings
from assay.tables import compiled_nodes, dbt
from assay.tables.compiled_nodes import read_compiled
from assay.tables.node_result import NodeResult
from tests.data_tests import PLAIN_TESTS, add_tests
from tests.lab import Lab, copy_project, edit, environment, product, receipt

OF_ONE_RUN = re.compile(
    r"[._](at|seconds|inode|ns|seen|since|day|project|before|run_id|data_as_of)$|^touched_parts\.version$"
)
"""Columns of the book-keeping that two lakes cannot have in common: times, inodes, ids of runs."""
SILVER = ("silver_products", "silver_transactions", "quarantine_products", "quarantine_transactions")


def unbuilt_project(folder: Path) -> Path:
    """A project of which nothing is kept, whichever tests have built from the one that it is a copy of."""
    project = copy_project(folder)
    (project / "target" / "compiled.json").unlink(missing_ok=True)
    return project


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project of one's own."""
    return unbuilt_project(tmp_path)


def without(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever needs dbt fails from now on."""

    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("dbt was asked")

    monkeypatch.setattr(dbt, "_invoke", refuse)


def always_dbt(monkeypatch: pytest.MonkeyPatch) -> None:
    """Everything is built by dbt from now on."""
    monkeypatch.setattr(dbt, "build_without_dbt", lambda *_: None)


def kept(settings: Settings) -> set[str]:
    compiled = read_compiled(settings)
    return set(compiled.nodes) if compiled else set()


def stored(lab: Lab) -> dict[str, list[tuple[Any, ...]]]:
    """All tables and views of the warehouse, the book-keeping too, without what only one run can say."""
    with duckdb.connect(str(lab.settings.warehouse), read_only=True) as connection:
        names = connection.execute(
            "select schema_name, table_name from duckdb_tables() where database_name = current_database() union all "
            "select schema_name, view_name from duckdb_views() where schema_name = 'quarantine' order by all"
        ).fetchall()
        rows = {}
        for schema, name in names:
            described = connection.execute(f'describe "{schema}"."{name}"').fetchall()
            own = [column[0] for column in described if not OF_ONE_RUN.search(f"{name}.{column[0]}")]
            columns = ", ".join(f'"{column}"' for column in own) or "1"
            kept_rows = connection.execute(f'select {columns} from "{schema}"."{name}"').fetchall()
            rows[f"{schema}.{name}"] = sorted((row for row in kept_rows if "freshness" not in row), key=repr)
        rows["views"] = connection.execute(
            "select schema_name, view_name, sql from duckdb_views() where not internal order by all"
        ).fetchall()
        rows["schemas"] = connection.execute("select schema_name from duckdb_schemas() order by all").fetchall()
        return rows


def events(lab: Lab) -> list[Any]:
    """What Dagster keeps of all runs about tables and their checks."""
    told: list[Any] = []
    with dg.DagsterInstance.from_config(str(lab.settings.dagster_home)) as instance:
        for run in reversed(instance.get_runs()):
            for entry in instance.all_logs(run.run_id):
                event = entry.dagster_event
                if event is not None and event.is_step_materialization:
                    made = event.step_materialization_data.materialization
                    told.append((made.asset_key, comparable(made.metadata)))
                elif event is not None and event.event_type_value == "ASSET_CHECK_EVALUATION":
                    check = event.asset_check_evaluation_data
                    if check.check_name != "freshness":  # which says how old a file is now
                        told.append((check.asset_key, check.check_name, check.passed, check.severity))
                        told.append((check.description, comparable(check.metadata)))
    return told


def comparable(metadata: Any) -> dict[str, Any]:
    """Metadata without what depends on the clock."""
    return {
        name: entry.value if not isinstance(entry, dg.TableMetadataValue) else entry.records
        for name, entry in metadata.items()
        if not isinstance(entry, dg.TimestampMetadataValue) and name not in ("seconds", "shape_changes_so_far")
    }


def days(lab: Lab, run: Callable[[], object]) -> None:
    """Some days of a lake: news, corrections, bad rows and files, snapshots, and nothing."""
    lab.products("2017-01-01", [product(), product(product_id=11, department="DRUG GM")])
    lab.receipts("day1", [receipt(), receipt(basket_id=101, product_id=11)])
    run()
    lab.receipts("day2", [receipt(basket_id=200), receipt(basket_id=201, quantity=-1), receipt(sales_value="7.00")])
    lab.put("transactions/odd.csv", b"no header")
    run()
    lab.products("2017-01-02", [product(product_type="CAKES"), product(product_id=12)])
    run()
    lab.receipts("day1", [receipt(basket_id=101, product_id=12)])
    run()
    lab.receipts("day3", [receipt(basket_id=300, week=2, transaction_timestamp="2017-01-09 15:00:00")])
    run()


@pytest.mark.slow
@pytest.mark.parametrize("has_tests", [False, True], ids=["models", "with data tests"])
def test_a_lake_is_the_same_cell_for_cell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, has_tests: bool) -> None:
    project = unbuilt_project(tmp_path)
    if has_tests:
        add_tests(project)
    quick, slow = Lab(tmp_path / "quick" / "lake", project), Lab(tmp_path / "slow" / "lake", project)
    asked: list[str] = []
    by_dbt = dbt._build_by_dbt

    def noting(settings: Settings, nodes: Sequence[str], variables: Mapping[str, Any]) -> list[NodeResult]:
        asked.extend(nodes)
        return by_dbt(settings, nodes, variables)

    monkeypatch.setattr(dbt, "_build_by_dbt", noting)
    days(quick, quick.run)
    assert len(asked) == len(set(asked)), "each is built by dbt once"
    assert set(asked) >= set(SILVER)
    always_dbt(monkeypatch)
    days(slow, slow.run)
    one, other = stored(quick), stored(slow)
    assert one.keys() == other.keys()
    differing = [(n, pair) for n in one for pair in zip(one[n], other[n], strict=True) if pair[0] != pair[1]]
    assert not differing, differing
    assert events(quick) == events(slow)


def results(monkeypatch: pytest.MonkeyPatch, settings: Settings, *nodes: str, **more: Any) -> list[NodeResult]:
    """What a build without dbt gives; the same as one with dbt in the same lake, which it leaves as it was."""
    copy = settings.model_copy(update={"home": settings.home.parent / "a copy"})
    shutil.rmtree(copy.home, ignore_errors=True)
    copy.home.mkdir()
    shutil.copy(settings.warehouse, copy.warehouse)
    if settings.landing.exists():
        shutil.copytree(settings.landing, copy.landing)
    done = {}
    with monkeypatch.context() as patch:
        without(patch)
        done["without"] = dbt.build(copy, nodes, run_id="this", **more)
    with monkeypatch.context() as patch:
        always_dbt(patch)
        done["with"] = dbt.build(settings, nodes, run_id="this", **more)
    timeless = {way: [replace(result, seconds=0.0) for result in done[way]] for way in done}
    assert timeless["without"] == timeless["with"]
    return timeless["without"]


BREAKS = {
    "what a view reads": "drop view ops.content_paths cascade; create table ops.content_paths as select 1 as nothing",
    "what a table reads": "drop table ops.seen_files",
    "what a test reads": "alter table silver.products rename column product_type to label",
    "the ledger": "drop view ops.current_files cascade",
}
"""What nobody should do to a warehouse by hand."""


@pytest.mark.slow
def test_results_and_errors_read_the_same_and_what_reads_a_failed_table_is_skipped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = unbuilt_project(tmp_path)
    add_tests(project)
    lab = Lab(tmp_path / "a lake", project)
    lab.products("2017-01-01", [product(), product(product_id=11, department="DRUG GM")])
    lab.receipts("day1", [receipt(), receipt(basket_id=101, product_id=11)])
    lab.run()
    every = sorted(kept(lab.settings))
    assert {*SILVER, *PLAIN_TESTS, "types_are_known", "bronze_products", "gold_daily_sales"} <= set(every)
    statuses = {result.name: result.status for result in results(monkeypatch, lab.settings, *every)}
    assert statuses["silver_products"] == statuses["gold_daily_sales"] == "success"
    whole = lab.settings.warehouse.read_bytes()
    seen = set()
    for name, sql in BREAKS.items():
        lab.settings.warehouse.write_bytes(whole)
        lab.spoil(sql)
        broken = results(monkeypatch, lab.settings, *every)
        assert any(result.status == "error" and result.message for result in broken), name
        seen |= {result.status for result in broken}
    assert seen == {"success", "pass", "warn", "error", "skipped"}


@pytest.mark.slow  # a real run by dbt
def test_what_was_kept_ends_with_any_change_of_what_dbt_builds_from(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = unbuilt_project(tmp_path)
    lab = Lab(tmp_path / "lake", project)
    lab.products("2017-01-01", [product()])
    lab.good_run("silver.products, bronze.products, landing.products")
    whole = kept(lab.settings)
    assert whole == {"bronze_products", "silver_products"}
    monkeypatch.setenv("DBT_FULL_REFRESH", "1")
    assert not kept(lab.settings)
    monkeypatch.delenv("DBT_FULL_REFRESH")
    monkeypatch.setattr(compiled_nodes, "version", lambda _: "0.0.0")
    assert not kept(lab.settings)
    monkeypatch.setattr(compiled_nodes, "version", version)
    for name in ("dbt_project.yml", "profiles.yml", "target/partial_parse.msgpack"):
        content = (project / name).read_bytes()
        (project / name).write_bytes(content + b"\n")
        assert not kept(lab.settings), name
        (project / name).write_bytes(content)
        assert kept(lab.settings) == whole, name
    edit(project / "profiles.yml", ("threads: 1", "threads: 2"))
    assert not kept(lab.settings)
    (project / "target" / "compiled.json").write_text("{")
    assert not kept(lab.settings)


def macro(project: Path, value: str) -> None:
    (project / "macros").mkdir(exist_ok=True)
    text = f"{{% macro added() %}}{value} + {{{{ var('more') }}}}{{% endmacro %}}"
    (project / "macros" / "added.sql").write_text(text)


def variable(project: Path, value: int) -> None:
    path = project / "dbt_project.yml"
    content = yaml.safe_load(path.read_text())
    path.write_text(yaml.safe_dump({**content, "vars": {"more": value}}, sort_keys=False))


@pytest.mark.slow
def test_the_next_run_builds_by_a_changed_macro_variable_and_contract(tmp_path: Path) -> None:
    project = unbuilt_project(tmp_path)
    path = project / "models" / "gold" / "gold_daily_sales.sql"
    edit(path, ("0)::bigint as units", "0)::bigint + {{ added() }} as units"))
    lab = Lab(tmp_path / "lake", project)
    lab.products("2017-01-01", [product()])
    lab.receipts("day1", [receipt()])
    for added, more, expected in (("10", 1, 12), ("20", 1, 22), ("20", 3, 24)):
        macro(project, added)
        variable(project, more)
        dbt.parse_if_changed(lab.settings)
        lab.good_run(full_refresh=["gold.daily_sales"])
        assert "gold_daily_sales" in kept(lab.settings)
        assert lab.rows("select units from gold.daily_sales") == [(expected,)]
    yml = project / "models" / "bronze" / "bronze_products.yml"
    edit(yml, ("- name: manufacturer_id", "- name: manufacturer_id\n        data_tests: [not_null]"))
    dbt.parse_if_changed(lab.settings)
    assert not kept(lab.settings)


ONE_RUN = """
import sys
from assay.cli.running import run
assert run("", []) == 0
libraries = {name.partition(".")[0] for name in sys.modules}
assert "dagster" in libraries
assert not libraries & {"dbt", "dbt_common", "dbt_extractor", "dbt_semantic_interfaces", "dagster_dbt"}, libraries
"""


@pytest.mark.slow
def test_a_run_of_what_dbt_has_built_before_imports_nothing_of_it(lab: Lab) -> None:
    """Its imports alone are more than a second of each run."""
    lab.products("2017-01-01", [product()])
    lab.receipts("day1", [receipt()])
    lab.good_run()
    lab.receipts("day2", [receipt(basket_id=200)])
    done = subprocess.run(
        [sys.executable, "-c", ONE_RUN], env=environment(lab.settings), capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert lab.rows("select count(*) from silver.transactions") == [(2,)]
