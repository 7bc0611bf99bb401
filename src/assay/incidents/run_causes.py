"""The causes that come from runs: failed runs, open breakers and late tables."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from datetime import UTC, datetime

from assay.base.log import brief
from assay.contract.catalog import Catalog
from assay.contract.names import TableName, layer_of, model_of
from assay.incidents.inputs import Inputs
from assay.incidents.lineage import LAKE_OWNER, owner_of
from assay.incidents.reconcile import Cause
from assay.incidents.unresolved_failures import UnresolvedFailure, all_assets, unresolved_failures
from assay.publish.delivery import sources_of

NAMED = 3
"""Sources and tables that a message about a breaker names."""


def failed_runs(inputs: Inputs) -> Iterator[Cause]:
    """Causes of kind `failed_run`: failed runs that no later one resolved, and that no open breaker explains."""
    resting = {failed.run_id for health in inputs.health.values() if health.is_open for failed in health.failures}
    told: set[str] = set()
    for failure in unresolved_failures(inputs.runs, all_assets(inputs.catalog)):
        domains = dict.fromkeys(_domain(inputs.catalog, message) for message in failure.run.messages)
        for domain in domains:
            if domain not in told and failure.run.run_id not in resting:
                told.add(domain)
                yield _failed_run(inputs, failure, domain)


def _failed_run(inputs: Inputs, failure: UnresolvedFailure, domain: str) -> Cause:
    run = failure.run
    is_retried = any(run.run_id == failed.run_id for health in inputs.health.values() for failed in health.failures)
    is_retried = is_retried and bool(run.asked_for)
    messages = [sentence for sentence in run.messages if _domain(inputs.catalog, sentence) == domain]
    models = {
        model
        for model in inputs.catalog.models
        if run.covers is None or TableName.of_model(model).asset_path in run.covers
    }
    owners = dict.fromkeys(owner_of(inputs.catalog, model) for model in sorted(models) if layer_of(model) == "bronze")
    asked = f", asked for {run.asked_for}" if run.asked_for else ""
    return Cause(
        kind="failed_run",
        subject=domain,
        owner=next(iter(owners)) if len(owners) == 1 else LAKE_OWNER,
        problem="; ".join(map(_head, messages)),
        tried=_tried(failure, is_retried=is_retried),
        affects=inputs.affects(*models),
        where=f"run {run.run_id}{asked}",
        since=datetime.fromtimestamp(run.ended, UTC),
        is_self_healing=is_retried,
    )


def _tried(failure: UnresolvedFailure, *, is_retried: bool) -> str:
    failed = "failed once" if failure.in_a_row == 1 else f"failed {failure.in_a_row} times in a row"
    if is_retried:
        return f"{failed}; the services try again soon"
    asked = "was asked for by hand" if not failure.run.asked_for else "did what it was asked for before it failed"
    return f"{failed}; it {asked}, and nothing tries it again"


def _domain(catalog: Catalog, message: str) -> str:
    """The domain of the step that a sentence begins with; all of the lake where it has none, or there is but one."""
    step = message.partition(": ")[0]
    if " " in step:
        return "lake"
    suffixes = sorted((suffix for suffix in catalog.named_domains if suffix), key=len, reverse=True)
    return next((suffix[1:] for suffix in suffixes if step.endswith(suffix)), "lake")


def open_breakers(inputs: Inputs) -> Iterator[Cause]:
    """Causes of kind `breaker_open`: one for all sources and tables that the same run failed for last."""
    by_run: dict[str, list[str]] = {}
    for subject in sorted(inputs.health, key=lambda subject: ("." in subject, subject)):  # sources first
        if inputs.health[subject].is_open:
            by_run.setdefault(inputs.health[subject].failures[0].run_id, []).append(subject)
    for run_id, subjects in by_run.items():
        health, models = inputs.health[subjects[0]], [_model(subject) for subject in subjects]
        again = datetime.fromtimestamp(health.tried_again_at(), UTC)
        last = health.failures[0]
        how = "in a way that can not pass by itself" if last.is_permanent else "in a row"
        more = f" and {len(subjects) - 1} more" if len(subjects) > 1 else ""
        yield Cause(
            kind="breaker_open",
            subject=subjects[0],
            owner=owner_of(inputs.catalog, models[0]),
            problem=f"runs fail for {subjects[0]}{more}: {_head(last.problem)}",
            tried=f"failed {len(health.failures)} times {how}; left alone until {again:%H:%M} UTC, then a run tries it",
            affects=inputs.affects(*models),
            where=f"{', '.join(subjects[:NAMED])}, run {run_id}",
            since=datetime.fromtimestamp(health.failures[-1].ended, UTC),
        )


def broken_promises(inputs: Inputs, told: Collection[Cause]) -> Iterator[Cause]:
    """Causes of kind `freshness_broken`: tables that lack a file which had to be in them by now.

    Args:
        inputs: All that decides.
        told: What is wrong besides. A failed run or check, or a source or table that is left alone, has told already
            what stands still for it.
    """
    if any(cause.kind == "failed_run" for cause in told):
        return
    stands = {_model(cause.subject) for cause in told if cause.kind in ("failed_check", "breaker_open")}
    for table, (waits_since, due) in sorted(inputs.facts.late.items()):
        model = model_of(table)
        if due >= inputs.now or model not in inputs.catalog.policies or stands & _same_domain(inputs.catalog, model):
            continue
        yield Cause(
            kind="freshness_broken",
            subject=table,
            owner=owner_of(inputs.catalog, model),
            problem=f"{table} lacks a file that landed at {waits_since:%Y-%m-%d %H:%M} UTC and had to be in it by "
            f"{due:%Y-%m-%d %H:%M} UTC ({inputs.catalog.policies[model]})",
            tried="the services rebuild it as soon as its inputs have passed their checks",
            affects=inputs.affects(model),
            where=f"{', '.join(sources_of(inputs.catalog, model))} → {table}",
            since=due,
        )


def _same_domain(catalog: Catalog, model: str) -> set[str]:
    """All models of the domain of one, which are published together."""
    return next(domain for domain in catalog.named_domains.values() if model in domain)


def _model(subject: str) -> str:
    """The model that a check, table or source is about."""
    return TableName.of_subject(subject.split(maxsplit=1)[0]).model


def _head(message: str) -> str:
    """The beginning of an error message, without what it may quote from data: messages leave the machine."""
    return brief(message, parts=3)
