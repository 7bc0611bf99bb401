"""Ports for servers that tests start by number and restart on the same one."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator

LOWEST, HIGHEST = 10_000, 32_000
"""Below the ports that Linux gives to connections (32768 and above): one of those is taken though nobody listens."""


def free_port() -> int:
    """A port of 127.0.0.1 that can be bound now; two processes that ask begin their search at different places."""
    return next(port for port in _ports() if _is_free(port))


def _ports() -> Iterator[int]:
    count = HIGHEST - LOWEST
    yield from (LOWEST + (os.getpid() * 97 + step) % count for step in range(count))


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True
