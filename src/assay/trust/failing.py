"""The rules of checks as they were evaluated last: what they expected, what was there, and rows that break them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime

import duckdb


@dataclass(frozen=True)
class Rule:
    """A rule of a check, as of its latest result.

    Attributes:
        check: The check that it is part of.
        name: Of the rule.
        severity: `error`, `regression` or `warn`.
        has_passed: Whether it holds.
        expected: What was expected, in words.
        actual: What was there, in words.
        value: How many records break it, where it is about records.
        share_ok: The share of records that hold it, from 0 to 1; None where it is not about records.
        examples: Up to five rows that break it, personal columns masked when they were written.
        checked_at: When.
    """

    check: str
    name: str
    severity: str
    has_passed: bool
    expected: str
    actual: str
    value: float | None
    share_ok: float | None
    examples: Sequence[Mapping[str, object]]
    checked_at: datetime


def latest_rules(connection: duckdb.DuckDBPyConnection, table: str, check: str = "") -> list[Rule]:
    """The rules of the latest result of each check of a table, those that do not hold first.

    Args:
        connection: A connection to what is published.
        table: e.g. `gold.daily_sales`.
        check: Only of this check; empty for all.
    """
    rows = connection.execute(
        "select results.check_name, rule, severity, has_passed, expected, found, value, share_ok, examples, "
        "results.checked_at from ops.check_results as results "
        "semi join ops.latest_checks as latest on results.check_id = latest.check_id "
        "where results.table_name = $table and ($check = '' or results.check_name = $check) "
        "order by has_passed, results.check_name, rule",
        {"table": table, "check": check},
    ).fetchall()
    names = [field.name for field in fields(Rule)]
    rules = [dict(zip(names, row, strict=True)) for row in rows]
    return [Rule(**{**rule, "examples": _examples(str(rule["examples"]))}) for rule in rules]


def _examples(text: str) -> list[Mapping[str, object]]:
    rows = json.loads(text)
    return [row if isinstance(row, dict) else {"value": row} for row in rows]
