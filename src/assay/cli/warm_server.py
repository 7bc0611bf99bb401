"""The process from which `assay run` is forked while the services are up: it has imported what a run imports.

`assay dev` starts it, and it ends with `assay dev`. A command that finds it (`warm_client`) hands over its arguments,
its environment, its folder and its terminal; the fork then is that command, with the same output and exit code. The
project's own modules are not imported here, so a run sees the code as it is when it begins.
"""

from __future__ import annotations

import gc
import importlib
import json
import os
import select
import signal
import socket
import sys
import tempfile
import threading
import time
import traceback
import warnings
from contextlib import suppress
from multiprocessing import util
from pathlib import Path

from assay.base.atomic_write import place
from assay.base.handing_over import WHERE, Message, made_of, receive_message
from assay.base.settings import Settings
from assay.base.signals import at_hard_end
from assay.orchestration.patches.forkserver import PRELOADED
from assay.publish.heartbeat import last_tick

PATIENCE = 20.0
"""Seconds that the services may take to start before the libraries are imported beside them."""


def main() -> None:
    """Import, listen, and fork until standard input ends: `assay dev` holds the other end."""
    settings = Settings(home=Path(sys.argv[1]))
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))  # so that nothing is left behind
    if not _wait_for_services(settings):
        return
    what = made_of()  # before anything of it is imported
    for name in PRELOADED:
        importlib.import_module(name)
    gc.collect()
    gc.freeze()  # what was imported is shared with the forks for as long as nobody touches it
    with tempfile.TemporaryDirectory(prefix="assay-") as folder:  # the path of a socket has to be short
        path = Path(folder) / "run"
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listening:
            listening.bind(str(path))
            listening.listen()
            where = {"socket": str(path), "made_of": what}
            place(settings.dagster_home / WHERE, json.dumps(where).encode(), mtime=time.time())
            try:
                _serve(listening)
            finally:
                (settings.dagster_home / WHERE).unlink(missing_ok=True)


def _wait_for_services(settings: Settings) -> bool:
    """Leave the processor to the services until they tick; false when they have ended."""
    began, patient_until = time.time(), time.monotonic() + PATIENCE
    while time.monotonic() < patient_until and (last_tick(settings) or 0.0) <= began:
        if select.select([sys.stdin.fileno()], [], [], 0.2)[0]:
            return False
    return True


def _serve(listening: socket.socket) -> None:
    """Fork a process for each command, until standard input ends."""
    warnings.filterwarnings("ignore", message=".*multi-threaded, use of fork", category=DeprecationWarning)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody asks how they ended: they say it themselves
    while True:
        ready, _, _ = select.select([listening, sys.stdin.fileno()], [], [])
        if listening not in ready:
            return
        connection, _ = listening.accept()
        with connection:
            if os.fork() == 0:
                listening.close()
                _become_command(connection)


def _become_command(connection: socket.socket) -> None:
    """In the fork: be the command that was handed over, and say how it ended. Never returns."""
    try:
        os.setsid()  # Ctrl-C in the terminal of `assay dev` is not meant for it
        for number in (signal.SIGCHLD, signal.SIGTERM):
            signal.signal(number, signal.SIG_DFL)
        signal.signal(signal.SIGINT, signal.default_int_handler)
        message, streams = receive_message(connection)
        _take_place(message, streams)
        connection.sendall(f"{os.getpid()}\n".encode())
        threading.Thread(target=_end_with, args=(connection,), daemon=True).start()
        at_hard_end(lambda code: _tell(connection, code))
        _end(connection, _run(message))
    except BaseException:  # noqa: BLE001 - whatever it is, it is said, and the process ends here
        traceback.print_exc()
    finally:
        os._exit(1)


def _end(connection: socket.socket, code: int) -> None:
    """Say how the command ended; who waits for it goes away then, and that is no reason to stop any more."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    vars(util)["_exit_function"]()  # what multiprocessing does at the end of a process, which locks of dbt need
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError):
            stream.flush()
    _tell(connection, code)
    os._exit(code)


def _tell(connection: socket.socket, code: int) -> None:
    with suppress(OSError):
        connection.sendall(f"{code}\n".encode())


def _take_place(message: Message, streams: list[int]) -> None:
    """Have the terminal, the environment and the folder of the command."""
    for target, stream in enumerate(streams):
        os.dup2(stream, target)
        os.close(stream)
    os.environ.clear()
    os.environ.update(message.environment)
    os.umask(message.umask)
    os.chdir(message.folder)
    time.tzset()
    sys.stdin = open(0, closefd=False)  # noqa: SIM115 - they are those of the process
    sys.stdout = open(1, "w", closefd=False, encoding=message.encoding, errors="backslashreplace")  # noqa: SIM115
    sys.stderr = open(2, "w", buffering=1, closefd=False, encoding=message.encoding, errors="backslashreplace")  # noqa: SIM115


def _run(message: Message) -> int:
    from assay.cli import start, warm_client  # noqa: PLC0415 - the console looks at the terminal when it is imported

    warm_client.is_handed_over = True
    sys.argv = ["assay", *message.arguments]
    sys.path[:] = message.path
    try:
        start.main()
    except SystemExit as error:
        return error.code if isinstance(error.code, int) else 0 if error.code is None else 1
    return 0


def _end_with(connection: socket.socket) -> None:
    """End the run as SIGTERM does when the command that waits for it is gone, as it would be in its own process."""
    with suppress(OSError):
        if not connection.recv(1):
            os.kill(os.getpid(), signal.SIGTERM)


if __name__ == "__main__":
    main()
