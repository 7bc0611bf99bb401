"""Whether what arrived is odd: volume, completeness, distribution and freshness of a source's files."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from statistics import median

from contracts.checks import LoadChecks, Severity
from contracts.names import quoted
from resources import clock, profiles
from resources.anomalies import ENOUGH, MOST, Against, against, is_odd, pooled, stability
from resources.profiles import Profile
from resources.results import CheckResult, Rule
from resources.session import Session
from resources.warehouse import transaction

_DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_FEW = 200
"""Rows below which shares and spreads of values say nothing."""


@dataclass(frozen=True)
class _Odd:
    """One figure of one file that is out of line, or cannot be told to be in it (`found` is None)."""

    file: Profile
    found: Against | None
    is_odd: bool = False


@dataclass(frozen=True)
class Loads:
    """The files that are looked at, and those that they are held against.

    Attributes:
        source: Where they come from.
        said: What its yml allows.
        targets: Files that are judged.
        history: Files to judge by.
        is_daily: Whether files come more often than weekly, so that a Sunday is held against Sundays.
    """

    source: str
    said: LoadChecks
    targets: Sequence[Profile]
    history: Sequence[Profile]
    is_daily: bool

    def before(self, file: Profile) -> list[Profile]:
        """The last files before one, of the same weekday where files come daily; without days, in order of arrival."""
        if file.day is None:
            earlier = [other for other in self.history if other.file_id < file.file_id]
            return sorted(earlier, key=lambda other: other.file_id)[-MOST:]
        earlier = [other for other in self.history if other.day and _place(other) < _place(file)]
        if self.is_daily:
            earlier = [o for o in earlier if o.day and o.day.weekday() == file.day.weekday()]
        return sorted(earlier, key=_place)[-MOST:]


def _place(file: Profile) -> tuple[str, int]:
    return str(file.day or ""), file.file_id


def is_daily(files: Iterable[Profile]) -> bool:
    """Whether half of the pauses between two days with files are shorter than a week."""
    days = sorted({file.day for file in files if file.day})
    pauses = [(after - before).days for before, after in pairwise(days)]
    return bool(pauses) and median(pauses) < len(_DAYS)


Judge = Callable[[Loads], list[tuple[Rule, set[int]]]]


def check_load(lake: Session, source: str, check: str) -> CheckResult:
    """One dimension of a source's newest files, or of all odd ones where its yml says that they block.

    Args:
        lake: The open lake.
        source: e.g. `products`.
        check: `validity`, `volume`, `completeness`, `distribution` or `freshness`.
    """
    table = f"bronze.{source}"
    if check == "freshness":
        return CheckResult(table, check, (_freshness(lake, source),), "the source is not silent")
    if check == "validity":
        return CheckResult(table, check, _validity(lake, source), "few records of the newest files are broken")
    loads, rules = _judged(lake, source)
    return CheckResult(table, check, rules[check], _holds(loads))


def _judged(lake: Session, source: str) -> tuple[Loads, Mapping[str, tuple[Rule, ...]]]:
    """The rules of all dimensions; worked out once for a run, and asked for by each check."""
    rules: Mapping[str, tuple[Rule, ...]]
    if source not in lake.judged:
        with transaction(lake.connection):  # a profile that is there was judged
            loads = _loads(lake, source)
            judged = {name: judge(loads) for name, judge in DIMENSIONS.items()}
            odd = {file for found in judged.values() for _, files in found for file in files}
            profiles.mark_odd(lake.connection, source, odd, [file.file_id for file in loads.targets])
        rules = {name: tuple(rule for rule, _ in found) for name, found in judged.items()}
        lake.judged[source] = (loads, rules)
    loads, rules = lake.judged[source]
    return loads, rules


def _holds(loads: Loads) -> str:
    files = len(loads.targets)
    unknown = sum(len(loads.before(file)) < ENOUGH for file in loads.targets)
    if not unknown:
        return f"nothing odd in {files:,} new files"
    if unknown == files:
        return f"not enough history for {files:,} new files: {ENOUGH} earlier ones of the kind are needed"
    return f"nothing odd in {files - unknown:,} new files; not enough history for {unknown:,}"


def _loads(lake: Session, source: str) -> Loads:
    said = lake.catalog.load_checks[source]
    wanted = set(profiles.profile_new(lake.connection, lake.catalog.contracts[source], said.columns, lake.run_id))
    wanted |= set(profiles.last_loaded(lake.connection, source))
    if "error" in said.severity.values():
        wanted |= set(profiles.odd_files(lake.connection, source))
    heads, baseline = profiles.read_heads(lake.connection, source)
    targets = [head for head in heads if head.file_id in wanted]
    judged = Loads(source, said, targets, [head for head in heads if head.file_id in baseline], is_daily(heads))
    needed = {head.file_id: head for target in targets for head in (target, *judged.before(target))}
    whole = profiles.with_columns(lake.connection, source, needed.values())
    return replace(
        judged,
        targets=sorted((whole[target.file_id] for target in targets), key=_place),
        history=[whole[file] for file in whole if file in baseline],
    )


def judge_volume(loads: Loads) -> list[tuple[Rule, set[int]]]:
    """Records of each file against those of the same weekday."""
    percent = loads.said.volume_pct

    def judge(file: Profile, history: Sequence[Profile]) -> _Odd:
        found = against(file.records, [h.records for h in history], noise=math.sqrt(max(1, file.records)))
        return _Odd(file, found, bool(found and is_odd(found, worth_a_word=percent / 100 * found.expected)))

    return [
        _rule(
            loads, "volume", "records_per_file", judge, f"within {percent:g} % of the weekday", percent, relative=True
        )
    ]


def judge_completeness(loads: Loads) -> list[tuple[Rule, set[int]]]:
    """Share of NULLs of each column against those of the same weekday, in percentage points."""
    points = loads.said.completeness_points
    names = sorted({name for file in loads.targets for name in file.columns})
    return [
        _rule(
            loads,
            "completeness",
            f"nulls_of_{name}",
            _nulls_judge(name, points),
            f"a change of at most {points:g} points",
            points,
        )
        for name in names
    ]


def _nulls_judge(name: str, points: float) -> Callable[[Profile, Sequence[Profile]], _Odd]:
    def share(file: Profile) -> float:
        return 100 * file.columns[name].nulls / file.rows

    def judge(file: Profile, history: Sequence[Profile]) -> _Odd:
        if file.rows < _FEW or name not in file.columns:
            return _Odd(file, None)
        value = share(file)
        kept = [share(h) for h in history if h.rows >= _FEW and name in h.columns]
        rate = min(0.5, max(value, 1.0) / 100)
        found = against(value, kept, noise=100 * math.sqrt(rate * (1 - rate) / file.rows))
        return _Odd(file, found, bool(found and is_odd(found, worth_a_word=points)))

    return judge


def judge_distribution(loads: Loads) -> list[tuple[Rule, set[int]]]:
    """How values spread, by the population stability index; and each number's total against the same weekday."""
    found = []
    for name in loads.said.columns:
        psi = loads.said.psi
        found.append(
            _rule(loads, "distribution", f"drift_of_{name}", _drift_judge(name, psi), f"PSI of at most {psi:g}", psi)
        )
        if any(file.columns[name].total is not None for file in loads.targets if name in file.columns):
            percent = loads.said.volume_pct
            judge = _total_judge(name, percent)
            expected = f"within {percent:g} % of the weekday"
            found.append(_rule(loads, "distribution", f"total_of_{name}", judge, expected, percent, relative=True))
    return found


def _drift_judge(name: str, psi: float) -> Callable[[Profile, Sequence[Profile]], _Odd]:
    def judge(file: Profile, history: Sequence[Profile]) -> _Odd:
        kept = [h.columns[name].buckets for h in history if name in h.columns and h.rows >= _FEW]
        if len(kept) < ENOUGH or file.rows < _FEW or name not in file.columns:
            return _Odd(file, None)
        shift = stability(file.columns[name].buckets, pooled(kept))
        usual = [stability(counts, pooled(kept[:at] + kept[at + 1 :])) for at, counts in enumerate(kept)]
        found = against(shift, usual, noise=psi / 10)
        return _Odd(file, found, bool(found and shift > psi and is_odd(found, worth_a_word=0)))

    return judge


def _total_judge(name: str, percent: float) -> Callable[[Profile, Sequence[Profile]], _Odd]:
    def judge(file: Profile, history: Sequence[Profile]) -> _Odd:
        kept = [total for h in history if name in h.columns and (total := h.columns[name].total) is not None]
        total = file.columns[name].total if name in file.columns else None
        found = None if total is None else against(total, kept, noise=abs(total) / math.sqrt(max(1, file.rows)))
        return _Odd(file, found, bool(found and is_odd(found, worth_a_word=percent / 100 * abs(found.expected))))

    return judge


DIMENSIONS: Mapping[str, Judge] = {
    "volume": judge_volume,
    "completeness": judge_completeness,
    "distribution": judge_distribution,
}


def _rule(
    loads: Loads,
    check: str,
    name: str,
    judge: Callable[[Profile, Sequence[Profile]], _Odd],
    expected: str,
    threshold: float,
    *,
    relative: bool = False,
) -> tuple[Rule, set[int]]:
    """Judge all files by one figure; the rule, and the files that are odd by it."""
    judged = [judge(file, loads.before(file)) for file in loads.targets]
    odd = [item for item in judged if item.is_odd]
    told = [item for item in odd if item.file.path not in loads.said.accepted]
    severity: Severity = loads.said.severity.get(check, "warn")
    rule = Rule(
        name,
        expected,
        _in_words(judged, told, len(odd) - len(told), relative=relative),
        not told,
        tuple(_example(item) for item in told[:5]),
        severity,
        _worst(judged, relative=relative),
        threshold,
    )
    return rule, {item.file.file_id for item in odd}


def _change(found: Against, *, relative: bool) -> float:
    return 100 * found.change / found.expected if relative and found.expected else found.change


def _worst(judged: Sequence[_Odd], *, relative: bool) -> float | None:
    changes = [_change(item.found, relative=relative) for item in judged if item.found]
    return max(changes, key=abs, default=None)


def _in_words(judged: Sequence[_Odd], told: Sequence[_Odd], accepted: int, *, relative: bool) -> str:
    if told and (first := told[0].found):
        unit = f" ({_change(first, relative=relative):+.0f} %)" if relative else ""
        more = f", and {len(told) - 1} more files" if len(told) > 1 else ""
        return f"{told[0].file.path}: {first.value:,.4g} where {first.expected:,.4g} is usual{unit}{more}"
    unknown = sum(item.found is None for item in judged)
    said = "nothing odd" if unknown < len(judged) else "no file to judge"
    said += f"; {unknown} files without enough history" if unknown else ""
    return said + (f"; {accepted} odd files are accepted" if accepted else "")


def _example(item: _Odd) -> Mapping[str, object]:
    file, found = item.file, item.found
    day = {"day": f"{file.day}, a {_DAYS[file.day.weekday()]}"} if file.day else {}
    figures = {"found": f"{found.value:,.6g}", "usual": f"{found.expected:,.6g}"} if found else {}
    return {"file": file.path, **day, **figures}


def _freshness(lake: Session, source: str) -> Rule:
    """Whether the source has sent as its policy says; a warning, for no table is wrong for it."""
    policy = lake.catalog.policies[f"bronze_{source}"]
    now = clock.now()
    newest = lake.connection.execute(
        "select max(first_seen) from ops.files where source = ? and status = 'loaded'", [source]
    ).fetchall()[0][0]
    expected = f"a file {policy}" if policy.by else f"a file in the last {policy}"
    if newest is None:
        return Rule("newest_file", expected, "no file yet", False, severity="warn")
    hours = (now - newest).total_seconds() / 3600
    limit = (policy.late_from(newest) - newest).total_seconds() / 3600
    found = f"the newest came {hours:,.1f} hours ago"
    return Rule("newest_file", expected, found, hours <= limit, severity="warn", value=hours, threshold=limit)


def _validity(lake: Session, source: str) -> tuple[Rule, ...]:
    """Malformed and quarantined records of the newest files; of all files that count where too many of them block."""
    said = lake.catalog.load_checks[source]
    severity: Severity = said.severity.get("validity", "warn")
    files = profiles.last_loaded if severity == "warn" else profiles.live_files
    found = lake.connection.execute(
        f"""
        with broken as (
            select _file_id as file_id, count(*) as n from bronze.{quoted(source)}
            where _violations is not null and list_contains($files::bigint[], _file_id) group by all
        )
        select any_value(path), any_value(records_read), any_value(records_malformed) + coalesce(any_value(n), 0)
        from ops.files as files left join broken on files.file_id = broken.file_id
        where source = $source and status = 'loaded' and list_contains($files::bigint[], files.file_id)
        group by files.file_id order by any_value(path)
        """,
        {"files": files(lake.connection, source), "source": source},
    ).fetchall()
    rows = [(path, read, bad, 100 * bad / read if read else 0.0) for path, read, bad in found]
    over = [row for row in rows if row[3] > said.broken_pct and row[0] not in said.accepted]
    read, bad = sum(row[1] for row in rows), sum(row[2] for row in rows)
    worst = max((row[3] for row in rows), default=0.0)
    told = f"{bad:,} of {read:,} records" + (f"; {worst:.2f} % in the worst file" if bad else "")
    names = ("file", "records", "broken", "pct")
    return (
        Rule(
            "records_break_no_rule",
            f"at most {said.broken_pct:g} % of a file",
            told,
            not over,
            tuple(dict(zip(names, row, strict=True)) for row in over[:5]),
            severity,
            worst,
            said.broken_pct,
            1 - bad / read if read else 1.0,
        ),
    )
