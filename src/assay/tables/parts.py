"""A full build in parts of the key, where all of a table cannot be worked out within the memory that there is.

DuckDB spills sorts, joins and most of what it groups; `count(distinct …)` over many groups it holds in memory. A keyed
model gives the rows of some keys as it gives those of all, which is what its rebuild rests on, so it is asked for one
part of the keys after the other, in one transaction.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import duckdb

from assay.base import log

PARTS = (1, 8, 64)
"""How many parts are tried; the first that fits is taken."""
_PART = "assay_part"


def build_within_memory(build: Callable[[int], object], table: str) -> None:
    """Build a table in one part, or in as many as it takes.

    Args:
        build: Builds all of the table in so many parts, and leaves nothing behind when it fails.
        table: Its name, for the log.

    Raises:
        duckdb.OutOfMemoryException: A part of the smallest size needs more than there is.
    """
    for parts in PARTS:
        try:
            build(parts)
        except duckdb.OutOfMemoryException:
            if parts == PARTS[-1]:
                raise
            log.info("too little memory for all of a table at once", table=table, parts=parts)
        else:
            return


def is_in_part(keys: Sequence[str], types: Sequence[str], parts: int) -> str:
    """SQL for whether a key is in the part that is being built.

    Args:
        keys: SQL of the key's columns, of any type that the table's column can hold.
        types: The columns' types in the table.
        parts: How many there are.
    """
    typed = ", ".join(f"({key})::{kind}" for key, kind in zip(keys, types, strict=True))
    return f"hash({typed}) % {parts} = getvariable('{_PART}')" if parts > 1 else "true"


def each_part(connection: duckdb.DuckDBPyConnection, parts: int) -> Iterator[int]:
    """Go through the parts; each is the one that `is_in_part` asks for until the next."""
    for part in range(parts):
        connection.execute(f"set variable {_PART} = {part}")
        yield part
