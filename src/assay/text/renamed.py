"""Records of JSON whose members have other names of columns, with the names that the contract has."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from assay.contract.aliases import two_names
from assay.contract.format import Format
from assay.text.json_parts import parted, written
from assay.text.record import MAX_JSON_LINE, Record, too_long


def renamed_records(records: Iterable[Record], form: Format) -> Iterator[Record]:
    """The records, those with another name of a column with its own one; malformed where one column has two values.

    A member that is null says as little as one that is missing.

    Args:
        records: Those of a file, in their order; each good one is a JSON object.
        form: With the other names of columns.
    """
    own = {other: column for column, others in form.aliases for other in others}
    marks = [json.dumps(other, ensure_ascii=False).encode() for other in own]
    for record in records:
        yield _renamed(record, own) if record.problem is None and _may_have(record.raw, marks) else record


def _may_have(raw: bytes, marks: Sequence[bytes]) -> bool:
    """Whether a name may stand in a record: as it is, or escaped in some way."""
    return b"\\" in raw or any(mark in raw for mark in marks)


def _renamed(record: Record, own: Mapping[str, str]) -> Record:
    whole: dict[str, Any] = parted(record.raw.decode())
    if own.keys().isdisjoint(whole):
        return record
    members: dict[str, Any] = {}
    names: dict[str, str] = {}
    for name, value in whole.items():
        column = own.get(name, name)
        if members.get(column) is not None and value is not None:
            return record._replace(problem=two_names(column, [names[column], name]))
        if members.get(column) is None:
            members[column], names[column] = value, name
    clean = written(members).encode()
    if len(clean) > MAX_JSON_LINE:
        return record._replace(problem=too_long(MAX_JSON_LINE).words)
    return record._replace(clean=clean, aliases=tuple((own[name], name) for name in own.keys() & whole))
