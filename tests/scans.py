"""How many rows of a table DuckDB reads for a query."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import duckdb


def scanned(connection: duckdb.DuckDBPyConnection, sql: str, table: str, folder: Path) -> int:
    """Rows of a table that DuckDB reads for a query."""
    profile = folder / "profile.json"
    connection.execute(f"set enable_profiling = 'json'; set profiling_output = '{profile}'")
    connection.execute(sql).fetchall()
    connection.execute("pragma disable_profiling")
    return sum(_scans(json.loads(profile.read_text()), table))


def _scans(node: dict[str, Any], table: str) -> list[int]:
    own = [int(node["operator_rows_scanned"])] if table in str(node.get("extra_info", {}).get("Table", "")) else []
    return own + [count for child in node["children"] for count in _scans(child, table)]
