"""Documents of ODCS as the models of ymls: those that Assay wrote, and those of others."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from assay.contract.errors import ContractError
from assay.contract.names import TableName
from assay.contract.table_schema import SEMANTIC
from assay.contract.types import column_type
from assay.odcs.custom import KEPT, Json, kept, read_custom
from assay.odcs.document import PERSONAL, id_of, is_own_server
from assay.odcs.freshness import read_service_levels
from assay.odcs.quality import option_rules, read_checks
from assay.odcs.types import NESTED, length_of, logical, type_of

_DOCUMENT = ("apiVersion", "kind", "name", "version", "schema", "slaProperties", "team", "servers", "description")
_OBJECT = ("name", "physicalType", "logicalType", "description", "properties", "quality")
_PROPERTY = (
    "name", "logicalType", "logicalTypeOptions", "description", "required", "unique", "primaryKey",
    "primaryKeyPosition", "quality", "physicalType",
)  # fmt: skip
_WIDTHS = ("i8", "i16", "i32", "i64", "i128", "u8", "u16", "u32", "u64", "u128")


@dataclass
class Imported:
    """What a document says of one table.

    Attributes:
        table: Of the lake.
        model: Of its yml.
        notes: What a person should look at, in sentences.
    """

    table: TableName
    model: Json
    notes: list[str] = field(default_factory=list)


def table_model(document: Mapping[str, Any], element: Mapping[str, Any], table: TableName, project: str) -> Imported:
    """The model of a table, of which the custom properties of Assay say what the standard cannot.

    Args:
        document: As read.
        element: The table in it.
        table: What it is to be called.
        project: The dbt project.
    """
    imported = Imported(table, {})
    own = read_custom(element)
    properties = [item for item in element.get("properties") or [] if not read_custom(item).get("isAdded")]
    key = _key(properties)
    levels: Json = {}
    columns = [_column(item, key, levels, imported.notes) for item in properties]
    checks = read_checks(element.get("quality") or [], "")
    levels |= checks.levels
    freshness, other_levels = read_service_levels(document.get("slaProperties") or [], is_source=table.is_bronze)
    declared = dict(own.get("checks") or {})
    if levels:
        declared["rules"] = {**levels, **declared.get("rules", {})}
    if checks.references:
        declared["consistency"] = checks.references
    owner = _owner(document)
    meta: Json = {"owner": owner} if owner and not table.is_bronze else {}
    if table.is_bronze:
        form = own.get("contract") or {}
        meta["contract"] = {"version": document["version"], **({"owner": owner} if owner else {}), **form}
    elif not read_custom(document) and SEMANTIC.match(str(document["version"])):
        meta["version"] = str(document["version"])
    if not key:
        (meta["contract"] if table.is_bronze else meta)["key"] = "none"
    meta |= own.get("meta") or {}
    meta |= {name: value for name, value in (("freshness", freshness), ("checks", declared)) if value}
    meta |= _kept(document, element, table, project, checks.others, other_levels)
    constraints = [{"type": "primary_key", "columns": key}] if key else []
    imported.model = _model(
        {
            "name": table.model,
            "description": element.get("description") or (document.get("description") or {}).get("purpose") or "",
            "config": {"meta": meta},
            "constraints": [*constraints, *checks.constraints],
            "columns": columns,
        },
        own.get("dbt") or {},
    )
    return imported


def _owner(document: Mapping[str, Any]) -> str:
    """The team, or the member of it who is called its owner."""
    team = document.get("team") or {}
    if isinstance(team, Mapping) and team.get("name"):
        return str(team["name"])
    members = team if isinstance(team, list) else team.get("members") or []
    owners = [item for item in members if str(item.get("role") or "").lower() == "owner"]
    return str(owners[0]["username"]) if owners and owners[0].get("username") else ""


def _key(properties: Sequence[Mapping[str, Any]]) -> list[str]:
    members = [item for item in properties if item.get("primaryKey")]
    return [str(item["name"]) for item in sorted(members, key=lambda item: item.get("primaryKeyPosition") or 0)]


def _column(item: Mapping[str, Any], key: Sequence[str], levels: Json, notes: list[str]) -> Json:
    name = str(item["name"])
    try:
        sql, doubt = type_of(item.get("physicalType"), item.get("logicalType"), item.get("logicalTypeOptions") or {})
    except ContractError as error:
        raise ContractError(f"property {name}: {error}") from error
    notes += [f"{name}: {doubt}"] if doubt else []
    checks = read_checks(item.get("quality") or [], name)
    levels |= checks.levels
    rules, typed = _of_type(item, sql, notes)
    has_null_rule = any(rule["type"] == "not_null" for rule in checks.constraints)
    not_null = [{"type": "not_null"}] if item.get("required") and name not in key and not has_null_rule else []
    own = read_custom(item)
    is_personal = str(item.get("classification") or "").lower() in (PERSONAL, "pii")
    read = (*_PROPERTY, *(("classification",) if is_personal else ()), *_made_rules(rules))
    others = {**typed, **kept(item, read), **({"quality": checks.others} if checks.others else {})}
    if others.get("physicalName") == name:
        del others["physicalName"]
    notes += [f"{name}: {_left(check)} is kept and not checked" for check in checks.others]
    meta = {
        **({PERSONAL: True} if is_personal else {}),
        **(own.get("meta") or {}),
        **({KEPT: others} if others else {}),
    }
    return _model(
        {
            "name": name,
            "description": item.get("description") or "",
            "data_type": sql,
            "config": {"meta": meta} if meta else {},
            "constraints": [*not_null, *checks.constraints, *rules],
        },
        own.get("dbt") or {},
    )


def _of_type(item: Mapping[str, Any], sql: str, notes: list[str]) -> tuple[list[Json], Json]:
    """The rules in the type of a property, and what of it is kept because a column type cannot say it."""
    name, logical_type = str(item["name"]), item.get("logicalType")
    options = dict(item.get("logicalTypeOptions") or {})
    _, usual = logical(column_type(sql))
    if str(options.get("format")) in _WIDTHS and options["format"] != usual.get("format"):
        notes.append(f"{name}: became {sql}, and its logical type says {options['format']}; are all values of {sql}?")
    told = {option: value for option, value in options.items() if usual.get(option) != value}
    if (longest := length_of(item.get("physicalType"))) is not None:
        told.setdefault("maxLength", longest)
    values = [entry["value"] for entry in item.get("enum") or []]
    rules, rest = option_rules(name, sql, told, values)
    if not rest and logical_type not in NESTED:
        return rules, {}
    return rules, {"logicalType": logical_type, **({"logicalTypeOptions": rest} if rest else {})}


def _made_rules(rules: Sequence[Mapping[str, Any]]) -> tuple[str, ...]:
    return ("enum",) if any(str(rule["name"]).endswith("_one_of") for rule in rules) else ()


def _left(check: Mapping[str, Any]) -> str:
    return f"the check {check.get('name') or check.get('metric') or check.get('type') or 'without a name'}"


def _kept(
    document: Mapping[str, Any],
    element: Mapping[str, Any],
    table: TableName,
    project: str,
    checks: list[Json],
    levels: list[Json],
) -> Json:
    """What is kept of a document of others, and written again by an export."""
    usual = {"id": id_of(project, table.table), "status": "active"}
    whole = {key: value for key, value in kept(document, _DOCUMENT).items() if usual.get(key) != value}
    described = {key: value for key, value in (document.get("description") or {}).items() if key != "purpose"}
    servers = [item for item in document.get("servers") or [] if not is_own_server(item)]
    team = document.get("team")
    is_plain = isinstance(team, Mapping) and not set(team) - {"name"}
    whole |= {
        key: value
        for key, value in (
            ("description", described),
            ("slaProperties", levels),
            ("servers", servers),
            ("team", None if is_plain else team),
        )
        if value
    }
    own = {
        key: value for key, value in kept(element, _OBJECT).items() if value != table.entity or key != "physicalName"
    }
    own |= {"quality": checks} if checks else {}
    parts = {name: value for name, value in (("document", whole), ("object", own)) if value}
    return {KEPT: parts} if parts else {}


def _model(parts: Json, dbt: Mapping[str, Any]) -> Json:
    """A model or column of a yml without what is empty, with the keys that are dbt's own."""
    parts = {**parts, "config": {**parts["config"], **(dbt.get("config") or {})}}
    order = ("name", "description", "data_type", "config", "constraints", "columns")
    rest = {key: value for key, value in dbt.items() if key != "config"}
    return {**{key: parts[key] for key in order if parts.get(key)}, **rest}
