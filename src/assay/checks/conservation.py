"""Promise 1 in numbers: every record is a row or malformed, every row is in silver or accounted for.

Each term is counted on its own; none is got by subtraction. A run takes the terms from the counts that are kept beside
files and silver tables and move with their rows; a recount takes them from the rows themselves.
"""

from __future__ import annotations

from dataclasses import asdict, astuple, dataclass

import duckdb

from assay.base import clock
from assay.contract.contract import Contract
from assay.contract.names import TableName, literal, relation
from assay.ledger import file_counts
from assay.ledger.contents import sums_loaded
from assay.tables import silver_counts
from assay.tables.change_states import HELD, SUPERSEDED, change_states, everything


@dataclass(frozen=True)
class Conservation:
    """The terms of one source, over everything that is loaded. Units: records of files, rows of tables."""

    records_read: int
    records_loaded: int
    records_malformed: int
    rows_bronze: int
    rows_silver: int
    rows_quarantined: int
    rows_superseded: int
    duplicates_identical: int
    duplicates_conflicting: int

    @property
    def is_conserved(self) -> bool:
        """Whether both equations of promise 1 hold."""
        duplicates = self.duplicates_identical + self.duplicates_conflicting
        return (
            self.records_read == self.rows_bronze + self.records_malformed
            and self.records_loaded == self.rows_bronze
            and self.rows_bronze == self.rows_silver + self.rows_quarantined + self.rows_superseded + duplicates
        )

    def differences(self, other: Conservation) -> list[dict[str, object]]:
        """The terms that another count gives otherwise, each with both figures."""
        theirs = asdict(other)
        return [
            {"term": term, "kept": kept, "counted": theirs[term]}
            for term, kept in asdict(self).items()
            if kept != theirs[term]
        ]


def kept(connection: duckdb.DuckDBPyConnection, source: str, silver: str) -> Conservation:
    """The terms of one source by the counts that are kept; reads a row for each file, and none of bronze or silver.

    What an earlier version has not kept is counted whole first, once.

    Args:
        connection: The warehouse.
        source: e.g. `products`.
        silver: The table that takes the source in, e.g. `silver.products`.
    """
    file_counts.count_unless_kept(connection, source)
    silver_counts.count_unless_kept(connection, silver)
    malformed, bronze, quarantined, superseded = file_counts.sums(connection, source)
    table = silver_counts.terms(connection, silver)
    return Conservation(
        *sums_loaded(connection, source),
        malformed,
        bronze,
        table.rows,
        quarantined + table.held,
        superseded + table.superseded,
        table.identical,
        table.conflicting,
    )


def count(connection: duckdb.DuckDBPyConnection, contract: Contract, silver: str) -> Conservation:
    """Count the terms of one source on all of its rows.

    Args:
        connection: The warehouse.
        contract: Of the source.
        silver: The table that takes the source in, e.g. `silver.products`.
    """
    source = contract.source
    bronze = TableName.of_source(source).sql
    held, superseded = _changes_left_out(connection, contract)
    current = f"(select file_id from ops.current_files where source = {literal(source)})"
    rows = connection.execute(
        f"""
        select
            (select count(*) from ops.malformed where source = {literal(source)}),
            (select count(*) from {bronze}),
            (select count(*) from {relation(silver)}),
            (select count(*) from {bronze} where _violations is not null and _file_id in {current})
                + {held},
            (select count(*) from {bronze} where _file_id not in {current}) + {superseded},
            (select coalesce(sum(_duplicates_identical), 0) from {relation(silver)}),
            (select coalesce(sum(_duplicates_conflicting), 0) from {relation(silver)})
        """
    ).fetchall()[0]
    return Conservation(*sums_loaded(connection, source), *map(int, rows))


def _changes_left_out(connection: duckdb.DuckDBPyConnection, contract: Contract) -> tuple[int, int]:
    """Changes of current files that are held, and that newer ones replaced or took out; none of other loads."""
    if contract.load != "changes":
        return 0, 0
    states = change_states(contract, everything)
    rows = connection.execute(
        f"select count(*) filter (_state = '{HELD}'), count(*) filter (_state = '{SUPERSEDED}') from ({states})"
    ).fetchall()
    return int(rows[0][0]), int(rows[0][1])


def stored_rows(connection: duckdb.DuckDBPyConnection, source: str, silver: str) -> tuple[int, int]:
    """Rows of a source's bronze table and of its silver table, as they were counted when each was built last."""
    counts = dict(connection.execute("select table_name, row_count from ops.tables").fetchall())
    return counts.get(TableName.of_source(source).table, 0), counts.get(silver, 0)


def record(connection: duckdb.DuckDBPyConnection, source: str, counted: Conservation, run_id: str) -> None:
    """Keep the counts of a source and run; a second count in one run replaces the first."""
    connection.execute("delete from ops.conservation where source = ? and run_id = ?", [source, run_id])
    values = [source, run_id, clock.now(), *astuple(counted), counted.is_conserved]
    connection.execute(f"insert into ops.conservation values ({', '.join('?' * len(values))})", values)


_KEPT_FILES = """
    rows as (select file_id, rows_loaded as n from ops.file_counts where source = $source),
    malformed as (select file_id, records_malformed as n from ops.file_counts where source = $source)
"""
_COUNTED_FILES = """
    rows as (
        select _file_id as file_id, count(*) as n from {bronze}
        where _file_id in (select file_id from files) group by all
    ),
    malformed as (
        select file_id, count(*) as n from ops.malformed where file_id in (select file_id from files) group by all
    )
"""
_DISAGREE = """
    with files as (
        select file_id, path, records_read, records_loaded, records_malformed from ops.loaded_files
        where source = $source and ($run_id is null or run_id = $run_id)
    ),
    {counts}
    select files.path, files.records_read, coalesce(rows.n, 0), coalesce(malformed.n, 0)
    from files left join rows using (file_id) left join malformed using (file_id)
    where files.records_read <> coalesce(rows.n, 0) + coalesce(malformed.n, 0)
        or files.records_loaded <> coalesce(rows.n, 0)
        or files.records_malformed <> coalesce(malformed.n, 0)
    order by files.path limit 5
"""


def files_that_disagree(
    connection: duckdb.DuckDBPyConnection, source: str, run_id: str | None
) -> list[tuple[str, int, int, int]]:
    """(path, read, rows in bronze, malformed) of loaded files that do not add up, or not to what the ledger says.

    Args:
        connection: The warehouse.
        source: e.g. `products`.
        run_id: Only files that this run loaded, by the counts that are kept of them; None for all, counted anew.
    """
    counts = _COUNTED_FILES.format(bronze=TableName.of_source(source).sql) if run_id is None else _KEPT_FILES
    return connection.execute(_DISAGREE.format(counts=counts), {"source": source, "run_id": run_id}).fetchall()


def files_kept_otherwise(connection: duckdb.DuckDBPyConnection, source: str) -> list[tuple[int, str]]:
    """(content, its path) of which the kept counts are not those of the rows that are stored, the first five."""
    bronze = TableName.of_source(source).sql
    return connection.execute(
        f"""
        with rows as (
            select _file_id as file_id, count(*) as n, count(_violations) as violating from {bronze} group by all
        ),
        malformed as (
            select file_id, count(*) as n from ops.malformed where source = $source group by all
        ),
        counted as (
            select
                coalesce(rows.file_id, malformed.file_id) as file_id, coalesce(rows.n, 0) as loaded,
                coalesce(rows.violating, 0) as violating, coalesce(malformed.n, 0) as malformed
            from rows full join malformed on rows.file_id = malformed.file_id
        ),
        kept as (
            select file_id, rows_loaded, rows_violating, records_malformed from ops.file_counts
            where source = $source and (rows_loaded > 0 or records_malformed > 0)
        ),
        different as ((from counted except all from kept) union all (from kept except all from counted))
        select distinct different.file_id, coalesce(paths.path, '')
        from different left join ops.content_paths as paths on different.file_id = paths.file_id
        order by 1 limit 5
        """,
        {"source": source},
    ).fetchall()
