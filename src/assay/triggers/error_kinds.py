"""Whether what failed may pass by itself: judged by what Dagster recorded of a run."""

from __future__ import annotations

import re
from collections.abc import Iterable

_PERMANENT = re.compile(
    r"(binder|catalog|parser|syntax|conversion|constraint|compilation|invalid input|not implemented) error"
    r"|changed since its rows were stored"
    r"|contracterror|needsfiles|permission denied|read-only file system|is read-only",
    re.IGNORECASE,
)
"""Errors of a contract, of SQL and of permissions: the next run would end the same way."""
_TRANSIENT = re.compile(
    r"no space left|disk quota|could not set lock|is open in |waited \d+ s for|database is locked|out of memory"
    r"|timed? ?out|time limit|connection|temporarily|resource unavailable|too many open files"
    r"|process of this run is gone|input/output error",
    re.IGNORECASE,
)
"""Locks, network, timeouts, disks that fill up and are cleared, processes that were killed."""


def is_permanent(messages: Iterable[str]) -> bool:
    """Whether to try again is vain, from the messages of a run's errors.

    What is not known either way is tried again: a few runs in vain cost less than a file that waits for a person.
    """
    said = "\n".join(messages)
    return bool(_PERMANENT.search(said)) and not _TRANSIENT.search(said)
