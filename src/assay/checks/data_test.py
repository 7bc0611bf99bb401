"""dbt's data tests as checks of tables, with rows that show what failed."""

from __future__ import annotations

from collections.abc import Mapping

from assay.base import clock
from assay.checks.contract_check import EXAMPLES
from assay.checks.results import CheckResult, Rule
from assay.checks.session import Session
from assay.contract.catalog import is_blocking
from assay.contract.moving_rules import moves_of
from assay.contract.names import table_of
from assay.contract.personal import masked, unnamed, without_values
from assay.tables.node_result import NodeResult


def as_check(lake: Session, result: NodeResult) -> CheckResult:
    """The result of a data test as the result of a check.

    Args:
        lake: The open lake.
        result: Of a data test.
    """
    node = lake.catalog.manifest["nodes"][result.unique_id]
    passed = result.status == "pass"
    is_evaluated = result.status not in ("error", "skipped")
    message = without_values(result.message) if lake.catalog.personal else result.message
    observed = f"{result.failures:,} rows" if is_evaluated else message or result.status
    rule = Rule(
        result.name,
        "0 rows",
        observed,
        passed,
        _examples(lake, result),
        "error" if is_blocking(node) else "warn",
        float(result.failures) if is_evaluated else None,
        0.0,
    )
    return CheckResult(
        table_of(lake.catalog.tested_model(node)),
        result.name,
        (rule,),
        "no row fails",
        tuple(table_of(parent) for parent in lake.catalog.parents_of(node)),
        is_evaluated,
        expires_at=moves_of([result.compiled]).until(clock.now()) if result.compiled else None,
    )


def _examples(lake: Session, result: NodeResult) -> tuple[Mapping[str, object], ...]:
    if result.status not in ("fail", "warn"):
        return ()
    cursor = lake.connection.execute(f"select * from ({result.compiled}\n) limit {EXAMPLES}")
    names = [column[0] for column in cursor.description or ()]
    read = lake.catalog.parents_of(lake.catalog.manifest["nodes"][result.unique_id])
    described = {str(column) for model in read for column in lake.catalog.models[model]["columns"]}
    hidden = unnamed(names, described, lake.catalog.personal)
    return tuple(masked(dict(zip(names, row, strict=True)), hidden) for row in cursor.fetchall())
