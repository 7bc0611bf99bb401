"""Today: is anything wrong, and can the tables be relied on."""

from __future__ import annotations

from assay.contract.names import table_of
from assay.page.visits import Answer, Visit
from assay.trust.table_trust import read_trust


def today(visit: Visit) -> Answer:
    """A sentence, what is open, and each gold table."""
    tables = [table_of(model) for model in visit.catalog.of_layer("gold")]
    trusts = list(read_trust(visit.connection, visit.catalog, tables, visit.now).values()) if visit.state else []
    return Answer("today.html.j2", "Today", {"trusts": trusts})
