"""1,000,000 rows of six columns from PostgreSQL, whole processes: into landing, and up to gold.

Bare postgres_scanner, which writes the table into a Parquet file and knows nothing else, is the limit of the first;
dlt by connectorx into DuckDB, with gold by SQL, is the rival of the second. Assay's part is `assay feed run --once`
and, up to gold, `assay run` with the ledger, the verdict, silver, checks and publishing.
"""

from __future__ import annotations

import os
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any
from urllib.parse import quote

import duckdb
import psycopg
import yaml
from latency import ASSAY_COMMAND
from report import Table
from services import free_port, services

from assay.cli.init import init
from tests.postgres import PASSWORD, Server, binaries

HERE = Path(__file__).parent
ASSAY = Path(sys.executable).with_name("assay")
ROWS = 1_000_000
LIMIT = 120.0
COLUMNS = {
    "id": "bigint",
    "amount": "decimal(12,2)",
    "note": "varchar",
    "updated_at": "timestamp with time zone",
    "is_open": "boolean",
    "day": "date",
}
_MADE = """
    create table shop.orders as select i::bigint as id, ((i % 9999) / 100.0)::numeric(12, 2) as amount,
        'note ' || md5(i::text) as note, timestamptz '2026-01-01' + make_interval(secs => i) as updated_at,
        i % 2 = 0 as is_open, date '2026-01-01' + (i % 365)::integer as day from generate_series(1, {}) as made(i);
    alter table shop.orders add primary key (id)
"""
_GOLD = (
    "select day, count(*) as orders, sum(amount) as amount_usd from {{ ref('silver_orders') }} "
    "where {{ assay.affected('day') }} group by day\n"
)


def tables(folder: Path, python: Path, rows: int = ROWS) -> list[Table]:
    """One table for the way into landing, one for the way to gold.

    Args:
        folder: Where lakes and warehouses go.
        python: One that has dlt, connectorx and postgres_scanner.
        rows: Of the table.
    """
    size = f"{rows:,} rows of {len(COLUMNS)} columns of PostgreSQL, whole processes"
    with _server() as server, server.connect() as db:
        db.execute("create schema shop")
        db.execute(_MADE.format(rows).encode())
        project = _project(folder / "lake", server)
        landing = Table(f"{size}: into a file", "postgres_scanner into Parquet")
        landing.measure(
            {
                "postgres_scanner into Parquet": lambda: _rival(folder / "scanner", server, python, "scanner"),
                "assay feed run --once": lambda: _feed(_anew(project)),
            },
            5,
        )
        gold = Table(f"{size}: to gold", "dlt (connectorx) into DuckDB, then SQL")
        gold.measure(
            {
                "dlt (connectorx) into DuckDB, then SQL": lambda: _rival(folder / "dlt", server, python, "dlt"),
                "assay feed run --once, then assay run": lambda: _to_gold(_anew(project)),
            }
        )
    return [landing, gold]


@contextmanager
def _server() -> Iterator[Server]:
    programs = binaries()
    if programs is None:
        raise SystemExit("bench feeds needs PostgreSQL's programs; `make feeds` says how to get them")
    with tempfile.TemporaryDirectory(prefix="assay-pg-", ignore_cleanup_errors=True) as folder:
        Path(folder).chmod(0o755)
        server = Server(Path(folder), programs)
        server.start()
        try:
            yield server
        finally:
            server.stop()


def changes(folder: Path, commits: int = 40) -> list[Table]:
    """From the commit of a transaction at PostgreSQL to its row at readers of silver, by its log, services running.

    Args:
        folder: Where the lake goes.
        commits: How many, one after the other with a random pause of up to four seconds.
    """
    table = Table("From a commit at PostgreSQL to readers of silver, services running", "a commit")
    with _server() as server, server.connect() as db:
        db.execute("create schema shop")
        db.execute(_MADE.format(10_000).encode())
        db.execute("create publication assay_orders for table shop.orders")
        project = _project(folder / "lake", server, "changes")
        command = ["-W", "ignore", "-c", ASSAY_COMMAND, "dev", "--port", str(free_port())]
        environment = {"SHOP_PASSWORD": PASSWORD, "ASSAY_HOME": str(project / "data")}
        with services(command, project, environment, folder / "services.log"):
            _await_note(project, 1, "'first'", db)
            table.rows["a commit"] = [_await_note(project, number, f"'n{number}'", db) for number in range(commits)]
    cuts = statistics.quantiles(table.rows["a commit"], n=100, method="inclusive")
    table.notes["a commit"] = f"{commits} commits, p50 {cuts[49]:.1f} s, p95 {cuts[94]:.1f} s; aims 8 and 15 s"
    return [table]


def _await_note(project: Path, number: int, note: str, db: psycopg.Connection[Any]) -> float:
    """Change the note of an order, and wait until readers see it; gives the seconds."""
    time.sleep(random.random() * 4)  # noqa: S311 - a pause is no secret
    db.execute(f"update shop.orders set note = {note} where id = {number + 1}".encode())
    began, link = time.monotonic(), project / "data" / "published" / "lake.duckdb"
    while time.monotonic() - began < LIMIT:
        if link.exists():
            with suppress(duckdb.Error), duckdb.connect(str(link.resolve()), read_only=True) as lake:
                if lake.execute(f"select 1 from silver.orders where id = {number + 1} and note = {note}").fetchall():
                    return time.monotonic() - began
        time.sleep(0.1)
    raise SystemExit(f"{note} did not come within {LIMIT} s")


def _project(folder: Path, server: Server, mode: str = "whole") -> Path:
    """A project with a feed and a table of gold, set up."""
    init(folder, has_example=False)
    feed = {"kind": "postgres", "url": _url(server, "${env:SHOP_PASSWORD}"), "table": "shop.orders", "mode": mode}
    contract = {"version": "1.0.0", "owner": "bench", "new_columns": "rescue"}
    orders = {
        "name": "bronze_orders",
        "description": "One row per order.",
        "config": {"meta": {"contract": contract, "feed": feed}},
        "constraints": [{"type": "primary_key", "columns": ["id"]}],
        "columns": [{"name": n, "data_type": k, "description": f"Column {n}."} for n, k in COLUMNS.items()],
    }
    days = {
        "name": "gold_days",
        "description": "One row per day.",
        "config": {"meta": {"owner": "bench", "redo": {"key": ["day"], "inputs": {"silver_orders": ["day"]}}}},
        "constraints": [{"type": "primary_key", "columns": ["day"]}],
        "columns": [
            {"name": "day", "data_type": "date", "description": "The day."},
            {"name": "orders", "data_type": "bigint", "description": "How many."},
            {"name": "amount_usd", "data_type": "decimal(38,2)", "description": "Their sum."},
        ],
    }
    models = folder / "dbt_project" / "models"
    (models / "orders.yml").write_text(yaml.safe_dump({"models": [orders, days]}, sort_keys=False))
    (models / "gold").mkdir(exist_ok=True)
    (models / "gold" / "gold_days.sql").write_text(_GOLD)
    _process([str(ASSAY), "setup"], folder)
    return folder


def _anew(project: Path) -> Path:
    """The project without its data, as it is set up."""
    home = project / "data"
    for old in home.glob("*"):
        if old.name != "dagster":
            shutil.rmtree(old) if old.is_dir() else old.unlink()
    return project


def _feed(project: Path) -> str:
    _process([str(ASSAY), "feed", "run", "orders", "--once"], project)
    (batch,) = (project / "data" / "landing").rglob("*.parquet")
    return f"{batch.stat().st_size / 1e6:,.0f} MB"


def _to_gold(project: Path) -> str:
    _process([str(ASSAY), "feed", "run", "orders", "--once"], project)
    _process([str(ASSAY), "run"], project)
    return _process([str(ASSAY), "query", "select count(*) as days, sum(orders) as orders from gold.days"], project)


def _rival(folder: Path, server: Server, python: Path, what: str) -> str:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    command = [
        str(python),
        "-W",
        "ignore",
        str(HERE / "rival_postgres.py"),
        what,
        _url(server, quote(PASSWORD, safe="")),
        str(folder),
    ]
    _process(command, folder, RUNTIME__DLTHUB_TELEMETRY="false", DLT_DATA_DIR=str(folder))
    return ""


def _url(server: Server, password: str) -> str:
    return f"postgresql://owner:{password}@127.0.0.1:{server.port}/postgres"


def _process(command: list[str], folder: Path, **more: str) -> str:
    environment = {**os.environ, "SHOP_PASSWORD": PASSWORD, **more}
    done = subprocess.run(command, env=environment, cwd=folder, capture_output=True, text=True, check=False)  # noqa: S603
    if done.returncode:
        raise SystemExit(f"{' '.join(command[:4])}: {done.stdout[-800:]} {done.stderr[-800:]}")
    return " ".join(done.stdout.split())[-40:]
