"""Dagster's services on a lake, as `assay dev` starts them."""

from __future__ import annotations

import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

from tests.lab import Lab
from tests.ports import free_port
from tests.processes import start


@contextmanager
def services(lab: Lab, port: int | None = None) -> Iterator[subprocess.Popen[str]]:
    """`assay dev` until the end of the block, on a port that is named or any that is free."""
    chosen = str(port or free_port())
    running = start(lab.settings, "dev", "--no-page", "--port", chosen, output=subprocess.DEVNULL)
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
