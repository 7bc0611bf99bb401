"""A list inside records as a source of its own: what its columns take of the record that holds it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from assay.base.errors import UserError
from assay.contract.contract import Contract
from assay.contract.format import Format
from assay.contract.places import OF_RECORD, POSITION
from assay.contract.pointer import pointer_keys, pointer_of
from assay.contract.types import ColumnType
from assay.describing.column_types import Proposed
from assay.describing.keys import Identity
from assay.describing.texts import Texts


@dataclass(frozen=True)
class Child:
    """What is asked for.

    Attributes:
        each: The list in each record, as a JSON pointer.
        parent: The contract of the records, where the project has one.
    """

    each: str
    parent: Contract | None = None


@dataclass(frozen=True)
class Holder:
    """The records that hold a list.

    Attributes:
        form: How they are written.
        identity: Their key, and what wins.
        places: Where in them the columns stand that elements take, by name.
        types: Of those columns.
        parent: Their source; empty where the project has none.
        files: Its glob.
    """

    form: Format
    identity: Identity
    places: Mapping[str, str]
    types: Mapping[str, ColumnType] = field(default_factory=dict)
    parent: str = ""
    files: str = ""


def check_child(child: Child, form: Format) -> None:
    """Refuse what has no elements.

    Raises:
        UserError: The files are not JSON, or the list is no JSON pointer.
    """
    if form.type != "jsonl" or form.is_converted:
        others = "Avro or XML" if form.is_converted else form.type
        raise UserError(f"--each is a list in records of JSON, and the files are {others}")
    try:
        if not pointer_keys(child.each):
            raise ValueError("'' is the whole record")
    except ValueError as error:
        raise UserError(f"--each: {error}; write it like /lines") from error


def holder_of(contract: Contract) -> Holder:
    """The records of a source of the project.

    Raises:
        UserError: Its key needs what the paths of its files say, which no element can repeat.
    """
    if outside := [column.name for column in contract.path_columns if column.name in contract.key]:
        raise UserError(
            f"--of {contract.source}: {outside[0]}, a part of its key, is said by the paths of files; leave --of out "
            "and put that column into the contract of the list as that of its records has it"
        )
    places = dict(contract.format.places)
    identity = Identity(contract.key, contract.load, contract.newest_by or "", contract.file_date or "")
    types = {column.name: column.type for column in contract.columns}
    form = replace(contract.format, places=(), shapes=())
    pointers = {name: places.get(name, pointer_of(name)) for name in contract.names}
    return Holder(form, identity, _needed(identity, pointers), types, contract.source, contract.files)


def described_holder(form: Format, texts: Texts, identity: Identity) -> Holder:
    """Records that were looked at."""
    pointers = {name: texts.places.get(name, pointer_of(name)) for name in texts.names}
    return Holder(form, identity, _needed(identity, pointers))


def _needed(identity: Identity, places: Mapping[str, str]) -> dict[str, str]:
    return {name: places[name] for name in dict.fromkeys([*identity.key, identity.newest_by]) if name}


def elements_form(holder: Holder, child: Child) -> Format:
    """How the elements are written, with what they take of their record and their position."""
    outer = tuple((name, f"{OF_RECORD}{place}") for name, place in holder.places.items())
    return replace(holder.form, each=child.each, places=(*outer, (_position(holder), POSITION)))


def elements_identity(holder: Holder) -> Identity:
    """What an element is known by: the key of its record and its position."""
    key = (*holder.identity.key, _position(holder)) if holder.identity.key else ()
    doubt = "key: no columns tell the records apart that hold the list; each element counts by itself"
    versions = (
        "key: an element that a newer version of its record has no more stays in silver; see docs/adding-a-source.md"
    )
    is_replaced = bool(holder.identity.newest_by or holder.identity.file_date) and holder.identity.load == "events"
    unsure = ([versions] if is_replaced else []) if key else [doubt]
    return replace(holder.identity, key=key, unsure=unsure)


def with_types(columns: Sequence[Proposed], holder: Holder) -> list[Proposed]:
    """The columns, those of the record in the types that its source gives them."""
    return [replace(column, type=holder.types.get(column.name, column.type)) for column in columns]


def _position(holder: Holder) -> str:
    return next(name for name in ("position", "element_position", "list_position") if name not in holder.places)
