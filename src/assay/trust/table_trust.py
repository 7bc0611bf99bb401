"""Whether the figures of a table can be relied on: how far its data reaches, what is late, what its checks said."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Literal

import duckdb

from assay.contract.catalog import Catalog
from assay.contract.names import TableName
from assay.incidents.lineage import owner_of
from assay.publish.status import Age, ages, latest_checks
from assay.trust.rows_added import Added, rows_added
from assay.trust.through import Through, data_through

SCORE_DAYS = 30
"""Days of scores and of service levels that are told."""

State = Literal["good", "odd", "bad", "unknown"]


@dataclass(frozen=True)
class Checks:
    """The latest result of each check of a table.

    Attributes:
        checked_at: Of the oldest of them: all that is said held then at the earliest.
        verdicts: How many checks passed, warned, failed or could not be evaluated.
        odd: (check, verdict, summary) of each that is not a pass.
    """

    checked_at: datetime
    verdicts: Mapping[str, int]
    odd: Sequence[tuple[str, str, str]]


@dataclass(frozen=True)
class TableTrust:
    """What stands beside every figure of a table.

    Attributes:
        table: e.g. `gold.daily_sales`.
        owner: The team that answers for it.
        is_shown: Whether readers see it at all.
        through: The last date or time in it; None where no column of it says that.
        age: Of its data, and what is promised; None for a table that is not followed.
        is_late: Whether something that landed should have been in it by now.
        in_time: Share of the last 30 days in which it kept its promise; None before it is known.
        added: Rows of its last date, or of its last change, beside what is usual.
        checks: None for a table that was never checked.
        scores: (day, score of 100) of the last 30 days, the oldest first.
    """

    table: str
    owner: str
    is_shown: bool
    through: Through | None
    age: Age | None
    is_late: bool
    in_time: float | None
    added: Added | None
    checks: Checks | None
    scores: Sequence[tuple[date, float]]

    @property
    def state(self) -> State:
        """`bad` where a check that is not a warning did not pass or data is late; `odd` where something warns."""
        verdicts = self.checks.verdicts if self.checks else {}
        if not self.is_shown or not verdicts:
            return "unknown"
        if self.is_late or verdicts.keys() - {"pass", "warn"}:
            return "bad"
        return "odd" if "warn" in verdicts or (self.added and self.added.is_unusual) else "good"

    @property
    def sentence(self) -> str:
        """The state in a few words."""
        if not self.is_shown:
            return "not published yet"
        if not self.checks:
            return "never checked"
        failed = sum(count for verdict, count in self.checks.verdicts.items() if verdict not in ("pass", "warn"))
        if failed:
            return f"{failed} {'check' if failed == 1 else 'checks'} failed"
        if self.is_late:
            return "late"
        warned = self.checks.verdicts.get("warn", 0)
        if warned:
            return f"{warned} {'warning' if warned == 1 else 'warnings'}"
        return "unusual number of rows" if self.added and self.added.is_unusual else "checks passed"


def read_trust(
    connection: duckdb.DuckDBPyConnection, catalog: Catalog, tables: Collection[str], now: datetime
) -> dict[str, TableTrust]:
    """What there is to say about some tables, in their order.

    Args:
        connection: A connection to what is published.
        catalog: The project.
        tables: Silver or gold tables of the project.
        now: The time.
    """
    known, shares = ages(connection), _shares(connection, now)
    results, scores = _checks(connection), _scores(connection, now)
    shown = shown_tables(connection)
    trust = {}
    for table in tables:
        age = known.get(table)
        through = data_through(connection, catalog, table) if table in shown else None
        trust[table] = TableTrust(
            table=table,
            owner=owner_of(catalog, TableName.parse(table).model),
            is_shown=table in shown,
            through=through,
            age=age,
            is_late=bool(age and age.due and age.due < now),
            in_time=shares.get(table),
            added=rows_added(connection, table, through) if table in shown else None,
            checks=results.get(table),
            scores=scores.get(table, []),
        )
    return trust


def shown_tables(connection: duckdb.DuckDBPyConnection) -> set[str]:
    """The silver, gold and quarantine tables that readers see."""
    rows = connection.execute(
        "select table_schema || '.' || table_name from information_schema.tables "
        "where table_catalog = 'lake_published' and table_schema <> 'main'"
    ).fetchall()
    return {name for (name,) in rows}


def _checks(connection: duckdb.DuckDBPyConnection) -> dict[str, Checks]:
    times = dict(
        connection.execute("select table_name, min(checked_at) from ops.latest_checks group by table_name").fetchall()
    )
    by_table: dict[str, list[tuple[str, str, str]]] = {}
    for table, check, verdict, summary in latest_checks(connection):
        by_table.setdefault(table, []).append((check, verdict, summary))
    checks_by_table = {}
    for table, rows in by_table.items():
        verdicts = [verdict for _, verdict, _ in rows]
        counts = {verdict: verdicts.count(verdict) for verdict in dict.fromkeys(verdicts)}
        checks_by_table[table] = Checks(times[table], counts, [row for row in rows if row[1] != "pass"])
    return checks_by_table


def _scores(connection: duckdb.DuckDBPyConnection, now: datetime) -> dict[str, list[tuple[date, float]]]:
    rows = connection.execute(
        "select table_name, day, max_by(score, rowid) from ops.quality_score where day > $since "
        "group by table_name, day order by table_name, day",
        {"since": now.date() - timedelta(days=SCORE_DAYS)},
    ).fetchall()
    scores: dict[str, list[tuple[date, float]]] = {}
    for table, day, score in rows:
        scores.setdefault(table, []).append((day, score))
    return scores


def _shares(connection: duckdb.DuckDBPyConnection, now: datetime) -> dict[str, float]:
    """Share of the last days in which each table kept its promise; none before service levels are published."""
    try:
        rows = connection.execute(
            "select table_name, 1 - sum(broken_seconds) / sum(seconds) from ops.slo where day > $since "
            "group by table_name having sum(seconds) > 0",
            {"since": now.date() - timedelta(days=SCORE_DAYS)},
        ).fetchall()
    except duckdb.CatalogException:
        return {}
    return dict(rows)
