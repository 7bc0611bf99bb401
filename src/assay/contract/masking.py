"""Which columns of a table, also of a quarantine or of one that left the project, hold values that nobody is shown."""

from __future__ import annotations

from collections.abc import Iterable

from assay.contract.catalog import Catalog
from assay.contract.names import TableName
from assay.contract.own_columns import OWN_COLUMNS

_QUOTING = ("reasons", "record")
"""Columns of a quarantine in which values of all columns of its source may stand."""


def hidden_columns(catalog: Catalog, table: str, columns: Iterable[str]) -> frozenset[str]:
    """The columns of a table whose values are not shown: those that a yml calls personal, under any table.

    Of a column that no yml describes nobody said that it is about no person, so it is hidden too. Of a quarantine the
    records and reasons are hidden where its source has a personal column.

    Args:
        catalog: The project.
        table: e.g. `gold.daily_sales`; it need not be in the project.
        columns: All columns that it has.
    """
    name = TableName.parse(table)
    if name.layer == "quarantine":
        bronze = catalog.models.get(name.in_layer("bronze").model)
        is_safe = bronze is not None and not catalog.personal & set(bronze["columns"])
        return frozenset() if is_safe else frozenset(_QUOTING)
    node = catalog.models.get(name.model)
    described = {*node["columns"], *OWN_COLUMNS} - catalog.personal if node else set()
    return frozenset(columns) - described
