"""What became of the last fetch of a feed, for people: nothing decides anything by it."""

from __future__ import annotations

import json
import time
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from assay.base import clock
from assay.base.atomic_write import place
from assay.base.settings import Settings

if TYPE_CHECKING:
    from assay.feeds.frame import Fetched


@dataclass(frozen=True)
class LastFetch:
    """One fetch.

    Attributes:
        at: When it ended, in ISO form.
        problem: Why nothing came; empty when it went well.
        records: Rows that landed.
        size_bytes: Of the files that landed.
        lag_seconds: By how much what landed is behind; None where that is not known.
        note: Why no more landed.
        lag_records: By how many records; None where that is not known.
        loss_seconds: When the source begins to forget what was not read, from then; None where it does not.
        unit: What `records` counts.
    """

    at: str
    problem: str = ""
    records: int = 0
    size_bytes: int = 0
    lag_seconds: float | None = None
    note: str = ""
    lag_records: int | None = None
    loss_seconds: float | None = None
    unit: str = "records"

    @classmethod
    def read(cls, settings: Settings, feed: str) -> LastFetch | None:
        """The last fetch; None where none is noted."""
        try:
            return cls(**json.loads(_file(settings, feed).read_text(encoding="utf-8")))
        except (OSError, ValueError, TypeError):
            return None


def note_fetch(settings: Settings, feed: str, fetched: Fetched | None, problem: str = "") -> None:
    """Note how a fetch ended; a full disk keeps nobody from fetching."""
    at = clock.now().isoformat(timespec="seconds")
    if fetched is None:
        note(settings, feed, LastFetch(at, problem))
        return
    note(
        settings,
        feed,
        LastFetch(
            at,
            problem,
            fetched.records,
            fetched.size_bytes,
            fetched.lag_seconds,
            fetched.note,
            fetched.lag_records,
            fetched.loss_seconds,
            fetched.unit,
        ),
    )


def note(settings: Settings, feed: str, last: LastFetch) -> None:
    """Note a fetch, in place of the one before it."""
    with suppress(OSError):
        place(_file(settings, feed), json.dumps(asdict(last)).encode(), mtime=time.time())


def _file(settings: Settings, feed: str) -> Path:
    return settings.home / "feeds" / f"{feed}.last.json"
