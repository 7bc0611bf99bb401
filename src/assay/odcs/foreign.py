"""Documents of ODCS that other tools wrote, as sources: what they do not say is asked for, or said to be unsure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from assay.contract.errors import ContractError
from assay.contract.names import TableName
from assay.contract.yml_contract import ContractYml
from assay.describing.clean_names import clean_name, clean_names
from assay.odcs.custom import KEPT, Json, custom
from assay.odcs.models import Imported, table_model

_FORMATS = {
    "csv": "csv",
    "json": "json",
    "jsonl": "jsonl",
    "ndjson": "jsonl",
    "parquet": "parquet",
    "avro": "avro",
    "excel": "excel",
    "xlsx": "excel",
}
_KEPT_OF_BRONZE = ("optional", "written", "from", "path", KEPT)


@dataclass(frozen=True)
class Missing:
    """What a document of others does not say, as whoever imports it says it.

    Attributes:
        files: The glob below landing; empty for all files in a folder that is called like the source.
        format: The type of the files; empty where a server of the document says it.
        owner: The team; empty where the document names one.
    """

    files: str = ""
    format: str = ""
    owner: str = ""


def foreign_models(
    document: Mapping[str, Any], element: Mapping[str, Any], project: str, missing: Missing
) -> list[Imported]:
    """The source of a table in a document of others, and its silver table where the names of columns are not clean.

    Args:
        document: As read.
        element: The table.
        project: The dbt project.
        missing: What the document does not say.

    Raises:
        ContractError: The document does not say what a contract needs, or something that Assay cannot hold.
    """
    where = f"schema: {element['name']}"
    source = clean_name(str(element["name"]))
    try:
        named = {**element, "properties": [_named(item) for item in element.get("properties") or []]}
        if not named["properties"]:
            raise ContractError("properties: there is none; a contract names all columns")
        contract = _contract(document, source, missing)
        named["customProperties"] = [*(element.get("customProperties") or []), *custom({"contract": contract})]
        bronze = table_model(document, named, TableName.of_source(source), project)
        meta = bronze.model["config"]["meta"]
        meta["contract"] = {**meta["contract"], "owner": missing.owner or meta["contract"].get("owner")}
        _check(meta["contract"], bronze)
    except ContractError as error:
        raise ContractError(f"{where}: {error}") from error
    return [bronze, *_silver(bronze)]


def _named(item: Mapping[str, Any]) -> Json:
    """A property by the name that files have for it."""
    name = str(item.get("physicalName") or item["name"])
    if name.startswith("_"):
        raise ContractError(f"property {name}: names that start with `_` are kept for columns that Assay adds")
    business = {} if name == item["name"] else {"businessName": item["name"]}
    return {**business, **item, "name": name}


def _contract(document: Mapping[str, Any], source: str, missing: Missing) -> Json:
    form = _format(document, missing)
    files = missing.files or f"{source}/*"
    return {"files": files, "format": form, "load": "events", "new_columns": "rescue"}


def _format(document: Mapping[str, Any], missing: Missing) -> Json:
    servers = [server for server in document.get("servers") or [] if server.get("format")]
    server = servers[0] if servers and not missing.format else {}
    written = (missing.format or str(server.get("format") or "")).lower()
    kind = "jsonl" if written == "json" and server.get("delimiter") == "new_line" else _FORMATS.get(written)
    if kind is None:
        fact = f"says {written!r}" if written else "does not say how files are written"
        raise ContractError(f"the document {fact}; say it with --format, one of {', '.join(sorted(set(_FORMATS)))}")
    if kind not in ("csv", "json", "jsonl"):
        return {"type": kind}
    delimiter = {"delimiter": str(server["delimiter"])} if kind == "csv" and server.get("delimiter") else {}
    encoding = {"encoding": str(server["encoding"])} if server.get("encoding") else {}
    return {"type": kind, **delimiter, **encoding}


def _check(contract: Mapping[str, Any], bronze: Imported) -> None:
    """Refuse here, with the document's place, what the contract would be refused for later."""
    if not contract.get("owner"):
        raise ContractError("team: nobody is named who answers for it; say the team with --owner")
    try:
        ContractYml.read(dict(contract))
    except ContractError as error:
        raise ContractError(f"as a contract: {error}") from error
    bronze.notes.append(f"`files: {contract['files']}` and `load: events` are not in the document; are they right?")


def _silver(bronze: Imported) -> list[Imported]:
    """The silver table with clean names, where those of the files are not; as `assay source new` proposes it."""
    names = clean_names([str(column["name"]) for column in bronze.model["columns"]])
    if all(name == clean for name, clean in names.items()):
        return []
    contract = bronze.model["config"]["meta"]["contract"]
    keys = [item for item in bronze.model.get("constraints", []) if item["type"] == "primary_key"]
    key = [{"type": "primary_key", "columns": [names[name] for name in item["columns"]]} for item in keys]
    table = bronze.table.in_layer("silver")
    model = {
        "name": table.model,
        "description": f"One row per {', '.join(key[0]['columns']) if key else f'record of {table.entity}'}.",
        "config": {"meta": {"owner": contract["owner"], **({} if key else {"key": "none"})}},
        **({"constraints": key} if key else {}),
        "columns": [_silver_column(column, names[column["name"]]) for column in bronze.model["columns"]],
    }
    return [Imported(table, model)]


def _silver_column(column: Mapping[str, Any], name: str) -> Json:
    meta = (column.get("config") or {}).get("meta") or {}
    own = {key: value for key, value in meta.items() if key not in _KEPT_OF_BRONZE}
    own |= {"from": column["name"]} if column["name"] != name else {}
    shown = {key: column[key] for key in ("description", "data_type") if column.get(key)}
    return {"name": name, **shown, **({"config": {"meta": own}} if own else {})}
