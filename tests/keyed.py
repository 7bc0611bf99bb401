"""Keyed tables on a real DuckDB without dbt and Dagster: files come and go, tables are built key by key or whole."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import duckdb

from assay.base.warehouse import prepare
from assay.tables.keyed import build_keyed

Row = tuple[object, ...]


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
    """A bronze source `bronze.x` whose files are put and replaced, and the tables that are made of it.

    Args:
        columns: Names and types of the source.
        key: Its primary key.
    """

    def __init__(self, columns: Mapping[str, str], key: Sequence[str]) -> None:
        self.connection = duckdb.connect()
        prepare(self.connection)
        self.columns = dict(columns)
        self.models = {"bronze_x": model("bronze_x", columns, key)}
        self.sql: dict[str, str] = {}
        self._files = 0
        typed = ", ".join(f'"{name}" {kind}' for name, kind in columns.items())
        self.connection.execute(
            f"create table bronze.x ({typed}, _rescued json, _violations varchar[], _file_id bigint)"
        )
        self.connection.execute("insert into ops.sources values ('x', 'events', '1.0.0', '', null)")

    def put(self, path: str, rows: Sequence[Row]) -> None:
        """A file, or a new version of it."""
        self._files += 1
        marks = ", ".join("?" * len(self.columns))
        for row in rows:
            self.connection.execute(f"insert into bronze.x select {marks}, null, null, {self._files}", list(row))
        self.connection.execute(
            "insert into ops.files (sighting_id, file_id, source, path, format, contract_version, "
            "contract_fingerprint, status, first_seen, run_id) "
            "values (?, ?, 'x', ?, 'csv', '1', '', 'loaded', now(), '')",
            [self._files, self._files, path],
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
        table = name.replace("_", ".", 1)
        rows = self.connection.execute(f"select * from {table} order by all").fetchall()
        return [tuple(0.0 if value == 0.0 else value for value in row) for row in rows]


CURRENT = "from bronze.x where _file_id in (select file_id from ops.current_files where source = 'x')"
