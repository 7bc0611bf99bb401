"""How runs ended for each table, in the store of incidents: Dagster's own record of them may be cleared."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator
from datetime import datetime

from assay.incidents.store import as_text, writing


def note_outcomes(connection: sqlite3.Connection, outcomes: Iterable[tuple[str, str, datetime, bool]]) -> None:
    """Keep how runs ended for each table, which Dagster's own record may be cleared of.

    Args:
        connection: The store.
        outcomes: Run, table, when it ended, and whether the run did what it was to do for the table.
    """
    with writing(connection):
        connection.executemany(
            "insert or ignore into outcomes values (?, ?, ?, ?)",
            [(run, table, as_text(ended), int(is_good)) for run, table, ended, is_good in outcomes],
        )


def outcomes_since(connection: sqlite3.Connection, since: datetime) -> Iterator[tuple[str, datetime, bool]]:
    """(table, when a run ended, whether it was good for the table) from a time on."""
    rows = connection.execute(
        "select table_name, ended_at, is_good from outcomes where ended_at >= ?", [as_text(since)]
    )
    for table, ended, is_good in rows.fetchall():
        yield str(table), datetime.fromisoformat(ended), bool(is_good)
