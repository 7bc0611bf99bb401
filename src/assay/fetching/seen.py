"""How far a feed is, for who only looks: nothing is written, and no lock is taken."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from assay.base.run_lock import is_locked
from assay.base.settings import Settings
from assay.connectors.objects.index import ObjectIndex
from assay.connectors.objects.placing import Placing
from assay.contract.feed import FeedDeclaration
from assay.contract.feed_kinds.objects import ObjectsFeed
from assay.feeds.errors import FeedError
from assay.feeds.folded import Folds
from assay.feeds.journal import Journal
from assay.feeds.landing import BatchStore
from assay.feeds.names import BatchName
from assay.feeds.places import journal_file, ledger_of, lock_file, objects_file
from assay.feeds.position import Position, position_of


@dataclass(frozen=True)
class Progress:
    """How far a feed is.

    Attributes:
        position: What has landed.
        waiting: Batches that landed and are not loaded, as far as is published.
        is_running: Whether a process fetches it now.
        problem: Why it would stop; empty when it would not.
        landed: Batches in landing that are in no fold.
        folded: Batches that are in folds.
        folds: How many folds these are.
    """

    position: Position
    waiting: int
    is_running: bool
    problem: str = ""
    landed: int = 0
    folded: int = 0
    folds: int = 0


def progress_of(settings: Settings, declaration: FeedDeclaration) -> Progress:
    """How far a feed is, by landing, the published ledger and the journal; of whole objects by their index."""
    feed = declaration.source
    is_running = is_locked(lock_file(settings, feed))
    if isinstance(declaration, ObjectsFeed):
        return _of_objects(settings, feed, is_running)
    try:
        folded = Folds.of(settings.landing, feed)
        ledger = ledger_of(settings, feed, folded.spans)
        journal = Journal.read(journal_file(settings, feed))
        landed = BatchStore(settings.landing, feed, settings.settle_seconds).names()
        paths = {path for path in {*landed, *ledger, *journal.landed} if path in landed or not folded.cover(path)}
        position = position_of([*map(BatchName.parse, paths), *folded.batches], journal.epoch)
    except FeedError as error:
        return Progress(Position(), 0, is_running, str(error))
    waiting = sum(not (path in ledger and ledger[path].is_loaded) for path in landed)
    return Progress(position, waiting, is_running, "", len(landed), folded.count, len(folded.files))


def _of_objects(settings: Settings, feed: str, is_running: bool) -> Progress:
    if not objects_file(settings, feed).exists():
        return Progress(Position(), 0, is_running)
    try:
        with ObjectIndex.opened(objects_file(settings, feed)) as index:
            known, waiting = index.known(), Placing(settings, feed).count_waiting(index)
    except FeedError as error:
        return Progress(Position(), 0, is_running, str(error))
    newest = datetime.fromtimestamp(known.newest, UTC).isoformat(timespec="seconds") if known.newest else ""
    ends = (("objects", f"{known.objects:,} objects, the newest of {newest}"),) if newest else ()
    return Progress(Position(known.epoch, ends), waiting, is_running)
