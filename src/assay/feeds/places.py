"""Where a feed keeps what is its own, its lock, and what the published ledger knows of it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from assay.base.run_lock import LockTimeout, RunLock
from assay.base.settings import Settings
from assay.contract.names import literal
from assay.feeds.errors import Elsewhere
from assay.feeds.folded import Folds

if TYPE_CHECKING:
    from assay.ledger.feed_batches import LedgerBatch
    from assay.ledger.folds import Span

_latest: dict[object, tuple[object, Mapping[str, LedgerBatch]]] = {}
"""What was read last of each feed, and of which ledger."""


def alone(settings: Settings, feed: str) -> RunLock:
    """The lock of a feed, held: for a block.

    Raises:
        Elsewhere: Another process holds it.
    """
    lock = RunLock(lock_file(settings, feed))
    try:
        lock.acquire(f"feed {feed}", wait_seconds=0)
    except LockTimeout:
        raise Elsewhere(
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


def ledger_of(settings: Settings, feed: str, folded: tuple[Span, ...] | None = None) -> Mapping[str, LedgerBatch]:
    """What the published ledger knows of the batches of a feed; nothing before the first run has ended.

    Of batches that are folded, which are loaded, it says nothing, so that it does not grow with them. It is read again
    only when a run has published or something was folded, and DuckDB imported only when there is something to read: the
    process of a feed is small.

    Args:
        settings: The lake.
        feed: The feed.
        folded: What its folds hold; None to look.

    Raises:
        Permanent: A fold is damaged.
    """
    spans = Folds.of(settings.landing, feed).spans if folded is None else folded
    try:
        file = (settings.published / "ops.duckdb").resolve(strict=True)
        stat = file.stat()
    except FileNotFoundError:
        return {}
    key, stamp = (settings.published, feed), (file, stat.st_ino, stat.st_mtime_ns, stat.st_size, spans)
    if key not in _latest or _latest[key][0] != stamp:
        import duckdb  # noqa: PLC0415 - see above

        from assay.ledger.feed_batches import feed_batches  # noqa: PLC0415 - see above

        with duckdb.connect(config={"threads": 1}) as connection:
            connection.execute(f"attach {literal(str(file))} as ops_published (read_only)")
            connection.execute("set search_path = 'ops_published.ops'")
            batches = feed_batches(connection, feed, spans)
        _latest[key] = (stamp, batches)
    return _latest[key][1]
