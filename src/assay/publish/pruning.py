"""Drops what runs of long ago left in the book-keeping, so that a lake of many runs answers as fast as a young one.

What exactly-once loading relies on is never dropped: hashes and sightings of files, what is stored of each, and what
each table has taken in.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import duckdb

from assay.base import clock
from assay.base.warehouse import transaction
from assay.checks.score import TREND

EVERY = timedelta(days=1)
"""How often a run looks for what is old."""
_NEVER = datetime.fromtimestamp(0, UTC)
RESULTS, RULES, COUNTS, SCORES, DECISIONS = "check results", "rules of them", "counts", "scores", "publications"
_OLD = {
    # The newest stay whatever a clock says, and failed results of runs that brought files: those files are left out of
    # what later ones are compared with.
    RESULTS: f"""
        delete from ops.checks where checked_at < $before and check_id in (
            select check_id from ops.checks
            qualify row_number() over (partition by table_name, check_name order by check_id desc) > {TREND}
        ) and not (verdict in ('fail', 'not evaluated') and run_id in (select run_id from ops.profiles))
    """,
    RULES: """
        delete from ops.check_results where check_id not in (select check_id from ops.checks)
    """,
    # Not by time: clocks jump.
    COUNTS: f"""
        delete from ops.conservation where counted_at < $before and rowid in (
            select rowid from ops.conservation
            qualify row_number() over (partition by source order by rowid desc) > {TREND}
        )
    """,
    # The last one of each day is kept, so that a year can be drawn.
    SCORES: f"""
        delete from ops.quality_score where scored_at < $before and rowid in (
            select rowid from ops.quality_score
            qualify row_number() over (partition by table_name order by rowid desc) > {TREND}
                and row_number() over (partition by table_name, day order by rowid desc) > 1
        )
    """,
    # From old ones is worked out since when readers see each table as it is, and since when others are held back; and a
    # table that was dropped must not come back under a number that readers know.
    DECISIONS: f"""
        delete from ops.publications
        where decided_at < $before
            and publication_id <= (select max(publication_id) - {TREND} from ops.publications)
            and publication_id not in (
                with shown as (
                    select publication_id as id, is_published, unnest(tables) as state from ops.publications
                ),
                latest as (select state from shown where id = (select max(id) from shown where is_published)),
                held as (
                    select publication_id as id from ops.publications where publication_id > (
                        select coalesce(max(publication_id), 0) from ops.publications where len(because) = 0
                    )
                )
                select min(id) from shown where is_published and state in (select state from latest) group by state
                union all
                select max(id) from shown group by state.table_name, is_published
                union all
                select coalesce(min(id), 0) from held
                union all
                select coalesce(max(publication_id), 0) from ops.publications where len(because) = 0
                union all
                select min(publication_id) from ops.publications
            )
    """,
}


def is_due(connection: duckdb.DuckDBPyConnection, what: str) -> bool:
    """Whether it was not looked for within a day, or the clock was put back since.

    Args:
        connection: The warehouse.
        what: As it stands in `ops.pruned`.
    """
    rows = connection.execute("select looked_at from ops.pruned where what = ?", [what]).fetchall()
    return not rows or abs(clock.now() - rows[0][0]) > EVERY


def prune(connection: duckdb.DuckDBPyConnection, days: int) -> dict[str, int]:
    """Drop results, counts, scores and decisions of runs of long ago, and count what was dropped.

    Args:
        connection: The warehouse, with the run lock held.
        days: What is younger stays, and so do the last twenty of each kind and what answers are worked out from.

    Returns:
        How many rows of each kind were dropped.
    """
    before = clock.now() - timedelta(days=days)
    with transaction(connection):
        dropped = {}
        for what, statement in _OLD.items():
            given = {"before": before} if "$before" in statement else {}
            dropped[what] = int(connection.execute(statement, given).fetchall()[0][0])
            note_pruned(connection, what, dropped[what], before)
    return dropped


def note_pruned(
    connection: duckdb.DuckDBPyConnection, what: str, dropped: int, before: datetime, *, is_all: bool = True
) -> None:
    """Add to what was ever dropped.

    Args:
        connection: The warehouse.
        what: A kind.
        dropped: How many of it now.
        before: What is older was looked for.
        is_all: Whether nothing more of it is to be dropped today.
    """
    looked_at = clock.now() if is_all else _NEVER
    rows = connection.execute("delete from ops.pruned where what = ? returning dropped", [what]).fetchall()
    total = dropped + (int(rows[0][0]) if rows else 0)
    connection.execute("insert into ops.pruned values (?, ?, ?, ?)", [what, total, before, looked_at])


def read_pruned(connection: duckdb.DuckDBPyConnection) -> dict[str, int]:
    """How many of each kind were ever dropped."""
    rows = connection.execute("select what, dropped from ops.pruned where dropped > 0 order by what").fetchall()
    return {what: int(dropped) for what, dropped in rows}
