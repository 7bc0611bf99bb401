"""What contents are known by once a contract changed which values a path gives: two that were one, or one of two."""

from __future__ import annotations

from typing import Any

import duckdb

from assay.contract.contract import Contract
from assay.ledger.inspect_file import identity_at
from assay.ledger.rows import last_number

_WITH_CONTENT = """
    select sighting_id, file_id, path, content_hash, status
    from ops.files
    where source = ? and content_hash is not null and status <> 'retired'
    order by status <> 'loaded', status <> 'arrived', sighting_id
"""
_COUNTS = ("loaded", "arrived")


def identify_again(connection: duckdb.DuckDBPyConnection, contract: Contract) -> set[int]:
    """Give each sighting the content that it is of by a contract, in the transaction that loads all of them again.

    Each content keeps the number of the first of its sightings that was loaded, where no other content has it, so that
    a lake whose contract did not change is left as it is. Of a content one sighting is loaded or waits.

    Args:
        connection: The warehouse, in a transaction that deletes all rows of the source.
        contract: The contract, as it is now.

    Returns:
        Sightings that were copies, and show a content of their own now, which nothing has loaded.
    """
    numbers: dict[str, int] = {}
    claimed: set[int] = set()
    taken: set[str] = set()
    changed: list[list[Any]] = []
    last = last_number(connection)
    moved: list[list[Any]] = []
    for sighting, number, path, before, status in connection.execute(_WITH_CONTENT, [contract.source]).fetchall():
        identity = identity_at(path, contract, before)
        if identity not in numbers:
            is_free = number not in claimed
            last += not is_free
            numbers[identity] = number if is_free else last
            claimed.add(numbers[identity])
        state = "duplicate" if status in _COUNTS and identity in taken else status
        taken |= {identity} if state in _COUNTS else set()
        if (identity, numbers[identity], state) != (before, number, status):
            changed.append([identity, numbers[identity], state, sighting])
            moved.append([path, number, numbers[identity]])
    if changed:
        connection.executemany(
            "update ops.files set content_hash = ?, file_id = ?, status = ? where sighting_id = ?", changed
        )
        paths, before, now = map(list, zip(*moved, strict=True))
        connection.execute(
            "update ops.acceptances set file_id = moved.now from (select unnest(?::varchar[]) as path, "
            "unnest(?::bigint[]) as before, unnest(?::bigint[]) as now) as moved where source = ? "
            "and ops.acceptances.path = moved.path and ops.acceptances.file_id = moved.before",
            [paths, before, now, contract.source],
        )
    return {at for identity, _, state, at in changed if state == "duplicate" and identity not in taken}
