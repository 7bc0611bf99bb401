"""What only the yml file itself shows: dbt drops unknown keys, and of two that are alike it keeps one."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import yaml

from assay.contract.errors import ContractError

_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def check_written(path: Path) -> None:
    """Read a model's yml as it is written and refuse what dbt would pass over in silence.

    Raises:
        ContractError: An unknown key of a model, column or constraint; two keys or columns of one name; no YAML.
    """
    from assay.contract.yml_file import PropertiesYml  # noqa: PLC0415 - see assay.contract.yml

    try:
        text = path.read_text(encoding="utf-8")
        _no_key_twice(yaml.compose(text, Loader=_LOADER), path.name)
        said = yaml.load(text, Loader=_LOADER)  # noqa: S506 - a safe loader, the fast one where it was built
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise ContractError(f"{path.name}: no YAML: {error}") from error
    PropertiesYml.read(said or {}, path.name)


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
