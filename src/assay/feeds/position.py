"""How far a source has been read: what all landed batches say together. Pure; a gap or an overlap is an error."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby

from assay.feeds.errors import PositionLost
from assay.feeds.names import WHOLE, BatchName


class BrokenChain(PositionLost):
    """The ranges of the landed batches do not follow each other."""


@dataclass(frozen=True)
class Position:
    """Where a feed goes on.

    Attributes:
        epoch: The epoch in which it reads.
        ends: Of each partition where it goes on; without one it begins.
        last: The batch that was read last, whatever its epoch; None for none.
    """

    epoch: int = 1
    ends: tuple[tuple[str, str], ...] = ()
    last: BatchName | None = None

    @property
    def last_read_at(self) -> datetime | None:
        """When the source was read last, in UTC without a zone."""
        return self.last.read_at if self.last else None

    def end_of(self, partition: str) -> str | None:
        """Where a partition is read on; None for its beginning."""
        return dict(self.ends).get(partition)


def position_of(batches: Iterable[BatchName], epoch: int = 1) -> Position:
    """The position that batches say together.

    Args:
        batches: All batches of a feed, each once; what is wrong in an epoch before the last one does not count.
        epoch: An epoch that was begun, maybe without a batch so far.

    Raises:
        BrokenChain: A range is missing or there twice, or two overlap.
    """
    every = list(batches)
    now = max([epoch, *(batch.epoch for batch in every)])
    current = sorted((batch for batch in every if batch.epoch == now), key=lambda batch: batch.partition)
    ends = [(part, _end_of_chain(list(group))) for part, group in groupby(current, key=lambda batch: batch.partition)]
    return Position(now, tuple(ends), max(every, key=lambda batch: batch.read_at, default=None))


def _end_of_chain(batches: Sequence[BatchName]) -> str:
    """The end of the ranges of one partition; of snapshots, which each hold everything, that of the newest."""
    if batches[0].partition == WHOLE:
        _refuse_twice([batch.end for batch in batches], batches)
        return max(batches, key=lambda batch: batch.read_at).end
    _refuse_twice([batch.start for batch in batches], batches)
    next_of = {batch.start: batch for batch in batches}
    at: str | None = None
    while batch := next_of.pop(at, None):
        at = batch.end
    if next_of:
        missing = min(next_of.values(), key=lambda batch: batch.read_at)
        raise BrokenChain(
            f"feed {missing.feed}: no batch leads from {at or 'the beginning'} to {missing.start}, where "
            f"{missing.path} "
            "begins: a range is missing or two overlap; put the missing file back, or `assay feed reset "
            f"{missing.feed} "
            "--epoch` to read everything anew"
        )
    return str(at)


def _refuse_twice(keys: Sequence[str | None], batches: Sequence[BatchName]) -> None:
    seen: dict[str | None, BatchName] = {}
    for key, batch in zip(keys, batches, strict=True):
        if key in seen:
            raise BrokenChain(
                f"feed {batch.feed}: {seen[key].path} and {batch.path} hold the same range; move the one away that no "
                f"feed wrote, or `assay feed reset {batch.feed} --epoch` to read everything anew"
            )
        seen[key] = batch
