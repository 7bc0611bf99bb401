"""What became of a table over time: its scores, the results of its checks, the versions of its contract."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

import duckdb

RESULTS = 30
"""Results of a check that are shown."""


@dataclass(frozen=True)
class CheckHistory:
    """The last results of a check.

    Attributes:
        name: Of the check.
        verdicts: The oldest first.
        summary: Of the latest.
        checked_at: When that was.
        whole_at: When every row was looked at last.
        since: Since when it says the same, as far as results are kept.
    """

    name: str
    verdicts: Sequence[str]
    summary: str
    checked_at: datetime
    whole_at: datetime | None
    since: datetime


@dataclass(frozen=True)
class VersionSpan:
    """A version of a contract, and when results were made under it."""

    version: str
    first_at: datetime
    last_at: datetime


def check_histories(connection: duckdb.DuckDBPyConnection, table: str) -> list[CheckHistory]:
    """The last results of each check of a table, those that are not a pass first."""
    rows = connection.execute(
        """
        with numbered as (
            select *, row_number() over (partition by check_name order by check_id desc) as place
            from ops.checks where table_name = $table
        )
        select
            check_name, list(verdict order by check_id) filter (place <= $most), arg_max(summary, check_id),
            arg_max(checked_at, check_id), max(coalesce(whole_at, checked_at)),
            list({'verdict': verdict, 'at': checked_at} order by check_id desc)
        from numbered group by check_name
        order by arg_max(verdict, check_id) = 'pass', check_name
        """,
        {"table": table, "most": RESULTS},
    ).fetchall()
    return [CheckHistory(*head, _since(results)) for *head, results in rows]  # type: ignore[call-arg]


def _since(results: Sequence[dict[str, object]]) -> datetime:
    since = results[0]["at"]
    for result in results:
        if result["verdict"] != results[0]["verdict"]:
            break
        since = result["at"]
    return since  # type: ignore[return-value]


def score_by_day(connection: duckdb.DuckDBPyConnection, table: str, today: date, days: int) -> list[tuple[date, float]]:
    """The last score of each day, the oldest first."""
    return connection.execute(
        "select day, max_by(score, rowid) from ops.quality_score where table_name = $table and day > $since "
        "group by day order by day",
        {"table": table, "since": today - timedelta(days=days)},
    ).fetchall()


def contract_versions(connection: duckdb.DuckDBPyConnection, table: str) -> list[VersionSpan]:
    """The versions under which results are kept, the newest first."""
    rows = connection.execute(
        "select contract_version, min(checked_at), max(checked_at) from ops.check_results "
        "where table_name = $table and contract_version is not null group by 1 order by 3 desc, 1",
        {"table": table},
    ).fetchall()
    return [VersionSpan(*row) for row in rows]
