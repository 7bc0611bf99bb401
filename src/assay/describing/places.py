"""Files without a delimiter: fields that runs of blanks part, or that have their places in each line.

Only what holds for every line that was looked at is proposed, and it is always said that it may be otherwise.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise

_LEAST_LINES = 4
_LEAST_TRIMMED = 10
"""Lines from which on those of several lengths are taken for fields in places: a few of prose may look like that."""
_LONGEST = 100_000
_RUN = re.compile(r"\S(?:  |\t)[ \t]*\S")


def has_runs(lines: Sequence[str]) -> bool:
    """Whether blanks between words are more than those of prose: two, or a tab, in most lines."""
    return sum(_RUN.search(line) is not None for line in lines) > len(lines) / 2


def widths_of(lines: Sequence[str]) -> tuple[tuple[int, ...], bool]:
    """The widths of fields that blanks part in all lines, with gaps where all are blank; and whether ends are left out.

    What is blank in all lines is a gap, in which a value that is wider in another file is found out.

    Args:
        lines: Without their ends and without empty ones.

    Returns:
        No widths where there are no two such fields.
    """
    lengths = set(map(len, lines))
    if not lines or max(lengths) > _LONGEST or len(lines) < (_LEAST_LINES if len(lengths) == 1 else _LEAST_TRIMMED):
        return (), False
    filled = [False] * max(lengths)
    for line in lines:
        for match in re.finditer(r"[^ ]+", line):
            filled[match.start() : match.end()] = [True] * (match.end() - match.start())
    edges = [0, *(at for at, (one, other) in enumerate(pairwise(filled), 1) if one != other), len(filled)]
    widths = tuple((end - start) if filled[start] else start - end for start, end in pairwise(edges))
    return (widths if sum(width > 0 for width in widths) > 1 else ()), len(lengths) > 1
