"""Columns whose values are those of a file and not of its records: parts of its path, and the moment of its name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from assay.contract.contract import Column, Origin
from assay.contract.errors import ContractError
from assay.contract.moments import Pattern
from assay.contract.names import listed
from assay.contract.path_template import PathTemplate

FILE_DATE = "_file_date"
"""What `from` calls the moment of a file's name."""
_CLOCK = {"hour", "hour12", "half", "minute", "second", "fraction", "epoch"}


def origins_of(node: Mapping[str, Any], template: PathTemplate) -> dict[str, Origin]:
    """Where the values of each column of a bronze model stand.

    Args:
        node: The model as in dbt's manifest.
        template: Its `files`.

    Raises:
        ContractError: A name in braces is not a column, or `from` names something else than `_file_date`.
    """
    names = [str(column["name"]) for column in node["columns"].values()]
    unknown = [name for name in template.columns if name not in names]
    if unknown:
        raise ContractError(
            f"files: {{{unknown[0]}}} is not a column; describe {unknown[0]} below `columns` with the type of that "
            f"part of the path (there are {listed(names)}), or write [{{] for a brace in a name"
        )
    origins: dict[str, Origin] = dict.fromkeys(names, "records")
    origins |= dict.fromkeys(template.columns, "path")
    for column in node["columns"].values():
        name, origin = str(column["name"]), ((column.get("config") or {}).get("meta") or {}).get("from")
        if origin is None:
            continue
        if origin != FILE_DATE:
            raise ContractError(
                f"column {name}: from: a source has columns under the names of its files, and {FILE_DATE} is all that "
                f"may stand here, not {origin!r}; rename it in the yml of silver"
            )
        if name in template.columns:
            raise ContractError(
                f"column {name}: from: {FILE_DATE}, but it stands in `files` as well; keep one of the two"
            )
        origins[name] = "file_date"
    return origins


def check_path_columns(columns: Sequence[Column], template: PathTemplate, dated_by: Pattern | None) -> None:
    """Check what columns from outside of the records need.

    Args:
        columns: All columns of a contract.
        template: Its `files`.
        dated_by: The pattern of its `file_date`, where it has one.

    Raises:
        ContractError: No pattern says the moment, the type cannot hold it, or all columns are from outside.
    """
    for column in (column for column in columns if column.origin == "file_date"):
        check_dated(column.name, column.type.kind, dated_by)
        if column.type.is_spelled:
            raise ContractError(f"column {column.name}: written: the pattern of `file_date` says how it is written")
    if all(column.origin != "records" for column in columns):
        raise ContractError(f"files: {template.text!r} says all columns, so that none is left for the records")


def check_dated(name: str, kind: str, dated_by: Pattern | None) -> None:
    """Check whether a column can hold the moment of a file's name.

    Args:
        name: The column.
        kind: Of its type.
        dated_by: The pattern of the names; None where they are not dated.

    Raises:
        ContractError: It cannot.
    """
    if dated_by is None:
        raise ContractError(
            f"column {name}: from: {FILE_DATE} is the moment that names say by "
            f'`newest_by: {{file_date: "sales_%Y-%m-%d.csv"}}`, which the contract lacks; '
            f'of a part of the path write `files: "sales/sales_{{{name}}}.csv"` instead'
        )
    has_zone = bool(dated_by.fields & {"zone", "epoch"})
    fitting = "timestamp" if dated_by.fields & _CLOCK else "date or timestamp"
    if has_zone:
        fitting += " with time zone, or timestamp in UTC"
    if kind not in ("date", "timestamp", "timestamptz"):
        raise ContractError(f"column {name}: from: {FILE_DATE} is a moment; its data_type is {fitting}")
    if kind == "date" and dated_by.fields & _CLOCK:
        raise ContractError(
            f"column {name}: from: {FILE_DATE} has a time of day, which a date would lose; its data_type is {fitting}"
        )
    if kind == "timestamptz" and not has_zone:
        raise ContractError(
            f"column {name}: from: {FILE_DATE} names no zone, so nobody knows which moment it is; its data_type is "
            f"{fitting}"
        )
