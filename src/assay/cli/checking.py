"""`assay check`: every check of the lake, and every record counted again."""

from __future__ import annotations

import tempfile
import time
import uuid
from collections.abc import Iterator, Sequence
from fnmatch import fnmatchcase
from pathlib import Path

from rich.markup import escape

from assay.base import log
from assay.base.settings import Settings
from assay.checks.results import CheckResult
from assay.checks.session import Session
from assay.cli.check_report import NEVER_BUILT, write_junit, write_summary
from assay.cli.console import out, progress
from assay.cli.outcome import report
from assay.cli.running import prepare, run_once
from assay.contract.catalog import Catalog
from assay.contract.errors import ContractError
from assay.contract.names import table_of
from assay.publish.run_session import open_session
from assay.tables.dbt import build

PASSED, FAILED, NOT_EVALUATED = 0, 1, 2
_SHOWN = {"pass": "[green]pass[/]", "warn": "[yellow]warn[/]", "fail": "[red]FAIL[/]"}


def check(
    select: str = "", junit: Path | None = None, summary: Path | None = None, fixtures: Path | None = None
) -> int:
    """Run everything and print a line for each check.

    Args:
        select: Tables or patterns, e.g. `gold.*,silver.products`; empty for all.
        junit: A file for JUnit XML.
        summary: A file for Markdown.
        fixtures: A folder with files as in the landing zone, to build a lake from; None for the lake that is there.

    Returns:
        0 when all passed or only warned, 1 when a check failed, 2 when none failed and one could not be evaluated.

    Raises:
        ContractError: The selection names no table that has checks, or the fixtures are no folder.
    """
    if fixtures is None:
        return _check(prepare(), select, junit, summary)
    if not fixtures.is_dir():
        raise ContractError(
            f"--fixtures {str(fixtures)!r} is not a folder; expected one with files as in the landing zone"
        )
    with tempfile.TemporaryDirectory(prefix="assay-check-") as folder:
        settings = Settings.from_env().model_copy(update={"home": Path(folder) / "lake", "settle_seconds": 0.0})
        settings.landing.parent.mkdir(parents=True)
        settings.landing.symlink_to(fixtures.absolute(), target_is_directory=True)
        with progress("building a lake of the fixtures") as tell:
            report(outcome := run_once(prepare(settings), "", [], tell=tell))
        exit_code = _check(settings, select, junit, summary)
        return exit_code if outcome.success or exit_code == FAILED else NOT_EVALUATED


def _check(settings: Settings, select: str, junit: Path | None, summary: Path | None) -> int:
    catalog = Catalog.read(settings.dbt_project)
    tables = _selected(catalog, select)
    check_results: list[CheckResult] = []
    run_id, began = f"check-{uuid.uuid4()}", time.perf_counter()
    log.info("run begun", run=run_id)
    with (
        progress("waiting for the lake") as tell,
        open_session(settings, catalog, run_id, tell=tell) as lake,
    ):
        missing = _never_built(lake, tables)
        for table in missing:
            out.print(f"[yellow]not evaluated[/] {table} {NEVER_BUILT}")
        tell("checking")
        for evaluated in results(lake, [table for table in tables if table not in missing]):
            [result] = lake.keep(evaluated)
            verdict = _SHOWN.get(result.verdict, f"[yellow]{result.verdict}[/]")
            out.print(f"{verdict} {result.table} {result.check}: {escape(result.summary)}", highlight=False)
            if result.history:
                out.print(f"{result.table}: {escape(result.history)}", highlight=False, soft_wrap=True)
            check_results.append(result)
    verdicts = {result.verdict for result in check_results}
    outcome = "failed" if "fail" in verdicts else "succeeded"
    log.info("run ended", run=run_id, seconds=round(time.perf_counter() - began, 3), outcome=outcome)
    if junit:
        write_junit(junit, check_results, missing)
    if summary:
        write_summary(summary, check_results, missing)
    if "fail" in verdicts:
        return FAILED
    return NOT_EVALUATED if missing or "not evaluated" in verdicts else PASSED


def results(lake: Session, tables: Sequence[str]) -> Iterator[CheckResult]:
    """Evaluate every check of each table, dbt's data tests, and the recount of each source."""
    from assay.checks.data_test import as_check  # noqa: PLC0415
    from assay.checks.recount_check import check_recount  # noqa: PLC0415
    from assay.orchestration.checks import run_check  # noqa: PLC0415 - imports Dagster

    for table in tables:
        for name in lake.catalog.checks.get(table, ()):
            yield run_check(lake, table, name)
    tests = lake.catalog.tests(model for model in lake.catalog.models if table_of(model) in tables)
    names = sorted(node["name"] for node in tests.values())
    done = build(lake.settings, names, run_id=lake.run_id) if names else ()
    for result in sorted(done, key=lambda result: result.name):
        yield as_check(lake, result)
    for source in sorted(lake.catalog.contracts):
        silver = lake.catalog.silver_of(source)
        if silver and table_of(silver) in tables:
            yield check_recount(lake, source, silver)


def _selected(catalog: Catalog, select: str) -> list[str]:
    every = sorted(catalog.checks)
    patterns = [part.strip().replace("/", ".") for part in select.split(",") if part.strip()]
    for pattern in patterns:
        if not any(fnmatchcase(table, pattern) for table in every):
            raise ContractError(f"--select {pattern!r} names no table with checks; there are {', '.join(every)}")
    return [table for table in every if not patterns or any(fnmatchcase(table, pattern) for pattern in patterns)]


def _never_built(lake: Session, tables: Sequence[str]) -> list[str]:
    built = {row[0] for row in lake.connection.execute("select table_name from ops.tables").fetchall()}
    return [table for table in tables if table not in built]
