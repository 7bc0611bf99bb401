"""Whether a feed has to pause: landing is full of what nobody has loaded, or the disk is nearly full.

A source keeps what was not fetched for a while, a full disk keeps nothing. A feed that pauses looks again every few
seconds and goes on by itself.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass

from assay.base.settings import Settings
from assay.contract.feed import FOLDER
from assay.feeds.errors import Permanent
from assay.feeds.folded import Folds
from assay.feeds.landing import files_below
from assay.feeds.places import ledger_of

GOES_ON = 0.9
"""Share of a limit below which a feed that pauses goes on, so that it does not begin and end with each file."""
RESERVE = 0.05
"""Share of a disk that feeds leave free, as in the incident about a disk that is nearly full."""
MOST_RESERVE = 10_000_000_000
"""Bytes that they leave at most, unless a setting says otherwise."""
_GIGABYTE = 1_000_000_000


@dataclass(frozen=True)
class Backlog:
    """Files of a feed that are in landing and not loaded, as far as is published."""

    files: int = 0
    size_bytes: int = 0


def backlog_of(settings: Settings, feed: str) -> Backlog:
    """What of a feed waits to be loaded."""
    try:
        folded = Folds.of(settings.landing, feed)
    except Permanent:  # which the feed itself tells
        folded = Folds(settings.landing, ())
    ledger = ledger_of(settings, feed, folded.spans)
    files = size = 0
    for path in files_below(settings.landing / FOLDER / feed):
        name = path.relative_to(settings.landing).as_posix()
        if folded.cover(name) or (name in ledger and ledger[name].is_loaded):
            continue
        try:
            if path.is_file():
                files, size = files + 1, size + path.stat().st_size
        except OSError:  # it is gone again
            continue
    return Backlog(files, size)


def reserve_of(settings: Settings, total: int) -> int:
    """Bytes of a disk that feeds leave free."""
    return min(int(RESERVE * total), MOST_RESERVE) if settings.feed_reserve is None else settings.feed_reserve


def pressure(settings: Settings, backlog: Backlog, free: int, total: int, *, is_paused: bool = False) -> str:
    """Why a feed has to pause; empty where it need not.

    Args:
        settings: With the limits.
        backlog: What of it waits to be loaded.
        free: Bytes of the disk.
        total: Bytes of the disk.
        is_paused: Whether it pauses already, and so goes on only when it is clearly below a limit.
    """
    share = GOES_ON if is_paused else 1.0
    reserve = reserve_of(settings, total)
    if free * share < reserve:
        return (
            f"paused: {free / _GIGABYTE:,.1f} GB of the disk are free, and feeds leave {reserve / _GIGABYTE:,.1f} "
            "(ASSAY_FEED_RESERVE); it goes on when there is room"
        )
    if backlog.files >= share * settings.feed_backlog_files:
        return (
            f"paused: {backlog.files:,} files of it wait to be loaded, and {settings.feed_backlog_files:,} may "
            "(ASSAY_FEED_BACKLOG_FILES); it goes on when runs have loaded some"
        )
    if backlog.size_bytes >= share * settings.feed_backlog_size:
        return (
            f"paused: {backlog.size_bytes / _GIGABYTE:,.1f} GB of it wait to be loaded, and "
            f"{settings.feed_backlog_size / _GIGABYTE:,.1f} may (ASSAY_FEED_BACKLOG_SIZE); it goes on when runs have "
            "loaded some"
        )
    return ""


class Gate:
    """Lets a feed go on or not.

    Args:
        settings: The lake.
        feed: The feed.
    """

    def __init__(self, settings: Settings, feed: str) -> None:
        self._settings, self._feed = settings, feed
        self._backlog: Backlog | None = None
        self._is_paused = False

    def reason(self) -> str:
        """Why no fetch may begin now; empty where one may."""
        self._backlog = backlog_of(self._settings, self._feed)
        reason = pressure(self._settings, self._backlog, *self._disk(), is_paused=self._is_paused)
        self._is_paused = bool(reason)
        return reason

    def after(self, files: int, size_bytes: int) -> str:
        """Why a fetch that has landed something may not go on; empty where it may.

        Args:
            files: That it has landed.
            size_bytes: Of these.
        """
        before = self._backlog or backlog_of(self._settings, self._feed)
        if self._backlog is None:  # counted now, with what has landed
            before = Backlog(before.files - files, before.size_bytes - size_bytes)
            self._backlog = before
        now = Backlog(before.files + files, before.size_bytes + size_bytes)
        return pressure(self._settings, now, *self._disk())

    def _disk(self) -> tuple[int, int]:
        home = self._settings.landing
        usage = shutil.disk_usage(home if home.exists() else self._settings.home)
        return usage.free, usage.total
