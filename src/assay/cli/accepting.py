"""`assay accept`: accept a snapshot that is held back, or undo that."""

from __future__ import annotations

import getpass

import duckdb
from rich.markup import escape

from assay.base.run_marks import run_lock
from assay.base.settings import Settings
from assay.base.spill import limit_spill
from assay.base.warehouse import opened, transaction
from assay.cli.console import out
from assay.cli.files import contract_of
from assay.ledger.acceptances import let_in, take_back
from assay.ledger.snapshots import decide_again
from assay.publish.publishing import publish_ops


def _count_then(connection: duckdb.DuckDBPyConnection, settings: Settings, source: str) -> str | None:
    """The snapshot that will count once the next run has taken the decision in; nothing of it is written."""
    contract = contract_of(settings, source)
    connection.begin()
    try:
        decide_again(connection, contract)
        shown = "select path from ops.snapshots where source = ? and state = 'current'"
        current = connection.execute(shown, [source]).fetchall()
        return current[0][0] if current else None
    finally:
        connection.rollback()


def accept(name: str, because: str, by: str, *, undo: bool) -> None:
    """Write down the decision, with who, when and why, and show it to readers and to the services.

    Args:
        name: The file, as `assay files` shows it.
        because: Why; only taking back needs no reason.
        by: Who; empty for the user of the operating system.
        undo: Whether an earlier decision is taken back.

    Raises:
        NothingToDecide: The file is not held back, or was not let in.
        LockTimeout: A run did not end in time.
        WarehouseBusy: Another program has the warehouse open.
    """
    settings = Settings.from_env()
    lock = run_lock(settings)
    lock.acquire(
        "assay accept",
        wait_seconds=settings.lock_wait_seconds,
        on_wait=lambda holder: out.print(f"waiting for {escape(holder)} to end"),
    )
    is_published = False
    try:
        with opened(settings.warehouse, wait_seconds=settings.foreign_wait_seconds) as connection:
            limit_spill(connection, settings.home, settings.spill_limit)
            try:
                with transaction(connection):
                    decided = (take_back if undo else let_in)(connection, name, by or getpass.getuser(), because)
                counts = _count_then(connection, settings, decided.source)
            finally:  # also what a run that died had written: the lock does not name it any more
                publish_ops(connection, settings.published)
                is_published = True
    finally:
        lock.release(is_clean=is_published)
    if counts != decided.path:
        out.print(
            f"{escape(counts or 'none')} will be the snapshot that counts: newer ones are judged anew", highlight=False
        )
    what = "is held against the one before it again" if undo else "is let in"
    out.print(
        f"{escape(decided.path)} {what}; the next run of {decided.source} takes that in: the services start it by "
        "themselves, `assay run` does it now",
        highlight=False,
    )
