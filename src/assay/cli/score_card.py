"""`assay status`: the score card."""

from __future__ import annotations

import json
import sys
import time
from collections import Counter
from datetime import timedelta
from typing import Any

from rich.markup import escape
from rich.table import Table

from assay.base.clock import now
from assay.base.settings import Settings
from assay.checks.score import LAKE, sparkline, trends
from assay.cli import unclaimed
from assay.cli.console import out
from assay.cli.incidents import present
from assay.incidents.kinds import KINDS
from assay.incidents.reconcile import one_line
from assay.page.page import EMPTY, page_path
from assay.publish.heartbeat import standing_still
from assay.publish.reader import open_published
from assay.publish.status import Age, ages, latest_checks, read_status

COLOURS = {"pass": "green", "warn": "yellow", "FAIL": "red", "not evaluated": "red"}
BEST = 99.95  # shown as 100.0
SHOWN = 5
"""Incidents that are named, and changes of the columns of files."""
RECENT = timedelta(days=30)
"""How long such a change is news."""


def show(*, as_json: bool) -> None:
    """Print the status, as JSON or as tables."""
    settings = Settings.from_env()
    try:
        with open_published(settings.published) as connection:
            status = read_status(connection)
            checks = latest_checks(connection)
            scores = trends(connection)
            known = ages(connection)
    except FileNotFoundError:
        status, checks, scores, known = dict(EMPTY), [], {}, {}
    incidents = [incident for incident in present(settings) if not KINDS[incident.cause.kind].is_notice]
    status["incidents"] = len(incidents)
    without_source = unclaimed.look(settings)
    status["unclaimed"] = unclaimed.as_json(without_source)
    if as_json:
        sys.stdout.write(json.dumps(status, indent=2) + "\n")
        return
    for incident in incidents[:SHOWN]:
        line = one_line(f"{incident.cause.kind} {incident.cause.subject}: {incident.cause.problem}")
        out.print(f"[red]Incident[/] {escape(line)}", highlight=False)
    if incidents:
        out.print(f"{len(incidents)} open; `assay incidents` says whom they concern and what to do\n", highlight=False)
    if not status["sources"]:
        _say(unclaimed.lines(without_source))
        out.print("Nothing is published yet: put files into the landing zone and run `assay run`.")
        return
    out.print(_sources(status["sources"]))
    if checks:
        out.print(_checks(checks, scores, known))
    if scores:
        out.print(_quality(scores))
    _say(unclaimed.lines(without_source))
    for retired in status["retired"]:
        out.print(f"[yellow]Retired[/] {escape(retired['sentence'])}", highlight=False, soft_wrap=True)
    _say(_shapes(status["shape_changes"]))
    out.print(_published(status))
    for held in status["snapshots_held_back"]:
        do = held["decision"] or f"assay accept {held['path']} --because WHY lets it in"
        line = one_line(f"{held['path']} is held back: {held['because']}; {do}")
        out.print(f"[yellow]{escape(line)}[/]", highlight=False, soft_wrap=True)
    if still := standing_still(settings, time.time()):
        out.print(f"[yellow]{escape(still)}[/]", highlight=False)
    if page_path(settings).exists():
        out.print(f"The same on a page: {escape(str(page_path(settings)))}", highlight=False, soft_wrap=True)


def _shapes(changes: list[dict[str, Any]]) -> list[str]:
    """The last changes of the columns of files, and what makes a column of one that the contract does not name."""
    from assay.describing.proposed_yml import flow  # noqa: PLC0415 - pyarrow: a second that only a proposal should cost

    lines = []
    since = (now() - RECENT).isoformat()
    changes = [change for change in changes if change["changed_at"] >= since]
    for change in changes[:SHOWN]:
        line = f"{change['changed_at'][:16].replace('T', ' ')} {one_line(change['sentence'])}"
        if change["proposed_type"]:
            column = {"name": change["column"], "data_type": change["proposed_type"]}
            line += f"; for the contract: {flow({**column, 'config': {'meta': {'optional': True}}})}"
        lines.append(f"[yellow]Changed[/] {escape(line)}")
    if len(changes) > SHOWN:
        lines.append('older ones: assay query "select * from ops.schema_changes order by change_id desc"')
    return lines


def _say(lines: list[str]) -> None:
    for line in lines:
        out.print(line, highlight=False, soft_wrap=True)


def _sources(sources: object) -> Table:
    table = Table(title="Where every record went", title_justify="left")
    table.add_column("source")
    for name in (
        "files",
        "refused",
        "read",
        "malformed",
        "bronze",
        "silver",
        "quarantined",
        "superseded",
        "duplicates",
    ):
        table.add_column(name, justify="right")
    table.add_column("accounted for")
    for source in sources:  # type: ignore[attr-defined]
        files, records, rows = source["files"], source["records"], source["rows"]
        figures = [files["loaded"], files["refused"], records["read"], records["malformed"], *rows.values()]
        verdict = "[green]every record[/]" if source["is_conserved"] else "[red]NO[/]"
        table.add_row(source["source"], *[f"{figure:,}" for figure in figures], verdict)
    return table


def _checks(
    checks: list[tuple[str, str, str, str]],
    scores: dict[str, list[float]],
    known: dict[str, Age],
) -> Table:
    """A row for each table: the age of its data, its score with the trend, its checks, and what is wrong or odd."""
    table = Table(
        "table", "data as of", "score", "trend", "checks", "what is odd", title="Tables", title_justify="left"
    )
    for name in dict.fromkeys(name for name, *_ in checks):
        results = [(check, result, summary) for of, check, result, summary in checks if of == name]
        counts = Counter(result for _, result, _ in results)
        verdicts = ", ".join(f"[{COLOURS[result]}]{counts[result]} {result}[/]" for result in COLOURS if counts[result])
        odd = "\n".join(escape(f"{check}: {summary}") for check, result, summary in results if result != "pass")
        values = scores.get(name, [])
        score = f"{values[-1]:.1f}" if values else ""
        table.add_row(name, _age(known.get(name)), score, sparkline(values), verdicts, odd)
    return table


def _age(age: Age | None) -> str:
    """When the newest file landed that the table contains; yellow while others wait, red when they are late."""
    if age is None or age.as_of is None:
        return ""
    text, due = f"{age.as_of:%Y-%m-%d %H:%M}", age.due
    if due is None:
        return text
    return f"[red]{text}, late since {due:%H:%M}[/]" if due < now() else f"[yellow]{text}, due {due:%H:%M}[/]"


def _quality(scores: dict[str, list[float]]) -> str:
    """The lake's score with its trend, and the tables that are worst."""
    lake = scores[LAKE]
    worst = sorted((values[-1], table) for table, values in scores.items() if table != LAKE)
    named = ", ".join(f"{table} {value:.1f}" for value, table in worst[:3] if value < BEST)
    return f"Quality {lake[-1]:.1f} of 100 {sparkline(lake)}" + (f", least in {named}" if named else "")


def _published(status: dict[str, object]) -> str:
    held = status["held_back"]
    if isinstance(held, dict):
        reasons = "\n".join(f"  - {escape(reason)}" for reason in held["because"])
        return f"[yellow]Readers see an older state since {held['since']}, because[/]\n{reasons}"
    return f"Readers see everything that is stored, published at {status['published_at']}."
