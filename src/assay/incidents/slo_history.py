"""Service levels of a lake, from what is published and from the outcomes of runs."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

import duckdb

from assay.contract.catalog import Catalog
from assay.incidents.outcomes import outcomes_since
from assay.publish.slo import DAY, Arrival, Level, Outcome, by_day, level, read_arrivals

DAYS = 90
"""Days that are told."""
COLUMNS = {
    "table_name": "VARCHAR",
    "day": "DATE",
    "fresh_share": "DOUBLE",
    "seconds": "DOUBLE",
    "broken_seconds": "DOUBLE",
    "files": "BIGINT",
    "p50_seconds": "DOUBLE",
    "p95_seconds": "DOUBLE",
    "runs": "BIGINT",
    "runs_good": "BIGINT",
}
"""Of `ops.slo`: one row per table and day, by UTC."""


@dataclass(frozen=True)
class Record:
    """What landed and which runs ended in the last days, by table."""

    arrivals: Mapping[str, list[Arrival]]
    outcomes: Mapping[str, list[Outcome]]

    def level(self, table: str, now: datetime, days: int) -> Level:
        """The service level of a table in the last days."""
        return level(self.arrivals[table], self.outcomes.get(table, ()), now - days * DAY, now)


def read_record(
    published: duckdb.DuckDBPyConnection, incidents: sqlite3.Connection | None, catalog: Catalog, now: datetime
) -> Record:
    """The last ninety days.

    Args:
        published: A connection to what is published.
        incidents: The store of incidents, which also has the outcomes of runs; None where there is none yet.
        catalog: The project.
        now: The time.
    """
    since = now - DAYS * DAY
    outcomes: dict[str, list[Outcome]] = {}
    for table, ended, is_good in outcomes_since(incidents, since) if incidents else ():
        outcomes.setdefault(table, []).append(Outcome(ended, is_good))
    return Record(read_arrivals(published, catalog, since), outcomes)


def rows_by_day(
    published: duckdb.DuckDBPyConnection, incidents: sqlite3.Connection, catalog: Catalog, now: datetime
) -> Iterator[Mapping[str, object]]:
    """Rows of `ops.slo`."""
    record = read_record(published, incidents, catalog, now)
    for table, day, service_level in by_day(record.arrivals, record.outcomes, now, DAYS):
        figures = {name: getattr(service_level, name) for name in COLUMNS if name not in ("table_name", "day")}
        yield {"table_name": table, "day": day.date().isoformat(), **figures}
