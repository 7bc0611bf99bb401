"""What the parts of a run cost: seconds, and the rows and statements that do not depend on the machine."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any
from unittest.mock import patch

from assay.incidents.unresolved_failures import PUBLISHED
from assay.loading import loader
from assay.orchestration import checks
from assay.publish import run_session
from assay.tables import keyed

BARE_COUNT = re.compile(r'select count\(\*\) from "\w+"\."\w+"')
"""Answered from what is kept of each row group, without a row being read, though a profile shows them all."""
_WRITES = ("INSERT", "BATCH_INSERT", "CREATE_TABLE_AS", "BATCH_CREATE_TABLE_AS", "COPY_TO_FILE", "BATCH_COPY_TO_FILE")


@dataclass
class Cost:
    """One part of a run.

    Attributes:
        seconds: How long it took.
        rows_read: Rows of stored tables that its statements scanned; of a check, the rows that it says it looked at.
        rows_written: Rows that it stored or deleted.
        statements: Statements; 0 for a check, whose library asks in ways of its own.
    """

    seconds: float = 0.0
    rows_read: int = 0
    rows_written: int = 0
    statements: int = 0


class Counted:
    """A connection that counts what its statements scan and write."""

    def __init__(self, connection: Any, cost: Cost) -> None:
        self._connection = connection
        self._cost = cost
        connection.execute("set enable_profiling = 'no_output'")

    def execute(self, query: str, *parameters: Any) -> Any:
        """Execute a statement and count its rows."""
        result = self._connection.execute(query, *parameters)
        self._cost.statements += 1
        if not BARE_COUNT.fullmatch(query):
            profile = json.loads(self._connection.get_profiling_information(format="json"))
            self._cost.rows_read += scanned(profile)
            self._cost.rows_written += _written(profile)
        return result

    def __getattr__(self, name: str) -> Any:
        return getattr(self._connection, name)


def scanned(plan: Mapping[str, Any]) -> int:
    """Rows that the scans of a profile read."""
    own = int(plan.get("operator_rows_scanned") or 0)
    return own + sum(scanned(child) for child in plan.get("children") or ())


def _written(plan: Mapping[str, Any]) -> int:
    """Rows that came to the operators of a profile that store, delete or copy."""
    children = plan.get("children") or ()
    name = str(plan.get("operator_type") or plan.get("operator_name") or "").strip()
    own = sum(int(child.get("operator_cardinality") or 0) for child in children) if name in (*_WRITES, "DELETE") else 0
    return own + sum(_written(child) for child in children)


@contextmanager
def counting() -> Iterator[dict[str, Cost]]:
    """What loads, rebuilds, checks and publishing cost in the block, by model, `table: check`, and `published/lake`."""
    costs: dict[str, Cost] = {}

    @contextmanager
    def part(name: str) -> Iterator[Cost]:
        cost = costs.setdefault(name, Cost())
        began = time.perf_counter()
        yield cost
        cost.seconds += time.perf_counter() - began

    build: Callable[..., None] = keyed.build_keyed
    load: Callable[..., None] = loader.load_landed
    check, publish = checks.run_check, run_session.publish_lake

    def counted_build(connection: Any, payload: str) -> None:
        with part(json.loads(payload)["model"]["name"]) as cost:
            build(Counted(connection, cost), payload)

    def counted_load(connection: Any, payload: str) -> None:
        with part(json.loads(payload)["model"]["name"]) as cost:
            load(Counted(connection, cost), payload)

    def counted_check(lake: Any, table: str, name: str, *arguments: Any) -> Any:
        with part(f"{table}: {name}") as cost:
            result = check(lake, table, name, *arguments)
            cost.rows_read += result.rows_checked or 0
            return result

    def counted_publish(connection: Any, *arguments: Any, **options: Any) -> Any:
        with part(PUBLISHED) as cost:
            counted: Any = Counted(connection, cost)
            return publish(counted, *arguments, **options)

    with ExitStack() as patches:
        patches.enter_context(patch.object(keyed, "build_keyed", counted_build))
        patches.enter_context(patch.object(loader, "load_landed", counted_load))
        patches.enter_context(patch.object(checks, "run_check", counted_check))
        patches.enter_context(patch.object(run_session, "publish_lake", counted_publish))
        yield costs
