"""The rows of a table that its contract has to be asked of again: those that a run wrote, and those with their keys."""

from __future__ import annotations

from assay.checks.session import Session
from assay.checks.validity import Covered
from assay.contract.names import TableName, quoted
from assay.contract.rebuild_key import parse_redo
from assay.tables.key_ranges import is_among
from assay.tables.written_keys import keys_written, rows_written_since

CHANGED = ("temp", "main", "assay_changed")
"""The table with these rows: its database, schema and name."""
MOST = 0.5
"""The share of a table's rows up to which it is cheaper to look for those that were written than at all."""


def collect_changed(lake: Session, model: str, covers: Covered) -> bool:
    """Put the rows that changed since a result covered the table into `CHANGED`.

    These are all rows of the rebuild keys that were written, and all that share a primary key with one of them, so that
    a key that is there twice is there twice among these.

    Args:
        lake: The open lake.
        model: A silver or gold model.
        covers: What its last contract result stands for.

    Returns:
        Whether they are known and worth looking for; else the whole table has to be looked at.
    """
    name = TableName.of_model(model)
    parents = {parent: lake.catalog.models[parent] for parent in lake.catalog.parents(model)}
    key = parse_redo(lake.catalog.models[model], parents).key
    written = rows_written_since(lake.connection, name, key, covers.seen[name.table])
    if written is None:
        return False
    rows = lake.connection.execute(f"select count(*) from {name.sql}").fetchall()[0][0]
    if keys_written(lake.connection, name) > MOST * rows:
        return False
    table = CHANGED[-1]
    lake.connection.execute(f"create or replace temp table {table} as {written}")
    primary = lake.catalog.promises[model].key
    if primary and not set(key) <= set(primary):  # else all rows of a primary key are rows of one rebuild key
        names = ", ".join(map(quoted, primary))
        lake.connection.execute(
            f"create or replace temp table {table}_keys as select distinct {names} from temp.{table}"
        )
        among = is_among(lake.connection, f"temp.{table}_keys", primary, [f"stored.{quoted(n)}" for n in primary])
        lake.connection.execute(
            f"create or replace temp table {table} as select stored.* from {name.sql} as stored where {among}"
        )
    return True
