"""Checks that need the yml file itself: dbt drops unknown keys, and of two that are alike it keeps one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from assay.contract.errors import ContractError

_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_SAY_SOMETHING = {
    *("models", "name", "description", "columns", "data_type", "constraints", "data_tests", "config", "meta"),
    *("contract", "feed", "format", "checks", "freshness", "redo", "inputs"),
}
"""Keys with a value, always; where there is none, the next lines are not indented as they are meant."""


def check_written(path: Path, where: str = "") -> Iterator[Mapping[str, Any]]:
    """Read a yml of models as it is written and refuse what dbt would pass over, or answer in words of its own.

    Args:
        path: The file.
        where: What messages call it; its name when left out.

    Returns:
        What it says of each model.

    Raises:
        ContractError: It is empty or not YAML; an unknown key, one twice, one without a value; a column twice.
    """
    from assay.contract.yml_file import PropertiesYml  # noqa: PLC0415 - see assay.contract.yml

    where = where or path.name
    try:
        text = path.read_text(encoding="utf-8")
        _check_keys(yaml.compose(text, Loader=_LOADER), where)
        content = yaml.load(text, Loader=_LOADER)  # noqa: S506 - a safe loader, the fast one where it was built
    except (OSError, UnicodeDecodeError) as error:
        raise ContractError(f"{where}: cannot be read as UTF-8: {error}") from error
    except yaml.YAMLError as error:
        raise ContractError(f"{where}: {_not_yaml(error)}") from error
    if content is None:
        raise ContractError(f"{where}: is empty; write `models:` with a list of models, or remove the file")
    PropertiesYml.read(content, where)
    return iter(content.get("models") or ())


def _not_yaml(error: yaml.YAMLError) -> str:
    """What is wrong and in which line, without the reader's own name of the file."""
    mark = getattr(error, "problem_mark", None)
    if mark is None:
        return f"is not YAML: {error}"
    problem = str(getattr(error, "problem", None) or error)
    hint = "; indent with blanks, not with tabs" if "'\\t'" in problem or "tab" in problem else ""
    context = getattr(error, "context", None)
    begun = getattr(error, "context_mark", None)
    within = f" ({context} that begins in line {begun.line + 1})" if context and begun else ""
    return f"line {mark.line + 1}: is not YAML: {problem}{within}{hint or '; look at how this line is indented'}"


def _check_keys(node: yaml.Node | None, where: str) -> None:
    """Refuse a key that stands there twice, which YAML forbids, but of which its reader silently takes the last one."""
    if isinstance(node, yaml.SequenceNode):
        for item in node.value:
            _check_keys(item, where)
    if isinstance(node, yaml.MappingNode):
        for name, times in Counter(str(key.value) for key, _ in node.value if key.value != "<<").items():
            if times > 1:
                raise ContractError(f"{where}: line {node.start_mark.line + 1}: the key {name!r} stands there twice")
        for key, item in node.value:
            if str(key.value) in _SAY_SOMETHING and item.tag == "tag:yaml.org,2002:null":
                raise ContractError(
                    f"{where}: line {key.start_mark.line + 1}: {key.value} has no value; indent what belongs to "
                    "it further than the key, or remove the key"
                )
            _check_keys(item, where)
