"""What a feed would read, to be looked at."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class SampleColumn:
    """A column.

    Attributes:
        name: As the source has it.
        there: Its type at the source, as people write it.
        landed: Its type in the file that lands.
    """

    name: str
    there: str
    landed: str


@dataclass(frozen=True)
class Sample:
    """Columns, and some records with a value for each.

    Attributes:
        columns: As the source has them.
        records: Values as texts of the source; None for NULL.
        notes: What else there is to say of the source.
        is_of_files: Whether these are no records but files that would land as they are.
    """

    columns: tuple[SampleColumn, ...]
    records: tuple[tuple[object, ...], ...]
    notes: tuple[str, ...] = ()
    is_of_files: bool = False
