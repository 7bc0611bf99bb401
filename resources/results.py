"""Results of checks, and whether a table may be built upon or shown to readers."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal

import duckdb

from contracts.checks import Severity
from resources import clock
from resources.tables import seqs
from resources.warehouse import transaction

MASKED = "masked"
_KEEP_CHECKS = """
    insert into ops.checks
    select
        kept.check_id, kept.table_name, kept.check_name, kept.verdict, kept.summary, kept.looked_at,
        kept.definition, $at, $run_id
    from (
        select unnest($checks::struct(
            check_id bigint, table_name varchar, check_name varchar, verdict varchar, summary varchar,
            looked_at struct(table_name varchar, seq bigint)[], definition varchar
        )[]) as kept
    )
"""
_KEEP_RULES = """
    insert into ops.check_results
    select
        kept.check_id, kept.table_name, kept.check_name, kept.name, kept.severity, kept.passed, kept.value,
        kept.threshold, kept.expected, kept.found, kept.share_ok, kept.examples,
        (select max(load_id) from ops.files), kept.contract_version, $at, $run_id
    from (
        select unnest($rules::struct(
            check_id bigint, table_name varchar, check_name varchar, name varchar, expected varchar, found varchar,
            passed boolean, examples json, severity varchar, value double, threshold double, share_ok double,
            contract_version varchar
        )[]) as kept
    )
"""


@dataclass(frozen=True)
class Rule:
    """One line of a check's evidence.

    Attributes:
        name: What was asked.
        expected: What should be.
        found: What is.
        passed: Whether both agree.
        examples: Up to five rows that show it.
        severity: What it means that it does not hold; a `regression` within what its yml accepts holds.
        value: What was measured, in the unit of the rule; None where there is no number.
        threshold: What the value was held against.
        share_ok: Share of the records in question that hold it, from 0 to 1; None where it is 1 or 0 by `passed`.
    """

    name: str
    expected: str
    found: str
    passed: bool
    examples: tuple[Mapping[str, object], ...] = ()
    severity: Severity = "error"
    value: float | None = None
    threshold: float | None = None
    share_ok: float | None = None

    @property
    def is_failure(self) -> bool:
        """Whether it does not hold and that is no mere warning."""
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
        is_evaluated: Whether the question could be asked; what could not is no pass.
        definition: Hash of what was asked, where a pass may stand for as long as nothing changes; else empty.
    """

    table: str
    check: str
    rules: tuple[Rule, ...]
    holds: str
    looked_at: tuple[str, ...] = ()
    is_evaluated: bool = True
    definition: str = ""

    @property
    def verdict(self) -> Literal["pass", "warn", "fail", "not evaluated"]:
        """In a word."""
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
        said = [f"{rule.name}: expected {rule.expected}, found {rule.found}" for rule in broken]
        return "; ".join(said) or self.holds

    def masking(self, personal: Collection[str]) -> CheckResult:
        """The result without values of personal columns in its examples."""
        rules = (replace(rule, examples=tuple(_masked(row, personal) for row in rule.examples)) for rule in self.rules)
        return replace(self, rules=tuple(rules))


def _masked(row: Mapping[str, object], personal: Collection[str]) -> Mapping[str, object]:
    return {name: MASKED if name in personal and value is not None else value for name, value in row.items()}


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
    checks, rules = [], []
    for check_id, result in enumerate(results, newest + 1):
        looked = [{"table_name": table, "seq": known.get(table, 0)} for table in result.looked_at or (result.table,)]
        named = {"check_id": check_id, "table_name": result.table, "check_name": result.check}
        said = {"verdict": result.verdict, "summary": result.summary, "definition": result.definition}
        checks.append({**named, **said, "looked_at": looked})
        version = contract_version(result.table)
        rules += [
            {
                **{**named, **asdict(rule), "contract_version": version},
                "examples": json.dumps(list(rule.examples), default=str),
            }
            for rule in result.rules
        ]
    with transaction(connection):
        if checks:
            connection.execute(_KEEP_CHECKS, {"checks": checks, "at": at, "run_id": run_id})
        if rules:
            connection.execute(_KEEP_RULES, {"rules": rules, "at": at, "run_id": run_id})


def standing(connection: duckdb.DuckDBPyConnection, table: str, check: str, definition: str) -> CheckResult | None:
    """The latest result of a check, where it passed and neither the question nor what it looked at has changed since.

    Args:
        connection: The warehouse.
        table: e.g. `silver.products`.
        check: e.g. `contract`.
        definition: Hash of what would be asked now.
    """
    found = _latest(connection, table, check)
    if found is None:
        return None
    result, looked_at = found
    known = seqs(connection)
    if result.verdict != "pass" or result.definition != definition:
        return None
    return None if any(known.get(s["table_name"]) != s["seq"] for s in looked_at) else result


def as_built(connection: duckdb.DuckDBPyConnection, table: str, check: str) -> CheckResult | None:
    """The latest result of a check, where the table is as it was then but older than its inputs.

    Rows of a table that may lag are held against the inputs that they were made of, not against those of now.
    """
    found = _latest(connection, table, check)
    if found is None or table not in behind(connection):
        return None
    result, looked_at = found
    taken = _taken(connection, [table]).get(table, {})
    return None if _changed_since(table, looked_at, seqs(connection), taken) else result


def _latest(
    connection: duckdb.DuckDBPyConnection, table: str, check: str
) -> tuple[CheckResult, list[Mapping[str, Any]]] | None:
    """The latest result, without examples, and the seq of each table that it looked at."""
    found = connection.execute(
        "select check_id, verdict, summary, looked_at, definition from ops.checks "
        "where table_name = ? and check_name = ? order by check_id desc limit 1",
        [table, check],
    ).fetchall()
    if not found:
        return None
    check_id, verdict, summary, looked_at, definition = found[0]
    rules = tuple(
        Rule(rule, expected, said, passed, (), severity, value, threshold, share)
        for rule, expected, said, passed, severity, value, threshold, share in connection.execute(
            "select rule, expected, found, has_passed, severity, value, threshold, share_ok from ops.check_results "
            "where check_id = ?",
            [check_id],
        ).fetchall()
    )
    tables = tuple(s["table_name"] for s in looked_at)
    return CheckResult(table, check, rules, summary, tables, verdict != "not evaluated", definition), looked_at


def reasons_against(
    connection: duckdb.DuckDBPyConnection,
    tables: Iterable[str],
    expected: Mapping[str, Sequence[str]],
    lagging: Collection[str] = (),
) -> list[str]:
    """Why some tables may not be built upon: for each blocking check that is no pass of what is stored now.

    Args:
        connection: The warehouse.
        tables: The tables in question.
        expected: The blocking checks of each table.
        lagging: Tables that may be older than their inputs; a result of theirs is current while they are as they were,
            if it saw the inputs that they were built from.

    Returns:
        One sentence each; a missing or outdated result is no pass, nor is a table that is older than its inputs.
    """
    known = seqs(connection)
    older = {table: inputs for table, inputs in behind(connection).items() if table not in lagging}
    taken = _taken(connection, lagging)
    latest = {
        (table, check): (verdict, summary, looked)
        for table, check, verdict, summary, looked in connection.execute(
            "select table_name, check_name, verdict, summary, looked_at from ops.checks "
            "qualify row_number() over (partition by table_name, check_name order by check_id desc) = 1"
        ).fetchall()
    }
    reasons = []
    for table in sorted(tables):
        if table in older:
            reasons.append(f"{table}: was built before the last change of {', '.join(older[table])}")
        for check in expected.get(table, ()):
            found = latest.get((table, check))
            if found is None:
                reasons.append(f"{table}: check {check} has no result yet")
            elif changed := _changed_since(table, found[2], known, taken.get(table)):
                reasons.append(f"{table}: the result of check {check} is older than {', '.join(changed)}")
            elif found[0] not in ("pass", "warn"):
                said = "failed" if found[0] == "fail" else "could not be evaluated"
                reasons.append(f"{table}: check {check} {said}: {found[1]}")
    return reasons


def _taken(connection: duckdb.DuckDBPyConnection, tables: Collection[str]) -> dict[str, dict[str, int]]:
    """The seq of each input that some tables have taken in."""
    found = connection.execute(
        "select consumer, map_from_entries(list((input, seq))) from ops.seen "
        "where list_contains($tables::varchar[], consumer) group by consumer",
        {"tables": sorted(tables)},
    ).fetchall()
    return dict(found)


def _changed_since(
    table: str, looked_at: Iterable[Mapping[str, Any]], known: Mapping[str, int], taken: Mapping[str, int] | None
) -> list[str]:
    """Tables that a result did not see as they have to be: as they are now, or as a lagging table took them in."""
    changed = []
    for seen in looked_at:
        name, seq = seen["table_name"], seen["seq"]
        is_current = known.get(name, 0) == seq
        if not is_current and (taken is None or name == table or seq < taken.get(name, 0)):
            changed.append(name)
    return changed


def behind(connection: duckdb.DuckDBPyConnection) -> dict[str, list[str]]:
    """The inputs that changed since a table took them in, by table; together with them it would be a half state."""
    found = connection.execute(
        "select seen.consumer, list(seen.input order by seen.input) from ops.seen as seen "
        "inner join ops.tables as tables on seen.input = tables.table_name "
        "where tables.seq > seen.seq group by seen.consumer"
    ).fetchall()
    return dict(found)
