"""What is wrong now: a pure decision over what is published, the runs that ended, the disk and the clock."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

from contracts.catalog import Catalog
from contracts.names import table_of
from resources.delivery import sources_of
from resources.incidents.reconcile import Cause
from resources.log import brief
from sensors.facts import Facts, Refused, Verdict
from sensors.lineage import LAKE_OWNER, affects, owner_of
from sensors.retries import Health, Tried
from sensors.unmended import Standing, all_assets, standing_failures

FREE_PCT = 5.0
"""A disk with less than this free slows down and is soon full; file systems keep as much for themselves."""
WAREHOUSES = 3.0
"""Free space, in sizes of the warehouse: publishing copies what readers see, and the last three copies are kept."""
AGAIN = 1.1
"""How much more than these limits ends the incident, so that a disk at the limit is not told with each file."""
OTHERS = 3
"""Refused files that a message names, of which the first with its reason."""
GIGABYTE = 1_000_000_000


@dataclass(frozen=True)
class Disk:
    """Sizes in bytes."""

    total: int
    free: int
    warehouse: int


@dataclass(frozen=True)
class Look:
    """All that decides what is wrong.

    Attributes:
        catalog: The project.
        facts: What is published.
        runs: The last runs, newest first.
        disk: Of the lake.
        now: The time.
        present: Kind and subject of the open incidents.
        lies_there: Whether a path of a source is still in landing.
        health: How things stand with each source and table that runs may fail for.
    """

    catalog: Catalog
    facts: Facts
    runs: tuple[Tried, ...]
    disk: Disk
    now: datetime
    present: Collection[tuple[str, str]] = ()
    lies_there: Callable[[str, str], bool] = lambda _source, _path: True
    health: Mapping[str, Health] = field(default_factory=dict)

    def affects(self, *models: str) -> str:
        """The line of a message that names the tables downstream."""
        return affects(self.catalog, set(models), self.facts.shown, self.now)


def causes(look: Look) -> list[Cause]:
    """Everything that is wrong now, each thing once: a late table is told only where nothing else explains it."""
    told = [
        *_failed_runs(look),
        *_failed_checks(look),
        *_refused_files(look),
        *_broken_records(look),
        *_silent_sources(look),
        *_disk(look),
        *open_breakers(look),
    ]
    return [*told, *broken_promises(look, told)]


def broken_promises(look: Look, told: Collection[Cause]) -> Iterator[Cause]:
    """Tables that lack a file which had to be in them by now, of kind `freshness_broken`.

    Args:
        look: All that decides.
        told: What is wrong besides. A failed run or check, or a source or table that is left alone, has told already
            what stands still for it.
    """
    if any(cause.kind == "failed_run" for cause in told):
        return
    stands = {_model(cause.subject) for cause in told if cause.kind in ("failed_check", "breaker_open")}
    for table, (waits_since, due) in sorted(look.facts.late.items()):
        model = table.replace(".", "_", 1)
        if due >= look.now or model not in look.catalog.policies or stands & _same_domain(look.catalog, model):
            continue
        yield Cause(
            kind="freshness_broken",
            subject=table,
            owner=owner_of(look.catalog, model),
            problem=f"{table} lacks a file that landed at {waits_since:%Y-%m-%d %H:%M} UTC and had to be in it by "
            f"{due:%Y-%m-%d %H:%M} UTC ({look.catalog.policies[model]})",
            tried="the services rebuild it as soon as its inputs have passed their checks",
            affects=look.affects(model),
            where=f"{', '.join(sources_of(look.catalog, model))} → {table}",
            since=due,
        )


def _model(subject: str) -> str:
    """The model that a check, table or source is about."""
    name = subject.split(maxsplit=1)[0]
    return name.replace(".", "_", 1) if "." in name else f"bronze_{name}"


def _same_domain(catalog: Catalog, model: str) -> set[str]:
    """Models that readers see new states of together with one."""
    return next(domain for domain in catalog.named_domains.values() if model in domain)


def open_breakers(look: Look) -> Iterator[Cause]:
    """Sources and tables that are left alone, of kind `breaker_open`: one for all that the same run failed for last."""
    by_run: dict[str, list[str]] = {}
    for subject in sorted(look.health, key=lambda subject: ("." in subject, subject)):  # sources first
        if look.health[subject].is_open:
            by_run.setdefault(look.health[subject].failures[0].run_id, []).append(subject)
    for run_id, subjects in by_run.items():
        health, models = look.health[subjects[0]], [_model(subject) for subject in subjects]
        again = datetime.fromtimestamp(health.tried_again_at(), UTC)
        last = health.failures[0]
        how = "in a way that can not pass by itself" if last.is_permanent else "in a row"
        more = f" and {len(subjects) - 1} more" if len(subjects) > 1 else ""
        yield Cause(
            kind="breaker_open",
            subject=subjects[0],
            owner=owner_of(look.catalog, models[0]),
            problem=f"runs fail for {subjects[0]}{more}: {_head(last.problem)}",
            tried=f"failed {len(health.failures)} times {how}; left alone until {again:%H:%M} UTC, then a run tries it",
            affects=look.affects(*models),
            where=f"{', '.join(subjects[:OTHERS])}, run {run_id}",
            since=datetime.fromtimestamp(health.failures[-1].ended, UTC),
        )


def _head(said: str) -> str:
    """What an error says without what it may quote from data: messages leave the machine."""
    return brief(said, parts=3)


def _failed_runs(look: Look) -> Iterator[Cause]:
    """Failed runs that nothing made good; not those for which a breaker is open, which tells more."""
    resting = {failed.run_id for health in look.health.values() if health.is_open for failed in health.failures}
    told: set[str] = set()
    for failure in standing_failures(look.runs, all_assets(look.catalog)):
        domains = dict.fromkeys(_domain(look.catalog, said) for said in failure.run.said)
        for domain in domains:
            if domain not in told and failure.run.run_id not in resting:
                told.add(domain)
                yield _failed_run(look, failure, domain)


def _failed_run(look: Look, failure: Standing, domain: str) -> Cause:
    run = failure.run
    is_retried = any(run.run_id == failed.run_id for health in look.health.values() for failed in health.failures)
    is_retried = is_retried and bool(run.asked_for)
    said = [sentence for sentence in run.said if _domain(look.catalog, sentence) == domain]
    models = {
        model for model in look.catalog.models if not run.covers or table_of(model).replace(".", "/") in run.covers
    }
    owners = dict.fromkeys(owner_of(look.catalog, model) for model in sorted(models) if model.startswith("bronze_"))
    asked = f", asked for {run.asked_for}" if run.asked_for else ""
    return Cause(
        kind="failed_run",
        subject=domain,
        owner=next(iter(owners)) if len(owners) == 1 else LAKE_OWNER,
        problem="; ".join(map(_head, said)),
        tried=_tried(failure, is_retried=is_retried),
        affects=look.affects(*models),
        where=f"run {run.run_id}{asked}",
        since=datetime.fromtimestamp(run.ended, UTC),
        is_self_healing=is_retried,
    )


def _tried(failure: Standing, *, is_retried: bool) -> str:
    failed = "failed once" if failure.in_a_row == 1 else f"failed {failure.in_a_row} times in a row"
    if is_retried:
        return f"{failed}; the services try again soon"
    asked = "was asked for by hand" if not failure.run.asked_for else "did what it was asked for before it failed"
    return f"{failed}; it {asked}, and nothing tries it again"


def _domain(catalog: Catalog, said: str) -> str:
    """The domain of the step that a sentence begins with; all of the lake where it has none, or there is but one."""
    step = said.partition(": ")[0]
    if " " in step:
        return "lake"
    suffixes = sorted((suffix for suffix in catalog.named_domains if suffix), key=len, reverse=True)
    return next((suffix[1:] for suffix in suffixes if step.endswith(suffix)), "lake")


def _failed_checks(look: Look) -> Iterator[Cause]:
    """One for each check that blocks; `validity` and `freshness` have kinds of their own."""
    tests = {str(test["name"]) for test in look.catalog.tests(look.catalog.models).values()}
    for verdict in look.facts.verdicts:
        is_own = verdict.check in ("validity", "freshness") and verdict.table.startswith("bronze.")
        known = {*look.catalog.checks.get(verdict.table, ()), *tests}
        model = verdict.table.replace(".", "_", 1)
        if verdict.verdict == "warn" or is_own or verdict.check not in known or model not in look.catalog.models:
            continue
        said = "failed" if verdict.verdict == "fail" else "could not be evaluated"
        yield Cause(
            kind="failed_check",
            subject=f"{verdict.table} {verdict.check}",
            owner=owner_of(look.catalog, model),
            problem=f"check {verdict.check} of {verdict.table} {said}: {verdict.summary}",
            tried="nothing is built on it, and readers keep the last good state",
            affects=look.affects(model),
            where=_place(verdict),
            since=verdict.checked_at,
        )


def _refused_files(look: Look) -> Iterator[Cause]:
    """One for each source: five hundred files of a source that was changed are one thing to do, not five hundred."""
    for source, contract in look.catalog.contracts.items():
        files = [file for file in look.facts.refused.get(source, ()) if look.lies_there(source, file.path)]
        if files:
            yield Cause(
                kind="refused_file",
                subject=source,
                owner=contract.owner,
                problem=_refused(files),
                tried="nothing: a refused file is not tried again until it or its contract changes",
                affects=look.affects(f"bronze_{source}"),
                where=f"landing/{files[0].path} → bronze.{source}, run {files[0].run_id}",
                since=min(file.first_seen for file in files),
            )


def _refused(files: list[Refused]) -> str:
    first = f"{files[0].path}: {brief(files[0].reason)}"
    if len(files) == 1:
        return f"1 file was refused: {first}"
    others = ", ".join(file.path for file in files[1:OTHERS])
    return f"{len(files):,} files were refused: {first}; also {others}" + (" and more" if len(files) > OTHERS else "")


def _broken_records(look: Look) -> Iterator[Cause]:
    for verdict in look.facts.verdicts:
        layer, source = verdict.table.split(".", 1)
        if layer == "bronze" and verdict.check == "validity" and source in look.catalog.contracts:
            yield Cause(
                kind="quarantine_over_budget",
                subject=source,
                owner=look.catalog.contracts[source].owner,
                problem=verdict.summary,
                tried="the broken records are kept in quarantine, the others are loaded",
                affects=look.affects(f"bronze_{source}"),
                where=_place(verdict),
                since=verdict.checked_at,
            )


def _silent_sources(look: Look) -> Iterator[Cause]:
    """Sources without a loaded file for longer than their yml allows, by the clock: silence makes no run."""
    for source, contract in look.catalog.contracts.items():
        policy = look.catalog.policies.get(f"bronze_{source}")
        last = look.facts.newest.get(source) or look.facts.began
        if policy is None or last is None or look.now <= policy.late_from(last):
            continue
        newest = f"the newest came at {last:%Y-%m-%d %H:%M} UTC" if source in look.facts.newest else "none has come yet"
        yield Cause(
            kind="source_silent",
            subject=source,
            owner=contract.owner,
            problem=f"no file of {source} has come in time ({policy}); {newest}",
            tried="the landing zone is looked at every few seconds while the services run",
            affects=look.affects(f"bronze_{source}"),
            where=f"landing/{contract.files} → bronze.{source}",
            since=policy.late_from(last),
        )


def _disk(look: Look) -> Iterator[Cause]:
    disk = look.disk
    needed = max(FREE_PCT / 100 * disk.total, WAREHOUSES * disk.warehouse)
    if ("disk_nearly_full", "disk") in look.present:
        needed *= AGAIN
    if disk.free < needed:
        yield Cause(
            kind="disk_nearly_full",
            subject="disk",
            owner=LAKE_OWNER,
            problem=f"{disk.free / GIGABYTE:,.0f} of {disk.total / GIGABYTE:,.0f} GB are free, "
            f"{needed / GIGABYTE:,.0f} are needed",
            tried="nothing: what is to go is for a person to say",
            affects="every run and every table",
            where="the disk of the lake's folder",
            since=look.now,
        )


def _place(verdict: Verdict) -> str:
    return f"{verdict.table}, check {verdict.check}, run {verdict.run_id}"
