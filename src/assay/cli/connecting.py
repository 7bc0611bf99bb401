"""`assay connect`: the one line with which a program reads what is published."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict

import typer
from rich.markup import escape

from assay.base.settings import Settings
from assay.cli.console import out
from assay.cli.published_lake import NothingPublished, published_lake
from assay.consumers.connect import Line, connection_lines
from assay.consumers.tables import find_table, shown_tables
from assay.publish.states import read_state


def show(tool: str, table: str, *, as_json: bool) -> None:
    """Print the line of one program, or the lines of all.

    Args:
        tool: As `polars`; empty for all.
        table: As `gold.daily_sales`; empty for the first that there is.
        as_json: For programs.

    Raises:
        NothingPublished: There is nothing to read yet.
        UnknownTable: Readers see no such table.
    """
    settings = Settings.from_env()
    with published_lake(settings) as connection:
        tables = shown_tables(connection)
    if not tables:
        raise NothingPublished("no table is published yet; `assay status` says what holds it back")
    name = find_table(tables, table) if table else tables[0]
    state = read_state(settings.published)
    has_parts = state is not None and name.table in state.tables and bool(state.tables[name.table].parts)
    every = connection_lines(settings.project, settings.published, name.table, has_parts=has_parts)
    lines = [line for line in every if tool in ("", line.tool)]
    if not lines:
        raise typer.BadParameter(
            f"{tool!r} is none of {', '.join(line.tool for line in every)}, which read {name}", param_hint="TOOL"
        )
    if as_json:
        sys.stdout.write(json.dumps([asdict(line) for line in lines], ensure_ascii=False, indent=2) + "\n")
    elif tool:
        sys.stdout.write(lines[0].line + "\n")
    else:
        _print(lines, name.table)


def _print(lines: list[Line], table: str) -> None:
    for line in lines:
        needs = f" [dim]({escape(line.note)})[/]" if line.note else ""
        out.print(f"[bold]{escape(line.title)}[/]{needs}", highlight=False, soft_wrap=True)
        out.print(f"  {escape(line.line)}", highlight=False, soft_wrap=True)
    out.print(
        f"\nEach reads {escape(table)}; --table names another. What is open stays as it was for a day after the next "
        "state is published: open it again to see the newest.",
        highlight=False,
        soft_wrap=True,
    )
