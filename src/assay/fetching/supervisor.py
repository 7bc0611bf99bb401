"""Runs each feed as a process of its own beside the services, from a thread of theirs; one serves all webhooks.

A crash of one touches nothing else: processes share no memory, each has its lock, and all that it knows is on disk. The
feeds of a project are read in a process too, because that takes dbt.
"""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from assay.base import log
from assay.base.run_lock import LockTimeout, RunLock, is_locked
from assay.base.settings import Settings
from assay.feeds.places import lock_file
from assay.fetching import supervision
from assay.fetching.process import ELSEWHERE, WATCHED, command, declared_in
from assay.fetching.supervision import Child

LOOK_SECONDS = 0.5
"""Between two looks at the processes."""
YML_SECONDS = 2.0
"""Between two looks at the files of the project."""
AFTER_ERROR_SECONDS = 10.0
GRACE_SECONDS = 15.0
"""Seconds in which a process that was told to end has to."""
UNREADABLE_SECONDS = 60.0
"""After this a project is read again whose feeds could not be read."""
PARSE_SECONDS = 600.0
LONGEST_REASON = 500
"""Characters of what a project that cannot be read says of itself."""
Node = Mapping[str, Any]
SERVED = "(served)"
"""By what the process goes that serves all feeds which senders bring; no source is called so."""


@dataclass
class _Process:
    """A process with what was declared when it was started."""

    node: Node
    process: subprocess.Popen[bytes]
    began: float


class Supervisor:
    """Keeps one process for each feed that is declared.

    Args:
        settings: The lake.
        reader: The command that prints the bronze models with feeds as JSON; see `cli/feed_nodes`.
        server: The command that serves the feeds that senders bring.
    """

    def __init__(self, settings: Settings, reader: Sequence[str], server: Sequence[str]) -> None:
        self._settings, self._reader, self._server = settings, [*reader], [*server]
        self._lock = RunLock(supervision.services_lock(settings))
        self._nodes: dict[str, Node] = {}
        self._processes: dict[str, _Process] = {}
        self._children: dict[str, Child] = {}
        self._shown: dict[str, Child] | None = None
        self._is_over = threading.Event()
        self._stamp: object = None
        self._looked_at, self._unreadable_at = 0.0, 0.0

    @contextmanager
    def running(self) -> Iterator[None]:
        """Run the feeds as long as the block lasts; all of their processes have ended after it."""
        thread = threading.Thread(target=self._run, name="feeds", daemon=True)
        thread.start()
        try:
            yield
        finally:
            self._is_over.set()
            thread.join(GRACE_SECONDS + 10)

    def _run(self) -> None:
        try:
            while not self._is_over.wait(LOOK_SECONDS):
                try:
                    self._look()
                except Exception as error:  # noqa: BLE001 - the other feeds must not end with what is wrong with one
                    _say(f"the feeds could not be looked after, which is tried again: {error!r}")
                    self._is_over.wait(AFTER_ERROR_SECONDS)
        finally:
            self._end(list(self._processes))
            self._lock.release()

    def _look(self) -> None:
        """Take up what is declared, start what is not there, and note what ended."""
        if not self._lock.is_held:
            try:
                self._lock.acquire("the feeds of the services", wait_seconds=0)
            except LockTimeout:  # other services run the feeds of this lake
                return
        self._take_up()
        self._end([name for name, run in self._processes.items() if run.node != self._nodes.get(name)])
        self._children = {name: child for name, child in self._children.items() if name in self._nodes}
        for name, node in self._nodes.items():
            self._look_after(name, node)
        if self._children != self._shown:
            children = {feed: child for name, child in self._children.items() for feed in self._feeds_of(name)}
            supervision.write_children(self._settings, children)
            self._shown = dict(self._children)

    def _look_after(self, name: str, node: Node) -> None:
        child, run, now = self._children.get(name), self._processes.get(name), time.time()
        asked = [feed for feed in self._feeds_of(name) if supervision.take_asked(self._settings, feed)]
        if run is not None and child is not None:
            lived = time.monotonic() - run.began
            code = run.process.poll()
            if code is None:
                self._children[name] = supervision.steady(child, lived)
                return
            self._close(name)
            child = self._children[name] = supervision.ended(child, code, lived, now)
            self._tell(name, child)
        if child is None or asked or supervision.is_due(child, now):
            self._start(name, node, child)

    def _feeds_of(self, name: str) -> list[str]:
        """The feeds that a process is of."""
        return [*self._nodes[SERVED]] if name == SERVED else [name]

    def _start(self, name: str, node: Node, before: Child | None) -> None:
        if name == SERVED:
            if any(is_locked(lock_file(self._settings, feed)) for feed in node):  # cheaper than a process that says so
                served = before or Child("restarting", "")
                self._children[name] = supervision.ended(served, ELSEWHERE, 0.0, time.time())
                return
            process = _begun(self._server)
        else:
            with declared_in(node, name) as declared:
                process = _begun(command(declared, WATCHED), declared.fileno())
        self._processes[name] = _Process(node, process, time.monotonic())
        self._children[name] = supervision.started(before, process.pid)
        if before is None:
            for feed in self._feeds_of(name):
                log.info("feed begun", feed=feed, pid=process.pid)

    def _tell(self, name: str, child: Child) -> None:
        if child.state == "elsewhere":
            return
        wait = round((child.again_at or 0.0) - time.time(), 1)
        code = child.exit_code or 0
        how = f"was killed by signal {-code}" if code < 0 else f"ended with {code}"
        what = "stopped" if child.state == "stopped" else how
        feeds = self._feeds_of(name)
        whose = f"feed {name}" if name != SERVED else f"assay serve, for {', '.join(feeds)},"
        message = f"the process of {whose} {what}; it is started again in {wait:,.0f} s"
        if child.state == "stopped":
            message += f", when its yml changes, or by `assay retry {feeds[0]}`"
        _say(message, feed=feeds[0], exit_code=child.exit_code, deaths=child.deaths)

    def _end(self, names: list[str]) -> None:
        """Tell processes to end, and wait until all have."""
        runs = [self._processes[name].process for name in names]
        for process in runs:
            process.send_signal(signal.SIGTERM)
        deadline = time.monotonic() + GRACE_SECONDS
        for process in runs:
            try:
                process.wait(max(0.1, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                process.kill()  # what has landed is whole
                process.wait()
        for name in names:
            self._close(name)
            self._children.pop(name, None)

    def _close(self, name: str) -> None:
        run = self._processes.pop(name)
        if run.process.stdin is not None:
            run.process.stdin.close()

    def _take_up(self) -> None:
        """Read the feeds anew where a yml has changed; a project that cannot be read changes nothing."""
        now = time.monotonic()
        if self._looked_at and now - self._looked_at < YML_SECONDS:
            return
        self._looked_at = now
        stamp = _stamp_of(self._settings.dbt_project / "models")
        is_tried_again = self._unreadable_at and now - self._unreadable_at > UNREADABLE_SECONDS
        if stamp == self._stamp and not is_tried_again:
            return
        self._stamp = stamp
        done = subprocess.run(  # noqa: S603 - a command of ours
            self._reader, stdin=subprocess.DEVNULL, capture_output=True, check=False, timeout=PARSE_SECONDS
        )
        if done.returncode == 0:
            read = json.loads(done.stdout.splitlines()[-1])
            self._nodes = {**read["fetched"], **({SERVED: read["served"]} if read["served"] else {})}
            self._unreadable_at = 0.0
            return
        why = " ".join(done.stderr.decode(errors="replace").split())
        if not self._unreadable_at:
            _say(f"the feeds of the project cannot be read, so they stay as they are: {why[-LONGEST_REASON:]}")
        self._unreadable_at = now


def _begun(arguments: list[str], *kept: int) -> subprocess.Popen[bytes]:
    """A process that inherits some open files."""
    return subprocess.Popen(  # noqa: S603 - a command of ours
        arguments,
        stdin=subprocess.PIPE,  # closed by the death of this process, however it dies
        pass_fds=kept,
        start_new_session=True,  # Ctrl-C in the terminal is for the services, which tell their feeds
    )


def _say(message: str, **fields: object) -> None:
    if log.is_on():
        log.warning(message, **fields)
    else:
        sys.stderr.write(f"assay: {message}\n")


def _stamp_of(folder: Path) -> object:
    """What tells that a yml has changed; declarations stand nowhere else."""
    stats = []
    for path in sorted(folder.rglob("*.y*ml")):
        try:
            stat = path.stat()
        except OSError:
            continue
        stats.append((path, stat.st_ino, stat.st_mtime_ns, stat.st_size))
    return stats
