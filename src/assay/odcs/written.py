"""Documents and ymls as text."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import yaml


class _Dumper(yaml.SafeDumper):
    """Texts of several lines as blocks, lists indented below their key, nothing by reference."""

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:  # noqa: ARG002 - as PyYAML calls it
        """Indent lists as well."""
        super().increase_indent(flow, False)

    def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002 - as above
        """Always: readers of a contract need no anchors."""
        return True


_OTHER_LINE_ENDS = frozenset("\x85\u2028\u2029\ufeff")
"""What PyYAML writes as it is where Unicode is allowed, and reads back as a blank or not at all."""


def _text(dumper: yaml.SafeDumper, value: str) -> yaml.ScalarNode:
    style = '"' if _OTHER_LINE_ENDS & set(value) else "|" if "\n" in value else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style=style)


_Dumper.add_representer(str, _text)


def written(documents: Iterable[Mapping[str, Any]]) -> str:
    """Documents as YAML, with `---` between them."""
    options: dict[str, Any] = {"sort_keys": False, "allow_unicode": True, "width": 120}
    return "---\n".join(yaml.dump(dict(document), Dumper=_Dumper, **options) for document in documents)
