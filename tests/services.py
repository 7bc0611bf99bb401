"""Dagster's services on a lake, as `assay dev` starts them."""

from __future__ import annotations

import signal
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

from tests.lab import Lab
from tests.processes import start


@contextmanager
def services(lab: Lab) -> Iterator[subprocess.Popen[str]]:
    """`assay dev` on a free port, until the end of the block."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    running = start(lab.settings, "dev", "--no-page", "--port", str(port), output=subprocess.DEVNULL)
    try:
        yield running
    finally:
        running.send_signal(signal.SIGTERM)
        running.wait(timeout=60)


def receipts_in_gold(lab: Lab) -> int:
    """How many baskets readers see; -1 while there is nothing to read."""
    try:
        return int(lab.rows("select coalesce(sum(baskets), 0) from gold.daily_sales")[0][0])
    except Exception:  # noqa: BLE001 - nothing is published yet
        return -1
