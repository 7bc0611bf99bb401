"""What a file of changes has to say of each: a record without a known operation or a position is malformed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from assay.contract.change_columns import OPERATION, OPERATIONS, POSITION
from assay.contract.names import literal
from assay.reading.read_views import SHOWN, Field

_TEXTS = ("VARCHAR", "BLOB")


def change_field(field: Field, types: Mapping[str, str]) -> Field:
    """A field of a file of changes, so that what every change has to say is not NULL.

    Args:
        field: As it is read of any file.
        types: DuckDB's types of the file's columns, by their place.
    """
    if field.name == OPERATION:
        value = f"case when {field.value} in ({', '.join(map(literal, OPERATIONS))}) then {field.value} end"
        return _told(field, value, f"is not one of {', '.join(OPERATIONS)}")
    if field.name == POSITION:
        is_text = types.get(field.raw, "VARCHAR") in _TEXTS  # numbers as texts would be in another order
        value = f"case when {field.value} <> '' then {field.value} end" if is_text else "null::varchar"
        return _told(field, value, "is not a text, whose bytes are the order of changes")
    return field


def _told(field: Field, value: str, wrong: str) -> Field:
    """The field with a value that is malformed where it is missing."""

    def reasons(raw: str) -> str:
        shown = f"{literal(f'{field.name}: ' + chr(39))} || left({raw}, {SHOWN}) || {literal(f'{chr(39)} {wrong}')}"
        return f"[case when {raw} = '' then {literal(f'{field.name}: is missing')} else {shown} end]"

    return replace(
        field, raw=f"coalesce({field.raw}::varchar, '')", value=value, is_plain="", plain="", reasons=reasons
    )
