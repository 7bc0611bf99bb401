"""Keyed tables on a real DuckDB without dbt and Dagster: files come and go, tables are built key by key or whole."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import duckdb

from assay.base.warehouse import prepare
from assay.tables.keyed import build_keyed

Row = tuple[object, ...]
SALES = {"id": "bigint", "region": "varchar", "rate": "double", "amount": "bigint"}
EVERYTHING = "create temp macro everything(a) as true, (a, b) as true, (a, b, c) as true"
"""What stands for `AFFECTED` where all keys are wanted."""


def model(name: str, columns: Mapping[str, str], key: Sequence[str] = (), **meta: Any) -> dict[str, Any]:
    """A model as in dbt's manifest."""
    return {
        "name": name,
        "patch_path": f"assay://models/{name}.yml",
        "columns": {column: {"name": column, "data_type": kind} for column, kind in columns.items()},
        "constraints": [{"type": "primary_key", "columns": list(key)}] if key else [],
        "config": {"meta": meta},
    }


class Tables:
    """Bronze sources whose files are put and replaced, and the tables that are made of them.

    Args:
        columns: Names and types of each source's columns.
        key: The primary key of each source.
        sources: Their names.
        database: The warehouse; one that is there is gone on with.
    """

    def __init__(
        self,
        columns: Mapping[str, str],
        key: Sequence[str],
        sources: Sequence[str] = ("x",),
        database: str = ":memory:",
    ) -> None:
        self.connection = duckdb.connect(database, config={"threads": 1})
        prepare(self.connection)
        self.columns = dict(columns)
        self.models: dict[str, dict[str, Any]] = {}
        self.sql: dict[str, str] = {}
        self._files = self.connection.execute("select count(*) from ops.files").fetchall()[0][0]
        typed = ", ".join(f'"{name}" {kind}' for name, kind in columns.items())
        for source in sources:
            self.models[f"bronze_{source}"] = model(f"bronze_{source}", columns, key)
            self.connection.execute(
                f"create table if not exists bronze.{source} "
                f"({typed}, _rescued json, _violations varchar[], _file_id bigint)"
            )
            if not self._files:
                self.connection.execute("insert into ops.sources values (?, 'events', '1.0.0', '', null)", [source])
        self.connection.execute(EVERYTHING)

    def put(self, path: str, rows: Sequence[Row], source: str = "x") -> None:
        """A file, or a new version of it."""
        self._files += 1
        marks = f"({', '.join('?' * len(self.columns))}, null, null, {self._files})"
        if rows:
            self.connection.execute(
                f"insert into bronze.{source} values {', '.join([marks] * len(rows))}",
                [value for row in rows for value in row],
            )
        self.connection.execute(
            "insert into ops.files (sighting_id, file_id, source, path, format, contract_version, "
            "contract_fingerprint, status, first_seen, run_id) "
            "values (?, ?, ?, ?, 'csv', '1', '', 'loaded', now(), '')",
            [self._files, self._files, source, f"{source}/{path}"],
        )

    def add(self, name: str, columns: Mapping[str, str], sql: str, redo: Mapping[str, Any]) -> None:
        """A table; `AFFECTED` in its SQL stands for the macro `affected`."""
        self.models[name] = model(name, columns, redo["key"], redo=redo)
        self.sql[name] = sql

    def build(self, *, is_full: bool = False) -> None:
        """All tables, in the order in which they were added."""
        for name, sql in self.sql.items():
            inputs = {i: self.models[i] for i in self.models[name]["config"]["meta"]["redo"]["inputs"]}
            payload = {
                "model": self.models[name],
                "inputs": inputs,
                "sql": sql.replace("AFFECTED", f"temp.main.is_affected_{name}"),
                "run_id": "run",
                "is_full_refresh": is_full,
            }
            build_keyed(self.connection, json.dumps(payload))

    def rows(self, name: str) -> list[Row]:
        """All rows of a table in a fixed order; the sign of a zero is not a value."""
        return self._rows(f"select * from {name.replace('_', '.', 1)}")

    def whole(self, name: str) -> list[Row]:
        """The rows that a table's SQL gives for all keys, of its inputs as they are."""
        columns = ", ".join(self.models[name]["columns"])
        return self._rows(f"select {columns} from ({self.sql[name].replace('AFFECTED', 'temp.main.everything')})")

    def _rows(self, sql: str) -> list[Row]:
        rows = self.connection.execute(f"select * from ({sql}) order by all").fetchall()
        return [tuple(0.0 if value == 0.0 else value for value in row) for row in rows]


def sales(tables: Tables, source: str) -> None:
    """`silver.<source>`: one row for each sale."""
    tables.add(
        f"silver_{source}",
        {**SALES, "_file_id": "bigint", "_duplicates_identical": "bigint"},
        "select id, max(region) as region, max(rate) as rate, sum(amount)::bigint as amount, "
        f"max(_file_id) as _file_id, count(*) - 1 as _duplicates_identical from bronze.{source} where _file_id in "
        f"(select file_id from ops.current_files where source = '{source}') and AFFECTED(id) group by id",
        {"key": ["id"], "inputs": {f"bronze_{source}": ["id"]}},
    )


def regions() -> Tables:
    """Sales, one row for each; and what each region sold."""
    tables = Tables(SALES, ["id"])
    sales(tables, "x")
    tables.add(
        "gold_regions",
        {"region": "varchar", "amount": "bigint", "sales": "bigint"},
        "select region, sum(amount)::bigint as amount, count(*) as sales from silver.x where AFFECTED(region) "
        "group by region",
        {"key": ["region"], "inputs": {"silver_x": ["region"]}},
    )
    return tables
