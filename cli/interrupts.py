"""Ctrl-C, noticed for sure: libraries may swallow the exception that it raises."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager


def heed_interrupts() -> None:
    """Let SIGINT and SIGTERM end this process even where it was started with `&` in a script.

    A shell makes such a process ignore SIGINT, and Dagster makes SIGTERM do what SIGINT does: only `kill -9` is left.
    """
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@contextmanager
def noticing_interrupts() -> Iterator[Callable[[], bool]]:
    """Within the block, the yielded function tells whether SIGINT came, whoever handled it.

    Python tells of signals in the main thread only; elsewhere the function always says no.
    """
    if threading.current_thread() is not threading.main_thread():
        yield lambda: False
        return
    read, write = os.pipe()
    os.set_blocking(read, False)
    os.set_blocking(write, False)
    before = signal.set_wakeup_fd(write, warn_on_full_buffer=False)

    def came() -> bool:
        try:
            return signal.SIGINT in os.read(read, 4096)
        except BlockingIOError:
            return False

    try:
        yield came
    finally:
        signal.set_wakeup_fd(before)
        os.close(read)
        os.close(write)
