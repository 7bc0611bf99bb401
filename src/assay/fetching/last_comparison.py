"""What came of comparing keys last, and whether it is time to compare them again; imports nothing that is large."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from assay.base.atomic_write import place
from assay.base.settings import Settings

AGAIN_SECONDS = 3600.0
"""After this, at the latest, a comparison is tried again that could not be made."""


def note_comparison(settings: Settings, feed: str, values: Mapping[str, Any]) -> None:
    """Keep the figures of a comparison, and not its keys: none leaves the lake."""
    with suppress(OSError):
        noted = {name: value for name, value in values.items() if name != "first"}
        place(_file(settings, feed), json.dumps(noted).encode(), mtime=time.time())


def note_no_comparison(settings: Settings, feed: str, now: datetime, problem: str) -> None:
    """Keep why keys could not be compared, beside the figures of the last time that they were."""
    tried = {"tried_at": now.isoformat(timespec="seconds"), "problem": problem}
    note_comparison(settings, feed, {**(last_comparison(settings, feed) or {}), **tried})


def last_comparison(settings: Settings, feed: str) -> dict[str, Any] | None:
    """When keys were compared last, how many there were, and how many are gone; None where they never were."""
    try:
        values: dict[str, Any] = json.loads(_file(settings, feed).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return values


def is_due(settings: Settings, feed: str, every: float, now: datetime) -> bool:
    """Whether keys are to be compared now; a clock that was put back delays it by no more than its span.

    Args:
        settings: The lake.
        feed: The feed.
        every: Seconds between two comparisons; 0 for never.
        now: The time.
    """
    if not every:
        return False
    last = last_comparison(settings, feed) or {}
    return _is_past(last.get("at"), every, now) and _is_past(last.get("tried_at"), min(every, AGAIN_SECONDS), now)


def _is_past(moment: str | None, seconds: float, now: datetime) -> bool:
    return not moment or abs(now - datetime.fromisoformat(moment)) >= timedelta(seconds=seconds)


def _file(settings: Settings, feed: str) -> Path:
    return settings.home / "feeds" / f"{feed}.keys.json"
