"""The catalogue: the words of the business, and the tables and columns that name them."""

from __future__ import annotations

from assay.contract.glossary import FILE, glossary
from assay.page.visits import Answer, Visit


def catalogue(visit: Visit) -> Answer:
    """Each term with its meaning and where it is named."""
    return Answer("catalogue.html.j2", "Catalogue", {"terms": glossary(visit.catalog), "file": FILE})
