"""Upgrades the tables of an older lake, once, where `schema.sql`, which is run each time, cannot.

Belongs here: changes of tables that hold data, each recognised by the columns that the lake has. Keep out: a column
that is only added, which `schema.sql` does itself.
"""

from __future__ import annotations

import duckdb

_COLUMNS = """
    select table_name || '.' || column_name, data_type from duckdb_columns()
    where database_name = current_database() and schema_name = 'ops'
"""


def upgrade(connection: duckdb.DuckDBPyConnection) -> None:
    """Upgrade the tables of an older version; does nothing on a lake of this one, nor on one that is yet to be made.

    Args:
        connection: The warehouse, before `schema.sql` is run on it.
    """
    columns = dict(connection.execute(_COLUMNS).fetchall())
    if "check_results.evidence" in columns:  # the first lakes had a row for each check
        connection.execute("alter table ops.check_results rename to check_results_before_rules")
    for table in ("files", "seen_files"):
        if columns.get(f"{table}.file_date") == "DATE":  # names were read without their time of day
            connection.execute(f"alter table ops.{table} alter column file_date type timestamp")
