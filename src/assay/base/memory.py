"""The memory limit of a run, and the errors of a file that needs more.

Belongs here: the size of the limit, its words, which errors mean that there was not enough. What becomes of the file is
the loader's and the ledger's.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import duckdb

from assay.base.duckdb_errors import first_line
from assay.base.sizes import parse_size

ATTEMPTS = 2
"""Loads that a file may fail for want of memory or room, each in a run of its own, before it is refused."""
_SHARE = 0.5
"""Of the machine's memory, for a run: Python, Arrow, the page and the services live beside it."""
_ENGINE_SHARE = 0.75
"""Of a run's memory, for DuckDB: the libraries take 0.4 GB, and DuckDB holds up to half as much again as it counts."""
_LOAD_SHARE = 0.5
"""Of DuckDB's memory, for loading: what was loaded must still fit when it is checked, rebuilt and published."""
_LEAST = 256 << 20
"""Below this, DuckDB cannot read the longest line that is allowed."""
_CGROUPS = ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes")


class NotEnoughMemory(MemoryError):
    """A file needs more memory than a load may take; raised before the load is tried."""


NOT_ENOUGH = (MemoryError, duckdb.OutOfMemoryException)
"""What Python, Arrow and DuckDB raise when memory runs out."""


def default_limit() -> int:
    """Bytes that a run may take on this machine, or in this container, unless a setting says otherwise."""
    machine = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return max(_LEAST, int(_SHARE * min([machine, *_cgroup_limits()])))


def _cgroup_limits() -> Iterator[int]:
    for name in _CGROUPS:
        try:
            limit = Path(name).read_text(encoding="ascii").strip()
        except OSError:
            continue  # another version of cgroups, or none
        if limit.isdigit():  # `max` is not a limit
            yield int(limit)


def engine_share(limit: int) -> int:
    """Bytes of a run's limit that DuckDB may take; never less than it can work with."""
    return max(min(_LEAST, limit), int(limit * _ENGINE_SHARE))


def limit_of(connection: duckdb.DuckDBPyConnection) -> str:
    """The limit of a connection's database, as DuckDB writes it: `3.7 GiB`."""
    return str(connection.execute("select current_setting('memory_limit')").fetchall()[0][0])


def limit_in_bytes(connection: duckdb.DuckDBPyConnection) -> int:
    """The limit of a connection's database."""
    return parse_size(limit_of(connection)) or default_limit()


def load_share(limit: int) -> int:
    """Bytes of DuckDB's limit that a look at a file and its load may take."""
    return int(limit * _LOAD_SHARE)


@contextmanager
def limited_load(connection: duckdb.DuckDBPyConnection) -> Iterator[None]:
    """Limit statements within the block to a share of the run's memory."""
    shown = limit_of(connection)
    whole = limit_in_bytes(connection)
    with suppress(duckdb.OutOfMemoryException):  # more is in use already
        connection.execute(f"set memory_limit = '{load_share(whole)}B'")
    try:
        yield
    finally:
        for rounded_off in (0, 1 << 10, 1 << 20):  # DuckDB rounds what it shows down, which may not add up over loads
            connection.execute(f"set memory_limit = '{whole + rounded_off}B'")
            if limit_of(connection) == shown:
                break


def reason(error: BaseException, limit: str, attempt: int) -> str:
    """Why a file is not loaded, in words that say what to do.

    Args:
        error: What was raised.
        limit: Of the run, as of `limit_of`.
        attempt: How often it was tried under this limit.
    """
    if isinstance(error, NOT_ENOUGH):
        why = f"it needs more memory than half of DuckDB's {limit}, all that a load may take of ASSAY_MEMORY_LIMIT"
        why = f"{why}: {first_line(error)}"
        cure = "Raise ASSAY_MEMORY_LIMIT and run again, or have it sent in smaller files"
    else:
        why, cure = str(error), "Make room and put it there again, or have it sent in smaller files"
    return f"{why}; the next run tries it once more" if attempt < ATTEMPTS else f"{why}. Tried {attempt} times. {cure}"
