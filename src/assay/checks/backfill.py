"""Files that a load takes in as history: judged in their order like all others, and told together in one line."""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set

from assay.checks.anomaly_rules import Verdict
from assay.checks.profiles import Profile
from assay.checks.results import HISTORY, Rule

FEW = 31
"""Days, or files that speak of none, of which a load may bring so many before it is history: a month of daily files."""
_DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


def history_of(files: Sequence[Profile], new: Set[int]) -> frozenset[int]:
    """Which new files are history: all but those of the newest day, where a load brings more than a month of days.

    Files that speak of no day are history where there are more than 31 of them and they outnumber those that were
    there; all but the last one.

    Args:
        files: All files of the source.
        new: Those that its last load brought, by `file_id`.
    """
    day_of = {file.file_id: file.day for file in files}
    dated = {file_id: day for file_id, day in day_of.items() if day}
    undated = day_of.keys() - dated.keys()
    history: set[int] = set()
    if len({dated[file_id] for file_id in new & dated.keys()}) > FEW:
        newest = max(dated.values())
        history |= {file_id for file_id in new & dated.keys() if dated[file_id] < newest}
    if len(undated & new) > max(FEW, len(undated - new)):
        history |= (undated & new) - {max(undated)}
    return frozenset(history)


def history_rule(files: int, odd: Mapping[str, Sequence[Verdict]]) -> Rule:
    """How many files of a history were odd when they were judged by those before them; a rule that always holds.

    Args:
        files: How many there are.
        odd: By check, the verdicts on those that were odd.
    """
    ids = {verdict.file.file_id for verdicts in odd.values() for verdict in verdicts}
    counts = {check: len({verdict.file.file_id for verdict in verdicts}) for check, verdicts in odd.items() if verdicts}
    by_check = ", ".join(f"{check} {count:,}" for check, count in counts.items())
    observed = f"{files:,} files of history, each judged by those before it: "
    observed += f"{len(ids):,} were odd ({by_check}) and are no measure for others" if ids else "none was odd"
    examples = tuple(
        {"check": check, **example(verdict)} for check, verdicts in odd.items() for verdict in verdicts[:2]
    )
    expected = "told together, and no warning"
    return Rule(HISTORY, expected, observed, passed=True, examples=examples[:5], severity="warn", value=float(len(ids)))


def example(verdict: Verdict) -> Mapping[str, object]:
    """A file as an example of what is odd."""
    file, deviation = verdict.file, verdict.deviation
    day = {"day": f"{file.day}, a {_DAYS[file.day.weekday()]}"} if file.day else {}
    figures = {"found": f"{deviation.value:,.6g}", "usual": f"{deviation.expected:,.6g}"} if deviation else {}
    return {"file": file.path, **day, **figures}
