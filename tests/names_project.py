"""A project of three sources, one for each type of file, whose columns are called as one likes."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from assay.contract.names import quoted
from tests.places import PROJECT

TYPES = {"csv": {"type": "csv"}, "jsonl": {"type": "jsonl"}, "parquet": {"type": "parquet"}}


def write_project(folder: Path, columns: Mapping[str, str]) -> Path:
    """A dbt project with bronze, quarantine, silver and gold of each source.

    Args:
        folder: Where to put it.
        columns: Names and types; the first one is the key.
    """
    project = folder / "dbt_project"
    project.mkdir(parents=True)
    for name in ("dbt_project.yml", "profiles.yml"):
        shutil.copy(PROJECT / "dbt_project" / name, project)
    for source, form in TYPES.items():
        _write_source(project / "models", source, form, columns)
    return project


def _write_source(models: Path, source: str, form: Mapping[str, Any], columns: Mapping[str, str]) -> None:
    key = next(iter(columns))
    typed = [{"name": name, "data_type": kind} for name, kind in columns.items()]
    last = typed[-1]
    ruled = {
        **last,
        "constraints": [{"type": "check", "name": "no_bad", "expression": f"{quoted(last['name'])} <> 'bad'"}],
    }
    contract = {
        "version": "1.0.0",
        "owner": "tests",
        "files": f"{source}/*",
        "format": dict(form),
        "load": "events",
        "new_columns": "rescue",
    }
    primary_key = [{"type": "primary_key", "columns": [key]}]
    bronze = {
        "config": {"meta": {"contract": contract, "checks": {"distribution": {"columns": list(columns)}}}},
        "constraints": primary_key,
        "columns": [*typed[:-1], ruled],
    }
    _yml(models, f"bronze_{source}", bronze)
    names = ", ".join(map(quoted, columns))
    ours = [{"name": f"_{name}", "data_type": "bigint"} for name in ("duplicates_identical", "duplicates_conflicting")]
    silver = {"constraints": primary_key, "columns": [*typed, *ours]}
    own = ", ".join(str(column["name"]) for column in ours)
    select = f"select {_raw(names)}, {own} from ({{{{ assay.newest_rows('bronze_{source}') }}}})"
    _model(models, f"silver_{source}", select, silver)
    redo = {"key": [key], "inputs": {f"silver_{source}": [quoted(key)]}}
    gold = {"constraints": primary_key, "columns": typed, "config": {"meta": {"redo": redo}}}
    affected = f"temp.main.is_affected_gold_{source}({_raw(quoted(key))})"
    _model(
        models, f"gold_{source}", f"select {_raw(names)} from {{{{ ref('silver_{source}') }}}} where {affected}", gold
    )


def _raw(sql: str) -> str:
    """SQL in which Jinja finds nothing of its own."""
    return f"{{% raw %}}{sql}{{% endraw %}}"


def _model(models: Path, name: str, sql: str, properties: Mapping[str, Any]) -> None:
    _yml(models, name, properties)
    (models / name.split("_", maxsplit=1)[0] / f"{name}.sql").write_text(sql, encoding="utf-8")


def _yml(models: Path, name: str, properties: Mapping[str, Any]) -> None:
    folder = models / name.split("_", maxsplit=1)[0]
    folder.mkdir(parents=True, exist_ok=True)
    yml = yaml.safe_dump({"models": [{"name": name, **properties}]}, allow_unicode=True, sort_keys=False)
    (folder / f"{name}.yml").write_text(yml, encoding="utf-8")
