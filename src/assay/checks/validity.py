"""Whether results of checks are still valid, and whether a table may be built upon or published."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Literal

import duckdb

from assay.base import clock
from assay.checks.results import CheckResult, Rule
from assay.contract.moving_rules import AT_ONCE
from assay.contract.names import literal
from assay.tables.versions import seqs

Check = tuple[str, str]
"""Names of a table and of a check, e.g. `silver.products` and `contract`."""
PUT_BACK = timedelta(minutes=1)
"""A result from this far in the future tells that the clock was put back, so that it does not say for how long."""


def still_valid(connection: duckdb.DuckDBPyConnection, definitions: Mapping[Check, str]) -> dict[Check, CheckResult]:
    """The latest results of checks, where they passed and nothing that decides them has changed since.

    That is the question, what it looked at, and the time, where a rule depends on it.

    Args:
        connection: The warehouse.
        definitions: Hash of what each check would ask now.
    """
    known = seqs(connection)
    return {
        check: result
        for check, (result, looked_at, checked_at) in _latest(connection, definitions).items()
        if result.verdict == "pass"
        and result.definition == definitions[check]
        and not is_over(result.expires_at, checked_at, clock.now())
        and all(known.get(seen["table_name"]) == seen["seq"] for seen in looked_at)
    }


@dataclass(frozen=True)
class Covered:
    """The rows that a good result of a check stands for: those of its tables as they were when it looked at them.

    Attributes:
        seen: The seq of each table that it looked at.
        whole_at: When every row was looked at last, by it or by one that it went on from.
        expires_at: When it says nothing any more though no row changed; None for never.
    """

    seen: Mapping[str, int]
    whole_at: datetime
    expires_at: datetime | None


def covered(connection: duckdb.DuckDBPyConnection, definitions: Mapping[Check, str]) -> dict[Check, Covered]:
    """What the latest results of checks stand for, where they are good, ask the same, and nothing was rebuilt since.

    Args:
        connection: The warehouse.
        definitions: Hash of what each check would ask now.
    """
    rebuilt = dict(connection.execute("select table_name, rebuilt_seq from ops.tables").fetchall())
    standing = {}
    for check, (result, looked_at, checked_at) in _latest(connection, definitions).items():
        seen = {table["table_name"]: table["seq"] for table in looked_at}
        is_same = result.definition == definitions[check]
        is_good = bool(result.rules) and result.verdict in ("pass", "warn")
        is_kept = all(rebuilt.get(table, 0) <= seq for table, seq in seen.items())
        if is_same and is_good and is_kept and not is_over(result.expires_at, checked_at, clock.now()):
            standing[check] = Covered(seen, result.whole_at or checked_at, result.expires_at)
    return standing


def is_over(expires_at: datetime | None, checked_at: datetime, now: datetime) -> bool:
    """Whether a result has expired, because a rule of it depends on the clock and its time has passed.

    Args:
        expires_at: Of the result; None where no rule looks at the clock.
        checked_at: When it was kept.
        now: The time.
    """
    return expires_at is not None and (expires_at <= now or checked_at > now + PUT_BACK)


def as_built(connection: duckdb.DuckDBPyConnection, table: str, check: str) -> CheckResult | None:
    """The latest result of a check, where the table is as it was then but older than its inputs.

    Rows of a table that may lag are held against the inputs that they were made of, not against those of now.
    """
    latest = _latest(connection, [(table, check)]).get((table, check))
    if latest is None or table not in behind(connection):
        return None
    result, looked_at, checked_at = latest
    if is_over(result.expires_at, checked_at, clock.now()):
        return None
    taken = _taken(connection, [table]).get(table, {})
    if _changed_since(table, looked_at, seqs(connection), taken):
        return None
    return replace(result, seen={seen["table_name"]: seen["seq"] for seen in looked_at})


def _latest(
    connection: duckdb.DuckDBPyConnection, checks: Collection[Check]
) -> dict[Check, tuple[CheckResult, list[Mapping[str, Any]], datetime]]:
    """The latest result of each check, without examples, the seq of each table that it looked at, and when."""
    rows = connection.execute(
        "select check_id, table_name, check_name, verdict, summary, looked_at, definition, checked_at, expires_at, "
        "coalesce(is_whole, true), rows_checked, coalesce(whole_at, checked_at) from ops.latest_checks "
        f"where (table_name, check_name) in ({_pairs(checks)})"
    ).fetchall()
    rules: dict[int, list[Rule]] = {row[0]: [] for row in rows}
    for check_id, rule, expected, observed, passed, severity, value, threshold, share in connection.execute(
        "select check_id, rule, expected, found, has_passed, severity, value, threshold, share_ok "
        f"from ops.check_results where check_id in ({', '.join(map(str, rules)) or 'null'})"
    ).fetchall():
        rules[check_id].append(Rule(rule, expected, observed, passed, (), severity, value, threshold, share))
    return {
        (table, check): (
            CheckResult(
                table,
                check,
                tuple(rules[check_id]),
                summary,
                tuple(seen["table_name"] for seen in looked_at),
                verdict != "not evaluated",
                definition,
                None,
                expires_at,
                *coverage,
            ),
            looked_at,
            checked_at,
        )
        for check_id, table, check, verdict, summary, looked_at, definition, checked_at, expires_at, *coverage in rows
    }


def _pairs(checks: Iterable[Check]) -> str:
    """SQL for a list of checks. Any parameter would make DuckDB import pandas, which takes longer than the query."""
    return ", ".join(f"({literal(table)}, {literal(check)})" for table, check in checks) or "(null, null)"


def reasons_against(
    connection: duckdb.DuckDBPyConnection,
    tables: Iterable[str],
    expected: Mapping[str, Sequence[str]],
    lagging: Collection[str] = (),
    as_of: datetime | None = None,
) -> list[str]:
    """Why some tables may not be built upon: for each blocking check that is not a pass of what is stored now.

    Args:
        connection: The warehouse.
        tables: The tables in question.
        expected: The blocking checks of each table.
        lagging: Tables that may be older than their inputs; a result of theirs is current while they are as they were,
            if it saw the inputs that they were built from.
        as_of: When the run began that wants to know; a result whose time was over by then is outdated. None where only
            rows count.

    Returns:
        One sentence each; a missing or outdated result is not a pass, nor is a table that is older than its inputs.
    """
    return [reason.sentence for reason in against(connection, tables, expected, lagging, as_of)]


@dataclass(frozen=True)
class Against:
    """Why a table may not be built upon.

    Attributes:
        table: e.g. `silver.products`.
        kind: `behind` its inputs, `unasked` where a check has no result for what is stored now, or `failed`.
        sentence: In words.
    """

    table: str
    kind: Literal["behind", "unasked", "failed"]
    sentence: str


def against(
    connection: duckdb.DuckDBPyConnection,
    tables: Iterable[str],
    expected: Mapping[str, Sequence[str]],
    lagging: Collection[str] = (),
    as_of: datetime | None = None,
) -> Iterator[Against]:
    """The reasons of `reasons_against`, each with its table and kind."""
    known = seqs(connection)
    older = {table: inputs for table, inputs in behind(connection).items() if table not in lagging}
    taken = _taken(connection, lagging)
    latest = {
        (table, check): (verdict, summary, looked, expires_at)
        for table, check, verdict, summary, looked, expires_at in connection.execute(
            "select table_name, check_name, verdict, summary, looked_at, expires_at from ops.latest_checks"
        ).fetchall()
    }
    for table in sorted(tables):
        if table in older:
            inputs = ", ".join(older[table])
            yield Against(table, "behind", f"{table}: was built before the last change of {inputs}")
        for check in expected.get(table, ()):
            result = latest.get((table, check))
            if result is None:
                yield Against(table, "unasked", f"{table}: check {check} has no result yet")
            elif changed := _changed_since(table, result[2], known, taken.get(table)):
                sentence = f"{table}: the result of check {check} is older than {', '.join(changed)}"
                yield Against(table, "unasked", sentence)
            elif result[0] not in ("pass", "warn"):
                outcome = "failed" if result[0] == "fail" else "could not be evaluated"
                yield Against(table, "failed", f"{table}: check {check} {outcome}: {result[1]}")
            elif as_of and result[3] and AT_ONCE < result[3] <= as_of:
                problem = f"looks at the clock, and its result said what holds until {result[3]:%Y-%m-%d %H:%M} UTC"
                yield Against(table, "unasked", f"{table}: check {check} {problem}")


def _taken(connection: duckdb.DuckDBPyConnection, tables: Collection[str]) -> dict[str, dict[str, int]]:
    """The seq of each input that some tables have taken in."""
    rows = connection.execute(
        "select consumer, map_from_entries(list((input, seq))) from ops.seen "
        f"where consumer in ({', '.join(map(literal, sorted(tables))) or 'null'}) group by consumer"
    ).fetchall()
    return dict(rows)


def _changed_since(
    table: str, looked_at: Iterable[Mapping[str, Any]], known: Mapping[str, int], taken: Mapping[str, int] | None
) -> list[str]:
    """Tables that a result did not see as they have to be: as they are now, or as a lagging table took them in."""
    changed = []
    for seen in looked_at:
        name, seq = seen["table_name"], seen["seq"]
        is_as_taken = taken is not None and name != table and taken.get(name) == seq
        if known.get(name, 0) != seq and not is_as_taken:
            changed.append(name)
    return changed


def behind(connection: duckdb.DuckDBPyConnection) -> dict[str, list[str]]:
    """The inputs that changed since a table took them in, by table."""
    rows = connection.execute(
        "select seen.consumer, list(seen.input order by seen.input) from ops.seen as seen "
        "inner join ops.tables as tables on seen.input = tables.table_name "
        "where tables.seq > seen.seq group by seen.consumer"
    ).fetchall()
    return dict(rows)
