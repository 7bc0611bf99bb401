"""Decides which loaded files are odd, by comparing the profile of each with those of earlier files that were not."""

from __future__ import annotations

import math
from collections import defaultdict, deque
from collections.abc import Callable, Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, replace
from itertools import pairwise
from statistics import median

from assay.checks.profiles import Profile
from assay.checks.statistics import ENOUGH, MOST, Against, against, is_odd, pooled, pooled_but_one, stability
from assay.contract.declared_checks import LoadChecks

_WEEK = 7
_FEW = 200
"""Rows below which shares and spreads of values say nothing."""


@dataclass(frozen=True)
class Verdict:
    """One figure of one file: normal, odd, or undecided (`deviation` is None)."""

    file: Profile
    deviation: Against | None
    is_odd: bool = False


Judge = Callable[[Profile, Sequence[Profile]], Verdict]
"""Holds a file against those before it, which come in their order."""


@dataclass(frozen=True)
class Figure:
    """One figure by which files are judged.

    Attributes:
        check: The dimension that it belongs to, e.g. `completeness`.
        name: The rule, e.g. `nulls_of_quantity`.
        expected: What the rule asks, in words.
        threshold: What a change is held against.
        judge: Judges one file by it.
        is_relative: Whether the threshold is a percentage of what is usual.
    """

    check: str
    name: str
    expected: str
    threshold: float
    judge: Judge
    is_relative: bool = False


@dataclass(frozen=True)
class Loads:
    """The files of a source that are judged, and the files that they are compared with.

    Attributes:
        declared: What its yml allows.
        files: All that matter, in any order.
        targets: Those that are judged, by `file_id`.
        measures: Those that others may be held against; a target among them only when it turns out not to be odd.
        is_daily: Whether files come more often than weekly, so that a Sunday is held against Sundays.
    """

    declared: LoadChecks
    files: Sequence[Profile]
    targets: Set[int]
    measures: Set[int]
    is_daily: bool


def is_daily(files: Iterable[Profile]) -> bool:
    """Whether half of the pauses between two days with files are shorter than a week."""
    days = sorted({file.day for file in files if file.day})
    pauses = [(after - before).days for before, after in pairwise(days)]
    return bool(pauses) and median(pauses) < _WEEK


def needed(loads: Loads) -> list[Profile]:
    """The targets and the files that they may be compared with, whose profiles are needed in full."""
    by_id: dict[int, Profile] = {}

    def look(file: Profile, before: Sequence[Profile]) -> bool:
        by_id.update({each.file_id: each for each in (file, *before)})
        return False

    _walk(replace(loads, measures=loads.measures - loads.targets), look)
    return list(by_id.values())


def judge(loads: Loads) -> list[tuple[Figure, list[Verdict]]]:
    """Judge all targets by all figures, in their order; an odd file is no baseline for later ones."""
    targets = [file for file in loads.files if file.file_id in loads.targets]
    judged: list[tuple[Figure, list[Verdict]]] = [
        (figure, []) for figures in DIMENSIONS.values() for figure in figures(loads.declared, targets)
    ]

    def look(file: Profile, before: Sequence[Profile]) -> bool:
        for figure, verdicts in judged:
            verdicts.append(figure.judge(file, before))
        return any(verdicts[-1].is_odd for _, verdicts in judged)

    _walk(loads, look)
    return judged


def _walk(loads: Loads, look: Callable[[Profile, Sequence[Profile]], bool]) -> None:
    """Pass each target to `look` with the last baseline files before it; one that it calls odd is no baseline itself.

    A file of a day is held against files of earlier days, where they come daily of the same weekday; a file without a
    day against all that arrived before it.
    """
    odd: set[int] = set()
    by_day = sorted((file for file in loads.files if file.day), key=lambda file: (file.day, file.file_id))
    by_arrival = sorted(loads.files, key=lambda file: file.file_id)
    for files, has_day in ((by_day, True), (by_arrival, False)):
        last: defaultdict[int, deque[Profile]] = defaultdict(lambda: deque(maxlen=MOST))
        for file in files:
            kind = file.day.weekday() if file.day and has_day and loads.is_daily else 0
            if file.file_id in loads.targets and bool(file.day) == has_day and look(file, list(last[kind])):
                odd.add(file.file_id)
            if file.file_id in loads.measures and file.file_id not in odd:
                last[kind].append(file)


def broken_pct(file: Profile) -> float:
    """Share of a file's records, in percent, that are malformed or break a rule."""
    return 100 * file.broken / file.records if file.records else 0.0


def validity(declared: LoadChecks, _: Sequence[Profile]) -> list[Figure]:
    """Share of each file's records that are broken; a limit, whatever was usual before."""

    def judge(file: Profile, _: Sequence[Profile]) -> Verdict:
        value = broken_pct(file)
        return Verdict(file, Against(value, 0.0, declared.broken_pct), value > declared.broken_pct)

    expected = f"at most {declared.broken_pct:g} % of a file"
    return [Figure("validity", "records_break_no_rule", expected, declared.broken_pct, judge)]


def volume(declared: LoadChecks, _: Sequence[Profile]) -> list[Figure]:
    """Records of each file against those of the same weekday."""
    percent = declared.volume_pct

    def judge(file: Profile, history: Sequence[Profile]) -> Verdict:
        deviation = against(file.records, [h.records for h in history], noise=math.sqrt(max(1, file.records)))
        return Verdict(
            file, deviation, bool(deviation and is_odd(deviation, worth_a_word=percent / 100 * deviation.expected))
        )

    return [Figure("volume", "records_per_file", _within(percent), percent, judge, is_relative=True)]


def _within(percent: float) -> str:
    return f"within {percent:g} % of the weekday"


def completeness(declared: LoadChecks, targets: Sequence[Profile]) -> list[Figure]:
    """Share of NULLs of each column against those of the same weekday, in percentage points."""
    points = declared.completeness_points
    expected = f"a change of at most {points:g} points"
    names = sorted({name for file in targets for name in file.columns})
    return [Figure("completeness", f"nulls_of_{name}", expected, points, _nulls_judge(name, points)) for name in names]


def _nulls_judge(name: str, points: float) -> Judge:
    def share(file: Profile) -> float:
        return 100 * file.columns[name].nulls / file.rows

    def judge(file: Profile, history: Sequence[Profile]) -> Verdict:
        if file.rows < _FEW or name not in file.columns:
            return Verdict(file, None)
        value = share(file)
        kept = [share(h) for h in history if h.rows >= _FEW and name in h.columns]
        rate = min(0.5, max(value, 1.0) / 100)
        deviation = against(value, kept, noise=100 * math.sqrt(rate * (1 - rate) / file.rows))
        return Verdict(file, deviation, bool(deviation and is_odd(deviation, worth_a_word=points)))

    return judge


def distribution(declared: LoadChecks, targets: Sequence[Profile]) -> list[Figure]:
    """Drift of each column, as a population stability index, and each amount's total against the same weekday."""
    figures = []
    for name in declared.columns:
        drift = _drift_judge(name, declared.psi)
        figures.append(
            Figure("distribution", f"drift_of_{name}", f"PSI of at most {declared.psi:g}", declared.psi, drift)
        )
        if any(file.columns[name].total is not None for file in targets if name in file.columns):
            percent = declared.volume_pct
            total = _total_judge(name, percent)
            figures.append(
                Figure("distribution", f"total_of_{name}", _within(percent), percent, total, is_relative=True)
            )
    return figures


def _drift_judge(name: str, psi: float) -> Judge:
    def judge(file: Profile, history: Sequence[Profile]) -> Verdict:
        kept = [h.columns[name].buckets for h in history if name in h.columns and h.rows >= _FEW]
        if len(kept) < ENOUGH or file.rows < _FEW or name not in file.columns:
            return Verdict(file, None)
        shift = stability(file.columns[name].buckets, pooled(kept))
        usual = [stability(counts, others) for counts, others in zip(kept, pooled_but_one(kept), strict=True)]
        deviation = against(shift, usual, noise=psi / 10)
        return Verdict(file, deviation, bool(deviation and shift > psi and is_odd(deviation, worth_a_word=0)))

    return judge


def _total_judge(name: str, percent: float) -> Judge:
    def judge(file: Profile, history: Sequence[Profile]) -> Verdict:
        kept = [total for h in history if name in h.columns and (total := h.columns[name].total) is not None]
        total = file.columns[name].total if name in file.columns else None
        deviation = None if total is None else against(total, kept, noise=abs(total) / math.sqrt(max(1, file.rows)))
        return Verdict(
            file, deviation, bool(deviation and is_odd(deviation, worth_a_word=percent / 100 * abs(deviation.expected)))
        )

    return judge


DIMENSIONS: Mapping[str, Callable[[LoadChecks, Sequence[Profile]], list[Figure]]] = {
    "validity": validity,
    "volume": volume,
    "completeness": completeness,
    "distribution": distribution,
}
"""What gives the figures of each dimension, from what the yml says and the files that are judged."""
