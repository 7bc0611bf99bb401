"""What a server of webhooks tells while it runs: lines of the log, or of standard error where that is off."""

from __future__ import annotations

import logging
import sys
import time

from assay.base import log

_QUIET_SECONDS = 1.0
"""Between two lines about requests that were refused, which others may send without an end."""
_LIBRARIES = ("uvicorn.error", "asyncio")


def problem(message: str, **fields: object) -> None:
    """Tell what somebody should see."""
    if log.is_on():
        log.error(message, **fields)
    else:
        sys.stderr.write(f"assay: {message}\n")


class Requests:
    """Tells of requests: each in the log, where that is on, and else now and then of one that was refused."""

    def __init__(self) -> None:
        self._quiet_until = 0.0

    def tell(self, feed: str | None, status: int, seconds: float, refused: str) -> None:
        """Tell of a request that is answered; nothing of what it said."""
        if log.is_on():
            log.info("webhook", feed=feed, status=status, seconds=round(seconds, 4), refused=refused or None)
        elif refused and time.monotonic() >= self._quiet_until:
            self._quiet_until = time.monotonic() + _QUIET_SECONDS
            sys.stderr.write(f"refused with {status}{f', feed {feed}' if feed else ''}: {refused}\n")


class _Library(logging.Handler):
    """Tells what the libraries of the server warn of, without what they quote."""

    def emit(self, record: logging.LogRecord) -> None:
        """See `logging.Handler`."""
        error = f" ({record.exc_info[0].__name__})" if record.exc_info and record.exc_info[0] else ""
        problem(f"{record.name}: {log.brief(record.getMessage())}{error}")


def heed_libraries() -> None:
    """Let warnings of the server's libraries be told like others."""
    for name in _LIBRARIES:
        logger = logging.getLogger(name)
        logger.handlers, logger.propagate = [_Library(logging.WARNING)], False
