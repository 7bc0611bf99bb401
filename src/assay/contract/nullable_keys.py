"""Columns of a key in which NULL is a value: `config: {meta: {nullable_key: true}}`; two NULLs are one key then."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from assay.contract.errors import ContractError


def nullable_keys(node: Mapping[str, Any], key: Sequence[str]) -> list[str]:
    """The columns of a model's key that may be NULL.

    Args:
        node: The model as in dbt's manifest.
        key: The columns of its primary key.

    Raises:
        ContractError: One is not in the key, or must not be NULL by another word of the yml.
    """
    nullable = [str(column["name"]) for column in node["columns"].values() if _is_nullable(column)]
    for name in nullable:
        if name not in key:
            raise ContractError(f"column {name}: nullable_key: it is not in the primary_key; any other may be NULL")
        if any(item["type"] == "not_null" for item in node["columns"][name].get("constraints") or []):
            raise ContractError(f"column {name}: nullable_key stands beside not_null; keep one of the two")
    return nullable


def _is_nullable(column: Mapping[str, Any]) -> bool:
    from assay.contract.yml_column import ColumnMetaYml  # noqa: PLC0415 - see assay.contract.yml

    return ColumnMetaYml.read((column.get("config") or {}).get("meta") or {}, "config", "meta").nullable_key
