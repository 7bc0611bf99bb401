"""Generates the models that are the same for every source and in no file of a project, before dbt parses it.

Into `build/models/` of the dbt project go the bronze model of each contract, its quarantine, and a silver model that
only renames and casts, with its yml where nothing says that silver is more than the columns of the contract; into
`dbt_packages/assay` a copy of the engine's own dbt package. They are dbt models like any other: `dbt ls`, `ref()`, its
documentation and lineage know them. A model file of the project with the same name takes precedence.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from assay.base.project import ENGINE
from assay.contract.declared_feeds import contract_block
from assay.contract.errors import ContractError
from assay.contract.moments import pattern
from assay.contract.names import TableName, layer_of, listed, quoted
from assay.contract.nested_types import outer_level
from assay.contract.own_columns import OWN_COLUMNS
from assay.contract.parse import origin_of
from assay.contract.path_columns import FILE_DATE, check_dated
from assay.contract.project_files import ProjectFiles
from assay.contract.types import column_type, loses, sql_type
from assay.tables.generated_history import changes_block, histories, plain_history

PACKAGE = ENGINE / "dbt_package"
BUILD = "build"
PACKAGES = "dbt_packages"
_BRONZE = """\
select
    *,
    {{ assay.verdict() }} as _violations
from {{ assay.landing() }}
"""
_OTHER_LINE_ENDS = frozenset("\x85\u2028\u2029\ufeff")
_QUARANTINE_COLUMNS = {
    "kind": "varchar",
    "reasons": "varchar[]",
    "record": "varchar",
    "line": "bigint",
    "contract_version": "varchar",
    "_file_id": "bigint",
    "_loaded_at": "timestamp with time zone",
    "path": "varchar",
    "is_live": "boolean",
}


def write_build(dbt_project: Path) -> None:
    """Bring `build/` and `dbt_packages/assay` up to date; files that are as they should be are left alone.

    Args:
        dbt_project: The folder with dbt_project.yml.

    Raises:
        ContractError: A file of the project is not understood; nothing was written.
    """
    generated = {Path(name): text.encode() for name, text in _generated(ProjectFiles.read(dbt_project))}
    package = {path.relative_to(PACKAGE): path.read_bytes() for path in package_files()}
    _bring_up_to_date(dbt_project / PACKAGES / "assay", package)
    _bring_up_to_date(dbt_project / BUILD / "models", generated)


def is_written_here(node: Mapping[str, Any]) -> bool:
    """Whether a model's SQL is Assay's own, and not a file of the project.

    Args:
        node: The model as in dbt's manifest.
    """
    return str(node.get("original_file_path")).startswith(f"{BUILD}/")


def package_files() -> Iterator[Path]:
    """The files of the engine's dbt package."""
    return (path for path in sorted(PACKAGE.rglob("*")) if path.suffix in (".sql", ".yml", ".md"))


def _generated(project: ProjectFiles) -> Iterator[tuple[str, str]]:
    """Path and content of each file."""
    plain: dict[str, Mapping[str, Any]] = {
        TableName.of_model(bronze).in_layer("silver").model: _plain_silver(
            bronze, project.models[bronze], is_mirror=bool(changes_block(project, bronze))
        )
        for bronze in project.without_silver()
    }
    versions = histories(project)
    for name, bronze in versions.items():
        if name not in project.models:
            plain[name] = plain_history(project, bronze, [*map(_plain_column, _columns(project.models[bronze]))])
    for name, model in plain.items():
        yield f"silver/{name}.yml", _as_yml(model)
    for name, model in {**project.models, **plain}.items():
        if layer_of(name) not in ("bronze", "silver"):
            continue
        table = TableName.of_model(name)
        bronze = versions.get(name) or table.in_layer("bronze").model
        if table.is_bronze:
            yield from _of_source(project, table.entity, model)
        elif name not in project.written and bronze in project.models:
            try:
                rows, own = ("history_rows", ()) if name in versions else ("newest_rows", tuple(OWN_COLUMNS))
                yield f"silver/{name}.sql", _silver(bronze, model, project.models[bronze], rows, own)
            except ContractError as error:
                raise ContractError(f"{project.ymls.get(name, project.ymls[bronze])}: {name}: {error}") from error


def _of_source(project: ProjectFiles, source: str, node: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    bronze = TableName.of_source(source).model
    quarantine = TableName("quarantine", source).model
    if bronze not in project.written:
        yield f"bronze/{bronze}.sql", _BRONZE
    if quarantine not in project.written:
        more = ", has_changes=true" if changes_block(project, bronze) else ""
        yield f"quarantine/{quarantine}.sql", f"{{{{ assay.quarantined('{bronze}'{more}) }}}}\n"
    if quarantine not in project.models:
        yield f"quarantine/{quarantine}.yml", _quarantine_yml(source, node)


def _as_yml(model: Mapping[str, Any]) -> str:
    """A model as YAML; all in ASCII where it holds a line end that YAML would fold into a blank."""
    is_readable = not _OTHER_LINE_ENDS & set(json.dumps(model, ensure_ascii=False))
    return yaml.safe_dump({"models": [model]}, sort_keys=False, allow_unicode=is_readable, width=120)


def _quarantine_yml(source: str, bronze: Mapping[str, Any]) -> str:
    contract = ((bronze.get("config") or {}).get("meta") or {}).get("contract")
    owner = contract.get("owner") if isinstance(contract, Mapping) else None
    columns = [
        {"name": name, "data_type": kind, "description": f"{{{{ doc('assay', 'rejected_{name.lstrip('_')}') }}}}"}
        for name, kind in _QUARANTINE_COLUMNS.items()
    ]
    model = {
        "name": TableName("quarantine", source).model,
        "description": (
            f"One row per record of {source} that was rejected: malformed records as they stood in the file, and rows "
            "that break a rule of the contract, each with all its reasons."
        ),
        **({"config": {"meta": {"owner": str(owner)}}} if owner else {}),
        "columns": columns,
    }
    return _as_yml(model)


def _plain_silver(name: str, bronze: Mapping[str, Any], *, is_mirror: bool) -> dict[str, Any]:
    """What the yml of a silver table says that is the columns of a contract under their names."""
    meta = (bronze.get("config") or {}).get("meta") or {}
    contract = meta.get("contract")
    declared = (
        {key: contract[key] for key in ("owner", "key") if contract.get(key)} if isinstance(contract, dict) else {}
    )
    keys = [item for item in bronze.get("constraints") or () if item.get("type") == "primary_key"]
    entity = TableName.of_model(name).entity
    grain = f"One row per record of {entity}: all clean rows of the files that count."
    if is_mirror:
        grain = f"One row per row of {entity} that is there at its source."
    elif "key" not in declared:
        columns = ", ".join(map(str, (keys[0].get("columns") if keys else None) or ()))
        grain = f"One row per {columns}: of the clean rows of the files that count, the newest of each key."
    return {
        "name": TableName("silver", entity).model,
        "description": grain,
        **({"config": {"meta": declared}} if declared else {}),
        **({"constraints": keys} if keys else {}),
        "columns": [*map(_plain_column, _columns(bronze)), *_rescued_column(contract)],
    }


def _rescued_column(contract: object) -> list[dict[str, Any]]:
    """What readers are shown columns of that the contract does not name, where it says `new_columns: add`."""
    if not isinstance(contract, Mapping) or contract.get("new_columns") != "add":
        return []
    description = "Values of columns that the contract does not name, as JSON; NULL where there were none."
    return [{"name": "_rescued", "data_type": "varchar", "description": description}]


def _plain_column(column: Mapping[str, Any]) -> dict[str, Any]:
    """A column of a contract as one of a table: its rules were held when the row was loaded."""
    meta = (column.get("config") or {}).get("meta") or {}
    rest = {
        name: value for name, value in meta.items() if name not in ("optional", "written", "from", "path", "aliases")
    }
    kept = {name: column[name] for name in ("name", "description", "data_type", "quote", "tags") if name in column}
    return {**kept, **({"config": {"meta": rest}} if rest else {})}


def _silver(model: str, silver: Mapping[str, Any], bronze: Mapping[str, Any], rows: str, own: tuple[str, ...]) -> str:
    """The rows that a macro gives, with columns renamed (`config: {meta: {from: …}}`) and cast to their types.

    Args:
        model: The bronze model.
        silver: The silver model.
        bronze: What the yml says of the bronze model.
        rows: The macro.
        own: Columns of Assay's own that silver has without saying so.
    """
    if not _columns(silver):
        raise ContractError("columns: there is none")
    types = {str(column.get("name")): sql_type(str(column.get("data_type"))) for column in _columns(bronze)}
    values = []
    for column in _columns(silver):
        name, kind = str(column.get("name")), sql_type(str(column.get("data_type")))
        source = origin_of(column)
        _check_column(column, bronze, model)
        _check_cast(name, kind, types.get(source, kind))
        value = quoted(source) if types.get(source) == kind else f"cast({quoted(source)} as {kind})"
        values.append(f"{value} as {quoted(name)}" if name not in OWN_COLUMNS else name)
    values += [name for name in own if name not in {str(column.get("name")) for column in _columns(silver)}]
    listed = ",\n    ".join(f"{{% raw %}}{value}{{% endraw %}}" for value in values)
    return f"select\n    {listed}\nfrom ({{{{ assay.{rows}('{model}') }}}})\n"


def _check_column(column: Mapping[str, Any], bronze: Mapping[str, Any], model: str) -> None:
    """Whether a silver column has a type, and a column of bronze that it is taken from."""
    name, origin = str(column.get("name")), origin_of(column)
    if not column.get("data_type"):
        raise ContractError(f"column {name}: data_type is missing")
    known = [str(there.get("name")) for there in _columns(bronze)]
    if origin == FILE_DATE:
        _check_dated(column, bronze)
    if origin.startswith("_") or origin.lower() in {there.lower() for there in known}:
        return  # Assay's own columns begin with `_`, and SQL takes upper and lower case for one
    if origin != name:
        raise ContractError(f"column {name}: from: {model} has no column {origin!r}; it has {listed(known)}")
    raise ContractError(
        f"column {name}: {model} has no such column; it has {listed(known)}; if it is called otherwise there, write "
        "`config: {meta: {from: …}}`, and if it is computed, write the table's SQL"
    )


def _check_cast(name: str, kind: str, origin: str) -> None:
    """Refuse a cast in which DuckDB rounds, cuts off or drops without a word."""
    if kind == origin:
        return
    if outer_level(kind) or outer_level(origin):
        raise ContractError(
            f"column {name}: data_type is {kind}, and {origin} in bronze; types that hold others are not cast. Write "
            "the same one, or the table's SQL with the values that it takes"
        )
    if loses(origin, kind):
        raise ContractError(
            f"column {name}: data_type is {kind}, and {origin} in bronze; the cast would round or cut off values "
            f"without a word. Give the column of bronze the type {kind}, by which a value that does not fit is "
            "malformed, or write the table's SQL, in which a reader sees what it does"
        )


def _check_dated(column: Mapping[str, Any], bronze: Mapping[str, Any]) -> None:
    """Whether a silver column can hold the moment of the files' names."""
    newest_by = (contract_block(TableName.of_model(str(bronze["name"])).entity, bronze) or {}).get("newest_by")
    dated_by = newest_by.get("file_date") if isinstance(newest_by, Mapping) else None
    kind = column_type(str(column["data_type"])).kind
    check_dated(str(column.get("name")), kind, pattern(str(dated_by)) if dated_by else None)


def _columns(model: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    columns = model.get("columns")
    return [column for column in columns if isinstance(column, Mapping)] if isinstance(columns, list) else []


def _bring_up_to_date(folder: Path, files: Mapping[Path, bytes]) -> None:
    """Write what differs, each file complete at once, and remove what is there no longer."""
    for path in folder.rglob("*") if folder.exists() else ():
        if path.is_file() and path.relative_to(folder) not in files:
            path.unlink(missing_ok=True)
    for name, content in files.items():
        path = folder / name
        if path.is_file() and path.read_bytes() == content:
            continue
        path.parent.mkdir(parents=True, exist_ok=True)
        aside = path.with_name(f".{path.name}.{os.getpid()}")
        aside.write_bytes(content)
        aside.replace(path)
