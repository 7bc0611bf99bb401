"""Where changes of a source end all rows that stand before them: truncates, and beginnings of epochs.

They are few, and kept by content as its counts are, so that no rebuild of some keys has to look for them in bronze. An
epoch begins with a file that holds rows of a snapshot, or that a feed read from the beginning and found empty.
"""

from __future__ import annotations

from collections.abc import Sequence

import duckdb

from assay.contract.change_columns import EPOCH, LOAD, OPERATION, POSITION, SOURCE_TIME
from assay.contract.feed import MOMENT
from assay.contract.names import TableName, literal

FROM_THE_BEGINNING = "/(start)~"
"""What the path of a batch has that a feed read from the beginning of everything."""
_NOTE = """
    insert into ops.change_cuts (source, file_id, epoch, position, happened_at)
    with files as (select distinct unnest($files::bigint[]) as file_id),
    rows as (
        select _file_id, {epoch} as epoch, {operation}, {position}, {time} from {bronze}
        where _file_id between $first and $last and list_contains($files::bigint[], _file_id)
            and {operation} in ('truncate', 'snapshot')
    ),
    begun as (
        select files.file_id, max(paths.path) as path from files
        inner join ops.files as paths on files.file_id = paths.file_id
        where paths.source = $source and contains(paths.path, $beginning) group by all
    )
    select $source, _file_id, epoch, {position}, min({time}) from rows where {operation} = 'truncate' group by all
    union all
    select $source, _file_id, epoch, '', min({time}) from rows where {operation} = 'snapshot' group by all
    union all
    select
        $source, file_id, coalesce(try_cast(split_part(path, '/', 3) as bigint), 0), '',
        try_strptime(regexp_extract(path, '([^/]+)[.]parquet$', 1), $moment) at time zone 'UTC'
    from begun where file_id not in (select _file_id from rows where {operation} = 'snapshot')
"""


def note_cuts(connection: duckdb.DuckDBPyConnection, source: str, file_ids: Sequence[int]) -> None:
    """Write down the cuts of some contents anew, in the transaction that stores their rows.

    Args:
        connection: The warehouse.
        source: e.g. `orders`; of one that is not loaded as changes nothing is done.
        file_ids: The contents.
    """
    of_changes = connection.execute("select 1 from ops.sources where source = ? and load = ?", [source, LOAD])
    if not of_changes.fetchall() or not file_ids:
        return
    connection.execute(
        "delete from ops.change_cuts where source = ? and list_contains(?::bigint[], file_id)", [source, list(file_ids)]
    )
    bronze = TableName.of_source(source)
    sql = _NOTE.format(
        bronze=bronze.sql,
        epoch=EPOCH if has_epochs(connection, source) else "0::bigint",
        operation=OPERATION,
        position=POSITION,
        time=SOURCE_TIME,
    )
    of_files = {"files": list(file_ids), "first": min(file_ids), "last": max(file_ids)}
    connection.execute(sql, {"source": source, **of_files, "beginning": FROM_THE_BEGINNING, "moment": MOMENT})


def has_epochs(connection: duckdb.DuckDBPyConnection, source: str) -> bool:
    """Whether the paths of a source say the epoch of its files."""
    rows = connection.execute(
        "select 1 from duckdb_columns() where database_name = current_database() and schema_name = 'bronze' "
        "and table_name = ? and column_name = ?",
        [source, EPOCH],
    )
    return bool(rows.fetchall())


def forget_cuts(connection: duckdb.DuckDBPyConnection, source: str) -> None:
    """Forget the cuts of a source whose rows are deleted."""
    connection.execute("delete from ops.change_cuts where source = ?", [source])


def have_cuts(connection: duckdb.DuckDBPyConnection, source: str, file_ids: Sequence[int]) -> bool:
    """Whether one of some contents ends rows that stand before it, so that it may touch any key."""
    rows = connection.execute(
        "select 1 from ops.change_cuts where source = ? and list_contains(?::bigint[], file_id) limit 1",
        [source, list(file_ids)],
    )
    return bool(rows.fetchall())


def current_cuts(source: str) -> str:
    """SQL of the cuts of the files that count: `epoch`, `position`, `happened_at`."""
    return (
        "select cuts.epoch, cuts.position, min(cuts.happened_at) as happened_at from ops.change_cuts as cuts "
        "inner join ops.current_files as files on cuts.source = files.source and cuts.file_id = files.file_id "
        f"where cuts.source = {literal(source)} group by all"
    )
