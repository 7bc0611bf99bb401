"""What many small files cost: from the first look at landing to the commit of bronze, against bare DuckDB.

Bare DuckDB takes one file after the other: its sha256, its rows in the same types, and a row about it, in a
transaction of its own. Assay's time holds the look at landing, the hash and the count of each file, the ledger, exact
types, the verdict and what bronze adds; the start of Dagster and dbt is in neither.
"""

from __future__ import annotations

import copy
import hashlib
import json
import shutil
import tempfile
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
from load import FORMATS, bare_source, verdict_sql
from report import Table

from assay.base.atomic_write import place
from assay.base.warehouse import connect, transaction
from assay.contract.catalog import Catalog
from assay.contract.names import literal
from assay.contract.parse import parse_contract
from assay.ledger.folded_files import find
from assay.ledger.landing_zone import settled
from assay.ledger.scan import Ledger
from assay.loading.loader import load_landed
from demo.replay.arrivals import build_arrivals
from demo.replay.source_data import open_source
from demo.replay.transactions import OPTIONS, transaction_files

FIRST, DAYS = date(2017, 1, 1), date(2017, 11, 1)
"""305 days of receipts, a file each."""
SMALL = 100
"""Rows of a small file."""
_OLD = 1_500_000_000.0  # a time at which every file has settled
_COPY = {"csv": OPTIONS, "jsonl": "format json, timestampformat '%Y-%m-%d %H:%M:%S'", "parquet": "format parquet"}


def tables(folder: Path, catalog: Catalog, files: int) -> list[Table]:
    """The demo's daily receipts in each format, then `files` files of a hundred rows."""
    measured = []
    for form in FORMATS:
        lake = folder / form
        count = _write_days(lake / "landing" / "transactions", form)
        measured.append(_measured(lake, catalog, form, f"{count} daily files of receipts, {form.upper()}", runs=3))
        shutil.rmtree(lake)
    lake = folder / "small"
    _write_small(lake / "landing" / "transactions", files)
    measured.append(_measured(lake, catalog, "csv", f"{files:,} files of {SMALL} receipt lines, CSV", runs=1))
    return measured


def _measured(folder: Path, catalog: Catalog, form: str, title: str, runs: int) -> Table:
    node = copy.deepcopy(dict(catalog.models["bronze_transactions"]))
    node["config"]["meta"]["contract"] |= {"format": FORMATS[form], "files": f"transactions/*.{form}"}
    paths = sorted((folder / "landing" / "transactions").iterdir())
    table = Table(title, "bare DuckDB, a commit for each file")
    works: dict[str, Callable[[], object]] = {
        table.base: lambda: bare(folder, paths, form, node),
        "Assay": lambda: assay(folder, catalog, node, len(paths)),
    }
    table.measure(works, runs)
    for name, seconds in table.rows.items():
        table.notes[name] = f"{min(seconds) / len(paths) * 1000:.1f} ms a file at best"
    return table


def _write_days(folder: Path, form: str) -> int:
    """Write a file for each day, as `assay replay` does, and say how many."""
    folder.mkdir(parents=True)
    with tempfile.TemporaryDirectory(prefix="assay-bench-") as made, open_source(Path(made)) as connection:
        build_arrivals(connection)
        files = transaction_files(connection, FIRST, DAYS)
        for file in files:
            path = Path(made) / "file"
            connection.execute(f"copy ({file.query}) to {literal(str(path))} ({_COPY[form]})")
            place(folder / f"{Path(file.name).stem}.{form}", path, mtime=_OLD)
    return len(files)


def _write_small(folder: Path, files: int) -> None:
    folder.mkdir(parents=True)
    with tempfile.TemporaryDirectory(prefix="assay-bench-") as made, open_source(Path(made)) as connection:
        path = Path(made) / "all.csv"
        query = f"select * from transactions order by basket_id, product_id limit {files * SMALL}"
        connection.execute(f"copy ({query}) to {literal(str(path))} ({OPTIONS})")
        header, *lines = path.read_bytes().splitlines(keepends=True)
        for at in range(files):
            content = b"".join([header, *lines[at * SMALL : (at + 1) * SMALL]])
            place(folder / f"part_{at:05}.csv", content, mtime=_OLD)


def bare(folder: Path, paths: list[Path], form: str, node: dict[str, Any]) -> None:
    """The same columns and types by DuckDB alone, exactly once if nothing goes wrong."""
    warehouse = folder / "bare.duckdb"
    columns = parse_contract(node).columns
    with duckdb.connect(str(warehouse)) as connection:
        connection.execute(f"create table t ({', '.join(f'{each.name} {each.type.sql}' for each in columns)})")
        connection.execute("create table files (path varchar, sha256 varchar, row_count bigint)")
        for path in paths:
            with path.open("rb") as file:
                digest = hashlib.file_digest(file, "sha256").hexdigest()
            connection.execute("begin")
            rows = connection.execute(f"insert into t {bare_source(path, form, columns)}").fetchall()[0][0]
            connection.execute("insert into files values (?, ?, ?)", [str(path), digest, rows])
            connection.execute("commit")
    warehouse.unlink()


def assay(folder: Path, catalog: Catalog, node: dict[str, Any], files: int) -> None:
    """Assay's own code, as the landing asset and the materialization `landed` call it."""
    warehouse = folder / "assay.duckdb"
    contract = parse_contract(node)
    connection = connect(warehouse, wait_seconds=0)
    arrivals, _ = settled(find(folder / "landing", contract.files), settle_seconds=1, limit_seconds=1)
    with transaction(connection):
        Ledger(connection, contract, "bench").look(arrivals)
    payload = {"model": node, "sql": verdict_sql(catalog), "home": str(folder), "run_id": "bench"}
    load_landed(connection, json.dumps({**payload, "is_full_refresh": False}))
    loaded = connection.execute("select count(*) from ops.files where status = 'loaded'").fetchall()
    assert loaded == [(files,)], loaded  # noqa: S101
    connection.close()
    warehouse.unlink()
