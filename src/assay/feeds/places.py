"""Where a feed keeps what is its own, its lock, and what the published ledger knows of it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from assay.base.run_lock import LockTimeout, RunLock
from assay.base.settings import Settings
from assay.feeds.errors import Permanent

if TYPE_CHECKING:
    from assay.ledger.feed_batches import LedgerBatch


def alone(settings: Settings, feed: str) -> RunLock:
    """The lock of a feed, held: for a block.

    Raises:
        Permanent: Another process holds it.
    """
    lock = RunLock(lock_file(settings, feed))
    try:
        lock.acquire(f"feed {feed}", wait_seconds=0)
    except LockTimeout:
        raise Permanent(
            f"feed {feed} is being fetched by another process; only one may, so this one ends and changed nothing"
        ) from None
    return lock


def lock_file(settings: Settings, feed: str) -> Path:
    """What the process holds that fetches a feed."""
    return settings.home / "feeds" / f"{feed}.lock"


def journal_file(settings: Settings, feed: str) -> Path:
    """The third witness of a feed's position."""
    return settings.home / "feeds" / f"{feed}.journal"


def objects_file(settings: Settings, feed: str) -> Path:
    """What a feed of whole objects knows of them."""
    return settings.home / "feeds" / f"{feed}.objects"


def token_file(settings: Settings, feed: str) -> Path:
    """Where a feed keeps tokens that can be used once."""
    return settings.home / "feeds" / f"{feed}.token"


def ledger_of(settings: Settings, feed: str) -> dict[str, LedgerBatch]:
    """What the published ledger knows of the batches of a feed; nothing before the first run has ended."""
    from assay.ledger.feed_batches import feed_batches  # noqa: PLC0415 - 50 MB, which not every feed needs for good
    from assay.publish.reader import open_published  # noqa: PLC0415 - as above

    try:
        with open_published(settings.published) as connection:
            return dict(feed_batches(connection, feed))
    except FileNotFoundError:
        return {}
