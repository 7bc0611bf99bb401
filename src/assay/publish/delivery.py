"""When readers could first see what a file brought, and how old the data of each table is."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

import duckdb

from assay.base import clock
from assay.base.warehouse import transaction
from assay.checks.validity import behind
from assay.contract.catalog import Catalog
from assay.contract.names import TableName, table_of
from assay.publish.publishing import last_decision
from assay.tables.versions import seqs

_FILES = """
    with fed as (select unnest($fed::struct(table_name varchar, source varchar)[], max_depth := 2)),
    expected as (
        select fed.table_name, files.*, there.file_id is not null as is_there
        from fed inner join ops.landed_contents as files on fed.source = files.source
        left join ops.deliveries as there
            on fed.table_name = there.table_name and files.source = there.source and files.file_id = there.file_id
        -- What is held back is not on its way to readers.
        left join (select distinct source, file_id from ops.snapshots where state = 'held back') as held
            on files.source = held.source and files.file_id = held.file_id
        where there.file_id is not null or held.file_id is null
    )
"""
_DELIVER = f"""
    insert into ops.deliveries
    {_FILES}
    select
        table_name, source, file_id, landed_at,
        -- What was loaded before a table was first followed says nothing of how long it took.
        case
            when loaded_by <> $run_id and table_name not in (select there.table_name from ops.deliveries as there)
                then landed_at
            else greatest($at, landed_at)
        end,
        $run_id
    from expected where is_loaded and not is_there
"""
_AGES = f"""
    {_FILES}
    select fed.table_name, max(landed_at) filter (is_there), min(landed_at) filter (not is_there)
    from (select distinct table_name from fed) as fed left join expected on fed.table_name = expected.table_name
    group by fed.table_name
"""


def note_deliveries(connection: duckdb.DuckDBPyConnection, catalog: Catalog, run_id: str) -> None:
    """Write down which files readers see now in which table, and how old each table's data is.

    Args:
        connection: The warehouse, after the run has published.
        catalog: The project.
        run_id: The run.
    """
    at = clock.now()
    with transaction(connection):
        arrived = fed(catalog, shown_whole(connection, catalog))
        connection.execute(_DELIVER, {"fed": arrived, "at": at, "run_id": run_id})
        rows = list(_ages(connection, catalog, at))
        connection.execute("delete from ops.freshness")
        if rows:
            connection.executemany("insert into ops.freshness values (?, ?, ?, ?, ?, ?)", rows)


def fed(catalog: Catalog, models: set[str]) -> list[dict[str, str]]:
    """(table, source) for each source that some models are made of."""
    return [
        {"table_name": table_of(model), "source": source}
        for model in sorted(models)
        for source in sources_of(catalog, model)
    ]


def sources_of(catalog: Catalog, model: str) -> list[str]:
    """The sources that a model is made of."""
    made_of = map(TableName.of_model, {model, *catalog.ancestors(model)})
    return sorted(name.entity for name in made_of if name.is_bronze)


def shown_whole(connection: duckdb.DuckDBPyConnection, catalog: Catalog) -> set[str]:
    """Models of which readers see a state that has taken in everything that is loaded."""
    known, old = seqs(connection), behind(connection)
    seen, _ = last_decision(connection)
    whole: dict[str, bool] = {}

    def is_whole(model: str) -> bool:
        if model not in whole:
            table = table_of(model)
            whole[model] = table in known and table not in old and all(map(is_whole, catalog.parents(model)))
        return whole[model]

    models = catalog.of_layer("silver", "gold")
    return {m for m in models if is_whole(m) and seen.get(table_of(m)) == known[table_of(m)]}


def _ages(
    connection: duckdb.DuckDBPyConnection, catalog: Catalog, at: datetime
) -> Iterator[tuple[str, str, datetime | None, datetime | None, datetime | None, datetime]]:
    """Rows of `ops.freshness`."""
    models = {table_of(model): model for model in catalog.policies if catalog.layer(model) != "bronze"}
    rows = connection.execute(_AGES, {"fed": fed(catalog, set(models.values()))}).fetchall()
    for table, as_of, waits_since in sorted(rows):
        policy = catalog.policies[models[table]]
        due = policy.deadline(waits_since) if waits_since else None
        yield table, str(policy), as_of, waits_since, due, at
