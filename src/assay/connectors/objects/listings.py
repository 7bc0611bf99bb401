"""Which part of a bucket a fetch lists: all of it at least once an hour, and between that where new objects come."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta

from assay.base import clock

FULL_SECONDS = 3600.0
_BACK = timedelta(days=1)


class Listings:
    """Remembers when everything was listed last, as long as the process lives.

    Args:
        recent: The folder of new objects as a pattern of strftime, in UTC, ending in `/`; empty for listing all.
        now: The time of the folders.
        ticks: Seconds that only grow.
    """

    def __init__(
        self,
        recent: str,
        now: Callable[[], datetime] = clock.now,
        ticks: Callable[[], float] = time.monotonic,
    ) -> None:
        self._recent, self._now, self._ticks = recent, now, ticks
        self._full_at: float | None = None
        self._begun: float | None = None

    def folders(self) -> Sequence[str]:
        """The folders to list now: those of today and yesterday, or the empty one, which is everything."""
        ticks = self._ticks()
        if self._recent and self._full_at is not None and ticks - self._full_at < FULL_SECONDS:
            self._begun = None
            today = self._now().astimezone(UTC)
            return sorted({today.strftime(self._recent), (today - _BACK).strftime(self._recent)})
        self._begun = ticks
        return ("",)

    def end(self) -> None:
        """What was to be listed has been, to its end."""
        if self._begun is not None:
            self._full_at = self._begun
