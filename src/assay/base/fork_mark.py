"""The mark of a fork: a lake that was copied to try something, which tells nobody and may be thrown away.

The mark is a file that the process which makes or uses the fork keeps locked, so that death is told from use.
"""

from __future__ import annotations

import json
from pathlib import Path

from assay.base.run_lock import RunLock

MARK = "fork.lock"
"""In the lake's folder; first of all that is written there, and last of all that is removed."""


def is_fork(home: Path) -> bool:
    """Whether a lake is a fork of another one."""
    return fork_of(home) is not None


def fork_of(home: Path) -> Path | None:
    """The folder of the lake that a folder is a fork of; None where it is none.

    Args:
        home: The folder; it need not be there.
    """
    try:
        written = json.loads((home / MARK).read_text(encoding="ascii"))
    except (OSError, ValueError):
        return None
    origin = written.get("fork_of") if isinstance(written, dict) else None
    return Path(origin) if isinstance(origin, str) else None


def mark_fork(home: Path, origin: Path) -> RunLock:
    """Mark a folder as a fork that this process uses, until the lock is released as if its holder had died.

    Args:
        home: The folder.
        origin: That of the lake that it is a fork of.

    Raises:
        LockTimeout: Another process uses it.
    """
    mark = RunLock(home / MARK)
    mark.acquire(json.dumps({"fork_of": str(origin)}), wait_seconds=0)
    return mark
