"""Interrupts by Ctrl-C and the UI's *Terminate*: noticed whichever code handles them, and enforced.

Both arrive as an exception in the middle of whatever the main thread does. Python swallows one that comes within a
destructor, a library may swallow any (DuckDB and dbt were seen to), and when it hits an import, Python's import lock
stays taken and every other thread waits for it for ever. Such a run would hold the lake until somebody looks. So the
interrupt comes again until the run is ending, and a run that does not end is killed: a lake that is loses nothing.
"""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

STOPPED = 130
"""The exit code of a process that an interrupt ended, as shells have it."""
GRACE_SECONDS = 10.0
"""From the interrupt to the hard end. Ending well takes a second or two: the last statement, publishing `ops`."""
AGAIN_SECONDS = 1.0
LAST_WORDS_SECONDS = 5.0
NOT_IN_TIME = "The run was told to stop and did not in time, so its process was ended; what was committed is kept."

_ending = threading.Event()
_hard_end: list[Callable[[int], object]] = []


def at_hard_end(tell: Callable[[int], object]) -> None:
    """Tell somebody the exit code of a process that did not end in time, just before it is ended."""
    _hard_end.append(tell)


def heed_interrupts() -> None:
    """Let SIGINT and SIGTERM end this process even where it was started with `&` in a script.

    A shell makes such a process ignore SIGINT, and Dagster makes SIGTERM do what SIGINT does: only `kill -9` is left.
    """
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@contextmanager
def ending() -> Iterator[None]:
    """Run the last steps of a run: an interrupt within the block, or after it, only limits the time they have."""
    _ending.set()
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    with answered_by(_ignore):
        yield


@contextmanager
def answered_by(handler: Callable[[int, FrameType | None], object]) -> Iterator[None]:
    """Let a handler answer SIGINT and SIGTERM within the block, which the main thread enters.

    Args:
        handler: Called with the number of the signal and the frame that it interrupted.
    """
    numbers = (signal.SIGINT, signal.SIGTERM)
    before = [signal.signal(number, handler) for number in numbers]
    try:
        yield
    finally:
        for number, former in zip(numbers, before, strict=True):
            signal.signal(number, former)


def _ignore(*_: object) -> None:
    """Do nothing; unlike SIG_IGN, a handler lets the watch see the signal."""


@contextmanager
def time_limit(seconds: float, struck: threading.Event) -> Iterator[None]:
    """Interrupt this process as Ctrl-C would when the block, which the main thread enters, has not ended in time.

    Args:
        seconds: From the start of the block.
        struck: Set when the time is over, before the interrupt comes.
    """
    main, over = threading.get_ident(), threading.Lock()

    def strike() -> None:
        if over.acquire(blocking=False):  # else the block ended at this very instant
            struck.set()
            signal.pthread_kill(main, signal.SIGINT)

    timer = threading.Timer(seconds, strike)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
        over.acquire(blocking=False)


@contextmanager
def noticing_interrupts(
    last_words: Callable[[], object], grace_seconds: float = GRACE_SECONDS
) -> Iterator[Callable[[], bool]]:
    """Yield a function that tells whether SIGINT or SIGTERM came within the block, whichever code handled it.

    The interrupt is repeated until the run is `ending`; if the block does not end within the grace, the process does.
    Python tells of signals in the main thread only; elsewhere the function always says no.

    Args:
        last_words: Called before the process is ended; a number that it gives is the exit code.
        grace_seconds: How long the block may take to end after an interrupt.
    """
    if threading.current_thread() is not threading.main_thread():
        yield lambda: False
        return
    read, write = os.pipe()
    os.set_blocking(write, False)
    came, over = threading.Event(), threading.Event()

    def insist() -> None:
        left = grace_seconds
        while left > 0 and not over.wait(min(left, AGAIN_SECONDS)):
            left -= AGAIN_SECONDS
            if not _ending.is_set():
                signal.pthread_kill(main, signal.SIGINT)
        if not over.is_set():
            codes: list[object] = []
            # What is stuck may get stuck here too, hence a thread.
            saying = threading.Thread(target=lambda: codes.append(last_words()), daemon=True)
            saying.start()
            saying.join(LAST_WORDS_SECONDS)
            ended = next((code for code in codes if isinstance(code, int)), STOPPED)
            for tell in _hard_end:
                tell(ended)
            os._exit(ended)

    main = threading.get_ident()
    watch = threading.Thread(target=_watch, args=(read, came, insist), name="interrupts", daemon=True)
    _ending.clear()
    watch.start()
    before = signal.set_wakeup_fd(write, warn_on_full_buffer=False)
    try:
        yield lambda: came.wait(0.1)  # the watch may be an instant behind the exception
    finally:
        over.set()
        signal.set_wakeup_fd(before)
        os.close(write)
        watch.join()


def _watch(read: int, came: threading.Event, insist: Callable[[], None]) -> None:
    """Read the numbers of the signals that come, until the other end is closed."""
    try:
        while told := os.read(read, 1):
            if told[0] in (signal.SIGINT, signal.SIGTERM) and not came.is_set():
                came.set()
                insist()
    finally:
        os.close(read)
