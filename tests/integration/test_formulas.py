"""The formulas of gold, worked by hand in the yml beside each model, hold in dbt."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import duckdb
import pytest
from dbt.cli.main import dbtRunner
from dbt.contracts.graph.manifest import Manifest

from assay.contract.names import quoted, relation, table_of
from tests.lab import WHOLE, Lab


def make_empty_tables(lab: Lab, manifest: Manifest) -> None:
    """dbt takes the types of a unit test's inputs from their tables, which need no row."""
    with duckdb.connect(str(lab.settings.warehouse)) as connection:
        for layer in ("silver", "gold"):
            connection.execute(f"create schema {layer}")
        for node in manifest.nodes.values():
            if node.name.startswith(("silver_", "gold_")):
                columns = ", ".join(f"{quoted(c.name)} {c.data_type}" for c in node.columns.values())
                connection.execute(f"create table {relation(table_of(node.name))} ({columns})")


def unit_tests_of(lab: Lab, manifest: Manifest, target: Path) -> list[Any]:
    """The results of all dbt unit tests of the project, in this process and in one call."""
    project = str(lab.settings.dbt_project)
    folders = ["--project-dir", project, "--profiles-dir", project, "--target-path", str(target)]
    quiet = ["--log-path", str(target), "--log-level", "none", "--log-level-file", "none"]
    done = dbtRunner(manifest=manifest).invoke(["test", "--select", "test_type:unit", *folders, *quiet])
    return list(getattr(done.result, "results", []))


def test_every_example_worked_by_hand_comes_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lab = Lab(tmp_path / "lake", WHOLE)
    monkeypatch.setenv("ASSAY_HOME", str(lab.settings.home))
    manifest = Manifest.from_msgpack((WHOLE / "target" / "partial_parse.msgpack").read_bytes())
    manifest.build_flat_graph()
    make_empty_tables(lab, manifest)
    results = unit_tests_of(lab, manifest, tmp_path / "target")
    assert {result.node.name: (str(result.status), result.message) for result in results} == {
        test.name: ("pass", None) for test in manifest.unit_tests.values()
    }
    tested = {test.model for test in manifest.unit_tests.values()}
    gold = {node.name for node in manifest.nodes.values() if node.name.startswith("gold_")}
    assert tested == gold, "a table of gold has formulas: work an example by hand in its yml"
