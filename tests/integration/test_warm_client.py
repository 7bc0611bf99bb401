"""A command that was handed over ends as the process that runs it does, also when that one dies without an answer."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import threading
import time
from pathlib import Path

import pytest

from assay.base.handing_over import receive_message
from assay.base.settings import Settings
from assay.cli import warm_client


@pytest.mark.parametrize(("is_interrupted", "code"), [(True, 130), (False, 1)], ids=["interrupted", "gone"])
def test_a_run_that_dies_without_an_answer_was_stopped_where_an_interrupt_was_forwarded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], is_interrupted: bool, code: int
) -> None:
    here, there = socket.socketpair(socket.AF_UNIX)
    run = subprocess.Popen(["sleep", "60"])
    monkeypatch.setattr(warm_client, "_connect", lambda _: here)
    monkeypatch.setattr("sys.stdin", open(os.devnull))  # noqa: SIM115, PTH123 - one with a number, as a command has

    def die() -> None:
        for stream in receive_message(there)[1]:
            os.close(stream)
        there.sendall(f"{run.pid}\n".encode())
        time.sleep(0.3)
        os.kill(os.getpid() if is_interrupted else run.pid, signal.SIGTERM)
        run.wait()
        there.close()

    thread = threading.Thread(target=die)
    thread.start()
    assert warm_client.hand_over(Settings(home=tmp_path), ["run"]) == code
    thread.join()
    assert ("stopped" in capfd.readouterr().err) is is_interrupted
