"""What only the yml file itself shows: dbt drops unknown keys, and of two that are alike it keeps one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from assay.contract.errors import ContractError

_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_MODEL = {"name", "description", "config", "constraints", "columns", "data_tests", "docs", "latest_version", "group"}
_COLUMN = {"name", "description", "data_type", "constraints", "data_tests", "config", "quote", "meta", "tags"}
_CONSTRAINT = {"type", "name", "expression", "columns", "warn_unsupported", "warn_unenforced", "to", "to_columns"}


def check_written(path: Path) -> None:
    """Read a model's yml as it is written and refuse what dbt would pass over in silence.

    Raises:
        ContractError: An unknown key of a model, column or constraint; two keys or columns of one name; no YAML.
    """
    try:
        text = path.read_text(encoding="utf-8")
        _no_key_twice(yaml.compose(text, Loader=_LOADER), path.name)
        said = yaml.load(text, Loader=_LOADER)  # noqa: S506 - a safe loader, the fast one where it was built
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise ContractError(f"{path.name}: no YAML: {error}") from error
    for model in _list(_mapping(said or {}, path.name), "models", path.name):
        _check_model(_mapping(model, f"{path.name}: models"), f"{path.name}: {model.get('name')}")


def _check_model(model: Mapping[str, Any], where: str) -> None:
    _known(model, _MODEL, where)
    _check_constraints(model, where)
    columns = [_mapping(column, f"{where}: columns") for column in _list(model, "columns", where)]
    for name, times in Counter(str(column.get("name")).lower() for column in columns).items():
        if times > 1:
            raise ContractError(f"{where}: column {name} stands there {times} times; keep one")
    for column in columns:
        _known(column, _COLUMN, f"{where}: column {column.get('name')}")
        _check_constraints(column, f"{where}: column {column.get('name')}")


def _check_constraints(said: Mapping[str, Any], where: str) -> None:
    for constraint in _list(said, "constraints", where):
        _known(_mapping(constraint, f"{where}: constraints"), _CONSTRAINT, f"{where}: constraints")


def _list(said: Mapping[str, Any], key: str, where: str) -> list[Any]:
    found = said.get(key) or []
    if not isinstance(found, list):
        raise ContractError(f"{where}: {key} is a list, not {found!r}")
    return found


def _mapping(said: object, where: str) -> Mapping[str, Any]:
    if not isinstance(said, Mapping):
        raise ContractError(f"{where}: expected keys with values, found {said!r}")
    return said


def _known(said: Mapping[str, Any], known: set[str], where: str) -> None:
    unknown = sorted(map(str, set(said) - known))
    if unknown:
        hint = "; write `config: {meta: {optional: true}}`" if "optional" in unknown else ""
        raise ContractError(
            f"{where}: unknown key {', '.join(map(repr, unknown))}; known are {', '.join(sorted(known))}{hint}"
        )


def _no_key_twice(node: yaml.Node | None, where: str) -> None:
    """YAML itself forbids it, its reader takes the last one without a word."""
    if isinstance(node, yaml.SequenceNode):
        for item in node.value:
            _no_key_twice(item, where)
    if isinstance(node, yaml.MappingNode):
        for name, times in Counter(str(key.value) for key, _ in node.value if key.value != "<<").items():
            if times > 1:
                raise ContractError(f"{where}: line {node.start_mark.line + 1}: the key {name!r} stands there twice")
        for _, item in node.value:
            _no_key_twice(item, where)
