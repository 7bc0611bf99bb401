"""When a feed last read all of its source and found nothing changed, which is news though no file comes of it."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path


def looks_file(home: Path, source: str) -> Path:
    """What a feed notes of its fetches."""
    return home / "feeds" / f"{source}.last.json"


def same_at(home: Path, source: str) -> datetime | None:
    """When all of a source was read last and was as it was; None for a source that no feed fetches as a whole.

    Args:
        home: The lake.
        source: The source.
    """
    try:
        noted = json.loads(looks_file(home, source).read_text(encoding="utf-8"))
        moment = datetime.fromisoformat(noted["same_at"])
    except (OSError, ValueError, TypeError, KeyError):
        return None
    return moment if moment.tzinfo is not None else None


def latest(newest: datetime | None, looked: datetime | None) -> datetime | None:
    """The later of when the newest file came, and when it was seen that it still says all."""
    return max(filter(None, (newest, looked if newest is not None else None)), default=None)
