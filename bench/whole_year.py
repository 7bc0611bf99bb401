"""The demo's year of all sources: Assay in one run and in 52 weekly ones, against the SQL of its models alone.

The SQL is what dbt compiles of the same models (see `plain_project`), run model by model in one DuckDB process over the
same files: bronze, silver and gold as tables, built whole once. It has no ledger, no verdict, no check and no
publishing. Assay's runs are made in one process that has imported everything.
"""

from __future__ import annotations

import json
import os
import time
from contextlib import chdir
from datetime import date, timedelta
from pathlib import Path

import duckdb
from growth import run
from plain_project import write_project
from report import Table, settings_of

from assay.base.settings import Settings
from assay.contract.catalog import Catalog
from demo.replay import replay

FIRST = date(2017, 1, 1)
WEEKS = 52
_LAYERS = ("bronze", "silver", "gold")


def tables(folder: Path, catalog: Catalog, weeks: int = WEEKS) -> list[Table]:
    """One table: the SQL alone twice, the year in one run twice, and week by week once."""
    table = Table(f"{weeks} weeks of all sources, from files to gold", "the SQL alone")
    once = settings_of(home=folder / "once")
    replay(once.landing, FIRST, FIRST + timedelta(days=7 * weeks - 1))
    statements = compiled(folder / "plain", once.landing, catalog)
    works = {
        "the SQL alone": lambda: sql_alone(folder / "sql.duckdb", statements),
        "one run": lambda: _whole_run(folder, once),
    }
    table.measure(works, 2)
    weekly = settings_of(home=folder / "weekly")
    table.rows["weekly runs"] = [_weekly(weekly, weeks)]
    table.notes["weekly runs"] = f"{weeks} runs, one after the other; the files of a week are written in between"
    return [table]


def compiled(project: Path, landing: Path, catalog: Catalog) -> dict[str, str]:
    """The SQL of each model by its table, in the order in which they are built."""
    from dbt.cli.main import dbtRunner  # noqa: PLC0415 - only here

    write_project(project, catalog)
    home = project / "home"
    home.mkdir()
    (home / "landing").symlink_to(landing.resolve())
    os.environ["PLAIN_HOME"] = str(home)
    folders = ["--project-dir", str(project / "dbt"), "--profiles-dir", str(project / "dbt")]
    with chdir(project):
        done = dbtRunner().invoke(["--quiet", "compile", *folders])
    if not done.success:
        raise RuntimeError(f"dbt could not compile the plain project: {done.exception or done.result}")
    nodes = json.loads((project / "dbt" / "target" / "manifest.json").read_text())["nodes"].values()
    models = sorted(
        (node for node in nodes if node["resource_type"] == "model"), key=lambda node: _LAYERS.index(node["schema"])
    )
    return {f"{node['schema']}.{node['alias']}": node["compiled_code"] for node in models}


def sql_alone(warehouse: Path, statements: dict[str, str]) -> str:
    """Build each table whole in a new warehouse; gives the rows of gold."""
    warehouse.unlink(missing_ok=True)
    with duckdb.connect(str(warehouse)) as connection:
        connection.execute("set timezone = 'UTC'")
        for layer in _LAYERS:
            connection.execute(f"create schema {layer}")
        catalog = warehouse.stem
        for table, statement in statements.items():
            query = statement.replace('"plain".', f'"{catalog}".')
            connection.execute(f"create table {table} as {query}")
        rows = sum(
            connection.execute(f"select count(*) from {table}").fetchall()[0][0]
            for table in statements
            if table.startswith("gold.")
        )
    return f"{rows:,} rows of gold"


def _whole_run(folder: Path, landed: Settings) -> str:
    """Run a new lake over the files of another."""
    settings = settings_of(home=folder / f"run {time.monotonic_ns()}")
    settings.home.mkdir()
    settings.landing.symlink_to(landed.landing.resolve())
    run(settings)
    return f"warehouse of {settings.warehouse.stat().st_size / 1e9:.2f} GB"


def _weekly(settings: Settings, weeks: int) -> float:
    """Seconds of all runs; writing the files is not counted."""
    seconds = 0.0
    for week in range(weeks):
        first = FIRST + timedelta(days=7 * week)
        replay(settings.landing, first, first + timedelta(days=6))
        began = time.perf_counter()
        run(settings)
        seconds += time.perf_counter() - began
    return seconds
