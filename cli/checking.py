"""`assay check`: every check of the lake, and every record counted again."""

from __future__ import annotations

import uuid
from collections.abc import Iterator

from rich.markup import escape

from cli.console import err, out
from cli.running import prepare
from contracts.catalog import Catalog
from contracts.names import table_of
from resources.results import CheckResult, record
from resources.session import Session, open_session

PASSED, FAILED, NOT_EVALUATED = 0, 1, 2


def check() -> int:
    """Run everything and print a line for each check.

    Returns:
        0 when all passed, 1 when a check failed, 2 when a table that a check is about was never built.
    """
    settings = prepare()
    catalog = Catalog.read(settings.dbt_project)
    code = PASSED
    with (
        err.status("waiting for the lake") as spinner,
        open_session(settings, catalog, f"check-{uuid.uuid4()}", tell=spinner.update) as lake,
    ):
        missing = _never_built(lake)
        for table in missing:
            out.print(f"[yellow]not evaluated[/] {table} was never built; `assay run` builds it")
            code = NOT_EVALUATED
        spinner.update("checking")
        for result in results(lake, missing):
            record(lake.connection, result, lake.run_id)
            verdict = "[green]pass[/]" if result.passed else "[red]FAIL[/]"
            out.print(f"{verdict} {result.table} {result.check}: {escape(result.summary)}", highlight=False)
            code = code if result.passed else FAILED
    return code


def results(lake: Session, missing: set[str]) -> Iterator[CheckResult]:
    """Evaluate the contract of each table, then the conservation and the recount of each source."""
    from assets.checks import DESCRIPTIONS, run_check  # noqa: PLC0415 - imports Dagster
    from assets.recount_check import check_recount  # noqa: PLC0415

    for table, checks in sorted(lake.catalog.blocking_checks.items()):
        for name in checks:
            if name in DESCRIPTIONS and table not in missing:
                yield run_check(lake, table, name)
    for source in sorted(lake.catalog.contracts):
        silver = lake.catalog.silver_of(source)
        if silver and table_of(silver) not in missing:
            yield check_recount(lake, source, silver)


def _never_built(lake: Session) -> set[str]:
    built = {row[0] for row in lake.connection.execute("select table_name from ops.tables").fetchall()}
    return {table for table in lake.catalog.blocking_checks if table not in built}
