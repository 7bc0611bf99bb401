"""Whether the simulated quarter went as promised: what was planted against what the lake says."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import dagster as dg

from assay.incidents import store
from assay.incidents.reconcile import Incident
from tests.simulation.plan import FIRST, Plan

if TYPE_CHECKING:
    from tests.simulation.quarter import Quarter

HOURS_AFTER_FULL = timedelta(hours=7)
"""A breaker that opened on the full disk is closed by a trial at the latest this long after it."""
Line = tuple[str, str, str, bool]


def report(quarter: Quarter, plan: Plan, seed: int, days: int, seconds: float) -> tuple[str, bool]:
    """The report as Markdown, and whether every line of it holds."""
    lines = list(_lines(quarter, plan, days))
    is_good = all(line[3] for line in lines) and not quarter.problems
    table = [
        f"| {what} | {planned} | {actual} | {'yes' if holds else '**NO**'} |" for what, planned, actual, holds in lines
    ]
    with store.opened(quarter.lab.settings.incidents) as connection:
        kinds = Counter((i.cause.kind, i.level) for i in store.all_incidents(connection))
        told = dict(connection.execute("select about, count(*) from messages group by about").fetchall())
    incidents = [f"| `{kind}` | {level} | {count} |" for (kind, level), count in sorted(kinds.items())]
    counted = ", ".join(f"{count:,} {name}" for name, count in sorted(quarter.counts.items()))
    text = [
        "# A simulated quarter",
        "",
        f"`make quarter`, seed {seed}: {days} days in {seconds / 60:.0f} minutes. {counted}.",
        "",
        "| what | planted | found | holds |",
        "|---|---|---|---|",
        *table,
        "",
        "| incidents | highest level | |",
        "|---|---|---|",
        *incidents,
        "",
        f"Messages made: {told}. Received: {len(quarter.messages)}.",
        *(["", "## Looks that failed while nothing was wrong with the disk", ""] if quarter.problems else []),
        *[f"- {problem}" for problem in quarter.problems[:20]],
    ]
    return "\n".join(text) + "\n", is_good


def _lines(quarter: Quarter, plan: Plan, days: int) -> Iterator[Line]:
    """(what, planted, found, whether it holds)."""
    end = FIRST + timedelta(days=days)
    events = Counter(event.what for event in plan.events if event.at < end)
    lab = quarter.lab
    [(rows, baskets)] = lab.rows("select count(*), count(distinct basket_id) from silver.transactions")
    yield "receipts in silver, each once", f"{quarter.baskets:,}", f"{rows:,}", rows == baskets == quarter.baskets
    [(gold,)] = lab.rows("select sum(receipt_lines)::bigint from gold.daily_sales")
    yield "receipts in gold", f"{quarter.baskets:,}", f"{gold:,}", gold == quarter.baskets
    odd = [name for name in ("transactions", "products") if not _is_conserved(quarter, name)]
    yield "sources of which every record is accounted for", "2", f"{2 - len(odd)}", not odd
    unfinished = [run for run in quarter.instance.get_runs() if not run.is_finished]
    yield "runs left over", "0", f"{len(unfinished)}", not unfinished
    dead = quarter.instance.get_runs_count(dg.RunsFilter(statuses=[dg.DagsterRunStatus.FAILURE]))
    yield (
        "runs killed with kill -9",
        f"{events['crash']}",
        f"{quarter.crashes} ({dead} runs failed in all)",
        (quarter.crashes >= 0.9 * events["crash"]),
    )
    with store.opened(lab.settings.incidents) as connection:
        incidents = store.all_incidents(connection)
        left = connection.execute("select count(*) from messages").fetchone()[0]
        sent = connection.execute("select count(*) from settled").fetchone()[0]
    yield (
        "incidents open at the end",
        "0",
        f"{sum(i.closed_at is None for i in incidents)}",
        all(i.closed_at for i in incidents),
    )
    yield from _planted(plan, incidents, end)
    late = lab.rows(
        "select count(*) from ops.deliveries where table_name = 'gold.product_performance' "
        "and published_at > landed_at + interval '6 hours 31 minutes'"
    )[0][0]
    yield (
        "files later than six hours in the table that may lag",
        "those of crashes and full disks",
        f"{late}",
        (late <= events["crash"] + 3 * events["full"]),
    )
    yield "messages that reached the receiver or were overtaken", f"{left}", f"{sent}", left == sent


def _planted(plan: Plan, incidents: list[Incident], end: datetime) -> Iterator[Line]:
    """Each fault has exactly one incident of its kind, and there is no incident without a fault."""
    windows: dict[str, list[tuple[datetime, datetime]]] = {
        "refused_file": [],
        "source_silent": [],
        "disk_nearly_full": [],
    }
    full: list[tuple[datetime, datetime]] = []
    begun: dict[str, datetime] = {}
    for event in (event for event in plan.events if event.at < end):
        if event.what in ("corrupt", "fill"):
            begun[event.what] = event.at
        elif event.what == "repair":
            windows["refused_file"].append((begun["corrupt"], event.at))
        elif event.what == "clear":
            windows["disk_nearly_full"].append((begun["fill"], event.at))
            full.append((begun["fill"], event.at + HOURS_AFTER_FULL))
    for first, last in plan.silent:
        if first == last:
            continue  # the file of the evening before is one since the last deadline
        begin = datetime(first.year, first.month, first.day, tzinfo=FIRST.tzinfo)
        if begin + timedelta(days=(last - first).days + 2) < end:
            windows["source_silent"].append((begin, begin + timedelta(days=(last - first).days + 1, hours=10)))
    for kind, planted in windows.items():
        mine = [i for i in incidents if i.cause.kind == kind]
        matched = sum(sum(begin <= i.opened_at <= until for i in mine) == 1 for begin, until in planted)
        yield (
            f"incidents `{kind}`, one for each fault",
            f"{len(planted)}",
            f"{len(mine)} for {matched} faults",
            (matched == len(planted) == len(mine)),
        )
    runs = [i for i in incidents if i.cause.kind == "failed_run"]
    crashes = [event.at for event in plan.events if event.what == "crash" and event.at < end]
    by_crash = sum(any(at <= i.opened_at <= at + timedelta(hours=1) for i in runs) for at in crashes)
    yield (
        "incidents `failed_run` of crashes, silent or told",
        f"{len(crashes)}",
        f"{by_crash}",
        by_crash >= len(crashes) - 3,
    )
    others = [
        i
        for i in incidents
        if i.cause.kind not in windows
        and not any(begin <= i.opened_at <= until for begin, until in full)
        and not (i.cause.kind == "failed_run" and any(at <= i.opened_at <= at + timedelta(hours=1) for at in crashes))
    ]
    examples = ", ".join(f"{i.cause.kind} {i.cause.subject} at {i.opened_at:%m-%d %H:%M}" for i in others[:5])
    yield "incidents that no fault explains", "0", f"{len(others)} {examples}", not others


def _is_conserved(quarter: Quarter, source: str) -> bool:
    status = quarter.lab.source(source)
    records, rows = status["records"], status["rows"]
    parts = sum(rows[name] for name in ("silver", "quarantined", "superseded", "duplicates"))
    return bool(records["read"] == rows["bronze"] + records["malformed"] and rows["bronze"] == parts)
