"""`assay slo`: how well each table kept its freshness SLO in the last week, month and quarter."""

from __future__ import annotations

import json
import sqlite3
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict

from rich.table import Table

from assay.base import clock
from assay.base.settings import Settings
from assay.cli.console import out
from assay.cli.published_lake import NothingPublished
from assay.contract.catalog import Catalog
from assay.contract.names import TableName, model_of
from assay.incidents import store
from assay.incidents.slo_history import Record, read_record
from assay.publish.reader import open_published
from assay.publish.slo import OBJECTIVE, Level
from assay.tables.dbt import parse_if_changed

SPANS = (7, 30, 90)


def show(*, as_json: bool) -> None:
    """Print service levels of 7, 30 and 90 days.

    Args:
        as_json: For programs: one object per table and span.

    Raises:
        NothingPublished: No run has ended yet.
    """
    settings = Settings.from_env()
    parse_if_changed(settings)
    catalog = Catalog.read(settings.dbt_project)
    now = clock.now()
    try:
        with open_published(settings.published) as published, _incidents(settings) as incidents:
            record = read_record(published, incidents, catalog, now)
    except FileNotFoundError:
        raise NothingPublished("nothing is published yet; run `assay run` first") from None
    levels_by_table = {table: [record.level(table, now, days) for days in SPANS] for table in _tables(record)}
    if as_json:
        rows = [
            {"table": table, "days": days, **asdict(level), "budget_left": level.budget_left}
            for table, levels in levels_by_table.items()
            for days, level in zip(SPANS, levels, strict=True)
        ]
        sys.stdout.write(json.dumps(rows, indent=2) + "\n")
        return
    policies = {table: str(catalog.policies[model_of(table)]) for table in levels_by_table}
    out.print(_page(levels_by_table, policies))
    out.print(
        f"Objective: {OBJECTIVE:.0%} of the time within the promise. Budget: what is left of the other "
        f"{1 - OBJECTIVE:.0%}; below 0 more went wrong than that. docs/service-levels.md has the formulas."
    )


@contextmanager
def _incidents(settings: Settings) -> Iterator[sqlite3.Connection | None]:
    """The store that also has the outcomes of runs; None before the first look at the lake."""
    try:
        with store.opened(settings.incidents) as connection:
            yield connection
    except FileNotFoundError:
        yield None


def _tables(record: Record) -> list[str]:
    """The tables of a record, gold first."""
    return sorted(record.arrivals, key=lambda table: (TableName.parse(table).layer != "gold", table))


def _page(levels_by_table: dict[str, list[Level]], policies: dict[str, str]) -> Table:
    table = Table("table", "promise", title="Service levels", title_justify="left")
    for days in SPANS:
        table.add_column(f"{days} days\nin time", justify="right")
        table.add_column("\nbudget", justify="right")
    for name in ("runs\ngood", f"{SPANS[-1]} days\np50", "\np95"):
        table.add_column(name, justify="right")
    for name, levels in levels_by_table.items():
        cells = [cell for level in levels for cell in (f"{100 * level.fresh_share:.2f} %", _budget(level))]
        last = levels[-1]
        runs = f"{last.runs_good} of {last.runs}" if last.runs else ""
        table.add_row(name, policies[name], *cells, runs, _seconds(last.p50_seconds), _seconds(last.p95_seconds))
    return table


def _budget(level: Level) -> str:
    left = level.budget_left
    colour = "red" if left < 0 else "yellow" if left < 1 / 4 else "green"
    return f"[{colour}]{100 * left:,.0f} %[/]"


def _seconds(seconds: float | None) -> str:
    """A time in the unit that fits: `8 s`, `12 min`, `5 h`."""
    if seconds is None:
        return ""
    for size, unit in ((3600, "h"), (60, "min")):
        if seconds >= 2 * size:
            return f"{seconds / size:,.0f} {unit}"
    return f"{seconds:,.1f} s"
