"""What a load costs: from the first look at landing to the commit of bronze, against bare DuckDB in the same run.

Bare DuckDB inserts the same typed columns from the same file; it rounds silently and verifies nothing. Assay's time
holds the hash, the count of records, the ledger, exact types, the verdict and what is rejected; the start of Dagster
and dbt is in neither.
"""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import duckdb
from report import Table

from assay.base.warehouse import connect, transaction
from assay.contract.catalog import Catalog
from assay.contract.contract import Column
from assay.contract.names import literal
from assay.contract.parse import parse_contract
from assay.ledger.folded_files import find
from assay.ledger.scan import Ledger
from assay.loading.loader import load_landed
from demo.replay.source_data import source_files

FORMATS: dict[str, dict[str, Any]] = {
    "csv": {"type": "csv", "delimiter": ",", "header": True, "encoding": "utf-8"},
    "jsonl": {"type": "jsonl", "encoding": "utf-8"},
    "parquet": {"type": "parquet"},
}
_COPY = {
    "csv": "header, timestampformat '%Y-%m-%d %H:%M:%S'",
    "jsonl": "format json, timestampformat '%Y-%m-%d %H:%M:%S'",
    "parquet": "format parquet",
}
_MONEY = ("sales_value", "retail_disc", "coupon_disc", "coupon_match_disc")


def tables(folder: Path, catalog: Catalog, times: int) -> list[Table]:
    """One table for each format, each load into a new warehouse."""
    measured = [_measured(folder / form, catalog, form, times) for form in FORMATS]
    return [*measured, whole_numbers(folder / "decimals", catalog, times)]


def whole_numbers(folder: Path, catalog: Catalog, times: int) -> Table:
    """A column of whole numbers that the file writes as `17850.0`, as bigint and as the text that it is."""
    path = folder / "landing" / "transactions" / "all.csv"
    rows = _write_receipts(path, "csv", catalog, times, household_id="household_id || '.0'")
    table = Table(f"Load of {rows:,} receipt lines whose households are written as 17850.0, CSV", "declared varchar")
    table.measure(
        {
            f"declared {kind}": lambda kind=kind: _assay(folder, catalog, _declared(catalog, kind), rows)  # type: ignore[misc]
            for kind in ("varchar", "bigint")
        },
        5,
    )
    path.unlink()
    return table


def _declared(catalog: Catalog, kind: str) -> dict[str, Any]:
    node = copy.deepcopy(dict(catalog.models["bronze_transactions"]))
    node["columns"]["household_id"]["data_type"] = kind
    return node


def _measured(folder: Path, catalog: Catalog, form: str, times: int) -> Table:
    node = copy.deepcopy(dict(catalog.models["bronze_transactions"]))
    contract = node["config"]["meta"]["contract"]
    contract |= {"format": FORMATS[form], "files": f"transactions/*.{form}"}
    path = folder / "landing" / "transactions" / f"all.{form}"
    rows = _write_receipts(path, form, catalog, times)
    table = Table(f"Load of {rows:,} receipt lines, {form.upper()}, {path.stat().st_size / 1e6:,.0f} MB", "bare DuckDB")
    works = {
        "bare DuckDB": lambda: _bare(folder, path, form, node, rows),
        "Assay": lambda: _assay(folder, catalog, node, rows),
    }
    table.measure(works, 5)  # the ratios of three differ by a tenth where the machine is shared
    path.unlink()
    return table


def _write_receipts(path: Path, form: str, catalog: Catalog, times: int, **changed: str) -> int:
    """Write the demo's receipts, `times` times with other basket ids, as one file; returns the lines.

    Args:
        path: The file.
        form: Of `FORMATS`.
        catalog: The demo's.
        times: How often.
        changed: SQL of columns that are written another way.
    """
    path.parent.mkdir(parents=True)
    source = literal(str(source_files()["transactions"]))
    names = ", ".join(column.name for column in catalog.contracts["transactions"].columns)
    money = ", ".join(f"round({name}, 2)::decimal(12, 2) as {name}" for name in _MONEY)
    money += "".join(f", {sql} as {name}" for name, sql in changed.items())
    copies = f"select * replace (basket_id + copy * 100000000000 as basket_id) from {source}, range({times}) as c(copy)"
    with duckdb.connect() as connection:
        query = f"select {names} from (select * exclude (copy) replace ({money}) from ({copies}))"
        connection.execute(f"copy ({query}) to {literal(str(path))} ({_COPY[form]})")
        return int(connection.execute(f"select count(*) from ({copies})").fetchall()[0][0])


def _bare(folder: Path, path: Path, form: str, node: dict[str, Any], rows: int) -> None:
    """The same columns and types, by DuckDB alone."""
    warehouse = folder / "bare.duckdb"
    source = bare_source(path, form, parse_contract(node).columns)
    with duckdb.connect(str(warehouse)) as connection:
        connection.execute(f"create table t as {source}")
        assert connection.execute("select count(*) from t").fetchall() == [(rows,)]  # noqa: S101
    warehouse.unlink()


def bare_source(path: Path, form: str, columns: Sequence[Column]) -> str:
    """SQL with which DuckDB alone reads a file in the contract's types."""
    typed = "{" + ", ".join(f"{column.name}: {literal(column.type.sql)}" for column in columns) + "}"
    cast = ", ".join(f"{column.name}::{column.type.sql} as {column.name}" for column in columns)
    name = literal(str(path))
    return {
        "csv": f"select * from read_csv({name}, auto_detect = false, header = true, columns = {typed})",
        "jsonl": f"select * from read_json({name}, format = 'newline_delimited', columns = {typed})",
        "parquet": f"select {cast} from read_parquet({name})",
    }[form]


def _assay(folder: Path, catalog: Catalog, node: dict[str, Any], rows: int) -> None:
    """Assay's own code, as the landing asset and the materialization `landed` call it."""
    warehouse = folder / "assay.duckdb"
    contract = parse_contract(node)
    connection = connect(warehouse, wait_seconds=0)
    with transaction(connection):
        Ledger(connection, contract, "bench").look(find(folder / "landing", contract.files))
    payload = {"model": node, "sql": verdict_sql(catalog), "home": str(folder), "run_id": "bench"}
    load_landed(connection, json.dumps({**payload, "is_full_refresh": False}))
    loaded = connection.execute("select records_loaded from ops.files").fetchall()
    assert loaded == [(rows,)], loaded  # noqa: S101
    connection.close()
    warehouse.unlink()


def verdict_sql(catalog: Catalog) -> str:
    """The model's SQL as dbt compiles it."""
    rules = catalog.contracts["transactions"].rules
    holds = " and ".join(f"({rule.expression}) is not false" for rule in rules)
    broken = ", ".join(f"case when ({rule.expression}) is false then {literal(rule.name)} end" for rule in rules)
    verdict = f"case when {holds} then null else nullif(list_filter([{broken}], lambda r: r is not null), []) end"
    return re.sub(r"\s+", " ", f"select *, {verdict} as _violations from temp.main.landing_transactions")
