"""What of a feed is folded together: pure decisions over names, ranges and sizes."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from itertools import groupby

from assay.feeds.names import WHOLE, BatchName
from assay.ledger.folds import MOST_COMMENT, Fold, Span, fold_comment, moment_of

MOST_AT_ONCE = 1_000
"""Batches that are folded between two fetches: a few seconds' work, where a lake with many begins to fold."""
TOGETHER = 10
"""Folds of a level that become one of the next, so each byte is written once for each power of ten."""
LARGEST = 256_000_000
"""Bytes beyond which a fold is not made larger."""
MOST_MEMBERS = 20_000
"""Batches beyond which it is not: its directory takes 20 MB of memory while it is read."""


def groups_of(files: Iterable[Fold]) -> Iterator[list[Fold]]:
    """Folds of one level each of which may become one of the next, by their sizes.

    Args:
        files: All folds of a feed.
    """
    every = sorted(files, key=lambda fold: (fold.level, fold.path.name))
    for _, level in groupby(every, key=lambda fold: fold.level):
        same = list(level)
        for at in range(len(same) - TOGETHER + 1):
            group = fitting_of(same[at : at + TOGETHER])
            if len(group) > 1:
                yield group


def is_one_fold(spans: Sequence[Span], replaces: Sequence[str]) -> bool:
    """Whether an archive can say of itself that it holds some spans and replaces some folds."""
    return len(fold_comment(spans, replaces)) <= MOST_COMMENT


def runs_of(known: Mapping[str, BatchName], may_fold: Callable[[str], bool]) -> list[list[BatchName]]:
    """Batches that may be folded, those in a list that follow each other; the newest of a partition is not in any.

    Args:
        known: All batches that are in no fold, by path.
        may_fold: Whether one may be.
    """
    by_partition = sorted(known.items(), key=lambda item: (item[1].epoch, item[1].partition, item[1].read_at))
    runs: list[list[BatchName]] = []
    for _, group in groupby(by_partition, key=lambda item: (item[1].epoch, item[1].partition)):
        runs.append([])
        for path, batch in list(group)[:-1]:
            if not may_fold(path):
                runs.append([])
            elif runs[-1] and not _follows(runs[-1][-1], batch):
                runs.append([batch])
            else:
                runs[-1].append(batch)
    return [run for run in runs if run]


def _follows(before: BatchName, after: BatchName) -> bool:
    return before.partition == WHOLE or before.end == after.start


def joined(group: Sequence[Fold], others: Collection[str]) -> list[Span]:
    """The spans of folds, those that follow each other as one.

    Args:
        group: The folds.
        others: Paths of batches that are in no fold.
    """
    every = sorted((span for fold in group for span in fold.spans), key=lambda span: (span.folder, span.moments))
    spans: list[Span] = []
    for span in every:
        if spans and _spans_follow(spans[-1], span, others):
            spans[-1] = Span(spans[-1].first, span.last, spans[-1].count + span.count)
        else:
            spans.append(span)
    return spans


def _spans_follow(before: Span, after: Span, others: Iterable[str]) -> bool:
    """Whether a span goes on where another ends."""
    if before.folder != after.folder:
        return False
    if BatchName.parse(before.last).partition != WHOLE:
        return BatchName.parse(before.last).end == BatchName.parse(after.first).start
    between = (before.moments[1], after.moments[0])
    return not any(
        path.rsplit("/", 2)[0] == before.folder and between[0] < moment_of(path) < between[1] for path in others
    )


def at_once(runs: Sequence[Sequence[BatchName]], sizes: Mapping[str, int]) -> tuple[list[Sequence[BatchName]], int]:
    """As much of the runs as one fold may hold, and its bytes before they are packed.

    Args:
        runs: What may be folded.
        sizes: Bytes of each batch, by path.
    """
    taken: list[Sequence[BatchName]] = []
    count = size = comment = 0
    for run in runs:
        comment += len(run[0].path) + len(run[-1].path) + 20
        fitting = []
        for batch in run:
            size_bytes = sizes[batch.path]
            if count >= MOST_AT_ONCE or size + size_bytes > LARGEST or comment > MOST_COMMENT:
                break
            fitting.append(batch)
            count, size = count + 1, size + size_bytes
        if fitting:
            taken.append(fitting)
    return taken, size


def fitting_of(files: Sequence[Fold]) -> list[Fold]:
    """As many folds, from the first one on, as one may hold."""
    fitting: list[Fold] = []
    for fold in files:
        together = [*fitting, fold]
        if sum(one.size_bytes for one in together) > LARGEST or sum(one.count for one in together) > MOST_MEMBERS:
            break
        fitting = together
    return fitting
