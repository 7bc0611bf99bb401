"""Remove by hand what is stored of tables and sources that the project does not have any more.

Landing is never touched. What the ledger knows of the files of a source stays, as `retired`: a source that comes back
loads each of its files anew, exactly once.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

import duckdb

from assay.base import clock
from assay.base.warehouse import transaction
from assay.contract.catalog import Catalog
from assay.contract.errors import ContractError
from assay.contract.names import TableName, relation
from assay.ledger.contents import accepted_paths, count_paths, retire
from assay.ledger.fold_lookup import lies_in_landing
from assay.ledger.rows import forget_profiles
from assay.ledger.scan import landing_path
from assay.tables.retired import Retired, note_retired, read_retired
from assay.tables.superseded_changes import forget_left_out
from assay.tables.written_keys import forget_written

SHOWN = 5
"""Files that a sentence names."""


@dataclass(frozen=True)
class Drop:
    """A stored table or source that is to be dropped.

    Attributes:
        retired: The table, or the source by its bronze table.
        sentences: What goes with it, and what stays.
    """

    retired: Retired
    sentences: tuple[str, ...]


def plan_drops(
    connection: duckdb.DuckDBPyConnection, catalog: Catalog, landing: Path, names: Collection[str]
) -> list[Drop]:
    """What dropping some tables and sources would remove.

    Args:
        connection: The warehouse, after the project's absentees were noted.
        catalog: The project.
        landing: The landing zone.
        names: Tables such as `gold.daily_sales`, or sources.

    Raises:
        ContractError: One is in the project, or nothing of that name is stored.
    """
    retired = {entry.name: entry for entry in read_retired(connection)}
    wanted = dict.fromkeys(TableName.of_subject(name).table for name in names)
    for name in wanted:
        model = TableName.of_subject(name).model
        if model in catalog.models:
            path = str(catalog.models[model].get("patch_path") or model).split("://")[-1]
            raise ContractError(
                f"{name} is in the project, which would build it again: {path}. Take the model out first; to build it "
                f"anew from its inputs, run `assay run --full-refresh {name}`. Nothing was dropped"
            )
        if name not in retired:
            there = f"there are {', '.join(retired)}" if retired else "nothing is"
            raise ContractError(f"nothing called {name} is stored that the project does not have; {there}")
    return [Drop(retired[name], tuple(_sentences(connection, landing, retired[name]))) for name in wanted]


def drop(connection: duckdb.DuckDBPyConnection, catalog: Catalog, drops: Collection[Drop]) -> None:
    """Remove all of it, or nothing."""
    with transaction(connection):
        for item in drops:
            if item.retired.source:
                _drop_source(connection, item.retired.source)
            elif TableName.parse(item.retired.name).layer == "quarantine":
                connection.execute(f"drop view if exists {relation(item.retired.name)}")
            _drop_table(connection, item.retired.name)
    note_retired(connection, catalog)


def _sentences(connection: duckdb.DuckDBPyConnection, landing: Path, retired: Retired) -> Iterator[str]:
    rows = "its view" if TableName.parse(retired.name).layer == "quarantine" else f"{retired.rows or 0:,} rows"
    yield f"{rows}, with the results of its checks, its scores and what is known of its changes"
    if not retired.source:
        return
    malformed = connection.execute("select count(*) from ops.malformed where source = ?", [retired.source]).fetchall()[
        0
    ][0]
    paths, contents = count_paths(connection, retired.source)
    view = TableName("quarantine", retired.source)
    yield f"{malformed:,} malformed records, the view {view}, and which snapshots were let in"
    yield f"the ledger keeps its {paths:,} files ({contents:,} loaded) as retired, and landing is not touched"
    if gone := list(_only_stored_here(connection, landing, retired.source)):
        more = " and more" if len(gone) > SHOWN else ""
        yield (
            f"{len(gone):,} of these files are not in landing any more, so nothing can load their rows again: "
            f"{', '.join(gone[:SHOWN])}{more}"
        )


def _only_stored_here(connection: duckdb.DuckDBPyConnection, landing: Path, source: str) -> Iterator[str]:
    """Paths of loaded files that do not lie in landing any more."""
    for path, place in accepted_paths(connection, source):
        if not lies_in_landing(landing, landing_path(landing, place), path):
            yield path


def _drop_source(connection: duckdb.DuckDBPyConnection, source: str) -> None:
    connection.execute(f"drop view if exists {TableName('quarantine', source).sql}")
    known_of_files = (
        "malformed",
        "file_counts",
        "change_cuts",
        "sources",
        "archives",
        "schema_changes",
        "conservation",
        "deliveries",
    )
    for name in (*known_of_files, "snapshots", "snapshot_losses", "acceptances"):
        connection.execute(f"delete from ops.{name} where source = ?", [source])
    forget_profiles(connection, source)
    retire(connection, source, f"its source left the project and was dropped on {clock.now():%Y-%m-%d}")


def _drop_table(connection: duckdb.DuckDBPyConnection, table: str) -> None:
    name = TableName.parse(table)
    if name.layer != "quarantine":
        connection.execute(f"drop table if exists {name.sql}")
    connection.execute(f"drop table if exists {name.changes_sql}")
    forget_written(connection, name)
    forget_left_out(connection, name)
    for of in (
        "tables",
        "table_counts",
        "checks",
        "check_results",
        "quality_score",
        "deliveries",
        "freshness",
        "touched_parts",
        "rebuilds",
        "build_costs",
    ):
        connection.execute(f"delete from ops.{of} where table_name = ?", [table])
    for of in ("seen", "seen_files"):
        connection.execute(f"delete from ops.{of} where consumer = $table or input = $table", {"table": table})
    # Should it come back, its seq begins anew: a result that looked at it before must not pass for one of then.
    connection.execute(
        "update ops.checks set looked_at = list_transform(looked_at, lambda seen: case when seen.table_name = $table "
        "then {table_name: seen.table_name, seq: -1::bigint} else seen end) "
        "where list_contains(list_transform(looked_at, lambda seen: seen.table_name), $table)",
        {"table": table},
    )
