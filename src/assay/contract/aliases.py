"""Other names that files have for a column: `config: {meta: {aliases: […]}}` of the columns of a bronze model."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from assay.contract.errors import ContractError
from assay.contract.format import Format
from assay.contract.names import listed, may_be_column
from assay.contract.places import OF_RECORD, POSITION
from assay.contract.pointer import pointer_keys, pointer_of


def aliases_of(
    declared: Mapping[str, tuple[str, ...]], form: Format, elsewhere: Collection[str] = ()
) -> tuple[tuple[str, tuple[str, ...]], ...]:
    """The other names of each column that has some, as `Format.aliases` has them.

    Args:
        declared: What the columns say, by name in their order.
        form: How the files are written, with the places of columns.
        elsewhere: Columns whose values are in no record.

    Raises:
        ContractError: A column cannot have another name, or one name stands for two columns.
    """
    named = {name: others for name, others in declared.items() if others}
    places = dict(form.places) or {name: pointer_of(name) for name in declared if name not in elsewhere}
    taken = {place: name for name, place in places.items()}
    for name, others in named.items():
        _check_has_a_name(name, form, places)
        for other in others:
            if not may_be_column(other):
                raise ContractError(f"column {name}: aliases: {other!r} is not a name")
            place = place_beside(places[name], other)
            if place in taken:
                whose = "already its own name" if taken[place] == name else f"what column {taken[place]} is called"
                raise ContractError(f"column {name}: aliases: {other!r} is {whose}")
            taken[place] = name
    return tuple(named.items())


def place_beside(place: str, other: str) -> str:
    """The place of what has another name than what stands at a place, in the same object."""
    mark = OF_RECORD if place.startswith(OF_RECORD) else ""
    return mark + pointer_of(*pointer_keys(place.removeprefix(mark))[:-1], other)


def two_names(column: str, names: Collection[str]) -> str:
    """Why a header or record with several names of one column cannot be read."""
    return (
        f"{listed(list(names))} are names of one column, {column}, and nobody can say which one is meant; send one of "
        "them, or take the other out of `aliases`"
    )


def _check_has_a_name(name: str, form: Format, places: Mapping[str, str]) -> None:
    if name not in places:
        raise ContractError(f"column {name}: aliases: its value comes from the path of its file, where it has no name")
    if form.type == "csv" and not form.header:
        raise ContractError(f"column {name}: aliases: files without a header have no names of columns")
    if places[name] in ("", OF_RECORD, POSITION):
        raise ContractError(f"column {name}: aliases: what stands at path {places[name]!r} has no name")
