"""One run's hold on the lake: the lock, the open warehouse, and what is published when it ends.

From start to end a run holds the lock of the one writer and keeps the warehouse open, so no other program can get
between two of its steps. Whatever happens, `ops` is published when it ends; if it dies, the next run does that first.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import Any

import duckdb

from contracts.catalog import Catalog
from contracts.names import table_of
from resources import clock, log
from resources.delivery import note_deliveries
from resources.interrupts import ending
from resources.lock import RunLock, is_locked
from resources.publishing import Published, clean_up, publish_lake, publish_ops
from resources.quality import score, trends
from resources.results import CheckResult, record
from resources.retired import note_retired
from resources.settings import Settings
from resources.tables import forget_readers
from resources.warehouse import connect

UNPUBLISHED = "assay/unpublished"
"""Tag of a run whose steps are done and stored, and that could not tell readers so: why not."""


@dataclass(frozen=True)
class Session:
    """What the steps of a run share.

    Attributes:
        settings: The lake.
        catalog: All models, contracts and promises.
        connection: The warehouse, open for writing.
        run_id: Dagster's id of the run.
        full_refresh: Models that are rebuilt from nothing in this run.
        judged: What the checks of arrivals found, by source; worked out once and told by several checks.
        began: When the lake was opened for it.
    """

    settings: Settings
    catalog: Catalog
    connection: duckdb.DuckDBPyConnection
    run_id: str
    full_refresh: tuple[str, ...] = ()
    judged: dict[str, Any] = field(default_factory=dict)
    began: datetime = field(default_factory=clock.now)

    @property
    def expected(self) -> Mapping[str, Sequence[str]]:
        """The blocking checks of each table."""
        return self.catalog.blocking_checks

    @cached_property
    def scores(self) -> Mapping[str, Sequence[float]]:
        """The last scores of each table and of the lake before this run, oldest first; read once."""
        return trends(self.connection)

    def keep(self, *results: CheckResult) -> list[CheckResult]:
        """Write results to the book-keeping; returns them as they may be shown, without values of personal columns."""
        shown = [result.masking(self.catalog.personal) for result in results]
        record(self.connection, shown, self.run_id, self.catalog.contract_version)
        for result in shown:
            broken = [rule.name for rule in result.rules if not rule.passed] or None
            log.info(
                "check", run=self.run_id, table=result.table, check=result.check, verdict=result.verdict, broken=broken
            )
        return shown

    def publish(self) -> Published:
        """Switch readers to what passed its checks."""
        domains = [{table_of(model) for model in domain} for domain in self.catalog.domains()]
        done = publish_lake(
            self.connection,
            self.settings.published,
            domains,
            self.expected,
            self.run_id,
            self.catalog.lagging,
            self.began,
        )
        because = [log.brief(reason, parts=2) for reason in done.because]
        told = {"tables_changed": done.changed, "tables_gone": done.gone, "held_back_because": because}
        log.info("published", run=self.run_id, **told)
        return done


@contextmanager
def open_session(
    settings: Settings,
    catalog: Catalog,
    run_id: str,
    *,
    full_refresh: Sequence[str] = (),
    lock: RunLock | None = None,
    is_run: bool = True,
    before: Callable[[], object] = lambda: None,
    tell: Callable[[str], object] = lambda _: None,
) -> Iterator[Session]:
    """Hold the lake for one run.

    Args:
        settings: The lake.
        catalog: The project.
        run_id: Dagster's id of the run.
        full_refresh: Models to rebuild from nothing.
        lock: The run lock, when the caller took it already.
        is_run: Whether tables are built and checked, so that there is a new score.
        before: Called once the lock is held, before anything is opened (marks dead runs).
        tell: Told, in a sentence, what is waited for or made good.

    Raises:
        LockTimeout: Another run did not end in time.
        WarehouseBusy: Another program has the warehouse open.
    """

    def told(sentence: str) -> None:
        log.warning(sentence, run=run_id)
        tell(sentence)

    held = lock or run_lock(settings)
    if not held.is_held:
        held.acquire(
            f"run {run_id}",
            wait_seconds=settings.lock_wait_seconds,
            on_wait=lambda holder: told(f"waiting for {holder} to end"),
        )
    is_clean = False
    try:
        before()
        clean_up(settings.published)
        shutil.rmtree(settings.scratch / "load", ignore_errors=True)
        connection = connect(
            settings.warehouse,
            wait_seconds=settings.foreign_wait_seconds,
            on_wait=lambda holder: told(f"the warehouse is open in {holder}; waiting for it to be closed"),
            memory_limit=settings.memory_limit,
        )
        try:
            if held.left_behind:
                told(f"{held.left_behind} did not end; publishing what it had written to the ledger")
                publish_ops(connection, settings.published)
            forget_readers(connection, map(table_of, catalog.models))
            for retired in note_retired(connection, catalog):
                told(f"not in the project any more: {retired.sentence}")
            session = Session(settings, catalog, connection, run_id, tuple(full_refresh))
            try:
                yield session
            finally:
                _publish_at_end(session, is_scored=is_run)
            is_clean = True
        finally:
            connection.close()
    finally:
        held.release(is_clean=is_clean)


def _publish_at_end(session: Session, *, is_scored: bool) -> None:
    """Publish after every run, whatever came of it: first the data that may be shown, then in any case `ops`."""
    with ending():
        try:
            if is_scored:
                score(session.connection, session.run_id)
            session.publish()
            note_deliveries(session.connection, session.catalog, session.run_id)
        finally:
            publish_ops(session.connection, session.settings.published)


def run_lock(settings: Settings) -> RunLock:
    """The lock of the one writer."""
    return RunLock(lock_path(settings))


def lock_path(settings: Settings) -> Path:
    """Its file; the line in it says who holds it, or held it and did not end."""
    return settings.home / "run.lock"


def alive_path(settings: Settings, run_id: str) -> Path:
    """A file that the process of a run holds locked for as long as it lives."""
    return settings.dagster_home / "alive" / f"{run_id}.lock"


def mark_alive(settings: Settings, run_id: str) -> RunLock:
    """Show others that the process of this run lives, until the mark is released or the process ends."""
    path = alive_path(settings, run_id)
    aside = path.with_suffix(".new")
    mark = RunLock(aside)
    mark.acquire(f"run {run_id} (process {os.getpid()})", wait_seconds=0)
    aside.replace(path)  # only now can others see it: a mark that is not locked means death
    return mark


def is_dead(settings: Settings, run_id: str) -> bool:
    """Whether the process of a run is known to be gone: it left its mark behind, unlocked."""
    path = alive_path(settings, run_id)
    return path.exists() and not is_locked(path)


def forget_dead(settings: Settings) -> None:
    """Remove the marks of processes that are gone."""
    for path in (settings.dagster_home / "alive").glob("*.lock"):
        if not is_locked(path):
            path.unlink(missing_ok=True)
