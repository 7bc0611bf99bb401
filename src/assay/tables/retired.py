"""Tables, sources and checks that are stored and that the project does not have any more: no longer shown as alive.

A run writes them down when it begins, so that readers, who know no project, see which they are. Nothing is dropped for
it: that is done by hand (`tables/dropping.py`), and one that comes back is taken up again.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import PurePath

import duckdb

from assay.base import clock
from assay.base.warehouse import transaction
from assay.contract.catalog import Catalog
from assay.contract.names import TableName, table_of
from assay.ledger.contents import accepted_paths

_STORED = """
    with stored as (
        select table_name from ops.tables
        union select 'bronze.' || source from ops.known_sources
        union select 'quarantine.' || view_name from duckdb_views()
        where schema_name = 'quarantine' and database_name = current_database()
    )
    select stored.table_name, tables.row_count, tables.built_at
    from stored left join ops.tables as tables on stored.table_name = tables.table_name
"""
_UNASKED = """
    select distinct table_name, check_name from ops.checks where list_contains($tables::varchar[], table_name)
"""


@dataclass(frozen=True)
class Retired:
    """A table, or a source by its bronze table, that is stored and not in the project.

    Attributes:
        name: e.g. `gold.daily_sales`.
        rows: How many are stored; None of what never was a table.
        last_built: When they changed last.
        since: When a run first missed it.
        renamed_to: The table of the project that seems to be what it was; empty where none does.
    """

    name: str
    rows: int | None
    last_built: datetime | None
    since: datetime
    renamed_to: str = ""

    @property
    def sentence(self) -> str:
        """What is there, and what to do about it."""
        rows = "no rows" if self.rows is None else f"{self.rows:,} rows"
        built = "never built" if self.last_built is None else f"last built {self.last_built:%Y-%m-%d %H:%M} UTC"
        renamed = f"{self.name} looks renamed to {self.renamed_to}; " if self.renamed_to else ""
        return f"{self.name}, {rows}, {built}; {renamed}`assay drop {self.name}` removes it"

    @property
    def source(self) -> str:
        """The source of a bronze table; empty of another one."""
        name = TableName.parse(self.name)
        return name.entity if name.is_bronze else ""


def note_retired(connection: duckdb.DuckDBPyConnection, catalog: Catalog) -> list[Retired]:
    """Write down what is stored and not in the project; what came back is not.

    Args:
        connection: The warehouse.
        catalog: The project.

    Returns:
        What was not known to be retired until now.
    """
    stored = {name: (rows, built) for name, rows, built in connection.execute(_STORED).fetchall()}
    project = {table_of(model) for model in catalog.models}
    gone = {name: stats for name, stats in stored.items() if name not in project}
    gone = {name: stats for name, stats in gone.items() if not _goes_with_its_source(name, gone)}
    before = {entry.name: entry for entry in read_retired(connection)}
    unasked = _unasked(connection, catalog)
    new = [
        Retired(name, *gone[name], clock.now(), _renamed_to(connection, catalog, name, stored))
        for name in sorted(gone.keys() - before.keys())
    ]
    if new or before.keys() - gone.keys() or unasked != hidden_checks(connection):
        kept = [entry for name, entry in before.items() if name in gone]
        _write(connection, [*kept, *new], unasked)
    return new


def _goes_with_its_source(name: str, gone: Container[str]) -> bool:
    """Whether it is the quarantine of a source that is retired itself, and so is named by that."""
    table = TableName.parse(name)
    return table.layer == "quarantine" and table.in_layer("bronze").table in gone


def read_retired(connection: duckdb.DuckDBPyConnection) -> list[Retired]:
    """What is retired, as the last run knew it; nothing in a lake of before.

    Args:
        connection: The warehouse, or a connection to what is published.
    """
    if not _is_there(connection):
        return []
    rows = connection.execute(
        "select table_name, row_count, last_built, since, renamed_to from ops.retired where check_name = '' "
        "order by table_name"
    ).fetchall()
    return [Retired(*row) for row in rows]


def hidden_checks(connection: duckdb.DuckDBPyConnection) -> set[tuple[str, str]]:
    """(table, check) of results that no yml and no test of a table of the project asks for any more."""
    if not _is_there(connection):
        return set()
    asked = "select table_name, check_name from ops.retired where check_name <> ''"
    return set(connection.execute(asked).fetchall())


def _is_there(connection: duckdb.DuckDBPyConnection) -> bool:
    asked = "select 1 from duckdb_tables() where schema_name = 'ops' and table_name = 'retired'"
    return bool(connection.execute(asked).fetchall())


def _unasked(connection: duckdb.DuckDBPyConnection, catalog: Catalog) -> set[tuple[str, str]]:
    project = {table_of(model) for model in catalog.models}
    asked = {(table, check) for table, checks in catalog.checks.items() for check in checks}
    for test in catalog.tests(catalog.models).values():
        asked.add((table_of(catalog.tested_model(test)), str(test["name"])))
    kept = connection.execute(_UNASKED, {"tables": sorted(project)}).fetchall()
    return {(table, check) for table, check in kept if check != "recount"} - asked


def _write(
    connection: duckdb.DuckDBPyConnection, retired: Sequence[Retired], unasked: Iterable[tuple[str, str]]
) -> None:
    now = clock.now()
    rows: list[tuple[object, ...]] = [
        (entry.name, "", entry.rows, entry.last_built, entry.since, entry.renamed_to) for entry in retired
    ]
    rows += [(table, check, None, None, now, "") for table, check in sorted(unasked)]
    with transaction(connection):
        connection.execute("delete from ops.retired")
        if rows:
            connection.executemany("insert into ops.retired values (?, ?, ?, ?, ?, ?)", rows)


def _renamed_to(
    connection: duckdb.DuckDBPyConnection, catalog: Catalog, name: str, stored: Mapping[str, object]
) -> str:
    """The one table of the project that was never built and is like a retired one: its files, or else its columns."""
    retired = TableName.parse(name)
    new = [model for model in catalog.of_layer(retired.layer) if table_of(model) not in stored]
    if retired.is_bronze:
        paths = [place for _, place in accepted_paths(connection, retired.entity)]
        globs = {model: catalog.contracts[TableName.of_model(model).entity].paths for model in new}
        alike = [m for m in new if paths and all(PurePath(path).match(globs[m]) for path in paths)]
    else:
        columns = _declared(_columns(connection, retired))
        alike = [model for model in new if columns and _declared(catalog.models[model]["columns"]) == columns]
    return table_of(alike[0]) if len(alike) == 1 else ""


def _declared(columns: Iterable[str]) -> list[str]:
    """Columns without Assay's own, which a table has whether its yml names them or not."""
    return [name for name in columns if not name.startswith("_")]


def _columns(connection: duckdb.DuckDBPyConnection, table: TableName) -> list[str]:
    rows = connection.execute(
        "select column_name from duckdb_columns() where database_name = current_database() "
        "and schema_name = ? and table_name = ? order by column_index",
        [table.layer, table.entity],
    ).fetchall()
    return [name for (name,) in rows]
