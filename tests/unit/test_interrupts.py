"""An interrupt is obeyed even where Python or a library swallows the exception that it raises."""

from __future__ import annotations

import signal
import subprocess
import sys

SCRIPT = """
import time
from resources.interrupts import ending, heed_interrupts, noticing_interrupts

class Slow:
    def __del__(self):
        print("ready", flush=True)
        time.sleep(10)

def swallowing():
    try:
        print("ready", flush=True)
        time.sleep(60)
    except BaseException:
        pass
    time.sleep(60)

def deaf():
    with ending():
        print("ready", flush=True)
        time.sleep(60)

heed_interrupts()
with noticing_interrupts(lambda: print("last words", flush=True), grace_seconds=3) as came:
    try:
        {body}
    except KeyboardInterrupt:
        print("raised", came())
"""


def interrupted(body: str, number: signal.Signals) -> tuple[int, str]:
    code = SCRIPT.replace("{body}", body)
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    process.send_signal(number)
    said, _ = process.communicate(timeout=30)
    return process.returncode, said


def test_an_interrupt_swallowed_by_a_destructor_comes_again() -> None:
    assert interrupted("Slow(); time.sleep(60)", signal.SIGINT) == (0, "raised True\n")


def test_an_interrupt_swallowed_by_a_library_comes_again() -> None:
    assert interrupted("swallowing()", signal.SIGINT) == (0, "raised True\n")


def test_a_run_that_does_not_end_in_time_is_ended_after_its_last_words() -> None:
    assert interrupted("deaf()", signal.SIGINT) == (130, "last words\n")


def test_without_an_interrupt_nothing_is_noticed() -> None:
    code = SCRIPT.replace("{body}", "print('came', came())")
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "came False\n"
