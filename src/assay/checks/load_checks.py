"""The checks of a source's loaded files, and the wording of their results."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from assay.base import clock
from assay.base.warehouse import transaction
from assay.checks import profiles
from assay.checks.anomaly_rules import Figure, Loads, Verdict, broken_pct, is_daily, judge, needed
from assay.checks.backfill import example, history_of, history_rule
from assay.checks.results import CheckResult, Rule
from assay.checks.session import Session
from assay.checks.statistics import ENOUGH, Against
from assay.contract.declared_checks import LoadChecks, Severity
from assay.contract.names import TableName
from assay.ledger.contents import last_loaded, newest_loaded
from assay.ledger.feed_looks import latest, same_at


@dataclass(frozen=True)
class _Judged:
    """The verdicts on a source's files.

    Attributes:
        verdicts: By figure, on each file that was looked at.
        new: Files that are told whatever the severity; others were odd before, and are told where that blocks.
        history: Those of them that a load took in as history: what is odd about them is told in one line.
    """

    verdicts: Sequence[tuple[Figure, Sequence[Verdict]]]
    new: frozenset[int]
    history: frozenset[int]

    def told(self, check: str, verdicts: Sequence[Verdict], severity: Severity) -> list[Verdict]:
        """The verdicts that a check of a severity reports; `validity` is a limit for old files as for new ones."""
        files = self.new if check == "validity" else self.new - self.history
        return [verdict for verdict in verdicts if severity == "error" or verdict.file.file_id in files]


def check_load(lake: Session, source: str, check: str) -> CheckResult:
    """Check one dimension of a source's newest files, and of all odd ones where its yml makes them block.

    Args:
        lake: The open lake.
        source: e.g. `products`.
        check: `validity`, `volume`, `completeness`, `distribution` or `freshness`.
    """
    table = TableName.of_source(source).table
    if check == "freshness":
        return CheckResult(table, check, (_freshness(lake, source),), "the source is not silent")
    if source not in lake.judged:  # worked out once for a run, and asked for by each check
        lake.judged[source] = _judged(lake, source)
    judged: _Judged = lake.judged[source]
    declared = lake.catalog.load_checks[source]
    severity: Severity = declared.severity.get(check, "warn")
    rules = tuple(
        _rule(declared, severity, figure, judged.told(check, verdicts, severity))
        for figure, verdicts in judged.verdicts
        if figure.check == check
    )
    if check == "volume" and judged.history:
        rules += (_history(declared, judged),)
    return CheckResult(table, check, rules, _holds(judged, check, severity))


def _judged(lake: Session, source: str) -> _Judged:
    with transaction(lake.connection):  # a profile that is there was judged
        loads, new, history = _loads(lake, source)
        judged = judge(loads)
        odd = {verdict.file.file_id for _, verdicts in judged for verdict in verdicts if verdict.is_odd}
        profiles.mark_odd(lake.connection, source, odd, loads.targets)
    return _Judged(judged, frozenset(new), history)


def _history(declared: LoadChecks, judged: _Judged) -> Rule:
    def is_odd(verdict: Verdict) -> bool:
        file = verdict.file
        return verdict.is_odd and file.file_id in judged.history and file.path not in declared.accepted

    odd: dict[str, list[Verdict]] = {}
    for figure, verdicts in judged.verdicts:
        if figure.check != "validity":
            odd.setdefault(figure.check, []).extend(filter(is_odd, verdicts))
    return history_rule(len(judged.history), odd)


def _loads(lake: Session, source: str) -> tuple[Loads, set[int], frozenset[int]]:
    """The files to judge with those to judge by, which of them are new, and which of these are history."""
    declared = lake.catalog.load_checks[source]
    new = set(profiles.profile_new(lake.connection, lake.catalog.contracts[source], declared.columns, lake.run_id))
    new |= set(last_loaded(lake.connection, source))
    heads, usable = profiles.read_heads(lake.connection, source)
    odd = {head.file_id for head in heads if head.is_odd or broken_pct(head) > declared.broken_pct}
    blocking = (
        odd & set(profiles.live_files(lake.connection, source)) if "error" in declared.severity.values() else set()
    )
    targets = new | blocking
    loads = Loads(declared, heads, targets, usable - (odd - targets), is_daily(heads))
    whole = profiles.with_columns(lake.connection, source, needed(loads))
    return replace(loads, files=list(whole.values())), new, history_of(heads, new)


def _holds(judged: _Judged, check: str, severity: Severity) -> str:
    if check == "validity":
        return "few records of the newest files are broken"
    [volume] = [verdicts for figure, verdicts in judged.verdicts if figure.check == "volume"]
    told = judged.told(check, volume, severity)
    files, unknown = len(told), sum(verdict.deviation is None for verdict in told)
    if not unknown:
        return f"nothing odd in {files:,} new files"
    if unknown == files:
        return f"not enough history for {files:,} new files: {ENOUGH} earlier ones of the kind are needed"
    return f"nothing odd in {files - unknown:,} new files; not enough history for {unknown:,}"


def _rule(declared: LoadChecks, severity: Severity, figure: Figure, verdicts: Sequence[Verdict]) -> Rule:
    """One figure of all files as a rule."""
    odd = [verdict for verdict in verdicts if verdict.is_odd]
    told = [verdict for verdict in odd if verdict.file.path not in declared.accepted]
    rule = Rule(figure.name, figure.expected, "", not told, (), severity, threshold=figure.threshold)
    if figure.check == "validity":
        return _of_broken_records(rule, verdicts, told)
    return replace(
        rule,
        observed=_in_words(figure, verdicts, told, len(odd) - len(told)),
        examples=tuple(example(verdict) for verdict in told[:5]),
        value=max(
            (_change(figure, verdict.deviation) for verdict in verdicts if verdict.deviation), key=abs, default=None
        ),
    )


def _of_broken_records(rule: Rule, verdicts: Sequence[Verdict], told: Sequence[Verdict]) -> Rule:
    files = [verdict.file for verdict in verdicts]
    read, bad = sum(file.records for file in files), sum(file.broken for file in files)
    worst = max(map(broken_pct, files), default=0.0)
    return replace(
        rule,
        observed=f"{bad:,} of {read:,} records" + (f"; {worst:.2f} % in the worst file" if bad else ""),
        examples=tuple(
            {"file": file.path, "records": file.records, "broken": file.broken, "pct": broken_pct(file)}
            for file in (verdict.file for verdict in told[:5])
        ),
        value=worst,
        share_ok=1 - bad / read if read else 1.0,
    )


def _change(figure: Figure, deviation: Against) -> float:
    return (
        100 * deviation.change / deviation.expected if figure.is_relative and deviation.expected else deviation.change
    )


def _in_words(figure: Figure, verdicts: Sequence[Verdict], told: Sequence[Verdict], accepted: int) -> str:
    if told:
        return sentence(figure, told[0]) + (f", and {len(told) - 1} more files" if len(told) > 1 else "")
    unknown = sum(verdict.deviation is None for verdict in verdicts)
    text = "nothing odd" if unknown < len(verdicts) else "no file to judge"
    text += f"; {unknown} files without enough history" if unknown else ""
    return text + (f"; {accepted} odd files are accepted" if accepted else "")


def sentence(figure: Figure, verdict: Verdict) -> str:
    """What is odd about a file: `sales/1.csv: 100 where 1,010 is usual (-90 %)`."""
    deviation = verdict.deviation
    if deviation is None:
        return f"{verdict.file.path}: not enough history"
    unit = f" ({_change(figure, deviation):+.0f} %)" if figure.is_relative else ""
    return f"{verdict.file.path}: {deviation.value:,.4g} where {deviation.expected:,.4g} is usual{unit}"


def _freshness(lake: Session, source: str) -> Rule:
    """Whether the source has sent files as its policy asks; only a warning, because no table is wrong without them."""
    policy = lake.catalog.policies[TableName.of_source(source).model]
    now = clock.now()
    newest = latest(newest_loaded(lake.connection, source), same_at(lake.settings.home, source))
    expected = f"a file {policy}" if policy.by else f"a file in the last {policy}"
    if newest is None:
        return Rule("newest_file", expected, "no file yet", False, severity="warn")
    hours = (now - newest).total_seconds() / 3600
    limit = (policy.late_from(newest) - newest).total_seconds() / 3600
    observed = f"the newest came {hours:,.1f} hours ago"
    return Rule("newest_file", expected, observed, hours <= limit, severity="warn", value=hours, threshold=limit)
