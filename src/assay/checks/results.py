"""Results of checks, and how they are stored."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import Literal

import duckdb

from assay.base import clock
from assay.base.warehouse import transaction
from assay.contract.declared_checks import Severity
from assay.contract.personal import masked
from assay.ledger.contents import last_load_id
from assay.tables.build_costs import note_cost
from assay.tables.versions import seqs
from assay.text import strict_json

KEPT_COUNTS = "kept_counts_are_right"
"""The rule of `conservation` that holds the counts that are kept against those of all rows; an incident of its own."""
HISTORY = "files_of_history"
"""The rule of `volume` that tells of all files that a load took in as history; it always holds."""
_KEEP_CHECKS = """
    insert into ops.checks (
        check_id, table_name, check_name, verdict, summary, looked_at,
        definition, checked_at, run_id, expires_at, is_whole, rows_checked,
        whole_at
    )
    select
        kept.check_id, kept.table_name, kept.check_name, kept.verdict, kept.summary, kept.looked_at,
        kept.definition, $at, $run_id, kept.expires_at, kept.is_whole, kept.rows_checked,
        coalesce(kept.whole_at, $at)
    from (
        select unnest($checks::struct(
            check_id bigint, table_name varchar, check_name varchar, verdict varchar, summary varchar,
            looked_at struct(table_name varchar, seq bigint)[], definition varchar, expires_at timestamptz,
            is_whole boolean, rows_checked bigint, whole_at timestamptz
        )[]) as kept
    )
"""
_KEEP_RULES = """
    insert into ops.check_results
    select
        kept.check_id, kept.table_name, kept.check_name, kept.name, kept.severity, kept.passed, kept.value,
        kept.threshold, kept.expected, kept.observed, kept.share_ok, kept.examples,
        $load_id, kept.contract_version, $at, $run_id
    from (
        select unnest($rules::struct(
            check_id bigint, table_name varchar, check_name varchar, name varchar, expected varchar, observed varchar,
            passed boolean, examples json, severity varchar, value double, threshold double, share_ok double,
            contract_version varchar
        )[]) as kept
    )
"""


@dataclass(frozen=True)
class Rule:
    """One rule of a check, with what was expected and what was observed.

    Attributes:
        name: What was asked.
        expected: What should be.
        observed: What is.
        passed: Whether both agree.
        examples: Up to five rows that show it.
        severity: What it means that it does not hold; a `regression` within what its yml accepts holds.
        value: What was measured, in the unit of the rule; None where there is no number.
        threshold: What the value was held against.
        share_ok: Share of the records in question that hold it, from 0 to 1; None where it is 1 or 0 by `passed`.
    """

    name: str
    expected: str
    observed: str
    passed: bool
    examples: tuple[Mapping[str, object], ...] = ()
    severity: Severity = "error"
    value: float | None = None
    threshold: float | None = None
    share_ok: float | None = None

    @property
    def is_failure(self) -> bool:
        """Whether it does not hold and that is more than a warning."""
        return not self.passed and self.severity != "warn"


@dataclass(frozen=True)
class CheckResult:
    """The outcome of one check of one table.

    Attributes:
        table: e.g. `silver.products`.
        check: e.g. `contract`.
        rules: The evidence.
        holds: What to say when every rule holds.
        looked_at: Tables whose rows decided the result.
        is_evaluated: Whether the question could be asked; what could not is not a pass.
        definition: Hash of what was asked, where a pass may stand for as long as nothing changes; else empty.
        seen: The seq of tables as they were looked at, where that is not their present one.
        expires_at: When it says nothing any more though no row changed, because a rule looks at the clock; None for
            never.
        is_whole: Whether it is about every row as of now, not by way of a result that stands for rows of before.
        rows_checked: How many rows were looked at for it; None where that is not counted.
        whole_at: When every row was looked at last; None for now.
        seconds: How long it took; 0 where an earlier result was kept.
    """

    table: str
    check: str
    rules: tuple[Rule, ...]
    holds: str
    looked_at: tuple[str, ...] = ()
    is_evaluated: bool = True
    definition: str = ""
    seen: Mapping[str, int] | None = None
    expires_at: datetime | None = None
    is_whole: bool = True
    rows_checked: int | None = None
    whole_at: datetime | None = None
    seconds: float = 0.0

    @property
    def verdict(self) -> Literal["pass", "warn", "fail", "not evaluated"]:
        """The outcome in one word."""
        if not self.is_evaluated:
            return "not evaluated"
        if any(rule.is_failure for rule in self.rules):
            return "fail"
        return "pass" if all(rule.passed for rule in self.rules) else "warn"

    @property
    def passed(self) -> bool:
        """Whether every rule holds."""
        return self.verdict == "pass"

    @property
    def summary(self) -> str:
        """One sentence: what is wrong, what blocks first; or that all holds."""
        broken = sorted((rule for rule in self.rules if not rule.passed), key=lambda rule: not rule.is_failure)
        problems = [f"{rule.name}: expected {rule.expected}, found {rule.observed}" for rule in broken]
        return "; ".join(problems) or self.holds

    @property
    def history(self) -> str:
        """What is told of files that a load took in as history; empty where it took in none."""
        return next((rule.observed for rule in self.rules if rule.name == HISTORY), "")

    def masking(self, personal: Collection[str]) -> CheckResult:
        """The result without values of personal columns in its examples."""
        rules = (replace(rule, examples=tuple(masked(row, personal) for row in rule.examples)) for rule in self.rules)
        return replace(self, rules=tuple(rules))


def in_words(row: Mapping[str, object]) -> str:
    """`basket_id = 1, quantity = -1`."""
    return ", ".join(f"{name} = {value}" for name, value in row.items())


def record(
    connection: duckdb.DuckDBPyConnection,
    results: Iterable[CheckResult],
    run_id: str,
    contract_version: Callable[[str], str | None] = lambda _: None,
) -> None:
    """Keep results with each of their rules, and with the seq of each table that they looked at; in one transaction.

    Args:
        connection: The warehouse.
        results: What to keep.
        run_id: The run that evaluated them.
        contract_version: Gives the version of the contract that a table's rules stand in, where it has one.
    """
    known = seqs(connection)
    newest = connection.execute("select coalesce(max(check_id), 0) from ops.checks").fetchall()[0][0]
    at = clock.now()
    checks, rules, costs = [], [], []
    for check_id, result in enumerate(results, newest + 1):
        seen = {**known, **(result.seen or {})}
        looked = [{"table_name": table, "seq": seen.get(table, 0)} for table in result.looked_at or (result.table,)]
        named = {"check_id": check_id, "table_name": result.table, "check_name": result.check}
        outcome = {"verdict": result.verdict, "summary": result.summary, "definition": result.definition}
        coverage = {"is_whole": result.is_whole, "rows_checked": result.rows_checked, "whole_at": result.whole_at}
        checks.append({**named, **outcome, **coverage, "expires_at": result.expires_at, "looked_at": looked})
        if result.is_whole and result.rows_checked and result.seconds:
            costs.append((result.table, result.check, result.rows_checked, result.seconds))
        version = contract_version(result.table)
        rules += [
            {
                **{**named, **asdict(rule), "contract_version": version},
                "examples": strict_json.dumps(rule.examples),
            }
            for rule in result.rules
        ]
    with transaction(connection):
        if checks:
            connection.execute(_KEEP_CHECKS, {"checks": checks, "at": at, "run_id": run_id})
        if rules:
            load_id = last_load_id(connection)
            connection.execute(_KEEP_RULES, {"rules": rules, "at": at, "run_id": run_id, "load_id": load_id})
        for cost in costs:
            note_cost(connection, *cost)
