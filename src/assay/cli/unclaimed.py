"""Files that no source claims, in `assay status`, `assay files --unclaimed` and `assay doctor`, listed live."""

from __future__ import annotations

from typing import Any

from rich.markup import escape
from rich.table import Table

from assay.base.settings import Settings
from assay.cli.console import out
from assay.cli.findings import Finding
from assay.contract.catalog import Catalog
from assay.contract.errors import ContractError
from assay.ledger.ignored import IGNORE_FILE
from assay.ledger.unclaimed import Unclaimed, list_unclaimed
from assay.publish.reader import published_archives
from assay.tables.dbt import parse_if_changed

NAMED = 5
"""Files that a line names."""
IN_JSON = 100
"""Files that `assay status --json` lists."""
DO = f"rename or move them, change `files` of a contract, or name them in landing/{IGNORE_FILE}"


def look(settings: Settings) -> Unclaimed | None:
    """The unclaimed files under the contracts as they were parsed last; None when these cannot be read."""
    try:
        catalog = Catalog.read(settings.dbt_project)
    except (FileNotFoundError, ContractError):
        return None
    return list_all(settings, catalog)


def list_all(settings: Settings, catalog: Catalog) -> Unclaimed:
    """The unclaimed files of a lake, and the unclaimed members of archives that a run has opened."""
    return list_unclaimed(settings.landing, list(catalog.contracts.values()), published_archives(settings.published))


def as_json(unclaimed: Unclaimed | None) -> dict[str, Any] | None:
    """The number and size of all unclaimed files, and the first ones with their likely reasons, for `--json`."""
    if unclaimed is None:
        return None
    files = [
        {
            "path": file.path,
            "bytes": file.size_bytes,
            "since": file.since.isoformat() if file.since else None,
            "hint": hint,
        }
        for file, hint in unclaimed.files[:IN_JSON]
    ]
    return {"count": unclaimed.count, "bytes": unclaimed.size_bytes, "files": files, "problem": unclaimed.problem}


def lines(unclaimed: Unclaimed | None) -> list[str]:
    """What `assay status` prints, as markup; nothing when every file is claimed or ignored."""
    if unclaimed is None:
        return ["[yellow]Whether files are claimed by no source is not known:[/] `assay doctor` says what is wrong"]
    messages = [f"[red]{escape(unclaimed.problem)}[/]"] if unclaimed.problem else []
    if unclaimed.count:
        messages.append(f"[yellow]{escape(unclaimed.in_words(NAMED))}[/]; `assay files --unclaimed` says why")
    return messages


def show() -> None:
    """Print the unclaimed files, each with its likely reason."""
    settings = Settings.from_env()
    parse_if_changed(settings)
    catalog = Catalog.read(settings.dbt_project)
    unclaimed = list_all(settings, catalog)
    if unclaimed.problem:
        out.print(f"[red]{escape(unclaimed.problem)}[/]", highlight=False)
    if not unclaimed.count:
        out.print("every file in landing is claimed by a source or ignored by a rule")
        return
    table = Table("file in landing", "bytes", "since", "why, probably")
    for file, hint in unclaimed.files:
        since = f"{file.since:%Y-%m-%d %H:%M:%S}" if file.since else ""
        table.add_row(escape(file.shown), f"{file.size_bytes:,}", since, escape(hint))
    out.print(table)
    more = unclaimed.count - len(unclaimed.files)
    out.print(f"{f'and {more:,} more; ' if more else ''}{DO}", highlight=False)


def finding(unclaimed: Unclaimed) -> Finding:
    """The finding of `assay doctor` about unclaimed files."""
    if unclaimed.problem:
        return Finding("problem", "unclaimed", unclaimed.problem, "put it right, or remove it")
    if not unclaimed.count:
        return Finding("ok", "unclaimed", "every file in landing is claimed by a source or ignored by a rule")
    file, hint = unclaimed.files[0]
    return Finding("warning", "unclaimed", f"{unclaimed.in_words(NAMED)}; {file.shown} {hint}", DO)
