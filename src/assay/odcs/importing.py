"""The tables of a document of ODCS: of one that Assay wrote, or of others."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from assay.contract.errors import ContractError
from assay.contract.names import TableName
from assay.odcs.custom import read_custom
from assay.odcs.foreign import Missing, foreign_models
from assay.odcs.models import Imported, table_model
from assay.odcs.shape import DocumentYml

_NAME = re.compile("[A-Za-z0-9_]+")
_LAYERS = ("bronze", "silver", "gold")


def imported_tables(document: Mapping[str, Any], project: str, missing: Missing) -> list[Imported]:
    """The tables of a document, with what their ymls say.

    Args:
        document: As YAML gives it.
        project: The dbt project, of whose name the usual identifiers of documents are made.
        missing: What documents of others do not say.

    Raises:
        ContractError: It is not a document of ODCS 3, or does not say what a contract needs; names the place.
    """
    DocumentYml.read(document)
    elements = document.get("schema") or []
    if not elements:
        raise ContractError("schema: there is no table in it; expected a list with one entry for each table")
    name = read_custom(document).get("table")
    if name is None:
        return [model for element in elements for model in foreign_models(document, element, project, missing)]
    table = TableName.parse(str(name))
    if not _NAME.fullmatch(table.entity) or table.layer not in _LAYERS:
        raise ContractError(
            f"customProperties: table: {name!r} is not the name of a table, which is {', '.join(_LAYERS)}, a dot, and "
            "letters a to z, digits and _"
        )
    if len(elements) != 1 or elements[0]["name"] != table.model:
        names = ", ".join(str(element["name"]) for element in elements)
        raise ContractError(f"schema: the document is of {table}, so expected {table.model} alone, found {names}")
    return [table_model(document, elements[0], table, project)]
