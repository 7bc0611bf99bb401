"""The views of the page, in the order of its navigation."""

from __future__ import annotations

from assay.page.catalogue import catalogue
from assay.page.dbt_docs import dbt_docs
from assay.page.files import file, files
from assay.page.lineage import lineage, row
from assay.page.quarantine import download, quarantine
from assay.page.table import table, tables
from assay.page.today import today
from assay.page.visits import View

VIEWS: tuple[View, ...] = (
    View("/", today, "Today", needs_state=False),
    View("/tables", tables, "Tables"),
    View("/table/{name:path}", table),
    View("/quarantine", quarantine, "Quarantine"),
    View("/quarantine/export/{source}", download),
    View("/files", files, "Files"),
    View("/file/{number:int}", file),
    View("/lineage", lineage, "Lineage"),
    View("/lineage/{name:path}", row),
    View("/catalogue", catalogue, "Catalogue", needs_state=False),
    View("/catalogue/docs", dbt_docs, needs_state=False),
)
