"""By which column a large table is cut into parts for readers, where its yml says so."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from assay.contract.errors import ContractError
from assay.contract.parse import naming_yml
from assay.contract.types import column_type

KEY = "parts_by"
"""The key below `config: meta:`."""
_KINDS = ("date", "timestamp", "timestamptz", "integer")


@dataclass(frozen=True)
class PartChoice:
    """What a project says about the parts of a table.

    Attributes:
        declared: The column that its yml names; empty when it names none.
        key: The columns by which the table is rebuilt; those are looked at before others.
    """

    declared: str = ""
    key: tuple[str, ...] = ()


def parse_part_choice(node: Mapping[str, Any], key: Sequence[str]) -> PartChoice:
    """What the yml of a silver or gold model says: `config: meta: parts_by: COLUMN`.

    Args:
        node: The model as in dbt's manifest.
        key: The columns by which it is rebuilt.

    Raises:
        ContractError: It is not a column of the table, or its type has no order that parts can follow; names the yml.
    """
    with naming_yml(node):
        declared = node["config"].get("meta", {}).get(KEY)
        if declared is None:
            return PartChoice("", tuple(key))
        columns = node["columns"]
        if declared not in columns:
            raise ContractError(f"{KEY}: {declared!r} is not a column of the table")
        kind = column_type(str(columns[declared]["data_type"]))
        if kind.kind not in _KINDS or kind.sql == "hugeint":
            raise ContractError(
                f"{KEY}: {declared} is {kind.sql}; expected a date, a timestamp or a whole number of at most 64 bits"
            )
        return PartChoice(str(declared), tuple(key))
