"""Watches for files that no source has claimed for more than an hour, and makes them a cause."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from types import MappingProxyType

from assay.contract.contract import Contract
from assay.incidents.inputs import Inputs
from assay.incidents.lineage import LAKE_OWNER
from assay.incidents.reconcile import Cause
from assay.ledger.archives import Archive
from assay.ledger.ignored import read_ignore_file
from assay.ledger.unclaimed import ON_PAGE, Unclaimed, UnclaimedFile, summary, walk_unclaimed

PATIENCE = timedelta(hours=1)
"""Long enough to put a file right that was just sent, short enough for the working day on which it was."""
MENTIONED = 3
"""Files that a message names, of which the first with its reason."""
QUICK_SECONDS = 0.5
REST = 100
"""A walk that took longer than `QUICK_SECONDS` is not repeated before this many times as long have passed."""
REMEMBERED = 10_000
"""Young files of which it is remembered since when they have been seen."""


class UnclaimedWatch:
    """Walks through one landing zone again and again, more rarely where that is slow.

    Args:
        landing: The landing zone.
        contracts: Of all sources.
    """

    def __init__(self, landing: Path, contracts: Sequence[Contract]) -> None:
        self._landing = landing
        self._contracts = contracts
        self._first_seen: dict[str, datetime] = {}
        self._rests_until = 0.0
        self.all = Unclaimed()
        self.overdue = Unclaimed()
        self.overdue_since: datetime | None = None

    def look(self, now: datetime, archives: Mapping[str, Archive] = MappingProxyType({})) -> None:
        """Find out what is unclaimed, and what has been for too long; of members of the archives too."""
        began = time.perf_counter()
        if began < self._rests_until:
            return
        ignore_file = read_ignore_file(self._landing)
        files = list(walk_unclaimed(self._landing, self._contracts, ignore_file, archives))
        self.all = summary(files, self._contracts, ignore_file.problem, listed=ON_PAGE)
        since = {file.name: self._since(file, now) for file in files}
        overdue = [file for file in files if abs(now - since[file.name]) > PATIENCE]
        self.overdue = summary(overdue, self._contracts, listed=MENTIONED)
        self.overdue_since = min((since[file.name] for file in overdue), default=None)
        young = sorted(set(since) - {file.name for file in overdue}, key=lambda name: since[name])
        self._first_seen = {name: since[name] for name in young[:REMEMBERED]}
        took = time.perf_counter() - began
        self._rests_until = began + REST * took if took > QUICK_SECONDS else 0.0

    def _since(self, file: UnclaimedFile, now: datetime) -> datetime:
        """Since when a file is there, counting also the times at which it was written before.

        A time further in the future than an hour says that a clock was wrong, and counts as too long; so does a file
        of which no time is known.
        """
        since = file.since or now - 2 * PATIENCE
        return min(since, self._first_seen.get(file.name, since))


def unclaimed_files(inputs: Inputs) -> Iterator[Cause]:
    """One cause for all files in the landing zone that no source claims."""
    if not inputs.unclaimed.count:
        return
    file, hint = inputs.unclaimed.files[0]
    first = inputs.unclaimed.in_words(MENTIONED)
    yield Cause(
        kind="unclaimed_file",
        subject="landing",
        owner=LAKE_OWNER,
        problem=f"{first}; {file.shown} {hint}" if inputs.unclaimed.count > 1 else f"{first}, which {hint}",
        tried="nothing: nobody but a person can say whose these files are",
        affects="what these files hold is in no table",
        where=f"landing/{file.shown}",
        since=min(inputs.unclaimed_since or inputs.now, inputs.now),
    )
