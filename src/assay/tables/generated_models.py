"""What is the same for every source: models that stand in no file of a project, written before dbt parses it.

Into `build/models/` of the dbt project go the bronze model of each contract, its quarantine, and a silver model that
only renames and casts; into `dbt_packages/assay` a copy of the engine's own dbt package. They are dbt models like any
other: `dbt ls`, `ref()`, its documentation and lineage know them. A model file of the project with the same name takes
precedence.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from assay.base.project import ENGINE
from assay.contract.names import TableName, layer_of, quoted
from assay.contract.own_columns import OWN_COLUMNS
from assay.contract.parse import origin_of

PACKAGE = ENGINE / "dbt_package"
BUILD = "build"
PACKAGES = "dbt_packages"
_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_BRONZE = """\
select
    *,
    {{ assay.verdict() }} as _violations
from {{ assay.landing() }}
"""
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


@dataclass
class _Project:
    """What stands in the files of a dbt project.

    Attributes:
        models: What the yml files say of each model.
        written: Names of the models that have a file.
    """

    models: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    written: set[str] = field(default_factory=set)


def write_build(dbt_project: Path) -> None:
    """Bring `build/` and `dbt_packages/assay` up to date; files that are as they should be are left alone.

    Args:
        dbt_project: The folder with dbt_project.yml.
    """
    package = {path.relative_to(PACKAGE): path.read_bytes() for path in package_files()}
    _bring_up_to_date(dbt_project / PACKAGES / "assay", package)
    generated = {Path(name): text.encode() for name, text in _generated(_read(dbt_project / "models"))}
    _bring_up_to_date(dbt_project / BUILD / "models", generated)


def package_files() -> Iterator[Path]:
    """The files of the engine's dbt package."""
    return (path for path in sorted(PACKAGE.rglob("*")) if path.suffix in (".sql", ".yml", ".md"))


def _read(models: Path) -> _Project:
    found = _Project()
    for path in sorted(models.rglob("*")):
        if path.suffix in (".sql", ".py"):
            found.written.add(path.stem)
        if path.suffix in (".yml", ".yaml"):
            found.models |= {str(model["name"]): model for model in _models_in(path)}
    return found


def _models_in(path: Path) -> list[Mapping[str, Any]]:
    """The models that a yml describes; what is wrong with it is dbt's to say."""
    try:
        said = yaml.load(path.read_bytes(), Loader=_LOADER)  # noqa: S506 - a safe loader
    except yaml.YAMLError:
        return []
    models = said.get("models") if isinstance(said, Mapping) else None
    return [m for m in models if isinstance(m, Mapping) and "name" in m] if isinstance(models, list) else []


def _generated(project: _Project) -> Iterator[tuple[str, str]]:
    """Path and content of each file."""
    for name, model in project.models.items():
        if layer_of(name) not in ("bronze", "silver"):
            continue
        table = TableName.of_model(name)
        bronze = table.in_layer("bronze").model
        if table.is_bronze:
            yield from _of_source(project, table.entity, model)
        elif name not in project.written and bronze in project.models:
            yield f"silver/{name}.sql", _silver(bronze, model, project.models[bronze])


def _of_source(project: _Project, source: str, node: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    bronze = TableName.of_source(source).model
    quarantine = TableName("quarantine", source).model
    if bronze not in project.written:
        yield f"bronze/{bronze}.sql", _BRONZE
    if quarantine not in project.written:
        yield f"quarantine/{quarantine}.sql", f"{{{{ assay.quarantined('{bronze}') }}}}\n"
    if quarantine not in project.models:
        yield f"quarantine/{quarantine}.yml", _quarantine_yml(source, node)


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
    return yaml.safe_dump({"models": [model]}, sort_keys=False, allow_unicode=True, width=120)


def _silver(model: str, silver: Mapping[str, Any], bronze: Mapping[str, Any]) -> str:
    """The newest row of each key, with columns renamed (`config: {meta: {from: …}}`) and cast to their types."""
    types = {str(column.get("name")): str(column.get("data_type")) for column in _columns(bronze)}
    values = []
    for column in _columns(silver):
        name, kind = str(column.get("name")), str(column.get("data_type"))
        source = origin_of(column)
        value = quoted(source) if types.get(source) == kind else f"cast({quoted(source)} as {kind})"
        values.append(f"{value} as {quoted(name)}" if name not in OWN_COLUMNS else name)
    values += [name for name in OWN_COLUMNS if name not in {str(column.get("name")) for column in _columns(silver)}]
    listed = ",\n    ".join(f"{{% raw %}}{value}{{% endraw %}}" for value in values)
    return f"select\n    {listed}\nfrom ({{{{ assay.newest_rows('{model}') }}}})\n"


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
