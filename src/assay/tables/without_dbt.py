"""Build models and run data tests as dbt does, from what it compiled before."""

from __future__ import annotations

import json
import time
import traceback
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import duckdb

from assay.base.settings import Settings
from assay.contract.names import quoted
from assay.tables.compiled_nodes import CompiledNode, CompiledProject, read_compiled
from assay.tables.handed_over import call
from assay.tables.node_result import NodeResult, readable

_VIEW = """


  create or replace view {relation} as (
    {sql}
  );
"""
_TEST = """


    select
      count(*) as failures,
      count(*) {warn_if} as should_warn,
      count(*) {error_if} as should_error
    from (


  {sql}



    ) dbt_internal_test"""
"""Statements with as many lines as those that dbt writes: errors name the line."""
_LEFT_BEHIND = ("__dbt_tmp", "__dbt_backup")
"""Ends of names that dbt gives to views while it replaces them, and takes away at the next time."""


def build_without_dbt(
    settings: Settings, nodes: Sequence[str], of_the_run: Mapping[str, Any]
) -> list[NodeResult] | None:
    """Build models and run data tests; None when any of them needs dbt, and nothing was done.

    Args:
        settings: The lake.
        nodes: Names of models and data tests.
        of_the_run: `run_id`, `full_refresh` and `rebuilds_changed`, as dbt is told them.
    """
    compiled = read_compiled(settings)
    if compiled is None or not set(nodes) <= compiled.nodes.keys():
        return None
    chosen = [compiled.nodes[name] for name in dict.fromkeys(nodes)]
    builder = _Builder(settings, compiled, of_the_run)
    return list(builder.build(chosen)) if builder.may_replace(chosen) else None


@dataclass(frozen=True)
class _Builder:
    settings: Settings
    compiled: CompiledProject
    of_the_run: Mapping[str, Any]

    def may_replace(self, chosen: Sequence[CompiledNode]) -> bool:
        """Whether nothing stands where the views will be that dbt would first have to take away."""
        views = [node for node in chosen if node.kind == "view"]
        if not views:
            return True
        with self._connected() as connection:
            rows = connection.execute(
                "select schema_name, table_name, true from duckdb_tables() where database_name = current_database() "
                "union all select schema_name, view_name, false from duckdb_views() "
                "where database_name = current_database()"
            ).fetchall()
        names = {(node.schema, node.alias) for node in views}
        return not any(
            ((schema, name) in names and is_table)
            or any(name.endswith(end) and (schema, name.removesuffix(end)) in names for end in _LEFT_BEHIND)
            for schema, name, is_table in rows
        )

    def build(self, chosen: Sequence[CompiledNode]) -> Iterator[NodeResult]:
        """Build in dbt's order; what is made of a node that failed is skipped."""
        with self._connected() as connection:
            for schema in sorted({node.schema for node in chosen if node.schema}):
                connection.execute(f"create schema if not exists {quoted(schema)}")
        bad: set[str] = set()
        for node in in_order(chosen):
            before = _waits_for(node, chosen)
            result = _skipped(node) if before & bad else self._one(node)
            if result.status in ("error", "fail", "skipped"):
                bad.add(node.unique_id)
            yield result

    def _one(self, node: CompiledNode) -> NodeResult:
        began = time.perf_counter()
        try:
            with self._connected() as connection:
                status, message, failures = self._do(connection, node)
        except Exception as error:  # noqa: BLE001 - one node fails, whatever it was, and others go on
            _raise_interrupt(error)
            status, message, failures = "error", _as_dbt_says(node, error), 0
        seconds = time.perf_counter() - began
        is_test = node.kind == "test"
        return NodeResult(
            node.unique_id, node.name, is_test, status, readable(message), seconds, failures, compiled=node.sql
        )

    def _do(self, connection: duckdb.DuckDBPyConnection, node: CompiledNode) -> tuple[str, str, int]:
        """(status, message, failures) of a node."""
        if node.kind == "test":
            return _test(connection, node)
        if node.kind == "view":
            connection.execute(_VIEW.format(relation=node.relation, sql=node.sql))
        else:
            call(connection, node.module, node.function, json.dumps(self._payload(node)))
        return "success", "OK", 0

    def _payload(self, node: CompiledNode) -> Mapping[str, Any]:
        return {
            **(node.payload or {}),
            "sql": node.sql,
            "home": str(self.settings.home),
            "run_id": self.of_the_run["run_id"],
            "is_full_refresh": node.name in self.of_the_run["full_refresh"],
            "rebuilds_changed": self.of_the_run["rebuilds_changed"],
        }

    def _connected(self) -> duckdb.DuckDBPyConnection:
        """A connection of its own for each node, so that no temporary table outlives it."""
        connection = duckdb.connect(str(self.settings.warehouse))
        for name, value in self.compiled.settings.items():
            connection.execute(f"set {name} = '{value.replace(chr(39), chr(39) * 2)}'")
        return connection


def in_order(chosen: Sequence[CompiledNode]) -> list[CompiledNode]:
    """Nodes in the order in which dbt builds them with one thread.

    First all that wait for none, by name; then each as soon as the last that it waits for is done.

    Args:
        chosen: What is built.
    """
    waits = {node.unique_id: _waits_for(node, chosen) for node in chosen}
    by_id = {node.unique_id: node for node in chosen}
    queue = sorted(name for name, before in waits.items() if not before)
    order: list[str] = []
    while queue:
        order.append(done := queue.pop(0))
        queue += sorted(n for n in waits if done in waits[n] and waits[n] <= set(order))
    return [by_id[name] for name in order]


def _waits_for(node: CompiledNode, chosen: Sequence[CompiledNode]) -> set[str]:
    """What is built before a node: what it is made of, and of that the tests that need nothing else."""
    ancestors = set(node.ancestors)
    made_of = {other.unique_id for other in chosen if other.unique_id in ancestors}
    if node.kind == "test":
        return made_of
    tests = (other for other in chosen if other.kind == "test" and other.parents)
    return made_of | {test.unique_id for test in tests if set(test.parents) <= ancestors}


def _test(connection: duckdb.DuckDBPyConnection, node: CompiledNode) -> tuple[str, str, int]:
    """Count what a data test finds, in the words of dbt."""
    statement = _TEST.format(warn_if=node.warn_if, error_if=node.error_if, sql=node.sql)
    [(failures, should_warn, should_error)] = connection.execute(statement).fetchall()
    results = f"Got {failures} {'result' if failures == 1 else 'results'}"
    if node.severity == "ERROR" and should_error:
        return "fail", f"{results}, configured to fail if {node.error_if}", failures
    if should_warn:
        return "warn", f"{results}, configured to warn if {node.warn_if}", failures
    return "pass", "", 0


def _skipped(node: CompiledNode) -> NodeResult:
    return NodeResult(node.unique_id, node.name, node.kind == "test", "skipped", "", 0.0, 0, "")


def _raise_interrupt(error: BaseException) -> None:
    """Raise the interrupt that DuckDB turned into an error of its own; it names it as its cause."""
    cause: BaseException | None = error
    while cause is not None:
        if not isinstance(cause, Exception):
            raise cause
        cause = cause.__cause__ or cause.__context__


def _as_dbt_says(node: CompiledNode, error: Exception) -> str:
    """The message that dbt makes of an error within a node."""
    text = str(error)
    if node.kind == "call":
        text = f"Python model failed:\n{''.join(traceback.format_exception(error))}"
    kind = "test" if node.kind == "test" else "model"
    return f"Runtime Error in {kind} {node.name} ({node.path})\n" + "\n".join(f"  {line}" for line in text.split("\n"))
