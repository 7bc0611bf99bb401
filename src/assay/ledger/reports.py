"""Queries of the ledger for readers: on a connection to what is published, or to the warehouse."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import duckdb

from assay.base.warehouse import columns_of
from assay.contract.names import literal


@dataclass(frozen=True)
class Row:
    """One sighting as the ledger is listed.

    Attributes:
        counts: Records read, rows loaded and malformed records; None of what was not read.
    """

    source: str
    path: str
    status: str
    counts: tuple[int | None, int | None, int | None]
    first_seen: datetime
    reason: str | None
    file_id: int | None
    lines_left_out: int | None


def listing(connection: duckdb.DuckDBPyConnection, source: str = "", status: str = "") -> list[Row]:
    """Every sighting in the order of the ledger.

    Args:
        connection: To what is published.
        source: Only of this one; empty for all.
        status: Only in this status; empty for all.
    """
    left_out = "lines_left_out" if "lines_left_out" in columns_of(connection, "ops.files") else "null"
    rows = connection.execute(
        "select source, path, status, records_read, records_loaded, records_malformed, first_seen, reason, file_id, "
        f"{left_out} "
        f"from ops.files where {literal(source)} in ('', source) and {literal(status)} in ('', status) "
        "order by sighting_id"
    ).fetchall()
    return [Row(name, path, state, (r, n, m), *rest) for name, path, state, r, n, m, *rest in rows]


def loaded_by(connection: duckdb.DuckDBPyConnection, run_id: str) -> list[tuple[str, int, int, int]]:
    """(source, files, records read, malformed records) that a run loaded."""
    return connection.execute(
        "select source, count(*), sum(records_read), sum(records_malformed) from ops.loaded_files "
        "where run_id = ? group by source order by source",
        [run_id],
    ).fetchall()


def histories_of(connection: duckdb.DuckDBPyConnection, run_id: str) -> list[tuple[str, str]]:
    """(table, sentence) of the files that a run loaded as history, as its checks of arrivals judged them."""
    return connection.execute(
        "select table_name, found from ops.check_results where run_id = $run_id and rule = 'files_of_history' and "
        "table_name in (select 'bronze.' || source from ops.loaded_files where run_id = $run_id) order by table_name",
        {"run_id": run_id},
    ).fetchall()


def refused_by(connection: duckdb.DuckDBPyConnection, run_id: str) -> list[tuple[str, str]]:
    """(path, reason) of files that a run refused."""
    return connection.execute(
        "select path, reason from ops.files where status = 'refused' and run_id = ? order by sighting_id", [run_id]
    ).fetchall()


def held_back_by(connection: duckdb.DuckDBPyConnection, run_id: str) -> list[tuple[str, str]]:
    """(path, reason) of snapshots that are held back, of the contents that a run saw."""
    return connection.execute(
        "select path, because from ops.snapshots where state = 'held back' and file_id in "
        "(select file_id from ops.files where run_id = ?) order by path",
        [run_id],
    ).fetchall()


def count_by_status(connection: duckdb.DuckDBPyConnection) -> dict[str, dict[str, int]]:
    """How many sightings of each source are in each status, by source; with sources of which nothing was seen."""
    rows = connection.execute(
        """
        select
            sources.source,
            {'loaded': count(*) filter (files.status = 'loaded'),
             'duplicate': count(*) filter (files.status = 'duplicate'),
             'refused': count(*) filter (files.status = 'refused'),
             'arrived': count(*) filter (files.status = 'arrived'),
             'missing': count(*) filter (files.status = 'missing')} as files
        from ops.known_sources as sources
        left join ops.files as files on sources.source = files.source
        group by sources.source
        order by sources.source
        """
    ).fetchall()
    return dict(rows)


def newest_by_source(connection: duckdb.DuckDBPyConnection) -> dict[str, datetime]:
    """When the newest loaded file of each source was first seen."""
    return dict(connection.execute("select source, max(first_seen) from ops.loaded_files group by source").fetchall())


def first_seen(connection: duckdb.DuckDBPyConnection) -> datetime | None:
    """When the lake saw its first file; None when it has seen none."""
    moment: datetime | None = connection.execute("select min(first_seen) from ops.files").fetchall()[0][0]
    return moment


def held_snapshots(connection: duckdb.DuckDBPyConnection) -> list[tuple[str, str, str, datetime, str | None]]:
    """(source, path, reason, first seen, path of the one that counts) of snapshots that are held back, oldest first."""
    return connection.execute(
        """
        select held.source, held.path, held.because, min(files.first_seen), any_value(kept.path)
        from ops.snapshots as held
        inner join ops.files as files on held.path = files.path and held.file_id = files.file_id
            and held.source = files.source
        left join ops.snapshots as kept on held.source = kept.source and kept.state = 'current'
        where held.state = 'held back'
        group by held.source, held.path, held.because, held.file_date
        order by held.source, held.file_date, held.path
        """
    ).fetchall()
