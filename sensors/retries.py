"""When something that failed is tried again: pauses that grow, worked out from the runs that Dagster recorded."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

FIRST_PAUSE = 10.0
LONGEST_PAUSE = 3600.0
"""Seconds after the first failure in a row, and at most; each pause is twice the one before."""


@dataclass(frozen=True)
class Tried:
    """A run that ended or is under way.

    Attributes:
        subjects: The sources and tables for which it was asked.
        state: `good`, `failed` or `running`.
        ended: When, in seconds since 1970.
    """

    subjects: frozenset[str]
    state: str
    ended: float


def due(wanted: Iterable[str], runs: Iterable[Tried], now: float) -> dict[str, str]:
    """Why each wanted subject has to wait; empty where it may be tried.

    Args:
        wanted: Sources with files that wait, tables that are behind.
        runs: Newest first.
        now: In seconds since 1970.
    """
    history = list(runs)
    return {subject: _waits(subject, history, now) for subject in wanted}


def _waits(subject: str, runs: Iterable[Tried], now: float) -> str:
    failures: list[Tried] = []
    for run in runs:
        if subject not in run.subjects:
            continue
        if run.state == "running":
            return "a run is under way"
        if run.state == "good":
            break
        failures.append(run)
    if not failures:
        return ""
    pause = min(LONGEST_PAUSE, FIRST_PAUSE * 2.0 ** (len(failures) - 1))
    since = now - failures[0].ended
    if abs(since) < pause:  # a clock that was put back by more does not make it wait for ever
        times = "once" if len(failures) == 1 else f"{len(failures)} times in a row"
        return f"failed {times}; tried again in {pause - max(0.0, since):,.0f} s"
    return ""


def in_words(waiting: Mapping[str, str]) -> str:
    """`transactions: a run is under way; …`."""
    return "; ".join(f"{subject}: {why}" for subject, why in sorted(waiting.items()) if why)
