"""What a load costs: from the first look at landing to the commit of bronze, against bare DuckDB in the same run.

Bare DuckDB inserts the same typed columns from the same file; it rounds silently and verifies nothing. Assay's time
holds the hash, the count of records, the ledger, exact types and the verdict; the start of Dagster and dbt is in
neither. Prints Markdown; `--json FILE` writes the figures as well.
"""

from __future__ import annotations

import argparse
import json
import re
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import duckdb

from cli.replay.source_data import source_files
from contracts.catalog import Catalog
from contracts.names import literal
from resources.arrivals import find
from resources.dbt import parse_if_changed
from resources.ledger import Ledger
from resources.loader import load_landed
from resources.settings import Settings
from resources.warehouse import connect, transaction

RUNS = 3


def main() -> None:
    """Measure and print."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--times", type=int, default=1, help="the demo's 1.47 M receipt lines, so many times")
    options.add_argument("--json", type=Path)
    said = options.parse_args()
    with tempfile.TemporaryDirectory(prefix="assay-bench-") as folder:
        landing = Path(folder) / "landing"
        rows = write_receipts(landing / "transactions" / "all.csv", said.times)
        figures = measure(Path(folder), rows)
    if said.json:
        said.json.write_text(json.dumps(figures, indent=2) + "\n")
    print(f"| load of {rows:,} receipt lines (CSV) | seconds, median of {RUNS} | ratio |\n|---|---|---|")  # noqa: T201
    for name in ("bare DuckDB", "Assay"):
        print(f"| {name} | {figures[name]:.2f} | {figures[name] / figures['bare DuckDB']:.2f} |")  # noqa: T201


def write_receipts(path: Path, times: int) -> int:
    """Write the demo's receipts, `times` times with other basket ids, as one CSV; returns the lines."""
    path.parent.mkdir(parents=True)
    source = literal(str(source_files()["transactions"]))
    copies = f"select * replace (basket_id + copy * 100000000000 as basket_id) from {source}, range({times}) as c(copy)"
    with duckdb.connect() as connection:
        columns = "* exclude (copy) replace (" + ", ".join(
            f"round({name}, 2)::decimal(12, 2) as {name}"
            for name in ("sales_value", "retail_disc", "coupon_disc", "coupon_match_disc")
        )
        query = f"select {columns}) from ({copies})"
        connection.execute(f"copy ({query}) to {literal(str(path))} (header, timestampformat '%Y-%m-%d %H:%M:%S')")
        return int(connection.execute(f"select count(*) from ({copies})").fetchall()[0][0])


def measure(folder: Path, rows: int) -> dict[str, float]:
    """Median seconds of each, in turn, each time into a new file."""
    settings = Settings(home=folder)
    parse_if_changed(settings)
    catalog = Catalog.read(settings.dbt_project)
    seconds: dict[str, list[float]] = {"bare DuckDB": [], "Assay": []}
    for run in range(RUNS):
        seconds["bare DuckDB"].append(timed(lambda run=run: bare(folder, f"bare-{run}.duckdb", catalog, rows)))
        seconds["Assay"].append(timed(lambda run=run: assay(folder, f"assay-{run}.duckdb", catalog, rows)))
    return {name: statistics.median(found) for name, found in seconds.items()} | {"rows": rows}


def timed(work: Callable[[], None]) -> float:
    """Seconds that it takes."""
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def bare(folder: Path, name: str, catalog: Catalog, rows: int) -> None:
    """Bare DuckDB: the same columns and types."""
    columns = catalog.contracts["transactions"].columns
    typed = ", ".join(f"{column.name}: {literal(column.type.sql)}" for column in columns)
    path = literal(str(folder / "landing" / "transactions" / "all.csv"))
    with duckdb.connect(str(folder / name)) as connection:
        connection.execute(f"create table t as select * from read_csv({path}, header = true, columns = {{{typed}}})")
        assert connection.execute("select count(*) from t").fetchall()[0][0] == rows  # noqa: S101
    (folder / name).unlink()


def assay(folder: Path, name: str, catalog: Catalog, rows: int) -> None:
    """Assay's own code, as the landing asset and the materialization `landed` call it."""
    contract = catalog.contracts["transactions"]
    connection = connect(folder / name, wait_seconds=0)
    with transaction(connection):
        Ledger(connection, contract, "bench").look(find(folder / "landing", contract.files))
    node = catalog.models["bronze_transactions"]
    payload = {"model": node, "sql": verdict_sql(catalog), "home": str(folder), "run_id": "bench"}
    load_landed(connection, json.dumps({**payload, "is_full_refresh": False}))
    found = connection.execute("select records_loaded from ops.files").fetchall()
    assert found == [(rows,)], found  # noqa: S101
    connection.close()
    (folder / name).unlink()


def verdict_sql(catalog: Catalog) -> str:
    """The model's SQL as dbt compiles it."""
    rules = catalog.contracts["transactions"].rules
    holds = " and ".join(f"coalesce(({rule.expression}), true)" for rule in rules)
    broken = ", ".join(
        f"case when not coalesce(({rule.expression}), true) then {literal(rule.name)} end" for rule in rules
    )
    verdict = f"case when {holds} then null else nullif(list_filter([{broken}], lambda r: r is not null), []) end"
    return re.sub(r"\s+", " ", f"select *, {verdict} as _violations from temp.main.landing_transactions")


if __name__ == "__main__":
    main()
