"""Results of checks, and whether a table may be built upon or shown to readers."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Literal

import duckdb

from resources.tables import seqs


@dataclass(frozen=True)
class Rule:
    """One line of a check's evidence.

    Attributes:
        name: What was asked.
        expected: What should be.
        found: What is.
        passed: Whether both agree.
        examples: Up to five rows that show it.
    """

    name: str
    expected: str
    found: str
    passed: bool
    examples: tuple[Mapping[str, object], ...] = ()


@dataclass(frozen=True)
class CheckResult:
    """The outcome of one check of one table.

    Attributes:
        table: e.g. `silver.products`.
        check: e.g. `contract`.
        passed: Whether all its rules hold.
        summary: One sentence.
        rules: The evidence.
        looked_at: Tables whose rows decided the result.
        is_blocking: Whether it is an error that it failed, and no warning.
        is_evaluated: Whether the question could be asked; what could not is no pass.
    """

    table: str
    check: str
    passed: bool
    summary: str
    rules: tuple[Rule, ...] = ()
    looked_at: tuple[str, ...] = field(default=())
    is_blocking: bool = True
    is_evaluated: bool = True

    @property
    def verdict(self) -> Literal["pass", "warn", "fail", "not evaluated"]:
        """In a word."""
        if self.passed:
            return "pass"
        if not self.is_evaluated:
            return "not evaluated"
        return "fail" if self.is_blocking else "warn"


def in_words(row: Mapping[str, object]) -> str:
    """`basket_id = 1, quantity = -1`."""
    return ", ".join(f"{name} = {value}" for name, value in row.items())


def record(connection: duckdb.DuckDBPyConnection, result: CheckResult, run_id: str) -> None:
    """Keep a result, with the seq of each table that it looked at."""
    known = seqs(connection)
    looked = [{"table_name": table, "seq": known.get(table, 0)} for table in result.looked_at or (result.table,)]
    evidence = [{**rule.__dict__, "examples": list(rule.examples)} for rule in result.rules]
    connection.execute(
        "insert into ops.check_results values "
        "((select coalesce(max(check_id), 0) + 1 from ops.check_results), ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        [
            result.table,
            result.check,
            result.is_blocking,
            result.passed,
            result.summary,
            json.dumps(evidence, default=str),
            looked,
            datetime.now(UTC),
            run_id,
        ],
    )


def reasons_against(
    connection: duckdb.DuckDBPyConnection, tables: Iterable[str], expected: Mapping[str, Sequence[str]]
) -> list[str]:
    """Why some tables may not be built upon: for each blocking check that is no pass of what is stored now.

    Args:
        connection: The warehouse.
        tables: The tables in question.
        expected: The blocking checks of each table.

    Returns:
        One sentence each; a missing or outdated result is no pass, nor is a table that is older than its inputs.
    """
    known = seqs(connection)
    behind = _behind(connection)
    latest = {
        (table, check): (passed, summary, looked)
        for table, check, passed, summary, looked in connection.execute(
            "select table_name, check_name, has_passed, summary, looked_at from ops.check_results "
            "qualify row_number() over (partition by table_name, check_name order by check_id desc) = 1"
        ).fetchall()
    }
    reasons = []
    for table in sorted(tables):
        if table in behind:
            reasons.append(f"{table}: was built before the last change of {', '.join(behind[table])}")
        for check in expected.get(table, ()):
            found = latest.get((table, check))
            if found is None:
                reasons.append(f"{table}: check {check} has no result yet")
            elif any(known.get(seen["table_name"], 0) != seen["seq"] for seen in found[2]):
                changed = [seen["table_name"] for seen in found[2] if known.get(seen["table_name"], 0) != seen["seq"]]
                reasons.append(f"{table}: the result of check {check} is older than {', '.join(changed)}")
            elif not found[0]:
                reasons.append(f"{table}: check {check} failed: {found[1]}")
    return reasons


def _behind(connection: duckdb.DuckDBPyConnection) -> dict[str, list[str]]:
    """The inputs that changed since a table took them in, by table; together with them it would be a half state."""
    found = connection.execute(
        "select seen.consumer, list(seen.input order by seen.input) from ops.seen as seen "
        "inner join ops.tables as tables on seen.input = tables.table_name "
        "where tables.seq > seen.seq group by seen.consumer"
    ).fetchall()
    return dict(found)
