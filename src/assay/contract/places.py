"""Where in a record the values of columns stand: `config: {meta: {path: …}}` of the columns of a bronze model."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from assay.contract.errors import ContractError
from assay.contract.format import Format
from assay.contract.pointer import pointer_keys, pointer_of


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
    if all(path is None for path in paths.values()):
        return ()
    return tuple(
        (name, pointer_of(name) if path is None else _checked(name, path, form))
        for name, path in paths.items()
        if name not in elsewhere
    )


def _checked(name: str, path: str, form: Format) -> str:
    if form.type == "csv":
        raise ContractError(
            f"column {name}: path: a row of fields has no values inside others; it goes with JSON and Parquet"
        )
    try:
        keys = pointer_keys(path)
    except ValueError as error:
        raise ContractError(f"column {name}: path: {error}") from error
    if not keys:
        raise ContractError(f"column {name}: path: the empty one is the whole record, of which a column is a part")
    return path
