"""Where in a record the values of columns stand: `config: {meta: {path: …}}` of the columns of a bronze model."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from assay.contract.errors import ContractError
from assay.contract.format import Format
from assay.contract.pointer import pointer_keys, pointer_of

OF_RECORD = "^"
"""Begins a path that starts at the record which holds the list, and not at the element."""
POSITION = "#"
"""The path of an element's position in its list."""


def places_of(
    paths: Mapping[str, str | None], form: Format, elsewhere: Collection[str] = ()
) -> tuple[tuple[str, str], ...]:
    """The place of each column's value, as `Format.places` has it.

    Args:
        paths: What the columns say of it, by name in their order.
        form: How the files are written.
        elsewhere: Columns whose values are in no record.

    Raises:
        ContractError: A path is none, or the files have no values inside others.
    """
    for name in elsewhere:
        if paths[name] is not None:
            raise ContractError(f"column {name}: path: its value comes from the path of its file, and is in no record")
    if all(path is None for path in paths.values()) and form.each is None and not form.shapes:
        return ()
    return tuple((name, _place(name, path, form)) for name, path in paths.items() if name not in elsewhere)


def _place(name: str, path: str | None, form: Format) -> str:
    if path is None:
        return pointer_of(name)
    if form.type == "csv":
        raise ContractError(
            f"column {name}: path: a row of fields has no values inside others; it goes with JSON and Parquet"
        )
    if path.startswith((OF_RECORD, POSITION)) and form.each is None:
        raise ContractError(f"column {name}: path: {path[0]!r} goes with `each` of the format")
    if path == POSITION:
        return path
    try:
        keys = pointer_keys(path.removeprefix(OF_RECORD))
    except ValueError as error:
        raise ContractError(f"column {name}: path: {error}") from error
    if not keys and (form.each is None or path == OF_RECORD):
        raise ContractError(f"column {name}: path: {path!r} is the whole record, of which a column is a part")
    return path
