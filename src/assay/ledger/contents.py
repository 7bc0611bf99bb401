"""Queries of the contents of a source, and updates of all of them at once.

Belongs here: SQL on `ops.files` that loading, tables and checks need. What joins the ledger with other tables reads
views of it (`ops.loaded_files`, `ops.landed_contents`).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime

import duckdb

from assay.contract.contract import Contract
from assay.contract.names import literal


def has_loaded(connection: duckdb.DuckDBPyConnection, source: str) -> bool:
    """Whether a file of a source is loaded."""
    asked = "select 1 from ops.loaded_files where source = ? limit 1"
    return bool(connection.execute(asked, [source]).fetchall())


def loaded_with_several(connection: duckdb.DuckDBPyConnection, source: str, names: Sequence[str]) -> list[str]:
    """Paths of loaded files of a source whose headers have several of some names, sorted."""
    rows = connection.execute(
        "select distinct path from ops.loaded_files where source = ? and len(list_intersect(header, ?::varchar[])) > 1 "
        "order by path",
        [source, list(names)],
    ).fetchall()
    return [str(path) for (path,) in rows]


def names_in_headers(connection: duckdb.DuckDBPyConnection, source: str) -> list[str]:
    """All names that stand in the headers of loaded files of a source, sorted."""
    asked = "select distinct unnest(header) as name from ops.loaded_files where source = ? order by name"
    return [str(name) for (name,) in connection.execute(asked, [source]).fetchall()]


def is_in_a_header(connection: duckdb.DuckDBPyConnection, source: str, names: Sequence[str]) -> bool:
    """Whether a loaded file of a source has a column by one of some names in its header."""
    asked = "select 1 from ops.loaded_files where source = ? and list_has_any(header, ?::varchar[]) limit 1"
    return bool(connection.execute(asked, [source, list(names)]).fetchall())


def loaded_last(
    connection: duckdb.DuckDBPyConnection, source: str, without: Collection[int], most: int, rows: int
) -> list[int]:
    """Contents of a source that were loaded last, the last one first.

    Args:
        connection: The warehouse.
        source: The source.
        without: Contents that are not asked for.
        most: No more than these.
        rows: And no more than give so many rows.
    """
    asked = (
        "select file_id from (select *, sum(records_loaded) over (order by load_id desc, sighting_id desc "
        "rows between unbounded preceding and 1 preceding) as later from ops.loaded_files "
        "where source = $source and not list_contains($without::bigint[], file_id) "
        "order by load_id desc, sighting_id desc limit $most) "
        "where coalesce(later, 0) < $rows order by load_id desc, sighting_id desc"
    )
    values = {"source": source, "without": list(without), "most": most, "rows": rows}
    return [int(file_id) for (file_id,) in connection.execute(asked, values).fetchall()]


def newest_loaded(connection: duckdb.DuckDBPyConnection, source: str) -> datetime | None:
    """When the newest loaded file of a source was first seen; None when none is loaded."""
    asked = f"select max(first_seen) from ops.loaded_files where source = {literal(source)}"
    newest: datetime | None = connection.execute(asked).fetchall()[0][0]
    return newest


def newest_landed(connection: duckdb.DuckDBPyConnection, sources: Sequence[str]) -> datetime | None:
    """When the newest loaded file of some sources landed; None when none is loaded."""
    newest: datetime | None = connection.execute(
        "select max(coalesce(landed_at, first_seen)) from ops.loaded_files "
        "where list_contains($sources::varchar[], source)",
        {"sources": list(sources)},
    ).fetchall()[0][0]
    return newest


def last_load_id(connection: duckdb.DuckDBPyConnection) -> int | None:
    """The number of the last load of any source; None when there was none."""
    load_id: int | None = connection.execute("select max(load_id) from ops.files").fetchall()[0][0]
    return load_id


def last_loaded(connection: duckdb.DuckDBPyConnection, source: str) -> list[int]:
    """The contents of the last load of a source that brought any."""
    rows = connection.execute(
        "select distinct file_id from ops.loaded_files where source = $source and load_id = "
        "(select max(load_id) from ops.loaded_files where source = $source)",
        {"source": source},
    ).fetchall()
    return [int(row[0]) for row in rows]


def records_read(connection: duckdb.DuckDBPyConnection, source: str) -> dict[int, int]:
    """Records that each loaded file of a source had, by sighting."""
    asked = "select sighting_id, records_read from ops.loaded_files where source = ?"
    return dict(connection.execute(asked, [source]).fetchall())


def sums_loaded(connection: duckdb.DuckDBPyConnection, source: str) -> tuple[int, int]:
    """Records read and rows loaded of all loaded files of a source."""
    asked = "select coalesce(sum(records_read), 0), coalesce(sum(records_loaded), 0) from ops.loaded_files"
    read, loaded = connection.execute(f"{asked} where source = ?", [source]).fetchall()[0]
    return int(read), int(loaded)


def counts_of_run(connection: duckdb.DuckDBPyConnection, source: str, run_id: str) -> dict[str, int]:
    """Files and records of a source that a run loaded, and the files that are refused or wait by now."""
    names = ("files", "records_read", "rows_loaded", "malformed", "files_refused", "files_waiting")
    values = connection.execute(
        """
        select
            count(*) filter (status = 'loaded' and run_id = $run_id),
            coalesce(sum(records_read) filter (status = 'loaded' and run_id = $run_id), 0),
            coalesce(sum(records_loaded) filter (status = 'loaded' and run_id = $run_id), 0),
            coalesce(sum(records_malformed) filter (status = 'loaded' and run_id = $run_id), 0),
            count(*) filter (status = 'refused'),
            count(*) filter (status = 'arrived')
        from ops.files where source = $source
        """,
        {"run_id": run_id, "source": source},
    ).fetchall()[0]
    return dict(zip(names, map(int, values), strict=True))


def live_or_waiting(connection: duckdb.DuckDBPyConnection, source: str, waiting: Iterable[int]) -> set[int]:
    """Contents of a source that count or will: of each path the latest accepted version, or the one that waits.

    Args:
        connection: The warehouse.
        source: The source.
        waiting: Contents that are about to be loaded.
    """
    rows = connection.execute(
        "select file_id from ops.files where source = ? "
        "and (status in ('loaded', 'duplicate') or status = 'arrived' and list_contains(?::bigint[], file_id)) "
        "qualify row_number() over (partition by path order by sighting_id desc) = 1 "
        "union select file_id from ops.current_files where source = ?",  # its newer version is held back
        [source, list(waiting), source],
    ).fetchall()
    return {row[0] for row in rows}


def accepted_paths(connection: duckdb.DuckDBPyConnection, source: str) -> list[tuple[str, str]]:
    """Every path of a source that ever showed a loaded content, in order, and that on disk: of a member the archive."""
    return connection.execute(
        "select distinct path, coalesce(archive, path) from ops.files "
        "where source = ? and status in ('loaded', 'duplicate') order by path",
        [source],
    ).fetchall()


def count_paths(connection: duckdb.DuckDBPyConnection, source: str) -> tuple[int, int]:
    """Paths that a source ever had, and contents of it that are loaded."""
    paths, contents = connection.execute(
        "select count(distinct path), count(distinct file_id) filter (status = 'loaded') "
        "from ops.files where source = ?",
        [source],
    ).fetchall()[0]
    return int(paths), int(contents)


def paths_of(connection: duckdb.DuckDBPyConnection, source: str) -> list[str]:
    """Every path that a source ever had."""
    rows = connection.execute("select distinct path from ops.files where source = ?", [source]).fetchall()
    return [path for (path,) in rows]


def set_file_date(connection: duckdb.DuckDBPyConnection, source: str, path: str, moment: datetime | None) -> None:
    """Write the moment that the name of a file says to each of its sightings."""
    connection.execute(
        "update ops.files set file_date = ? where source = ? and path = ? and file_date is distinct from ?",
        [moment, source, path, moment],
    )


def note_missing(connection: duckdb.DuckDBPyConnection, sightings: Sequence[int], because: str) -> None:
    """Write down that contents are gone: one that waited before it was loaded, others for a reason.

    Args:
        connection: The warehouse.
        sightings: Rows of the ledger.
        because: Of those that did not wait, e.g. `was replaced`.
    """
    connection.execute(
        "update ops.files set status = 'missing', reason = case when status = 'arrived' "
        "then 'was gone before it was loaded' else ? end where list_contains(?::bigint[], sighting_id)",
        [because, list(sightings)],
    )


def retire(connection: duckdb.DuckDBPyConnection, source: str, because: str) -> None:
    """Mark every sighting of a source as retired, so that each of its files is new should the source come back."""
    connection.execute(
        "update ops.files set status = 'retired', reason = coalesce(reason || '; ', '') || ? "
        "where source = ? and status <> 'retired'",
        [because, source],
    )


def set_reading(connection: duckdb.DuckDBPyConnection, sightings: Sequence[int], reading: int) -> None:
    """Write the version of the rules of reading under which files are known to give what is stored of them."""
    connection.execute(
        "update ops.files set reading = ? where list_contains(?::bigint[], sighting_id)", [reading, list(sightings)]
    )


def set_judged(connection: duckdb.DuckDBPyConnection, contract: Contract) -> None:
    """Write down that the rows of all loaded files of a source are judged by a contract as it is now."""
    connection.execute(
        "update ops.files set contract_version = ?, contract_fingerprint = ? where source = ? and status = 'loaded'",
        [contract.version, contract.fingerprint, contract.source],
    )


def read_by(connection: duckdb.DuckDBPyConnection, source: str) -> dict[int, tuple[int, int, int]]:
    """Rows, malformed records and version of the rules of reading of the loaded files that count, by sighting."""
    rows = connection.execute(
        "select sighting_id, records_loaded, records_malformed, coalesce(reading, 1) from ops.loaded_files "
        "where source = ? and file_id in (select file_id from ops.live_files where source = ?)",
        [source, source],
    ).fetchall()
    return {sighting: (loaded, malformed, reading) for sighting, loaded, malformed, reading in rows}
