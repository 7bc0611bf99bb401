"""Which SQL of a stranger is run: one SELECT over tables that were named to it, with functions that only compute.

The statement is taken apart by DuckDB's own parser, so what is judged is what runs. This is the first of two fences:
the connection that it runs on can open no file but the parts of the published state, and its configuration is locked.
Only the first keeps values about people from a stranger, because the views that mask them read the tables that hold
them.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterator
from typing import Any

import duckdb

from assay.base.errors import UserError
from assay.contract.names import TableName, listed

TABLE_FUNCTIONS = frozenset({"generate_series", "range", "repeat", "repeat_row", "unnest"})
"""Functions in the place of a table; all others read files, settings or the catalogue, or run texts as SQL."""
REFUSED_FUNCTIONS = frozenset(
    {
        *("current_query", "current_setting", "currval", "getenv", "getvariable", "nextval", "setseed"),
        *("json_serialize_plan", "pg_get_viewdef", "sleep_ms", "write_log"),
    }
)
"""Functions in the place of a value that tell about the machine or change something."""
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
"""Of a common table: a name with a dot could be taken for a file."""
LONGEST = 20_000
"""Characters of a statement."""


class Refused(UserError):
    """The statement does more than read, or reads something else than published tables."""


def assert_only_reads(connection: duckdb.DuckDBPyConnection, sql: str, tables: Collection[TableName]) -> None:
    """Check that a text is one SELECT over some tables.

    Args:
        connection: Any; the text is only parsed.
        sql: The text.
        tables: Those that it may read, by layer and name.

    Raises:
        Refused: It is something else; says what and what to write.
    """
    if len(sql) > LONGEST:
        raise Refused(f"the statement has {len(sql):,} characters; write one of at most {LONGEST:,}")
    statement = _parsed(connection, sql)
    common = {str(entry["key"]).lower() for part in _parts(statement) for entry in _entries(part)}
    if odd := sorted(name for name in common if not _NAME.fullmatch(name)):
        raise Refused(f"a common table is called {odd[0]!r}; use letters, digits and underscores")
    if taken := sorted(common & _own_views(connection)):  # beyond its scope the name would mean DuckDB's own
        raise Refused(f"a common table is called {taken[0]!r}, as a view of DuckDB itself is; call it otherwise")
    for part in _parts(statement):
        _check(part, tables, common)


def _parsed(connection: duckdb.DuckDBPyConnection, sql: str) -> Any:
    [(text,)] = connection.execute("select json_serialize_sql(?)", [sql]).fetchall()
    parsed = json.loads(text)
    if parsed.get("error"):
        if parsed.get("error_type") == "not implemented":
            raise Refused("only SELECT is run here; PIVOT is not, write CASE or FILTER instead")
        raise Refused(f"the statement cannot be parsed: {parsed.get('error_message')}")
    if len(parsed["statements"]) != 1:
        raise Refused(f"{len(parsed['statements'])} statements were sent; send one at a time")
    return parsed["statements"][0]


def _own_views(connection: duckdb.DuckDBPyConnection) -> set[str]:
    """Names of the views that tell of the catalogue."""
    rows = connection.execute("select lower(view_name) from duckdb_views() where internal").fetchall()
    return {name for (name,) in rows}


def _parts(node: Any) -> Iterator[dict[str, Any]]:
    """Every object within a parsed statement, itself included."""
    open_nodes = [node]
    while open_nodes:
        present = open_nodes.pop()
        if isinstance(present, dict):
            yield present
            open_nodes.extend(present.values())
        elif isinstance(present, list):
            open_nodes.extend(present)


def _entries(part: dict[str, Any]) -> list[dict[str, Any]]:
    """The common tables that a part of a statement defines."""
    defined = part.get("cte_map")
    return list(defined["map"]) if isinstance(defined, dict) else []


def _check(part: dict[str, Any], tables: Collection[TableName], common: Collection[str]) -> None:
    kind = part.get("type")
    if kind == "BASE_TABLE":
        _check_table(part, tables, common)
    elif kind == "TABLE_FUNCTION":
        name = str((part.get("function") or {}).get("function_name", "")).lower()
        if name not in TABLE_FUNCTIONS:
            raise Refused(
                f"{name}() is not run in the place of a table: only published tables are read. "
                f"Allowed are {', '.join(sorted(TABLE_FUNCTIONS))}"
            )
    elif kind == "SHOW_REF" or "show_type" in part:
        raise Refused("DESCRIBE, SHOW and SUMMARIZE are not run here; the tool describe_table says what a table has")
    elif "function_name" in part and str(part["function_name"]).lower() in REFUSED_FUNCTIONS:
        raise Refused(f"{part['function_name']}() is not run here: it tells of the machine and not of the data")


def _check_table(part: dict[str, Any], tables: Collection[TableName], common: Collection[str]) -> None:
    catalog, schema, name = (str(part.get(key) or "") for key in ("catalog_name", "schema_name", "table_name"))
    if not catalog and not schema and name.lower() in common:
        return
    known = {(table.layer, table.entity.lower()) for table in tables}
    if catalog or (schema.lower(), name.lower()) not in known:
        written = ".".join(filter(None, (catalog, schema, name)))
        raise Refused(
            f"{written!r} is not a published table; write layer and name, one of "
            f"{listed([table.table for table in tables])}"
        )
