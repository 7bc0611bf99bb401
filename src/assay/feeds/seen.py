"""How far a feed is, for who only looks: nothing is written, and no lock is taken."""

from __future__ import annotations

from dataclasses import dataclass

from assay.base.run_lock import is_locked
from assay.base.settings import Settings
from assay.feeds.errors import FeedError
from assay.feeds.journal import Journal
from assay.feeds.landing import BatchStore
from assay.feeds.names import BatchName
from assay.feeds.places import journal_file, ledger_of, lock_file
from assay.feeds.position import Position, position_of


@dataclass(frozen=True)
class Progress:
    """How far a feed is.

    Attributes:
        position: What has landed.
        waiting: Batches that landed and are not loaded, as far as is published.
        is_running: Whether a process fetches it now.
        problem: Why it would stop; empty when it would not.
    """

    position: Position
    waiting: int
    is_running: bool
    problem: str = ""


def progress_of(settings: Settings, feed: str) -> Progress:
    """How far a feed is, by landing, the published ledger and the journal."""
    is_running = is_locked(lock_file(settings, feed))
    try:
        ledger = ledger_of(settings, feed)
        journal = Journal.read(journal_file(settings, feed))
        landed = BatchStore(settings.landing, feed, settings.settle_seconds).names()
        paths = {*landed, *ledger, *journal.landed}
        position = position_of([BatchName.parse(path) for path in paths], journal.epoch)
    except FeedError as error:
        return Progress(Position(), 0, is_running, str(error))
    waiting = sum(not (path in ledger and ledger[path].is_loaded) for path in landed)
    return Progress(position, waiting, is_running)
