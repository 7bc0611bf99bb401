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
    """

    columns: tuple[SampleColumn, ...]
    records: tuple[tuple[object, ...], ...]
    notes: tuple[str, ...] = ()
