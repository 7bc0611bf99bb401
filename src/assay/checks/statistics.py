"""Whether a figure is odd against its history: pure functions over a few numbers, each with its source."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import median

ENOUGH = 6
"""Figures that a history has to have before anything is held against it."""
MOST = 13
"""Figures of a history that count: a quarter of a year of weeks."""
Z = 3.5
"""Beyond this modified z-score a figure is an outlier (Iglewicz and Hoaglin, Detect and Handle Outliers, 1993)."""
_MAD = 1.4826
"""Median absolute deviations in one standard deviation of normal figures."""
_FEW = {6: 1.200, 7: 1.140, 8: 1.129, 9: 1.107}
"""By how much that falls short with so few figures (Croux and Rousseeuw, Time-Efficient Algorithms, 1992)."""


@dataclass(frozen=True)
class Against:
    """A figure compared with its history.

    Attributes:
        value: The figure.
        expected: The median of the history.
        allowed: How far from it the history explains.
    """

    value: float
    expected: float
    allowed: float

    @property
    def change(self) -> float:
        """How far it is from what was expected."""
        return self.value - self.expected


def against(value: float, history: Sequence[float], *, noise: float) -> Against | None:
    """Compare a figure with earlier ones by the modified z-score; None where there are not enough of them.

    Args:
        value: The figure.
        history: Earlier ones.
        noise: The standard deviation that chance alone gives, for a history that never moved.
    """
    if len(history) < ENOUGH:
        return None
    middle = median(history)
    short = _FEW.get(len(history), len(history) / (len(history) - 0.8))
    spread = short * _MAD * median(abs(item - middle) for item in history)
    return Against(value, middle, Z * max(spread, noise))


def is_odd(deviation: Against, *, worth_a_word: float) -> bool:
    """Whether a change is both more than the history explains and large enough to matter."""
    return abs(deviation.change) > max(deviation.allowed, worth_a_word)


def pooled(history: Iterable[Mapping[str, int]]) -> Counter[str]:
    """The counts of several files together."""
    total: Counter[str] = Counter()
    for counts in history:
        total.update(counts)
    return total


def pooled_but_one(history: Sequence[Mapping[str, int]]) -> Iterator[dict[str, int]]:
    """For each of several files, the counts of the others together, as `pooled` gives them."""
    total, holders = pooled(history), Counter(name for counts in history for name in counts)
    for counts in history:
        yield {name: n - counts.get(name, 0) for name, n in total.items() if holders[name] > (name in counts)}


def stability(counts: Mapping[str, int], baseline: Mapping[str, int]) -> float:
    """The population stability index of counts against a baseline, less what chance alone gives.

    PSI = sum((p - q) ln(p / q)) over buckets with shares p and q (Siddiqi, Credit Risk Scorecards, 2006: below 0.1
    nothing has shifted, above 0.25 much has). Without any shift it is (buckets - 1)(1/n + 1/m) on average (Yurdakul,
    Statistical Properties of the Population Stability Index, 2018), which is taken off. Half a value is added to each
    bucket, so that an empty one has a share.
    """
    names = counts.keys() | baseline.keys()
    n, m = sum(counts.values()), sum(baseline.values())
    if not n or not m:
        return 0.0
    index = 0.0
    for name in names:
        p = (counts.get(name, 0) + 0.5) / (n + 0.5 * len(names))
        q = (baseline.get(name, 0) + 0.5) / (m + 0.5 * len(names))
        index += (p - q) * math.log(p / q)
    return max(0.0, index - (len(names) - 1) * (1 / n + 1 / m))
