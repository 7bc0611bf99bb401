"""What the folds of a feed say of its position: ranges that landed and are loaded, each as one batch."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

from assay.feeds.errors import Permanent
from assay.feeds.names import WHOLE, BatchName
from assay.ledger.fold_lookup import located
from assay.ledger.folds import DamagedFold, Fold, Span, folds, moment_of


@dataclass(frozen=True)
class Folds:
    """The folds of a feed at one moment.

    Attributes:
        landing: The landing zone.
        files: All of them.
    """

    landing: Path
    files: tuple[Fold, ...]

    @classmethod
    def of(cls, landing: Path, feed: str) -> Folds:
        """The folds that there are.

        Raises:
            Permanent: One is damaged.
        """
        try:
            return cls(landing, tuple(folds(landing, feed)))
        except DamagedFold as error:
            raise Permanent(f"feed {feed}: {error}") from error

    @cached_property
    def spans(self) -> tuple[Span, ...]:
        """The ranges in them."""
        return tuple(span for fold in self.files for span in fold.spans)

    @cached_property
    def batches(self) -> tuple[BatchName, ...]:
        """Each range as one batch, for the position."""
        return tuple(_as_batch(span) for span in self.spans)

    @property
    def count(self) -> int:
        """How many batches they hold."""
        return sum(fold.count for fold in self.files)

    def cover(self, path: str) -> bool:
        """Whether a batch lies in one of the ranges, so that it is folded or was put there by somebody."""
        moment = moment_of(path)
        return any(first <= moment <= last for first, last in self._moments.get(path.rsplit("/", 2)[0], ()))

    def hold(self, path: str) -> bool:
        """Whether a batch is in a fold."""
        return self.cover(path) and located(self.landing, path) is not None

    @cached_property
    def _moments(self) -> dict[str, list[tuple[str, str]]]:
        moments: dict[str, list[tuple[str, str]]] = {}
        for span in self.spans:
            moments.setdefault(span.folder, []).append(span.moments)
        return moments


def _as_batch(span: Span) -> BatchName:
    first, last = BatchName.parse(span.first), BatchName.parse(span.last)
    return last if last.partition == WHOLE else replace(last, start=first.start)
