"""What a silver table with each version of the rows of a source of changes says of itself, where no yml does."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from assay.contract.change_columns import EPOCH, LOAD, POSITION
from assay.contract.declared_feeds import contract_block
from assay.contract.errors import ContractError
from assay.contract.names import TableName, history_model
from assay.contract.own_columns import FILE, OWN_COLUMNS, OWN_TYPE
from assay.contract.project_files import ProjectFiles

Node = Mapping[str, Any]
_MOMENT = "timestamp with time zone"
_OF_VERSION = {
    POSITION: ("varchar", "Where the change stands in the order of all."),
    "_operation": ("varchar", "How the version came: snapshot, insert or update."),
    "_valid_from": (_MOMENT, "When it came at the source."),
    "_valid_to": (_MOMENT, "When it was replaced or taken out there; NULL of a row that is there."),
    "_ended_by": (
        "varchar",
        "What ended it: update, insert, delete, truncate, or snapshot, of a later epoch; NULL of a row that is there.",
    ),
    FILE: (OWN_TYPE, OWN_COLUMNS[FILE]),
}


def changes_block(project: ProjectFiles, bronze: str) -> Mapping[str, Any] | None:
    """The block `contract` of a bronze model whose files are of changes, with what its feed says; None of others.

    Raises:
        ContractError: Its feed is not understood; names the yml.
    """
    node = project.models[bronze]
    meta = (node.get("config") or {}).get("meta") or {}
    declared = meta.get("contract")
    if not (meta.get("feed") or (isinstance(declared, Mapping) and declared.get("load") == LOAD)):
        return None
    try:
        block = contract_block(TableName.of_model(bronze).entity, node)
    except ContractError as error:
        raise ContractError(f"{project.ymls[bronze]}: {error}") from error
    return block if isinstance(block, Mapping) and block.get("load") == LOAD else None


def histories(project: ProjectFiles) -> dict[str, str]:
    """The silver models that hold versions of rows, each with its bronze model.

    Raises:
        ContractError: A source has the name that such a table would have, or nothing makes one that is described;
            names the yml.
    """
    models = {}
    for bronze in [name for name in project.models if TableName.of_model(name).is_bronze]:
        model = history_model(TableName.of_model(bronze).entity)
        is_of_source = TableName.of_model(model).in_layer("bronze").model in project.models
        if not (block := changes_block(project, bronze)) or block.get("history") is not True:
            if model in project.models and model not in project.written and not is_of_source:
                raise ContractError(
                    f"{project.ymls[model]}: {model} has no SQL, and {bronze} keeps no versions, so nothing would "
                    "build it; write `history: true` in its contract, of `load: changes`, or the table's SQL"
                )
            continue
        if is_of_source:
            raise ContractError(
                f"{project.ymls[bronze]}: history: its table would be {model}, which is that of another source; rename "
                "one of the two"
            )
        _check_described(project, model)
        models[model] = bronze
    return models


def _check_described(project: ProjectFiles, model: str) -> None:
    """Refuse a table of versions that is described without the column that each table of one source has."""
    columns = project.models.get(model, {}).get("columns")
    if isinstance(columns, list) and FILE not in [c.get("name") for c in columns if isinstance(c, Mapping)]:
        raise ContractError(
            f"{project.ymls[model]}: {model}: column {FILE} is missing, which says the file of each version; declare "
            f"it as {OWN_TYPE}"
        )


def plain_history(project: ProjectFiles, bronze: str, columns: list[dict[str, Any]]) -> dict[str, Any]:
    """What the yml of a table of versions says that is the columns of a contract under their names.

    Args:
        project: The project.
        bronze: The bronze model.
        columns: Its columns, as a silver table has them.
    """
    node = project.models[bronze]
    block = changes_block(project, bronze) or {}
    of_epoch = {EPOCH: ("bigint", "Which beginning of the feed the change is of.")}
    added = {**(of_epoch if f"{{{EPOCH}}}" in str(block.get("files")) else {}), **_OF_VERSION}
    keys = [item for item in node.get("constraints") or () if item.get("type") == "primary_key"]
    key = [*map(str, (keys[0].get("columns") if keys else None) or ()), *(n for n in (EPOCH, POSITION) if n in added)]
    source = TableName.of_model(bronze).entity
    owner = block.get("owner")
    return {
        "name": history_model(source),
        "description": f"One row per version of a row of {source}: from when to when it was so at the source.",
        **({"config": {"meta": {"owner": owner}}} if owner else {}),
        "constraints": [{"type": "primary_key", "columns": key}],
        "columns": [
            *columns,
            *({"name": name, "data_type": kind, "description": text} for name, (kind, text) in added.items()),
        ],
    }
