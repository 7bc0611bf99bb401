"""What of a listing did not land, for people: counts, and the first of those that somebody has to look at."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

from assay.base.printable import printable


@dataclass
class Told:
    """What is told of one fetch.

    Attributes:
        listed: Objects that the listing showed.
        waiting: Newer versions whose older ones are not loaded yet.
        changing: Objects that were written to while they were looked at.
        unmarked: Objects without their marker.
        read: Objects that were read to their end.
        denied: Objects that may not be read.
    """

    listed: int = 0
    waiting: int = 0
    changing: int = 0
    unmarked: int = 0
    read: int = 0
    denied: int = 0
    _refused: int = 0
    _first: str = ""
    _notes: list[str] = field(default_factory=list)
    _oldest: float | None = None

    def refuse(self, key: str, why: str, *, is_denied: bool = False) -> None:
        """Tell of an object that does not land."""
        self.denied += is_denied
        self._refused += 1
        self._first = self._first or f"{printable(key)[:200]}: {why}"

    def note(self, sentence: str) -> None:
        """Tell of something else."""
        self._notes.append(sentence)

    def late(self, modified: float) -> None:
        """Count since when an object waits."""
        self._oldest = min(modified, self._oldest or modified)

    def lag_seconds(self) -> float:
        """For how long the oldest object waits that could land."""
        return max(0.0, time.time() - self._oldest) if self._oldest else 0.0

    def sentence(self) -> str:
        """All of it; empty for nothing."""
        counted = {
            "cannot land": self._refused,
            "not landed: the older version in landing is not loaded yet (`assay run`)": self.waiting,
            "not landed: written to while it was looked at, the next fetch takes it": self.changing,
            "not landed: no marker says that it is whole": self.unmarked,
        }
        parts = [f"{count:,} {what}" for what, count in counted.items() if count]
        if self._refused:
            parts[0] += f", the first is {self._first}"
        return "; ".join([*parts, *self._notes])
