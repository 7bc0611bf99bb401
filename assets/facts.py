"""What each materialization says about its table: rows, and where every record went."""

from __future__ import annotations

from typing import Any

from resources.names import relation
from resources.session import Session

_FILES = """
    select
        count(*) filter (status = 'loaded' and run_id = $run_id),
        coalesce(sum(records_read) filter (status = 'loaded' and run_id = $run_id), 0),
        coalesce(sum(records_loaded) filter (status = 'loaded' and run_id = $run_id), 0),
        coalesce(sum(records_malformed) filter (status = 'loaded' and run_id = $run_id), 0),
        count(*) filter (status = 'refused'),
        count(*) filter (status = 'arrived')
    from ops.files where source = $source
"""


def facts_of(lake: Session, table: str) -> dict[str, Any]:
    """Metadata of a materialization: counts of the table, and of this run's files for a bronze table.

    Args:
        lake: The open lake.
        table: e.g. `bronze.products`.
    """
    rows = lake.connection.execute(f"select count(*) from {relation(table)}").fetchall()[0][0]
    facts: dict[str, Any] = {"dagster/row_count": int(rows)}
    layer, source = table.split(".", 1)
    if layer == "bronze":
        facts |= _files(lake, source)
    changed = lake.connection.execute("select run_id, seq from ops.tables where table_name = ?", [table]).fetchall()
    if changed:
        facts["version"] = int(changed[0][1])
    return facts


def _files(lake: Session, source: str) -> dict[str, int]:
    names = ("files", "records_read", "rows_loaded", "malformed", "files_refused", "files_waiting")
    values = lake.connection.execute(_FILES, {"run_id": lake.run_id, "source": source}).fetchall()[0]
    return dict(zip(names, map(int, values), strict=True))
