"""Promise 1 in numbers: every record is a row or malformed, every row is in silver or accounted for.

Each term is counted on its own; none is got by subtraction.
"""

from __future__ import annotations

from dataclasses import astuple, dataclass

import duckdb

from assay.base import clock
from assay.contract.names import TableName, literal, relation
from assay.ledger.contents import sums_loaded


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


def count(connection: duckdb.DuckDBPyConnection, source: str, silver: str) -> Conservation:
    """Count the terms of one source.

    Args:
        connection: The warehouse.
        source: e.g. `products`.
        silver: The table that takes the source in, e.g. `silver.products`.
    """
    bronze = TableName.of_source(source).sql
    current = f"(select file_id from ops.current_files where source = {literal(source)})"
    rows = connection.execute(
        f"""
        select
            (select count(*) from ops.malformed where source = {literal(source)}),
            (select count(*) from {bronze}),
            (select count(*) from {relation(silver)}),
            (select count(*) from {bronze} where _violations is not null and _file_id in {current}),
            (select count(*) from {bronze} where _file_id not in {current}),
            (select coalesce(sum(_duplicates_identical), 0) from {relation(silver)}),
            (select coalesce(sum(_duplicates_conflicting), 0) from {relation(silver)})
        """
    ).fetchall()[0]
    return Conservation(*sums_loaded(connection, source), *map(int, rows))


def record(connection: duckdb.DuckDBPyConnection, source: str, counted: Conservation, run_id: str) -> None:
    """Keep the counts of a source and run; a second count in one run replaces the first."""
    connection.execute("delete from ops.conservation where source = ? and run_id = ?", [source, run_id])
    values = [source, run_id, clock.now(), *astuple(counted), counted.is_conserved]
    connection.execute(f"insert into ops.conservation values ({', '.join('?' * len(values))})", values)


def files_that_disagree(
    connection: duckdb.DuckDBPyConnection, source: str, run_id: str | None
) -> list[tuple[str, int, int, int]]:
    """(path, read, rows in bronze, malformed) of loaded files that do not add up, or not to what the ledger says.

    Args:
        connection: The warehouse.
        source: e.g. `products`.
        run_id: Only files that this run loaded; None for all.
    """
    where = "true" if run_id is None else f"files.run_id = {literal(run_id)}"
    return connection.execute(
        f"""
        with files as (
            select file_id, path, records_read, records_loaded, records_malformed from ops.loaded_files as files
            where source = {literal(source)} and {where}
        ),
        rows as (
            select _file_id as file_id, count(*) as n from {TableName.of_source(source).sql}
            where _file_id in (select file_id from files) group by all
        ),
        malformed as (
            select file_id, count(*) as n from ops.malformed where file_id in (select file_id from files) group by all
        )
        select files.path, files.records_read, coalesce(rows.n, 0), coalesce(malformed.n, 0)
        from files left join rows using (file_id) left join malformed using (file_id)
        where files.records_read <> coalesce(rows.n, 0) + coalesce(malformed.n, 0)
            or files.records_loaded <> coalesce(rows.n, 0)
            or files.records_malformed <> coalesce(malformed.n, 0)
        order by files.path limit 5
        """
    ).fetchall()
