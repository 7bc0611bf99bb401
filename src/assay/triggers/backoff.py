"""When a failed source or table is retried, derived anew each time from the runs that Dagster recorded.

A failure that may pass by itself is tried again after pauses that grow. After five failures in a row, or one that can
not pass by itself, the breaker of the source or table opens: it is left alone for a cooling time that grows too, then
one trial run closes or opens it again. The others go on meanwhile.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

PAUSES = (10.0, 30.0, 90.0, 300.0)
"""Seconds after the first failures in a row: three retries within two and a half minutes, then one more."""
JITTER = 0.25
"""Share by which a pause is longer or shorter, so that what failed together is not tried together."""
COOLING = 900.0
"""Seconds for which an open breaker leaves its subject alone; twice as many after each trial that failed."""
LONGEST_COOLING = 21600.0


@dataclass(frozen=True)
class Tried:
    """A run that ended or is under way, with all that retries depend on.

    Attributes:
        run_id: Dagster's id.
        state: `good`, `failed` or `running`.
        ended: When, in seconds since 1970.
        subjects: Sources and tables that it was to load or build; None for all.
        done: Of a failed run, those that it did all the same, or did not come to.
        is_permanent: Whether the failure can not pass by itself.
        reset_for: Subjects whose breaker was closed by hand after this run.
        problem: What the run died of.
        seconds: How long it took, from the request to the end.
        covers: The assets that it was to make; None for all.
        asked_for: The sources and tables for which a sensor asked, or its name; empty for a run by hand.
        messages: Why it failed, with the step before each sentence; empty where only a check failed.
        is_stopped: Whether a person stopped it.
    """

    run_id: str
    state: str
    ended: float
    subjects: frozenset[str] | None = None
    done: frozenset[str] = frozenset()
    is_permanent: bool = False
    reset_for: frozenset[str] = frozenset()
    problem: str = ""
    seconds: float = 0.0
    covers: frozenset[str] | None = None
    asked_for: str = ""
    messages: tuple[str, ...] = ()
    is_stopped: bool = False

    def concerns(self, subject: str) -> bool:
        """Whether the run was to do something for a source or table."""
        return self.subjects is None or subject in self.subjects

    def failed(self, subject: str) -> bool:
        """Whether it did not do that, and nobody has said to forget it."""
        return self.state == "failed" and subject not in self.done and subject not in self.reset_for


@dataclass(frozen=True)
class Health:
    """The failures of a source or table, and whether a run is under way for it.

    Attributes:
        failures: Runs in a row that failed for it, newest first.
        is_running: Whether a run is under way for it.
    """

    failures: tuple[Tried, ...] = ()
    is_running: bool = False

    @property
    def is_open(self) -> bool:
        """Whether the breaker is open."""
        return bool(self.failures) and (len(self.failures) > len(PAUSES) or self.failures[0].is_permanent)

    @property
    def pause(self) -> float:
        """Seconds for which it is left alone after the last failure."""
        if not self.failures:
            return 0.0
        if not self.is_open:
            seconds = PAUSES[len(self.failures) - 1]
        else:
            beyond = sum(failure.is_permanent for failure in self.failures) or len(self.failures) - len(PAUSES)
            seconds = min(LONGEST_COOLING, COOLING * 2.0 ** (beyond - 1))
        return seconds * (1 + JITTER * _chance(self.failures[0].run_id))

    def tried_again_at(self) -> float:
        """When the next run may be asked for, in seconds since 1970."""
        return self.failures[0].ended + self.pause if self.failures else 0.0

    def waits(self, now: float) -> str:
        """Why it has to wait; empty where it may be tried.

        Args:
            now: In seconds since 1970.
        """
        if self.is_running:
            return "a run is under way"
        if not self.failures:
            return ""
        left = self.tried_again_at() - now
        if left <= 0 or left > 2 * self.pause:  # a clock that was put back makes nothing wait for ever
            return ""
        times = "once" if len(self.failures) == 1 else f"{len(self.failures)} times in a row"
        if self.is_open:
            at = datetime.fromtimestamp(now + left, UTC)
            return f"failed {times}; left alone until {at:%H:%M} UTC, or until `assay retry`"
        return f"failed {times}; tried again in {left:,.0f} s"


def health(subjects: Iterable[str], runs: Sequence[Tried]) -> dict[str, Health]:
    """The health of each subject.

    Args:
        subjects: Sources and tables.
        runs: Newest first.
    """
    return {subject: _health(subject, runs) for subject in subjects}


def _health(subject: str, runs: Sequence[Tried]) -> Health:
    mine = [run for run in runs if run.concerns(subject)]
    return Health(tuple(_in_a_row(subject, mine)), any(run.state == "running" for run in mine))


def _in_a_row(subject: str, runs: Iterable[Tried]) -> Iterator[Tried]:
    for run in runs:
        if run.state == "running":
            continue
        if not run.failed(subject):
            return
        yield run


def _chance(seed: str) -> float:
    """A number from -1 to 1 that is always the same for a run."""
    return int(hashlib.sha256(seed.encode()).hexdigest()[:8], 16) / 0x7FFFFFFF - 1


def in_words(waiting: Mapping[str, str]) -> str:
    """`transactions: a run is under way; …`."""
    return "; ".join(f"{subject}: {why}" for subject, why in sorted(waiting.items()) if why)
