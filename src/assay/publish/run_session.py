"""The session of one run: the lock, the open warehouse, and what is published when it ends.

From start to end a run holds the lock of the one writer and keeps the warehouse open, so no other program can get
between two of its steps. Whatever happens, `ops` is published when it ends; if it dies, the next run does that first.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from assay.base import log
from assay.base.run_lock import RunLock
from assay.base.run_marks import run_lock
from assay.base.settings import Settings
from assay.base.signals import ending
from assay.base.spill import limit_spill
from assay.base.warehouse import opened
from assay.checks.score import score
from assay.checks.session import Session
from assay.contract.catalog import Catalog
from assay.contract.names import table_of
from assay.publish.added_columns import added_columns
from assay.publish.delivery import note_deliveries
from assay.publish.publishing import Published, clean_up, publish_lake, publish_ops
from assay.tables.build_costs import note_run
from assay.tables.retired import note_retired
from assay.tables.versions import forget_readers

UNPUBLISHED = "assay/unpublished"
"""Tag of a run whose steps are done and stored, and that could not tell readers so: why not."""


def publish(session: Session) -> Published:
    """Publish the tables that passed their checks."""
    domains = [{table_of(model) for model in domain} for domain in session.catalog.domains()]
    done = publish_lake(
        session.connection,
        session.settings.published,
        domains,
        session.expected,
        session.run_id,
        session.catalog.lagging,
        session.began,
        choices=session.catalog.part_choices,
        added=added_columns(session.connection, session.catalog),
        keep_seconds=session.settings.state_seconds,
    )
    because = [log.brief(reason, parts=2) for reason in done.because]
    told = {"tables_changed": done.changed, "tables_gone": done.gone, "held_back_because": because}
    log.info("published", run=session.run_id, **told)
    return done


@contextmanager
def open_session(
    settings: Settings,
    catalog: Catalog,
    run_id: str,
    *,
    full_refresh: Sequence[str] = (),
    has_full_checks: bool = False,
    lock: RunLock | None = None,
    is_run: bool = True,
    before: Callable[[], object] = lambda: None,
    tell: Callable[[str], object] = lambda _: None,
) -> Iterator[Session]:
    """Lock the lake and open its warehouse for one run.

    Args:
        settings: The lake.
        catalog: The project.
        run_id: Dagster's id of the run.
        full_refresh: Models to rebuild from nothing.
        has_full_checks: Whether to look at every row again, whatever earlier results stand for.
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
        for left_behind in ("load", "members"):
            shutil.rmtree(settings.scratch / left_behind, ignore_errors=True)
        with opened(
            settings.warehouse,
            wait_seconds=settings.foreign_wait_seconds,
            on_wait=lambda holder: told(f"the warehouse is open in {holder}; waiting for it to be closed"),
            memory_limit=settings.memory_limit,
        ) as connection:
            limit_spill(connection, settings.home, settings.spill_limit)
            if held.left_behind:
                told(f"{held.left_behind} did not end; publishing what it had written to the ledger")
                publish_ops(connection, settings.published)
            forget_readers(connection, map(table_of, catalog.models))
            for retired in note_retired(connection, catalog):
                told(f"not in the project any more: {retired.sentence}")
            session = Session(settings, catalog, connection, run_id, tuple(full_refresh), has_full_checks)
            try:
                yield session
            finally:
                _publish_at_end(session, is_scored=is_run)
            is_clean = True
    finally:
        held.release(is_clean=is_clean)


def _publish_at_end(session: Session, *, is_scored: bool) -> None:
    """Publish after every run, whatever came of it: first the data that may be shown, then in any case `ops`."""
    with ending():
        try:
            if is_scored:
                score(session.connection, session.run_id)
            publish(session)
            note_deliveries(session.connection, session.catalog, session.run_id)
            note_run(session.connection, session.began)
        finally:
            publish_ops(session.connection, session.settings.published)
