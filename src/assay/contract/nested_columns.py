"""Columns of a source whose values hold others: where there may be such, and how text that holds them is shaped."""

from __future__ import annotations

from collections.abc import Sequence

from assay.contract.contract import Column, Contract
from assay.contract.errors import ContractError
from assay.contract.format import Format
from assay.contract.places import OF_RECORD


def shapes_of(columns: Sequence[Column], form: Format) -> tuple[tuple[str, str], ...]:
    """The types of the nested columns of files of text, as `Format.shapes` has them; Parquet has types of its own."""
    if form.type == "parquet":
        return ()
    return tuple((column.name, column.type.declared) for column in columns if column.type.is_nested)


def check_nested(contract: Contract) -> None:
    """Refuse nested types where no file says such a value, or where values are compared.

    Raises:
        ContractError: A column has one there.
    """
    nested = {column.name: column for column in contract.columns if column.type.is_nested}
    places = dict(contract.format.places)
    for name, column in nested.items():
        shown = f"column {name}: data_type: {column.type.declared}"
        if contract.format.type == "csv":
            raise ContractError(
                f"{shown}: a field of CSV, of fixed width or of a sheet is one text and holds no others; declare it as "
                "varchar, and take it apart in the SQL of silver"
            )
        if column.origin != "records":
            raise ContractError(f"{shown}: the path of a file says plain values; declare one")
        if places.get(name, "").startswith(OF_RECORD):
            raise ContractError(
                f"{shown}: each element would repeat it; declare it as varchar, or columns of what is in it, with the "
                f"path {places[name]}/…"
            )
    if contract.newest_by in nested:
        raise ContractError(f"newest_by: {contract.newest_by} holds other values, of which none is the greatest")
    check_plain_key(contract.key, contract.columns)


def check_plain_key(key: Sequence[str], columns: Sequence[Column]) -> None:
    """Refuse a key of values that hold others.

    Raises:
        ContractError: A column of it is one.
    """
    types = {column.name: column.type for column in columns}
    if name := next((name for name in key if types[name].is_nested), ""):
        raise ContractError(
            f"primary_key: {name} is {types[name].declared}, and rows are told apart by plain values; make a column of "
            "one that is in it"
        )
