"""Column lineage as Dagster shows it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import dagster as dg

from assay.contract.catalog import Catalog
from assay.orchestration.keys import key_of
from assay.orchestration.metadata_tables import text_table
from assay.tables.column_origins import column_origins


def column_lineage(catalog: Catalog, model: str, compiled: str) -> Mapping[str, Any]:
    """Metadata of an asset with the columns that each of its columns is made from; none where that is not known.

    Args:
        catalog: The project.
        model: e.g. `gold_daily_sales`.
        compiled: Its compiled SQL.
    """
    origins = column_origins(catalog, model, compiled)
    if not origins:
        return {}
    deps = {
        column: [dg.TableColumnDep(key_of(table), name) for table, name in read] for column, read in origins.items()
    }
    written = {column: ", ".join(f"{table}.{name}" for table, name in read) for column, read in origins.items()}
    # The page that draws the lineage of columns is not part of Dagster's open source, so a table says it as well.
    return {
        "dagster/column_lineage": dg.TableColumnLineage(deps),
        "made_from": text_table(("column", "made from"), ((name, text or "counted") for name, text in written.items())),
    }
