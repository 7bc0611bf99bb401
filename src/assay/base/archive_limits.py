"""What a zip archive may be at most: who sends one decides how much work a few bytes make."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class ArchiveLimits:
    """The limits of one archive; each has a setting of its own.

    Attributes:
        members: Members; a directory of more is not even read to its end.
        size: Bytes that all members unpack to.
        ratio: Bytes that one byte of a member may unpack to; 1,032 at most by deflate, and more by others.
    """

    members: int = 10_000
    size: int = 100 * 1000**3
    ratio: int = 1_100

    def __str__(self) -> str:
        return f"{self.members} members, {self.size} bytes, {self.ratio} to 1"


USUAL_LIMITS = ArchiveLimits()
"""Those of a lake whose settings say nothing else."""
