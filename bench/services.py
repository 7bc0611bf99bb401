"""Dagster's services as a group of processes that ends with the block, whatever happens in it."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

HOST = "127.0.0.1"
PATIENCE = 60.0
"""Seconds that services have to end by themselves."""


@contextmanager
def services(command: Sequence[str], folder: Path, environment: Mapping[str, str], log: Path) -> Iterator[None]:
    """Run a command in a session of its own; at the end it is asked to stop, and what is left of its group killed.

    Args:
        command: What Python is given.
        folder: Where it is started.
        environment: On top of this process's.
        log: Takes what it says.
    """
    variables = {**os.environ, "DAGSTER_DISABLE_TELEMETRY": "1", **environment}
    with log.open("wb") as output:
        process = subprocess.Popen(  # noqa: S603 - commands of this folder
            [sys.executable, *command],
            cwd=folder,
            env=variables,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            yield
        except BaseException as error:
            error.add_note("\n".join(["The services said last:", *log.read_text(errors="replace").splitlines()[-20:]]))
            raise
        finally:
            process.send_signal(signal.SIGINT)
            with suppress(subprocess.TimeoutExpired):
                process.wait(timeout=PATIENCE)
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def free_port() -> int:
    """A port of this machine that nobody listens on."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])
