"""What each materialization says about its table: rows, and where every record went."""

from __future__ import annotations

from typing import Any

import dagster as dg

from assay.checks.score import sparkline
from assay.checks.session import Session
from assay.contract.names import TableName, model_of, relation
from assay.ledger import file_counts
from assay.ledger.contents import counts_of_run, newest_landed
from assay.ledger.schema_changes import read_changes
from assay.orchestration.metadata_tables import MOST, text_table
from assay.publish.delivery import sources_of
from assay.tables import silver_counts
from assay.trust.through import data_through


def facts_of(lake: Session, table: str) -> dict[str, Any]:
    """Metadata of a materialization: rows of the table; of a source, also this run's files and where its rows are.

    Files, records and malformed records are those of this run; quarantined, superseded and duplicate rows are those of
    the whole table.

    Args:
        lake: The open lake.
        table: e.g. `bronze.products`.
    """
    rows = lake.connection.execute(f"select count(*) from {relation(table)}").fetchall()[0][0]
    facts: dict[str, Any] = {"dagster/row_count": int(rows)}
    name = TableName.parse(table)
    if name.is_bronze:
        facts |= counts_of_run(lake.connection, name.entity, lake.run_id) | _bronze_rows(lake, name.entity)
        facts |= _shape(lake, name.entity)
    for source in lake.catalog.contracts:
        if lake.catalog.silver_of(source) == name.model:
            facts |= (
                counts_of_run(lake.connection, source, lake.run_id)
                | _bronze_rows(lake, source)
                | _duplicates(lake, table)
            )
    changed = lake.connection.execute("select run_id, seq from ops.tables where table_name = ?", [table]).fetchall()
    if changed:
        facts["times_changed"] = int(changed[0][1])
    return facts | _quality(lake, table) | _age(lake, table) | _through(lake, name)


def _shape(lake: Session, source: str) -> dict[str, Any]:
    """The changes of the columns that the files of a source have, newest first; those of this run apart."""
    changes = read_changes(lake.connection, source=source, most=MOST)
    if not changes:
        return {}
    rows = [(change.changed_at.isoformat(sep=" ", timespec="seconds"), change.path, change.words) for change in changes]
    now = len(read_changes(lake.connection, source=source, run_id=lake.run_id))
    return {"shape_changes": now, "shape_changes_so_far": text_table(("at", "file", "change"), rows)}


def _age(lake: Session, table: str) -> dict[str, Any]:
    """When the newest file landed that a table contains which has just been built."""
    landed = newest_landed(lake.connection, sources_of(lake.catalog, model_of(table)))
    return {"data_as_of": dg.MetadataValue.timestamp(landed)} if landed else {}


def _through(lake: Session, name: TableName) -> dict[str, Any]:
    """Up to when a gold table has data, as the page says it; silver has far more rows to ask, and its gold says it."""
    through = data_through(lake.connection, lake.catalog, name.table) if name.layer == "gold" else None
    return {"data_through": str(through.value)} if through else {}


def _quality(lake: Session, table: str) -> dict[str, Any]:
    """The score of the last run that checked the table, and its trend; the checks of this run come later."""
    scores = lake.scores.get(table, [])
    return {"quality_score": scores[-1], "quality_trend": sparkline(scores)} if scores else {}


def _bronze_rows(lake: Session, source: str) -> dict[str, int]:
    _, _, quarantined, superseded = file_counts.sums(lake.connection, source)
    return {"quarantined": quarantined, "superseded": superseded}


def _duplicates(lake: Session, table: str) -> dict[str, int]:
    terms = silver_counts.terms(lake.connection, table)
    of_changes = {"superseded": terms.superseded, "quarantined": terms.held}
    return {
        "duplicates_identical": terms.identical,
        "duplicates_conflicting": terms.conflicting,
        **{name: count for name, count in of_changes.items() if count},
    }
