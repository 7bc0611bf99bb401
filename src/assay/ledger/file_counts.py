"""The counts of each loaded content, which are taken when its rows are written and stay with it.

Each is counted on what is stored, not taken from what the load or the ledger says, so that the sums of promise 1 can be
held against both. Whoever writes or deletes rows of a bronze table or malformed records calls this in the same
transaction. Keep out: the terms of silver tables (`tables/silver_counts.py`), and the check (`checks/conservation.py`).
"""

from __future__ import annotations

from collections.abc import Sequence

import duckdb

from assay.contract.names import TableName
from assay.ledger.change_cuts import forget_cuts, note_cuts

_COUNT = """
    insert into ops.file_counts (source, file_id, rows_loaded, rows_violating, records_malformed)
    with files as (select distinct unnest($files::bigint[]) as file_id),
    stored as (
        select _file_id as file_id, count(*) as n, count(_violations) as violating
        from {bronze} where {of_files} group by all
    ),
    malformed as (
        select file_id, count(*) as n from ops.malformed where source = $source and {malformed_of_files} group by all
    )
    select
        $source, files.file_id, coalesce(stored.n, 0), coalesce(stored.violating, 0), coalesce(malformed.n, 0)
    from files
    left join stored on files.file_id = stored.file_id
    left join malformed on files.file_id = malformed.file_id
"""


def count_files(connection: duckdb.DuckDBPyConnection, source: str, file_ids: Sequence[int]) -> None:
    """Count what is stored of some contents anew; reads the rows of these alone.

    Args:
        connection: The warehouse, in the transaction that wrote the rows.
        source: e.g. `products`.
        file_ids: The contents.
    """
    listed = ", ".join(map(str, file_ids))
    if listed:
        _count(connection, source, file_ids, f"_file_id in ({listed})", f"file_id in ({listed})")


def count_unless_kept(connection: duckdb.DuckDBPyConnection, source: str) -> None:
    """Count all contents of a source whole, once, where an earlier version loaded them and kept no counts."""
    if connection.execute("select 1 from ops.file_counts where source = ? limit 1", [source]).fetchall():
        return
    rows = connection.execute(
        "select distinct file_id from ops.loaded_files where source = ? and exists (select 1 from duckdb_tables() "
        "where database_name = current_database() and schema_name = 'bronze' and table_name = ?)",
        [source, source],
    ).fetchall()
    if rows:
        _count(connection, source, [row[0] for row in rows], "true", "true")


def sums(connection: duckdb.DuckDBPyConnection, source: str) -> tuple[int, int, int, int]:
    """Of a source: malformed records, rows, rows of current files that break a rule, rows of files not current."""
    rows = connection.execute(
        """
        with files as (
            select *, file_id in (select file_id from ops.current_files where source = $source) as is_current
            from ops.file_counts where source = $source
        )
        select
            coalesce(sum(records_malformed), 0),
            coalesce(sum(rows_loaded), 0),
            coalesce(sum(rows_violating) filter (is_current), 0),
            coalesce(sum(rows_loaded) filter (not is_current), 0)
        from files
        """,
        {"source": source},
    ).fetchall()
    malformed, loaded, quarantined, superseded = map(int, rows[0])
    return malformed, loaded, quarantined, superseded


def forget_counts(connection: duckdb.DuckDBPyConnection, source: str) -> None:
    """Forget the counts of a source whose rows are deleted."""
    connection.execute("delete from ops.file_counts where source = ?", [source])
    forget_cuts(connection, source)


def _count(
    connection: duckdb.DuckDBPyConnection, source: str, file_ids: Sequence[int], of_files: str, malformed_of_files: str
) -> None:
    connection.execute(
        "delete from ops.file_counts where source = ? and list_contains(?::bigint[], file_id)", [source, list(file_ids)]
    )
    sql = _COUNT.format(
        bronze=TableName.of_source(source).sql, of_files=of_files, malformed_of_files=malformed_of_files
    )
    connection.execute(sql, {"source": source, "files": list(file_ids)})
    note_cuts(connection, source, file_ids)
