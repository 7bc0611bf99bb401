"""What only the yml file itself shows: dbt drops unknown keys and the first of two columns with one name."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from contracts.errors import ContractError

_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_MODEL = {"name", "description", "config", "constraints", "columns", "data_tests", "docs", "latest_version", "group"}
_COLUMN = {"name", "description", "data_type", "constraints", "data_tests", "config", "quote", "meta", "tags"}
_CONSTRAINT = {"type", "name", "expression", "columns", "warn_unsupported", "warn_unenforced", "to", "to_columns"}


def check_written(path: Path) -> None:
    """Read a model's yml as it is written and refuse what dbt would pass over in silence.

    Raises:
        ContractError: An unknown key of a model, column or constraint, or two columns of one name.
    """
    try:
        said = yaml.load(path.read_text(encoding="utf-8"), Loader=_LOADER)  # noqa: S506 - a safe loader, the fast one where it was built or {}
    except yaml.YAMLError as error:
        raise ContractError(f"{path.name}: no YAML: {error}") from error
    for model in said.get("models") or []:
        where = f"{path.name}: {model.get('name')}"
        _known(model, _MODEL, where)
        columns = model.get("columns") or []
        for name, times in Counter(str(column.get("name")).lower() for column in columns).items():
            if times > 1:
                raise ContractError(f"{where}: column {name} stands there {times} times; keep one")
        for constraint in model.get("constraints") or []:
            _known(constraint, _CONSTRAINT, f"{where}: constraints")
        for column in columns:
            _known(column, _COLUMN, f"{where}: column {column.get('name')}")
            for constraint in column.get("constraints") or []:
                _known(constraint, _CONSTRAINT, f"{where}: column {column.get('name')}: constraints")


def _known(said: Mapping[str, Any], known: set[str], where: str) -> None:
    unknown = sorted(set(said) - known)
    if unknown:
        raise ContractError(
            f"{where}: unknown key {', '.join(map(repr, unknown))}; known are {', '.join(sorted(known))}"
        )
