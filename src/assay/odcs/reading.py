"""Reads YAML that others wrote: bounded, every value a plain one, and every mistake with its line."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

import yaml

from assay.contract.errors import ContractError

MOST_BYTES = 10_000_000
"""Of a document; one of a table with 1,000 columns has half a million."""
MOST_DEPTH = 64
_JINJA = ("{{", "{%", "{#")
_TIME = "tag:yaml.org,2002:timestamp"


_BASE: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class _Loader(_BASE):  # type: ignore[misc]  # one of two classes, the fast one where it was built
    """Dates and times stay texts, as the standard has them."""

    yaml_implicit_resolvers: ClassVar[Mapping[str, Any]] = {
        letter: [(tag, pattern) for tag, pattern in resolvers if tag != _TIME]
        for letter, resolvers in _BASE.yaml_implicit_resolvers.items()
    }


def read_documents(path: Path) -> list[Mapping[str, Any]]:
    """The documents in a file of YAML or JSON, with `---` between them.

    Raises:
        ContractError: It cannot be read, is too large or too deep, uses anchors, has a key twice, or a text in it would
            be run by dbt; names the file and the line or place.
    """
    try:
        if path.stat().st_size > MOST_BYTES:
            raise ContractError(f"{path}: is larger than {MOST_BYTES:,} bytes, which no contract is")
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise ContractError(f"{path}: cannot be read: {error.strerror or error}") from error
    except UnicodeDecodeError as error:
        raise ContractError(f"{path}: is not UTF-8: {error}") from error
    try:
        _check_events(text, path)
        documents = [_content(node, path) for node in yaml.compose_all(text, Loader=_Loader) if node is not None]
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f"line {mark.line + 1}: " if mark else ""
        raise ContractError(f"{path}: {line}is not YAML: {getattr(error, 'problem', None) or error}") from error
    if not documents:
        raise ContractError(f"{path}: is empty; expected a document of ODCS with `kind: DataContract`")
    return documents


def _check_events(text: str, path: Path) -> None:
    """Refuse what makes a small file a large value, before anything is made of it."""
    depth = 0
    for event in yaml.parse(text, Loader=_Loader):
        line = event.start_mark.line + 1 if event.start_mark else 1
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None):
            raise ContractError(f"{path}: line {line}: anchors and aliases of YAML are not read; write the value out")
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth > MOST_DEPTH:
            raise ContractError(f"{path}: line {line}: is nested deeper than {MOST_DEPTH} levels, which no contract is")


def _content(node: yaml.Node, path: Path) -> Mapping[str, Any]:
    _check_node(node, path)
    loader = _Loader("")
    try:
        value = loader.construct_document(node)
    except (ValueError, OverflowError) as error:
        raise ContractError(
            f"{path}: line {node.start_mark.line + 1}: holds a value that cannot be: {error}"
        ) from error
    if not isinstance(value, Mapping):
        raise ContractError(
            f"{path}: line {node.start_mark.line + 1}: expected keys with values such as `kind: DataContract`"
        )
    return value


def _check_node(node: yaml.Node, path: Path) -> None:
    where = f"{path}: line {node.start_mark.line + 1}"
    if isinstance(node, yaml.ScalarNode):
        _check_text(node.value, where)
    elif isinstance(node, yaml.SequenceNode):
        for item in node.value:
            _check_node(item, path)
    elif isinstance(node, yaml.MappingNode):
        for key, item in node.value:
            if not isinstance(key, yaml.ScalarNode):
                raise ContractError(f"{where}: a key is a text, not a list or keys of its own")
            if key.tag != "tag:yaml.org,2002:str":
                key.tag = "tag:yaml.org,2002:str"  # `on` and `2024` are names here
            _check_text(key.value, where)
            _check_node(item, path)
        for name, times in Counter(key.value for key, _ in node.value).items():
            if times > 1:
                raise ContractError(f"{where}: the key {name!r} stands there twice")


def _check_text(text: str, where: str) -> None:
    if mark := next((mark for mark in _JINJA if mark in text), ""):
        raise ContractError(f"{where}: a text holds {mark!r}, which dbt would run as Jinja; write it without")
    if "\0" in text or any("\ud800" <= letter <= "\udfff" for letter in text):
        raise ContractError(f"{where}: a text holds a character that no file can hold")
