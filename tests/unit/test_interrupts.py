"""An interrupt is obeyed even where Python or a library swallows the exception that it raises."""

from __future__ import annotations

import signal
import subprocess
import sys

SCRIPT = """
import time
from assay.base.signals import ending, heed_interrupts, noticing_interrupts

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
    output, _ = process.communicate(timeout=30)
    return process.returncode, output


def test_an_interrupt_swallowed_by_a_destructor_comes_again() -> None:
    assert interrupted("Slow(); time.sleep(60)", signal.SIGINT) == (0, "raised True\n")


def test_an_interrupt_swallowed_by_a_library_comes_again() -> None:
    assert interrupted("swallowing()", signal.SIGINT) == (0, "raised True\n")


def test_a_run_that_does_not_end_in_time_is_ended_after_its_last_words() -> None:
    assert interrupted("deaf()", signal.SIGINT) == (130, "last words\n")


LIMITED = """
import threading, time
from assay.base.signals import heed_interrupts, noticing_interrupts, time_limit

heed_interrupts()  # a shell may have begun this with `&`, and `assay` does so too

too_late = threading.Event()
def last_words():
    return 1
def deaf():
    for _ in range(60):
        try:
            time.sleep(60)
        except KeyboardInterrupt:
            print("struck", too_late.is_set(), flush=True)
try:
    with time_limit(LIMIT, too_late), noticing_interrupts(last_words, grace_seconds=1.5):
        BODY
except KeyboardInterrupt:
    pass
print("over", too_late.is_set())
"""


def test_a_block_that_is_over_its_limit_is_interrupted_and_told_apart_from_ctrl_c() -> None:
    for limit, body, code, output in (
        ("0.2", "time.sleep(60)", 0, "over True\n"),
        ("60", "pass", 0, "over False\n"),
        ("0.2", "deaf()", 1, "struck True\n"),  # the exit code is what the last words give
    ):
        script = LIMITED.replace("LIMIT", limit).replace("BODY", body)
        done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=30, check=False)
        assert (done.returncode, done.stdout[: len(output)]) == (code, output), done.stderr


def test_without_an_interrupt_nothing_is_noticed() -> None:
    code = SCRIPT.replace("{body}", "print('came', came())")
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "came False\n"
