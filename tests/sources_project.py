"""A project of nothing but contracts, as a stranger begins one."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import yaml

from tests.places import PROJECT

CONTRACT = {"version": "1.0.0", "owner": "tests", "format": {"type": "csv"}, "load": "events", "new_columns": "rescue"}


def write_sources(folder: Path, **sources: dict[str, Any]) -> Path:
    """A dbt project with a yml of one bronze model for each source.

    Args:
        folder: Where to put it.
        sources: What the yml says of each: `contract` beyond what is usual, `columns` by their types, and `key`.
    """
    project = folder / "dbt_project"
    (project / "models").mkdir(parents=True, exist_ok=True)
    for name in ("dbt_project.yml", "profiles.yml"):
        shutil.copy(PROJECT / "dbt_project" / name, project)
    for name, declared in sources.items():
        (project / "models" / f"{name}.yml").write_text(source_yml(name, **declared), encoding="utf-8")
    return project


def source_yml(name: str, columns: dict[str, Any], key: tuple[str, ...] = (), **contract: Any) -> str:
    """The yml of one bronze model; without a key each record counts by itself."""
    keyless = {} if key else {"key": "none"}
    meta = {"contract": {**CONTRACT, "files": f"{name}/*", **keyless, **contract}}
    model = {
        "name": f"bronze_{name}",
        "config": {"meta": meta},
        "constraints": [{"type": "primary_key", "columns": list(key)}] if key else [],
        "columns": [
            {"name": column, **(kind if isinstance(kind, dict) else {"data_type": kind})}
            for column, kind in columns.items()
        ],
    }
    return yaml.safe_dump({"models": [model]}, allow_unicode=True, sort_keys=False)
