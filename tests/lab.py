"""A lake in a temporary folder: files are put in, real Dagster runs are made, and what is published is read."""

from __future__ import annotations

import atexit
import csv
import gzip
import io
import json
import os
import shutil
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import duckdb

from assay.base.atomic_write import place
from assay.base.settings import Settings
from assay.cli.outcome import Outcome
from assay.cli.running import run_once
from assay.contract.names import quoted
from assay.orchestration.instance import prepare_instance
from assay.publish.reader import open_published
from assay.publish.status import read_status
from assay.tables.dbt import parse_if_changed
from tests.places import PROJECT

WHOLE = PROJECT / "dbt_project"
CORE = {"transactions", "products", "daily_sales", "product_performance"}
HOSTILE_HOME = 'a lake\'s "home" [x] & co'
OLD = 1_500_000_000.0  # a time at which every file has settled
RECEIPT = {
    "household_id": 1,
    "store_id": 7,
    "basket_id": 100,
    "product_id": 10,
    "quantity": 1,
    "sales_value": "2.50",
    "retail_disc": "0.00",
    "coupon_disc": "0.00",
    "coupon_match_disc": "0.00",
    "week": 1,
    "transaction_timestamp": "2017-01-02 15:00:00",
}
PRODUCT = {
    "product_id": 10,
    "manufacturer_id": 1,
    "department": "GROCERY",
    "brand": "National",
    "product_category": "COOKIES",
    "product_type": "COOKIES",
    "package_size": "16 OZ",
}


def receipt(**values: object) -> dict[str, object]:
    """One receipt line; what is not given is ordinary."""
    return {**RECEIPT, **values}


def product(**values: object) -> dict[str, object]:
    """One product; what is not given is ordinary."""
    return {**PRODUCT, **values}


def receipts_csv(rows: Iterable[Mapping[str, object]]) -> bytes:
    """A file of receipts as a store sends it."""
    text = io.StringIO()
    writer = csv.DictWriter(text, list(RECEIPT), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue().encode()


def products_jsonl(rows: Iterable[Mapping[str, object]]) -> bytes:
    """A snapshot of products, gzipped."""
    return gzip.compress("".join(json.dumps(row) + "\n" for row in rows).encode(), mtime=0)


class Lab:
    """One lake.

    Args:
        home: Its folder.
        dbt_project: The project with its models; default: the repository's receipts and products alone, which is
            enough for most tests and three times as fast. `WHOLE` is all of it.
    """

    def __init__(self, home: Path, dbt_project: Path | None = None) -> None:
        self.settings = Settings(home=home, dbt_project=dbt_project or core_project(), watch_seconds=0.0)
        prepare_instance(self.settings)
        parse_if_changed(self.settings)

    def put(self, name: str, content: bytes, *, mtime: float = OLD) -> Path:
        """Put a file into the landing zone under a name such as `transactions/a.csv`."""
        path = self.settings.landing / name
        place(path, content, mtime=mtime)
        return path

    def receipts(self, name: str, rows: Sequence[Mapping[str, object]], **more: Any) -> Path:
        """Put a file of receipts."""
        return self.put(f"transactions/{name}.csv", receipts_csv(rows), **more)

    def products(self, day: str, rows: Sequence[Mapping[str, object]], **more: Any) -> Path:
        """Put a snapshot of products of a day such as 2017-01-01."""
        return self.put(f"products/products_{day}.jsonl.gz", products_jsonl(rows), **more)

    def run(self, select: str = "", full_refresh: Sequence[str] = (), *, has_full_checks: bool = False) -> Outcome:
        """One real run in this process."""
        return run_once(self.settings, select, full_refresh, has_full_checks=has_full_checks)

    def good_run(self, select: str = "", full_refresh: Sequence[str] = ()) -> Outcome:
        """One run that has to succeed."""
        outcome = self.run(select, full_refresh)
        assert outcome.success, outcome.failures
        return outcome

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        """Ask what is published."""
        with open_published(self.settings.published) as connection:
            return connection.execute(sql).fetchall()

    def status(self) -> dict[str, Any]:
        """What `assay status --json` says."""
        with open_published(self.settings.published) as connection:
            return read_status(connection)

    def source(self, name: str) -> dict[str, Any]:
        """The status of one source."""
        return next(source for source in self.status()["sources"] if source["source"] == name)

    def stored(self, sql: str) -> list[tuple[Any, ...]]:
        """Ask the warehouse itself, which no reader does."""
        with duckdb.connect(str(self.settings.warehouse), read_only=True) as connection:
            return connection.execute(sql).fetchall()

    def spoil(self, sql: str) -> None:
        """Change the warehouse by hand, as no run does."""
        with duckdb.connect(str(self.settings.warehouse)) as connection:
            connection.execute(sql)

    def table(self, table: str) -> list[tuple[Any, ...]]:
        """All rows of a published table in a fixed order, without ids and times of loads."""
        names = [row[0] for row in self.rows(f"select column_name from (describe {table})")]
        kept = [name for name in names if name not in ("_file_id", "_load_id", "_loaded_at")]
        return self.rows(f"select {', '.join(map(quoted, kept))} from {table} order by all")


def everything(lab: Lab) -> dict[str, list[tuple[Any, ...]]]:
    """All that readers see of a lake, without ids and times of loads; of rejected records those that still count."""
    tables = lab.rows("select table_schema, table_name from information_schema.tables order by all")
    seen = {f"{layer}.{name}": lab.table(f"{layer}.{name}") for layer, name in tables if layer in ("silver", "gold")}
    for name in (name for layer, name in tables if layer == "quarantine"):
        seen[f"quarantine.{name}"] = lab.rows(
            f"select kind, reasons, record from quarantine.{name} where is_live order by all"
        )
    return seen


@cache
def core_project() -> Path:
    """Receipts and products, parsed once a process."""
    folder = Path(tempfile.mkdtemp(prefix="assay-core-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    target = folder / "dbt_project"
    shutil.copytree(WHOLE, target, ignore=shutil.ignore_patterns("logs", "target", "__pycache__"))
    for path in [*(target / "models").glob("*/*_*.*"), *(target / "rules").glob("*_*.py")]:
        if path.stem.partition("_")[2] not in CORE:
            path.unlink()
    parse_if_changed(Settings(home=folder / "home", dbt_project=target))
    return target


def copy_project(folder: Path) -> Path:
    """A dbt project of one's own to change: receipts and products, with what is parsed of them."""
    target = folder / "dbt_project"
    shutil.copytree(core_project(), target, ignore=shutil.ignore_patterns("logs", ".parse-*"))
    return target


def edit(path: Path, *changes: tuple[str, str]) -> None:
    """Replace texts in a file; each has to stand there once."""
    text = path.read_text(encoding="utf-8")
    for before, after in changes:
        assert text.count(before) == 1, f"{path.name} has {before!r} {text.count(before)} times"
        text = text.replace(before, after)
    path.write_text(text, encoding="utf-8")


def environment(settings: Settings) -> dict[str, str]:
    """The environment of a command of its own on a lake."""
    return {**os.environ, "ASSAY_HOME": str(settings.home), "ASSAY_DBT_PROJECT": str(settings.dbt_project)}
