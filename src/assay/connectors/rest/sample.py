"""The first records of an API as a table, to be looked at."""

from __future__ import annotations

from collections.abc import Sequence

from assay.feeds.sample import Sample, SampleColumn
from assay.text.json_parts import kind_of, parted, value_text


def sample_of_lines(lines: Sequence[bytes]) -> Sample:
    """Records as a table: a column for each member, with its types in these records."""
    records = [parted(line.decode()) for line in lines]
    names = [*dict.fromkeys(name for record in records for name in record)]
    columns = []
    for name in names:
        kinds = dict.fromkeys(kind_of(record[name]).split()[-1] for record in records if name in record)
        missing = ", not in all" if any(name not in record for record in records) else ""
        columns.append(SampleColumn(name, " or ".join(kinds) + missing, "JSON"))
    return Sample(tuple(columns), tuple(tuple(_shown(record.get(name)) for name in names) for record in records))


def _shown(value: object) -> str | None:
    return None if value is None else value_text(value)
