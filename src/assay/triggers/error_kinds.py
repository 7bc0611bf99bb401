"""Tells errors that may pass by themselves from permanent ones, by what Dagster recorded of a run."""

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
    """Whether a retry is pointless, judged by the messages of a run's errors.

    What is not known either way is tried again: a few runs in vain cost less than a file that waits for a person.
    """
    text = "\n".join(messages)
    return bool(_PERMANENT.search(text)) and not _TRANSIENT.search(text)
