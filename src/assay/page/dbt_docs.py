"""The project's dbt docs as one file of HTML, made of what the page knows already: nothing is opened or waited for.

It is what `dbt docs generate --static` writes, but for its types, which are those that the yml files promise: dbt would
ask the warehouse for them, which a run may hold.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from assay.contract.catalog import Catalog
from assay.contract.names import TableName, table_of
from assay.page.visits import Download, Visit

POLICY = (
    "default-src 'none'; script-src 'unsafe-inline' 'unsafe-eval'; style-src 'unsafe-inline'; img-src data:; "
    "font-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'self'; sandbox allow-scripts allow-popups"
)
"""dbt's file has its scripts in itself, so they may run there; but they reach neither the page nor anything else."""
_LAYERS = ("bronze", "silver", "gold")
_PLACE = re.compile(r'"(MANIFEST|CATALOG)\.JSON INLINE DATA"')


def dbt_docs(visit: Visit) -> Download:
    """The docs, to be looked at or saved."""
    html = inlined(_file_of_dbt().read_text(encoding="utf-8"), visit.catalog, visit.compiled())
    return Download("dbt_docs.html", "text/html; charset=utf-8", html.encode(), POLICY)


def inlined(html: str, catalog: Catalog, compiled: Mapping[str, str]) -> str:
    """dbt's file with the project in it.

    Args:
        html: As dbt ships it.
        catalog: The project.
        compiled: The SQL of models, by name.
    """
    texts = {"MANIFEST": _as_script(_manifest(catalog, compiled)), "CATALOG": _as_script(_columns(catalog))}
    return _PLACE.sub(lambda place: texts[place[1]], html)


def _manifest(catalog: Catalog, compiled: Mapping[str, str]) -> Mapping[str, Any]:
    nodes = {
        unique_id: {**node, "compiled": True, "compiled_code": compiled[node["name"]]}
        if node["name"] in compiled
        else node
        for unique_id, node in catalog.manifest["nodes"].items()
    }
    return {**catalog.manifest, "nodes": nodes}


def _columns(catalog: Catalog) -> Mapping[str, Any]:
    nodes = {catalog.models[model]["unique_id"]: _node(catalog, model) for model in catalog.of_layer(*_LAYERS)}
    return {"metadata": {}, "nodes": nodes, "sources": {}, "errors": None}


def _node(catalog: Catalog, model: str) -> Mapping[str, Any]:
    name, node = TableName.parse(table_of(model)), catalog.models[model]
    promised = catalog.contracts[name.entity] if name.is_bronze else catalog.promises[model]
    columns = {
        column.name: {"name": column.name, "index": index, "type": column.type.sql, "comment": None}
        for index, column in enumerate(promised.columns, 1)
    }
    metadata = {"type": "table", "schema": name.layer, "name": name.entity, "database": node.get("database")}
    about = {**metadata, "comment": None, "owner": None}
    return {"metadata": about, "columns": columns, "stats": {}, "unique_id": node["unique_id"]}


def _as_script(value: Mapping[str, Any]) -> str:
    """JSON that stays what it is within `<script>`, whatever a description has."""
    return json.dumps(value).replace("<", "\\u003c")


def _file_of_dbt() -> Path:
    from dbt.task.docs import DOCS_INDEX_FILE_PATH  # noqa: PLC0415 - only who shows the docs needs dbt

    return Path(DOCS_INDEX_FILE_PATH)
