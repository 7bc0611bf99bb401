"""What is seen of a database before the snapshot of a window is taken."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True)
class Ahead:
    """What was seen before the snapshot of a window is taken.

    Attributes:
        seen_at: The time of the database then, in UTC without a zone.
        limit: What the rows of the window are below, a time; or at most, a number. None where there is no row.
        note: What holds it back; empty for nothing.
    """

    seen_at: datetime
    limit: datetime | int | None
    note: str = ""
