"""The state of the lake as the last run published it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import duckdb

from assay.checks.score import trends
from assay.ledger.reports import count_by_status
from assay.ledger.schema_changes import SchemaChange, read_changes
from assay.publish.reader import is_of_this_version
from assay.tables.retired import Retired, hidden_checks, read_retired

_COUNTED = """
    select
        source,
        {'read': records_read, 'loaded': records_loaded, 'malformed': records_malformed} as records,
        {'bronze': rows_bronze, 'silver': rows_silver, 'quarantined': rows_quarantined,
         'superseded': rows_superseded, 'duplicates': duplicates_identical + duplicates_conflicting} as rows,
        is_conserved
    from ops.conservation
    qualify row_number() over (partition by source order by rowid desc) = 1 -- not by time: clocks jump
"""
SHOWN_CHANGES = 20
"""Changes of the shape of files that are told."""
NOTHING = (
    {"read": 0, "loaded": 0, "malformed": 0},
    {"bronze": 0, "silver": 0, "quarantined": 0, "superseded": 0, "duplicates": 0},
    True,
)
"""The terms of a source of which nothing is loaded."""


def read_status(connection: duckdb.DuckDBPyConnection) -> dict[str, Any]:
    """What `assay status --json` prints.

    Args:
        connection: A connection to what is published.
    """
    retired = read_retired(connection)
    left = {entry.source for entry in retired}
    counted = {source: terms for source, *terms in connection.execute(_COUNTED).fetchall()}
    sources = [
        {
            "source": source,
            "files": files,
            **dict(zip(("records", "rows", "is_conserved"), counted.get(source, NOTHING), strict=True)),
        }
        for source, files in count_by_status(connection).items()
        if source not in left
    ]
    published = connection.execute(
        "select arg_max(decided_at, publication_id) from ops.publications where is_published"
    ).fetchall()
    return {
        "sources": sources,
        "published_at": published[0][0].isoformat() if published[0][0] else None,
        "held_back": held_back(connection),
        "snapshots_held_back": [vars(file) for file in held_snapshots(connection)],
        "shape_changes": [_change_as_json(change) for change in _last_changes(connection) if change.source not in left],
        "quality": {table: values[-1] for table, values in sorted(trends(connection).items())},
        "retired": [_as_json(entry) for entry in retired],
    }


def _last_changes(connection: duckdb.DuckDBPyConnection) -> list[SchemaChange]:
    return read_changes(connection, most=SHOWN_CHANGES) if is_of_this_version(connection) else []


def _change_as_json(change: SchemaChange) -> dict[str, Any]:
    return {**vars(change), "changed_at": change.changed_at.isoformat(), "sentence": f"{change.path}: {change.words}"}


def _as_json(retired: Retired) -> dict[str, Any]:
    return {
        "name": retired.name,
        "rows": retired.rows,
        "last_built": retired.last_built.isoformat() if retired.last_built else None,
        "since": retired.since.isoformat(),
        "renamed_to": retired.renamed_to or None,
        "sentence": retired.sentence,
    }


def held_back(connection: duckdb.DuckDBPyConnection) -> dict[str, Any] | None:
    """Since when and why readers see an older state of some tables; None when they see all that is stored."""
    rows = connection.execute(
        "select decided_at, because from ops.publications order by publication_id desc"
    ).fetchall()
    held = []
    for decided_at, because in rows:
        if not because:
            break
        held.append((decided_at, because))
    if not held:
        return None
    return {"since": held[-1][0].isoformat(), "because": list(held[0][1])}


@dataclass(frozen=True)
class HeldSnapshot:
    """A snapshot that is held back.

    Attributes:
        source: Its source.
        path: Its name below the landing zone.
        file_id: Its content.
        because: Why, in words.
        decision: Who let it in and why, where the next run takes that in; empty otherwise.
    """

    source: str
    path: str
    file_id: int
    because: str
    decision: str


def held_snapshots(connection: duckdb.DuckDBPyConnection) -> list[HeldSnapshot]:
    """The snapshots that are held back, by source and from the oldest."""
    if not is_of_this_version(connection):
        return []
    rows = connection.execute(
        "select snapshots.source, snapshots.path, snapshots.file_id, because, "
        "coalesce('let in by ' || decided_by || ': ' || latest.why || '; the next run takes it in', '') "
        "from ops.snapshots left join ("
        "select source, path, file_id, decided_by, because as why, is_accepted from ops.acceptances "
        "qualify row_number() over (partition by source, path, file_id order by acceptance_id desc) = 1"
        ") as latest on latest.source = snapshots.source and latest.path = snapshots.path "
        "and latest.file_id = snapshots.file_id and latest.is_accepted "
        "where state = 'held back' and 'bronze.' || snapshots.source not in (select table_name from ops.retired) "
        "order by snapshots.source, file_date, snapshots.path"
    ).fetchall()
    return [HeldSnapshot(*row) for row in rows]


def empty_snapshots_of_before(connection: duckdb.DuckDBPyConnection) -> list[tuple[str, str]]:
    """(source, path) of snapshots without a row that count because an earlier version had let them in."""
    if not is_of_this_version(connection):
        return []
    return connection.execute(
        "select distinct snapshots.source, snapshots.path from ops.snapshots inner join ops.loaded_files as files "
        "on files.source = snapshots.source and files.file_id = snapshots.file_id "
        "where state = 'current' and files.records_loaded = 0 and exists ("
        "select 1 from ops.acceptances as let_in where let_in.source = snapshots.source "
        "and let_in.file_id = snapshots.file_id and let_in.decided_by = 'assay') order by all"
    ).fetchall()


@dataclass(frozen=True)
class Age:
    """How old the data of a table is.

    Attributes:
        policy: What is promised, in words.
        as_of: When the newest file landed that readers see in it; None while there is none.
        due: When what waits has to be in; None when nothing waits.
    """

    policy: str
    as_of: datetime | None
    due: datetime | None


def ages(connection: duckdb.DuckDBPyConnection) -> dict[str, Age]:
    """The age of the data of each silver and gold table."""
    if not is_of_this_version(connection):
        return {}
    rows = connection.execute("select table_name, policy, data_as_of, due_at from ops.freshness").fetchall()
    return {table: Age(*values) for table, *values in rows}


def latest_checks(connection: duckdb.DuckDBPyConnection) -> list[tuple[str, str, str, str]]:
    """(table, check, verdict, summary) of the latest result of each check; `pass` and `warn` do not block.

    Of what the project has and asks now: a failure of a table that was taken out is nobody's to repair.
    """
    retired, unasked = {entry.name for entry in read_retired(connection)}, hidden_checks(connection)
    latest = connection.execute(
        "select table_name, check_name, "
        "case verdict when 'fail' then 'FAIL' else verdict end, summary from ops.latest_checks "
        "order by list_position(['bronze', 'silver', 'gold'], split_part(table_name, '.', 1)), table_name, check_name"
    ).fetchall()
    return [row for row in latest if row[0] not in retired and row[:2] not in unasked]
