"""A source of changes and its silver tables on a real warehouse, without dbt and Dagster."""

from __future__ import annotations

import io
import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from assay.base.atomic_write import place
from assay.base.warehouse import connect, transaction
from assay.checks import conservation
from assay.checks.conservation import Conservation
from assay.contract.contract import Contract
from assay.contract.parse import parse_contract
from assay.ledger.folded_files import find
from assay.ledger.scan import Ledger
from assay.loading.loader import load_landed
from assay.tables.keyed import build_keyed
from tests.keyed import model
from tests.source import OLD, bronze_node

Change = Mapping[str, Any]
"""A row of a file of changes: `_operation`, `_position`, and what else it says."""
NAMED = {"id": "bigint", "name": "varchar", "body": "varchar", "price": "bigint"}
RULES = {
    "price_not_negative": "price >= 0",
    "body_not_null": "body is not null",
    "cheap_is_named": "price > 9 or name <> ''",
}
SCHEMA = pa.schema(
    [
        ("id", pa.int64()),
        ("name", pa.string()),
        ("body", pa.string()),
        ("price", pa.int64()),
        ("_operation", pa.string()),
        ("_position", pa.string()),
        ("_source_time", pa.timestamp("us", "UTC")),
        ("_unchanged", pa.list_(pa.string())),
        ("_before", pa.string()),
    ]
)
BEGAN = datetime(2026, 11, 1, tzinfo=UTC)


def position(number: int) -> str:
    """A position as a feed writes it."""
    return f"{number:016X}-{0:010d}"


def change(operation: str, number: int, **values: Any) -> dict[str, Any]:
    """A change at a place in the order of all, made as many seconds after the beginning."""
    at = {"_position": position(number), "_source_time": BEGAN + timedelta(seconds=number)}
    return {"_operation": operation, **at, "_unchanged": [], **values}


def parquet(changes: Iterable[Change], schema: pa.Schema = SCHEMA) -> bytes:
    """The bytes of a file of changes."""
    made = io.BytesIO()
    rows = [{name: row.get(name) for name in schema.names} for row in changes]
    pq.write_table(pa.Table.from_pylist(rows, schema), made)
    return made.getvalue()


def batch(first: int | None, end: int, epoch: int = 1, moment: str = "2026-11-01T00-00-00.000000") -> str:
    """The path of a batch, as a feed names it."""
    start = "(start)" if first is None else f"{first:016X}"
    return f"feeds/orders/{epoch}/changes/{start}~{end:016X}/{moment}.parquet"


class Mirror:
    """The source `orders`, of changes, with `silver.orders` and `silver.orders_history`.

    Args:
        home: The lake's folder.
        runs: How many there were.
        contract: Keys of its contract that are not ordinary.
    """

    def __init__(self, home: Path, *, runs: int = 0, **contract: Any) -> None:
        self.home = home
        self.options = {
            "files": "feeds/orders/{_epoch}/*/*/*.parquet",
            "format": {"type": "parquet"},
            "load": "changes",
            "history": True,
            **contract,
        }
        self.rules = dict(RULES)
        self.runs = runs
        self.connection = connect(home / "warehouse.duckdb", wait_seconds=0)

    @property
    def node(self) -> dict[str, Any]:
        """The bronze model, as in dbt's manifest."""
        node = bronze_node("orders", NAMED, ["id"], **self.options)
        checks = [{"type": "check", "name": name, "expression": sql} for name, sql in self.rules.items()]
        return {**node, "constraints": [*node["constraints"], *checks], "original_file_path": "build/bronze_orders.sql"}

    @property
    def contract(self) -> Contract:
        """What is parsed of it."""
        return parse_contract(self.node)

    def put(self, path: str, changes: Iterable[Change], **more: Any) -> None:
        """Put a file of changes into landing."""
        place(self.home / "landing" / path, parquet(changes, **more), mtime=OLD)

    def load(self, *, is_full: bool = False) -> None:
        """Look at landing, and load what is there."""
        self.runs += 1
        with transaction(self.connection):
            arrivals = find(self.home / "landing", self.contract.files)
            Ledger(self.connection, self.contract, f"run {self.runs}").look(arrivals)
        rules = [("id_not_null", "id is not null"), *self.rules.items()]
        broken = ", ".join(f"case when ({sql}) is false then '{name}' end" for name, sql in rules)
        verdict = f"/*assay:verdict*/ nullif(list_filter([{broken}], lambda r: r is not null), []) /*assay:end*/"
        payload = {
            "model": self.node,
            "sql": f'select *, {verdict} as _violations from temp.main."landing_orders"',
            "home": str(self.home),
            "run_id": f"run {self.runs}",
            "is_full_refresh": is_full,
            "rebuilds_changed": True,
        }
        load_landed(self.connection, json.dumps(payload))

    def build(self, *, is_full: bool = False) -> None:
        """Build silver, and its history."""
        names = ", ".join(f'"{name}"' for name in NAMED)
        own = "_file_id, _duplicates_identical, _duplicates_conflicting"
        newest = "(/*assay:newest_rows bronze_orders*/ select null /*assay:end*/)"
        self._build("silver_orders", NAMED, f"select {names}, {own} from {newest}", is_full=is_full)
        of_version = {"_valid_from": "timestamp with time zone", "_valid_to": "timestamp with time zone"}
        columns = {**NAMED, "_operation": "varchar", "_position": "varchar", **of_version, "_ended_by": "varchar"}
        columns["_file_id"] = "bigint"
        history = "(/*assay:history_rows bronze_orders*/ select null /*assay:end*/)"
        sql = f"select {', '.join(columns)} from {history}"
        self._build("silver_orders_history", columns, sql, is_full=is_full)

    def _build(self, name: str, columns: Mapping[str, str], sql: str, *, is_full: bool) -> None:
        payload = {
            "model": model(name, columns),
            "inputs": {"bronze_orders": self.node},
            "sql": sql,
            "run_id": f"run {self.runs}",
            "is_full_refresh": is_full,
            "rebuilds_changed": True,
        }
        build_keyed(self.connection, json.dumps(payload))

    def run(self) -> None:
        """Load and build, and see that nothing is lost on the way."""
        self.load()
        self.build()
        self.assert_conserved()

    def sql(self, query: str) -> list[tuple[Any, ...]]:
        """Ask the warehouse."""
        return self.connection.execute(query).fetchall()

    def rows(self) -> list[tuple[Any, ...]]:
        """The rows of silver."""
        return self.sql(f"select {', '.join(NAMED)} from silver.orders order by all")

    def versions(self) -> list[tuple[Any, ...]]:
        """The versions in its history."""
        return self.sql("select * exclude (_file_id) from silver.orders_history order by all")

    def counts(self) -> Conservation:
        """The terms of promise 1 that are kept."""
        return conservation.kept(self.connection, "orders", "silver.orders")

    def assert_conserved(self) -> None:
        """Hold the terms that are kept against a count of all rows."""
        kept = self.counts()
        assert kept == conservation.count(self.connection, self.contract, "silver.orders")
        assert kept.is_conserved, kept
        assert conservation.files_kept_otherwise(self.connection, "orders") == []

    def everything(self) -> tuple[list[tuple[Any, ...]], ...]:
        """All that readers see, and how much is kept of what they do not."""
        held = self.sql("select key, position, reasons from ops.held_changes order by all")
        superseded = self.sql("select * from superseded.silver_orders order by all")
        own = self.sql("select id, _duplicates_identical, _duplicates_conflicting from silver.orders order by all")
        return self.rows(), own, self.versions(), held, superseded

    def close(self) -> None:
        """Close the warehouse."""
        self.connection.close()


def rows_of(values: Sequence[Sequence[Any]]) -> list[tuple[Any, ...]]:
    """Rows in a fixed order, as DuckDB orders them."""
    return sorted((tuple(row) for row in values), key=lambda row: [(value is None, value) for value in row])
