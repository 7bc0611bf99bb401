"""Pauses between attempts: they double up to a limit, and of two feeds that fail at once each has its own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from random import SystemRandom

FIRST_SECONDS = 0.5
LONGEST_SECONDS = 60.0
ATTEMPTS = 5
"""Attempts of a feed that runs once: about ten seconds in all."""


_draw = SystemRandom().random


def pauses(draw: Callable[[], float] = _draw) -> Iterator[float]:
    """Seconds to wait before each further attempt, without an end.

    Args:
        draw: Gives numbers from 0 to 1.
    """
    longest = FIRST_SECONDS
    while True:
        yield longest * (0.5 + 0.5 * draw())
        longest = min(2 * longest, LONGEST_SECONDS)
