"""`assay report`: the state of the lake as one file of HTML to send."""

from __future__ import annotations

import time
from pathlib import Path

from rich.markup import escape

from assay.base import clock
from assay.base.atomic_write import place
from assay.base.errors import UserError
from assay.base.settings import Settings
from assay.cli.console import err
from assay.contract.catalog import Catalog
from assay.page.app import open_incidents
from assay.page.report import read_report, render_report
from assay.tables.dbt import parse_if_changed


class NotWritten(UserError):
    """The report cannot be written where it was asked for."""


def write(target: Path) -> None:
    """Write the report, in one step.

    Args:
        target: The file.

    Raises:
        NotWritten: It is a folder, or lies in one that is not there.
    """
    settings = Settings.from_env()
    if target.is_dir():
        raise NotWritten(f"{target} is a folder; name a file, such as {target / 'report.html'}")
    if not target.absolute().parent.is_dir():
        raise NotWritten(f"{target.absolute().parent}: there is no such folder; make it first")
    parse_if_changed(settings)
    now = clock.now()
    report = read_report(settings, Catalog.read(settings.dbt_project), open_incidents(settings), now)
    html = render_report(report, now).encode()
    place(target, html, mtime=time.time())
    err.print(
        f"[bold]assay:[/] {escape(str(target))} has {len(report.trusts):,} tables in {len(html):,} bytes: "
        f"{escape(report.verdict.sentence)}",
        highlight=False,
        soft_wrap=True,
    )
