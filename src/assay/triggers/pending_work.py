"""Decides what a run of everything would have to do, from the ledger and the files, before Dagster is imported.

The answer is made anew from what is stored, so nothing that is remembered can shut a file out. Whatever cannot be told
cheaply and for certain (a lake of another version, a run that died, a project that changed) is a run of everything.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

import duckdb

from assay.base import clock
from assay.base.settings import Settings
from assay.base.warehouse_stamp import is_as_left
from assay.contract.catalog import Catalog
from assay.contract.moving_rules import AT_ONCE
from assay.contract.names import TableName, table_of
from assay.ledger.check_definition import definition
from assay.ledger.contents import newest_loaded
from assay.ledger.feed_looks import latest, same_at
from assay.publish.reader import is_of_this_version
from assay.publish.states import moved_from
from assay.tables.whole_runs import project_of_whole_run
from assay.triggers.landing_watch import LandingWatch
from assay.triggers.published_state import Known, read_known

ASKED_AGAIN = timedelta(days=1)
"""After this a rule that chance or the moment decides is work, although nothing else is."""
_UNSEEN_FILES = """
    with current_files as (
        select seen.consumer, seen.input, files.file_id, files.file_date
        from ops.seen as seen inner join ops.current_files as files on seen.input = 'bronze.' || files.source
    )
    select distinct consumer from (
        (from current_files except select consumer, input, file_id, file_date from ops.seen_files)
        union all (select consumer, input, file_id, file_date from ops.seen_files except from current_files)
    )
"""


@dataclass(frozen=True)
class Pending:
    """What there is to do.

    Attributes:
        subjects: Sources and tables that have to run; None when that cannot be told, so everything has to.
        known: The state of the lake, where it could be read.
    """

    subjects: frozenset[str] | None
    known: Known = field(default_factory=Known)

    @property
    def is_nothing(self) -> bool:
        """Whether a run would change nothing."""
        return self.subjects is not None and not self.subjects


def pending_work(settings: Settings, catalog: Catalog, project: str) -> Pending:
    """What a run of everything would have to do; the caller holds the run lock, and the last holder ended well.

    Args:
        settings: The lake.
        catalog: The project.
        project: Its hash, see `tables.whole_runs`.
    """
    shown = [settings.published / f"{kind}.duckdb" for kind in ("lake", "ops")]
    if not all(path.exists() for path in shown) or moved_from(settings.published):
        return Pending(None)
    if not is_as_left(settings.warehouse):
        return Pending(None)  # tables may be gone, or be others than the ledger says
    try:
        connection = duckdb.connect(str(settings.warehouse), read_only=True)
    except duckdb.Error:
        return Pending(None)  # open in another program, or broken: a run waits, or says what is wrong
    with connection:
        connection.execute("set timezone = 'UTC'")
        if not is_of_this_version(connection) or project_of_whole_run(connection) != project:
            return Pending(None)
        known = read_known(connection, catalog)
        subjects = {*LandingWatch(settings, catalog).differing(known), *_of_tables(catalog, known)}
        return Pending(frozenset(subjects | set(_of_results(settings, connection, catalog, clock.now()))), known)


def _of_tables(catalog: Catalog, known: Known) -> Iterator[str]:
    """Sources and tables that wait, are behind, were never built, failed, or that readers do not see as they are."""
    yield from (*known.waiting, *known.behind, *known.unpublished)
    yield from (name for lag in known.lags.values() for name in lag.rebuild)
    yield from (TableName.parse(table).subject for table in known.bad)
    yield from (
        TableName.of_model(model).subject
        for model in catalog.of_layer("bronze", "silver", "gold")
        if table_of(model) not in known.built
    )
    now = clock.now()
    yield from (name for name, expiring in known.expiring.items() if expiring.is_over(now))


def _of_results(
    settings: Settings, connection: duckdb.DuckDBPyConnection, catalog: Catalog, now: datetime
) -> Iterator[str]:
    """Sources and tables with files that they have not taken in, or a result that would not be the same today."""
    consumers = connection.execute(_UNSEEN_FILES).fetchall()
    yield from (consumer for (consumer,) in consumers)
    shown = "select table_name, check_name, verdict, definition, checked_at, expires_at from ops.latest_checks"
    for table, check, verdict, asked, checked_at, expires_at in connection.execute(shown).fetchall():
        if check not in catalog.checks.get(table, ()):
            continue
        name = TableName.parse(table)
        is_old = expires_at == AT_ONCE and abs(now - checked_at) > ASKED_AGAIN
        if (
            is_old
            or asked != definition(catalog, table, check)
            or (
                name.is_bronze
                and check == "freshness"
                and (verdict == "pass") == _is_late(settings.home, connection, catalog, name, now)
            )
        ):
            yield name.subject


def _is_late(
    home: Path, connection: duckdb.DuckDBPyConnection, catalog: Catalog, bronze: TableName, now: datetime
) -> bool:
    """Whether a source is silent for longer than its policy allows."""
    newest = latest(newest_loaded(connection, bronze.entity), same_at(home, bronze.entity))
    return newest is None or now > catalog.policies[bronze.model].late_from(newest)
