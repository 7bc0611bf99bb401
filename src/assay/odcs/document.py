"""A table as a document of the Open Data Contract Standard."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from assay.contract.declared_feeds import contract_block
from assay.contract.file_glob import disk_and_members
from assay.contract.own_columns import OWN_COLUMNS, OWN_TYPE
from assay.contract.path_template import path_template
from assay.contract.types import column_type
from assay.odcs.custom import KEPT, Json, custom, plain, with_kept
from assay.odcs.described import Described
from assay.odcs.freshness import service_levels
from assay.odcs.quality import check, reference_check
from assay.odcs.types import logical

API_VERSION = "v3.2.0"
PERSONAL = "personal"


def id_of(project: str, table: str) -> str:
    """The identifier of a table's document where nobody chose one."""
    return f"urn:assay:{project}:{table}"


def document(described: Described) -> Json:
    """The document of a table, valid by the standard's JSON Schema.

    What the standard cannot say stands in custom properties of the vendor `assay`, so that `odcs.importing` gives back
    the same yml.
    """
    table, model = described.name, described.model
    meta = dict(model["meta"])
    contract = dict(meta.pop("contract", {}))
    others = meta.pop(KEPT, {})
    owner = contract.pop("owner", None) if table.is_bronze else meta.pop("owner", None)
    contract.pop("version", None)
    for holder in (contract, meta):
        if holder.get("key") == "none":
            del holder["key"]
    levels = service_levels(meta.pop("freshness", None), is_source=table.is_bronze)
    made: Json = {
        "apiVersion": API_VERSION,
        "kind": "DataContract",
        "id": id_of(described.project, table.table),
        "name": table.table,
        "version": described.version,
        "status": "active",
        "description": {"purpose": model["description"]},
        "servers": [_server(described)],
        "schema": [_object(described, contract, meta)],
        **({"team": {"name": str(owner)}} if owner else {}),
        **({"slaProperties": levels} if levels else {}),
        "customProperties": custom({"table": table.table}),
    }
    return with_kept(made, others.get("document", {}))


def is_own_server(server: Mapping[str, Any]) -> bool:
    """Whether it is the server of a document that Assay wrote."""
    return (server.get("server"), server.get("type")) in (("published", "duckdb"), ("landing", "local"))


def _server(described: Described) -> Json:
    table = described.name
    if not table.is_bronze:
        return {"server": "published", "type": "duckdb", "database": "published/lake.duckdb", "schema": table.layer}
    block = contract_block(table.entity, {"config": {"meta": described.model["meta"]}})
    form = block["format"]
    paths = disk_and_members(path_template(str(block["files"])).glob)[0]
    encoding = {"encoding": str(form["encoding"])} if form.get("encoding") else {}
    return {"server": "landing", "type": "local", "path": f"landing/{paths}", "format": str(form["type"]), **encoding}


def _object(described: Described, contract: Mapping[str, Any], meta: Json) -> Json:
    model, table = described.model, described.name
    checks = {name: dict(value) if isinstance(value, Mapping) else value for name, value in _checks(meta).items()}
    levels = dict(checks.pop("rules", {})) if not table.is_bronze else {}
    references = checks.pop("consistency", {}) if not table.is_bronze else {}
    key = _key(model)
    properties = [_property(column, key, levels) for column in model["columns"]]
    quality = [
        check(constraint, "", levels.pop(str(constraint.get("name")), None))
        for constraint in model["constraints"]
        if constraint["type"] != "primary_key"
    ]
    quality += [reference_check(name, declared, table.table) for name, declared in references.items()]
    if levels:
        checks["rules"] = levels
    rest = {key: value for key, value in meta.items() if key not in ("checks", KEPT)}
    own = {"contract": contract, "checks": checks, "meta": rest, "dbt": model["dbt"]}
    made: Json = {
        "name": model["name"],
        "physicalName": table.entity,
        "physicalType": "file" if table.is_bronze else "table",
        "logicalType": "object",
        "description": model["description"],
        "properties": [*properties, *map(_added, described.added)],
        **({"quality": quality} if quality else {}),
    }
    others = described.model["meta"].get(KEPT, {}).get("object", {})
    return _closed(made, own, others)


def _checks(meta: Mapping[str, Any]) -> Mapping[str, Any]:
    checks: Mapping[str, Any] = meta.get("checks") or {}
    return checks


def _key(model: Mapping[str, Any]) -> list[str]:
    return [str(name) for item in model["constraints"] if item["type"] == "primary_key" for name in item["columns"]]


def _property(column: Mapping[str, Any], key: list[str], levels: Json) -> Json:
    name, meta = column["name"], dict(column["meta"])
    others = meta.pop(KEPT, {})
    kind = column_type(column["data_type"])
    logical_type, options = logical(kind)
    if "logicalType" in others:  # with options of its own, which go with no other type
        logical_type, options = others["logicalType"], others.get("logicalTypeOptions", {})
    is_personal = meta.get(PERSONAL) is True
    if is_personal:
        del meta[PERSONAL]
    quality, is_required = [], name in key and not meta.get("nullable_key")
    for constraint in column["constraints"]:
        is_null_rule = constraint["type"] == "not_null"
        level = levels.pop(f"{name}_not_null" if is_null_rule else str(constraint.get("name")), None)
        quality.append(check(constraint, name, level))
        is_required |= is_null_rule and (level or {}).get("severity", "error") == "error"
    made: Json = {
        "name": name,
        "logicalType": logical_type,
        **({"logicalTypeOptions": dict(options)} if options else {}),
        "physicalType": kind.declared,
        **({"description": column["description"]} if column["description"] else {}),
        **({"required": True} if is_required else {}),
        **({"unique": True} if [name] == key else {}),
        **({"primaryKey": True, "primaryKeyPosition": key.index(name) + 1} if name in key else {}),
        **({"classification": PERSONAL} if is_personal else {}),
        **({"quality": quality} if quality else {}),
    }
    return _closed(made, {"meta": meta, "dbt": column["dbt"]}, others)


def _added(name: str) -> Json:
    """A column that Assay adds, which a yml need not name."""
    kind = column_type(OWN_TYPE)
    logical_type, options = logical(kind)
    return {
        "name": name,
        "logicalType": logical_type,
        "logicalTypeOptions": dict(options),
        "physicalType": kind.sql,
        "description": OWN_COLUMNS[name],
        "required": True,
        "customProperties": custom({"isAdded": True}),
    }


def _closed(made: Json, own: Mapping[str, Any], others: Mapping[str, Any]) -> Json:
    """An element with its custom properties last, and what was kept of a document of others."""
    properties = custom(own)
    made = {**made, **({"customProperties": properties} if properties else {})}
    result: Json = plain(with_kept(made, others))
    return result
