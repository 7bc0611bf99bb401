"""The consoles of the command line, and how it prints errors and progress."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.markup import escape

from assay.base import log
from assay.base.signals import STOPPED, heed_interrupts

WIDE = 160  # columns when the output goes to a file or a pipe

out = Console(width=None if sys.stdout.isatty() else WIDE)
err = Console(stderr=True, width=None if sys.stderr.isatty() else WIDE)


def complain(message: str, prefix: str = "assay:", **fields: object) -> None:
    """Print an error to standard error, or as a line of the log where that is JSON."""
    if log.is_on():
        log.error(message, **fields)
    else:
        err.print(f"[bold red]{prefix}[/] {escape(message)}", highlight=False)


def warn(sentence: str) -> None:
    """Print a warning to standard error, or as a line of the log where that is JSON."""
    if log.is_on():
        log.warning(sentence)
    else:
        err.print(f"[yellow]{escape(sentence)}[/]", highlight=False)


@contextmanager
def progress(doing: str) -> Iterator[Callable[[str], object]]:
    """Show what happens now, until the end of the block; the yielded function changes it. The log needs none."""
    if log.is_on():
        yield lambda _: None
        return
    with err.status(doing) as spinner:
        yield spinner.update


def stoppable(work: Callable[[], int]) -> int:
    """Do the work and give its exit code; Ctrl-C ends it with a message."""
    heed_interrupts()
    try:
        return work()
    except KeyboardInterrupt:
        return stopped()


def stopped() -> int:
    """Say that an interrupt ended the work; gives the exit code."""
    complain("stopped; what was committed is kept, run again to go on")
    return STOPPED
