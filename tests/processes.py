"""Real processes around a lake: `assay` commands that can be killed, and readers that never stop looking."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from assay.base.settings import Settings
from tests.lab import environment
from tests.places import PROJECT

PATIENCE = 240.0  # seconds after which a test gives up on a process
ASSAY = "import sys; from assay.cli.start import main; sys.argv[0] = 'assay'; main()"


def command(*arguments: str) -> list[str]:
    """`assay …` as a program and its arguments, to be run from the project's folder."""
    return [sys.executable, "-W", "ignore", "-c", ASSAY, *arguments]


def start(settings: Settings, *arguments: str, output: int = subprocess.PIPE) -> subprocess.Popen[str]:
    """`assay …` on a lake, as a process of its own; what talks for long must not fill a pipe that nobody reads."""
    return subprocess.Popen(
        command(*arguments), cwd=PROJECT, env=environment(settings), stdout=output, stderr=output, text=True
    )


def finish(process: subprocess.Popen[str]) -> tuple[int, str]:
    """Wait for the end; gives the exit code and all that was said."""
    output, errors = process.communicate(timeout=PATIENCE)
    return process.returncode, output + errors


def holder(home: Path) -> str:
    """What the lock says about the run that holds or held it last; empty when that one ended well."""
    lock = home / "run.lock"
    return lock.read_text(encoding="utf-8") if lock.exists() else ""


def wait_until(is_so: Callable[[], object], process: subprocess.Popen[str] | None = None) -> bool:
    """Look every few milliseconds until something is so; False when the process ended before."""
    deadline = time.monotonic() + PATIENCE
    while not is_so():
        if process is not None and process.poll() is not None:
            return False
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.005)
    return True


def wait_for_lock(home: Path, process: subprocess.Popen[str]) -> bool:
    """Wait until this process holds the lake; False when it ended before."""
    mine = f"(process {process.pid})"
    return wait_until(lambda: mine in holder(home), process)


def fork_server(settings: Settings) -> int | None:
    """The process from which the services of a lake fork their runs, once it is there; Linux only.

    A run has the command line and the environment of what forked it, and lives for a while after it let go of the lake.
    """
    home = f"ASSAY_HOME={settings.home}".encode()
    parents: dict[int, int] = {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            is_one = b"multiprocessing.forkserver" in (folder / "cmdline").read_bytes()
            if is_one and home in (folder / "environ").read_bytes().split(b"\0"):
                parents[int(folder.name)] = _parent(folder)
        except OSError:  # it ended meanwhile
            continue
    return next((process for process, parent in parents.items() if parent not in parents), None)


def _parent(folder: Path) -> int:
    return int((folder / "stat").read_text(encoding="utf-8").rpartition(")")[2].split()[1])


def kill(process: subprocess.Popen[str]) -> None:
    """`kill -9`, and wait until it is gone."""
    process.send_signal(signal.SIGKILL)
    process.communicate()


@dataclass
class Readings:
    """What a reader saw.

    Attributes:
        reads: How often it opened the published file and got an answer.
        states: Different answers.
        problems: Errors, and answers in which the tables do not fit each other.
    """

    reads: int = 0
    states: int = 0
    problems: list[str] = field(default_factory=list)


@contextmanager
def reader(published: Path) -> Iterator[Readings]:
    """Read `lake.duckdb` in a loop, in another process, as long as the block lasts."""
    readings = Readings()
    command = [sys.executable, str(Path(__file__).with_name("polling.py")), str(published / "lake.duckdb")]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        yield readings
    finally:
        output, _ = process.communicate("", timeout=PATIENCE)
        readings.__dict__.update(json.loads(output))
