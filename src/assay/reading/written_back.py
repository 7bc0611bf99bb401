"""What a line of JSON has to be read as so that DuckDB can write it back: the proof that nothing was lost on the way.

Keep out: the reading itself (`assay.reading.json_lines`).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from assay.contract.contract import Contract
from assay.contract.names import quoted
from assay.contract.types import ColumnType
from assay.reading.exact_casts import limits
from assay.text import FirstObject

ENDLESS = r"[:\[,]\s*-?(?i:nan|inf)"
"""What DuckDB takes for a double, and JSON for nothing."""


def written_type(wanted: ColumnType) -> str:
    """The type of a value that is written back; not of one that is written otherwise than DuckDB writes it.

    How a time with a zone is written depends on the session.
    """
    is_text = wanted.kind == "timestamptz" or wanted.is_spelled or wanted.is_nested
    return "varchar" if is_text else wanted.sql


def raw_type(wanted: ColumnType, example: Any) -> str:
    """The type of a value that is written back as it stands in a file, of the fields that an example has."""
    return _inner_type(wanted, example) if wanted.is_nested else written_type(wanted)


def _inner_type(wanted: ColumnType, example: Any) -> str:
    """The type of one inside of others: of what has limits its text, on which they are tried one by one."""
    if wanted.kind == "struct":
        known = dict(wanted.parts)
        there = [name for name in example if name in known] if isinstance(example, dict) else []
        parts = {name: _inner_type(known[name], example[name]) for name in there}
        parts = parts or {name: _inner_type(part, None) for name, part in wanted.parts}
        return f"struct({', '.join(f'{quoted(name)} {part}' for name, part in parts.items())})"
    if wanted.is_nested:
        values = example.values() if isinstance(example, dict) else example if isinstance(example, list) else ()
        inner = _inner_type(wanted.inner, next((value for value in values if value is not None), None))
        return f"map(varchar, {inner})" if wanted.kind == "map" else f"{inner}[]"
    return "varchar" if limits("x", wanted) and wanted.kind != "double" else written_type(wanted)


def examples_in(contract: Contract, first: FirstObject) -> Mapping[str, Any]:
    """The values of the first object by their names, where some are of types that hold others."""
    if not (contract.format.shapes and first.names):
        return {}
    values: Mapping[str, Any] = json.loads(first.line, parse_int=str, parse_float=str)  # however many digits
    return values


def without_blanks(text: str) -> str:
    """SQL of a JSON text without the white space between its values."""
    return rf"""regexp_replace({text}, '("(?:[^"\\]|\\.)*")|\s+', '\1', 'g')"""
