"""Builds without dbt keep dbt's order, skip what is made of a failed table, and end when they are interrupted."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from assay.base.settings import Settings
from assay.tables import without_dbt
from assay.tables.compiled_nodes import CompiledNode, CompiledProject
from assay.tables.without_dbt import build_without_dbt, in_order

OF_THE_RUN = {"run_id": "r", "full_refresh": [], "rebuilds_changed": False}
LONG = "select 1 from range(1000000) as a, range(20000) as b where a.range * b.range < 0"


def view(name: str, sql: str = "select 1 as n", ancestors: tuple[str, ...] = ()) -> CompiledNode:
    return CompiledNode(name, name, "view", f"{name}.sql", "main", name, f'"main"."{name}"', sql, ancestors, ancestors)


def data_test(name: str, *parents: str, sql: str = "select 1 where false", severity: str = "ERROR") -> CompiledNode:
    limits: dict[str, Any] = {"warn_if": "!= 0", "error_if": "!= 0", "severity": severity}
    return CompiledNode(name, name, "test", f"{name}.sql", "", "", "", sql, parents, parents, **limits)


class Interrupted(BaseException):
    """As Dagster's, which is no Exception."""


Build = Callable[..., list[tuple[str, str]]]


@pytest.fixture
def build(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Build:
    """Builds nodes in an empty warehouse; gives (name, status) of each."""
    settings = Settings(home=tmp_path, dbt_project=tmp_path)

    def made(*nodes: CompiledNode) -> list[tuple[str, str]]:
        project = CompiledProject({"timezone": "UTC"}, {node.name: node for node in nodes})
        monkeypatch.setattr(without_dbt, "read_compiled", lambda _: project)
        done = build_without_dbt(settings, list(project.nodes), OF_THE_RUN)
        assert done is not None
        return [(result.name, result.status) for result in done]

    return made


def test_first_comes_what_waits_for_nothing_then_what_is_done_waiting() -> None:
    nodes = [view("z_of_a", ancestors=("a",)), view("c"), view("b_of_c", ancestors=("c",)), view("a")]
    assert [node.name for node in in_order(nodes)] == ["a", "c", "z_of_a", "b_of_c"]


def test_a_table_waits_for_the_tests_of_what_it_is_made_of_and_not_for_those_that_need_more() -> None:
    nodes = [view("b", ancestors=("a",)), view("a"), data_test("t", "a"), data_test("u", "a", "b"), view("c")]
    assert [node.name for node in in_order(nodes)] == ["a", "c", "t", "b", "u"]


def test_what_is_made_of_a_failed_table_is_skipped_also_where_one_between_is_not_built(build: Build) -> None:
    nodes = (view("a", "select nothing"), view("c", ancestors=("a", "b")), data_test("t", "c"), view("d"))
    assert build(*nodes) == [("a", "error"), ("d", "success"), ("c", "skipped"), ("t", "skipped")]


@pytest.mark.parametrize(
    ("severity", "status", "after"), [("ERROR", "fail", "skipped"), ("WARN", "warn", "success")], ids=["error", "warn"]
)
def test_a_test_that_fails_holds_up_what_is_made_of_its_table(
    build: Build, severity: str, status: str, after: str
) -> None:
    nodes = (view("a"), data_test("t", "a", sql="select 1", severity=severity), view("b", ancestors=("a",)))
    assert build(*nodes) == [("a", "success"), ("t", status), ("b", after)]


def test_a_node_that_is_not_kept_leaves_all_to_dbt(build: Build, tmp_path: Path) -> None:
    assert build(view("a")) == [("a", "success")]
    settings = Settings(home=tmp_path, dbt_project=tmp_path)
    assert build_without_dbt(settings, ["a", "another"], OF_THE_RUN) is None


@pytest.mark.slow
def test_an_interrupt_ends_the_build_and_is_no_error_of_the_node(build: Build) -> None:
    """DuckDB makes an error of its own of it, which would be taken for one of the SQL."""
    over = threading.Event()

    def insist() -> None:
        while not over.wait(0.1):
            signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)

    def interrupt(*_: object) -> None:
        if not over.is_set():
            raise Interrupted

    before = signal.signal(signal.SIGINT, interrupt)
    insisting = threading.Thread(target=insist)
    insisting.start()
    try:
        with pytest.raises(Interrupted):
            build(data_test("t", sql=LONG), view("b"))
    finally:
        over.set()
        insisting.join()
        signal.signal(signal.SIGINT, before)
